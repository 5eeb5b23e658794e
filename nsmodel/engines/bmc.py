"""Bounded model checking with Z3: is there a run of k steps that breaks a property? For k = 1, 2, … until one is found.

The calls of a step are *cases*: an operation with its flags and enumerations fixed, so that most of a rule folds away,
and the objects as variables. Each step has variables of its own for the state after it, so that the solver's terms stay
shallow; what a depth has shown to be impossible is kept as a lemma. A counterexample is run directly before it is
believed.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import z3

from nsmodel.engines.interface import ALONE, Clock, Found, Limits, Progress, Report, Resources, Search
from nsmodel.engines.z3_terms import Z3Terms
from nsmodel.ir.language import Flags
from nsmodel.ir.lower import definition_of
from nsmodel.ir.symbolic import Outcome, Symbolic
from nsmodel.ir.symbolic_state import RESULT_WIDTH, Cell, SymbolicState, Value, selected
from nsmodel.ir.types import FlagsType, RefType
from nsmodel.system.operation import Call, Operation
from nsmodel.system.spec import FAIL_ATOMIC, NO_UAF, STEP_TOTAL
from nsmodel.system.transition import Runner, TransitionSystem, Violation
from nsmodel.terms import term as t
from nsmodel.terms.term import Term

DEPTH = 8
"""How deep to go where neither the spec nor the user says."""
FREED = "freed"
"""Traps of this kind are uses of freed objects."""


class EngineBug(RuntimeError):
    """A counterexample that does not run: two readings of a rule differ."""


@dataclass(frozen=True)
class Case:
    """An operation with all but its objects fixed, executed once on a state of variables."""

    operation: Operation
    fixed: tuple[Any, ...]
    """One value for each parameter; objects are None here."""
    possible: Term
    """The objects that the arguments name are there."""
    outcome: Outcome


@dataclass(frozen=True)
class Goal:
    """What a step or a state may not do, under a property's name."""

    property: str
    term: Term
    in_step: bool


class Bmc:
    """The Z3 engine."""

    name = "bmc"

    def unfit(self, system: TransitionSystem) -> str | None:
        """Every bounded system fits."""
        return None

    def search(
        self,
        system: TransitionSystem,
        limits: Limits,
        report: Report,
        *,
        symmetry: bool = True,
        resources: Resources = ALONE,
    ) -> Search:
        """Unroll step by step; the first counterexample of a property is a shortest one."""
        out = Search(self.name)
        clock = Clock(limits)
        deepest = limits.depth if limits.depth is not None else system.depth if system.depth is not None else DEPTH
        try:
            started = time.perf_counter()
            unrolling = _Unrolling(system)
            out.compile_seconds = time.perf_counter() - started
            clock = Clock(limits)
            unrolling.judge_initial(out)
            while out.depth < deepest and not out.stopped and not unrolling.over(out):
                out.stopped = unrolling.deepen(out, clock)
                report(Progress(out.depth, 0, 0, 0))
        except KeyboardInterrupt:
            out.stopped = "interrupted"
        out.seconds = clock.seconds
        return out


class _Step(Z3Terms):
    """Translates terms for one step: every variable gets the step's own name."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def _made(self, term: Term) -> Any:
        if term.op == "var":
            name = f"{self.number}:{term.payload}"
            return z3.Bool(name) if term.width == t.BOOL else z3.BitVec(name, term.width)
        return super()._made(term)


class _Unrolling:
    """The transition relation as terms, and the solver that holds the steps unrolled so far."""

    def __init__(self, system: TransitionSystem) -> None:
        self.system = system
        self.arguments: dict[str, Term] = {}
        self.initial = self._read_rules()
        self.choice = t.variable("choice", max(1, (len(self.cases) - 1).bit_length()), len(self.cases) - 1)
        self.relation, self.next = self._relation()
        self.goals = [*self._state_goals(), *self._step_goals()]
        self.solver = z3.SolverFor("QF_BV")
        self.steps = [_Step(0)]
        for cell, term in self.cells.items():
            if term is not self.initial[cell]:
                self.solver.add(self.steps[0](term) == self.steps[0](self.initial[cell]))

    def _read_rules(self) -> dict[Cell, Term]:
        """Execute every case on a state of variables; gives the cells of the initial state.

        Cells that no call changes stay what they are initially, and whole branches fold away. Which these are is found
        by assuming it of all, executing, and taking back what turns out to change until nothing more does: what is left
        holds by induction over the steps.
        """
        changing: set[Cell] = set()
        while True:
            symbolic = Symbolic(self.system.sizes, self.system.switches, self.system.statics)
            initial = symbolic.layout.flatten(symbolic.layout.constant(self.system.initial))
            steady = {cell: term for cell, term in initial.items() if cell not in changing}
            self.symbolic, self.state = symbolic, symbolic.variables("s ", steady)
            self.cells = symbolic.layout.flatten(self.state)
            self.cases = [case for operation in self.system.operations for case in self._cases(operation)]
            found = {
                cell
                for case in self.cases
                for cell, term in symbolic.layout.flatten(case.outcome.state).items()
                if term is not self.cells[cell]
            }
            if found <= changing:
                return initial
            changing |= found

    # -- the relation ---------------------------------------------------------------------------------------------

    def _cases(self, operation: Operation) -> Iterator[Case]:
        """One case for each combination of what is no object."""
        domains = []
        for (_, kind), offered in zip(operation.parameters, operation.values, strict=True):
            domains.append((None,) if isinstance(kind, RefType) else offered or ())
        definition = definition_of(operation.function)
        for fixed in itertools.product(*domains):
            values: list[Value] = []
            possible: list[Term] = []
            for (name, kind), value, offered in zip(operation.parameters, fixed, operation.values, strict=True):
                if isinstance(kind, RefType):
                    values.append(self._object(operation, name, kind, offered, possible))
                elif isinstance(kind, FlagsType):
                    values += self._flags(kind, value)
                else:
                    values.append(self.symbolic.argument(kind, int(value)))
            outcome = self.symbolic.run(definition, self.state, values)
            case = Case(operation, fixed, t.conj_all(possible), outcome)
            if t.conj(case.possible, t.disj(outcome.ok, outcome.trapped)) is not t.FALSE:
                yield case

    def _object(
        self, operation: Operation, name: str, kind: RefType, offered: tuple[Any, ...] | None, possible: list[Term]
    ) -> Term:
        if offered is not None:
            return self.symbolic.layout.scalar(kind, 0)
        key = f"{kind.entity.__name__}.{name}"
        if key not in self.arguments:
            self.arguments[key] = self.symbolic.layout.fresh(f"arg {key}", kind)
        value = self.arguments[key]
        there = selected(value, self.state.live(kind.entity))
        if kind.optional:
            there = t.disj(t.eq(value, self.symbolic.layout.scalar(kind, 0)), there)
        possible.append(there)
        return value

    def _flags(self, kind: FlagsType, value: Flags) -> list[Value]:
        from nsmodel.ir.lower import flag_fields

        return [self.symbolic.argument(f, int(getattr(value, name))) for name, f in flag_fields(kind.cls).items()]

    def _relation(self) -> tuple[Term, dict[Any, Term]]:
        """Which calls a step may make, and each cell of the state after it."""
        enabled: list[Term] = []
        after = dict(self.cells)
        for number, case in enumerate(self.cases):
            chosen = self._chosen(number)
            enabled.append(t.conj_all((chosen, case.possible, case.outcome.ok, t.neg(case.outcome.trapped))))
            for cell, term in self.symbolic.layout.flatten(case.outcome.state).items():
                if term is not self.cells[cell]:
                    after[cell] = t.ite(chosen, term, after[cell])
        return t.disj_all(enabled), after

    def _chosen(self, number: int) -> Term:
        return t.eq(self.choice, t.number(number, self.choice.width))

    # -- goals ----------------------------------------------------------------------------------------------------

    def _state_goals(self) -> Iterator[Goal]:
        """Properties of states. That a state is well formed is a goal of every search: once shown for a depth it is
        the lemma without which the solver is lost among states that no rule makes."""
        dangling = t.disj_all(d.guard for d in self.symbolic.dangling(self.state))
        yield Goal(NO_UAF.name, dangling, in_step=False)
        yield Goal(STEP_TOTAL.name, t.neg(t.disj(dangling, self.symbolic.well_formed(self.state))), in_step=False)
        for prop in self.system.spec.properties:
            broken = []
            for fn in prop.functions:
                outcome = self.symbolic.run(definition_of(fn), self.state)
                broken += [clause.guard for clause in outcome.broken]
            if broken:
                yield Goal(prop.name, t.disj_all(broken), in_step=False)

    def _step_goals(self) -> Iterator[Goal]:
        wanted = {p.name for p in self.system.spec.properties}
        found: dict[str, list[Term]] = {}
        for number, case in enumerate(self.cases):
            made = t.conj(self._chosen(number), case.possible)
            done = t.conj(made, case.outcome.ok)
            for clause in case.outcome.broken:
                found.setdefault(clause.property or "?", []).append(t.conj(done, clause.guard))
            for trap in case.outcome.traps:
                name = NO_UAF.name if FREED in trap.kind else STEP_TOTAL.name
                found.setdefault(name, []).append(t.conj(made, trap.guard))
            if not case.operation.function.interleaved:
                negative = t.neg(t.ult(case.outcome.result, t.number(1 << RESULT_WIDTH - 1, RESULT_WIDTH)))
                for errno in case.operation.function.keeps:
                    kept = t.number((1 << RESULT_WIDTH) - errno, RESULT_WIDTH)
                    negative = t.conj(negative, t.neg(t.eq(case.outcome.result, kept)))
                changed = self._changed(case.outcome.state)
                found.setdefault(FAIL_ATOMIC.name, []).append(t.conj_all((done, negative, changed)))
        for name, terms in found.items():
            goal = t.disj_all(terms)
            if name in wanted and goal is not t.FALSE:
                yield Goal(name, goal, in_step=True)

    def _changed(self, state: SymbolicState) -> Term:
        cells = self.symbolic.layout.flatten(state)
        return t.disj_all(t.neg(t.eq(term, self.cells[cell])) for cell, term in cells.items())

    # -- unrolling ------------------------------------------------------------------------------------------------

    def over(self, out: Search) -> bool:
        """Every property is broken."""
        return out.found.keys() >= {p.name for p in self.system.spec.properties}

    def judge_initial(self, out: Search) -> None:
        """Properties of the initial state."""
        for violation in self.system.violations(self.system.initial, self.system.spec.properties):
            out.found.setdefault(violation.property, Found(violation, ()))

    def deepen(self, out: Search, clock: Clock) -> str | None:
        """One step more; tells which budget is spent, None when the depth is done."""
        here = self.steps[-1]
        following = _Step(len(self.steps))
        stopped = self._judge(out, clock, [g for g in self.goals if g.in_step], here, len(self.steps))
        if stopped:
            return stopped
        self.solver.add(here(self.relation))
        names = [cell for cell, term in self.cells.items() if term is not self.initial[cell]]
        terms = here.translate([self.next[cell] for cell in names])
        for cell, term in zip(names, terms, strict=True):
            self.solver.add(following(self.cells[cell]) == term)
        self.steps.append(following)
        stopped = self._judge(out, clock, [g for g in self.goals if not g.in_step], following, len(self.steps) - 1)
        if not stopped:
            out.depth += 1
        return stopped

    def _judge(self, out: Search, clock: Clock, goals: list[Goal], step: _Step, length: int) -> str | None:
        """Look for runs of `length` calls that reach a goal, until every property is found or shown safe here."""
        while True:
            left = [g for g in goals if g.property not in out.found]
            if not left:
                return None
            if clock.limits.seconds is not None:
                self.solver.set("timeout", max(1, int((clock.limits.seconds - clock.seconds) * 1000)))
            anywhere = z3.Or(*(step(g.term) for g in left))
            self.solver.push()
            self.solver.add(anywhere)
            answer = self.solver.check()
            model = self.solver.model() if answer == z3.sat else None
            self.solver.pop()
            if answer == z3.unknown:
                spent = clock.spent(0)
                return spent or f"Z3 gave up: {self.solver.reason_unknown()}"
            if model is None:
                self.solver.add(z3.Not(anywhere))
                return clock.spent(0)
            names = [g.property for g in left if z3.is_true(model.eval(step(g.term), model_completion=True))]
            self._found(out, model, names, length)

    def _found(self, out: Search, model: z3.ModelRef, names: list[str], length: int) -> None:
        """Run the model's calls directly; they must break what the model says."""
        frozen = self.system.initial
        calls: list[Call] = []
        broken: list[Violation] = []
        for step in self.steps[:length]:
            call = self._call(model, step)
            done = Runner(self.system, frozen).run(call)
            if done is None:
                raise EngineBug(f"bmc found {call}, which is not enabled after {len(calls)} steps")
            calls.append(call)
            broken = list(done.violations)
            if done.state is None:
                break
            frozen = done.state
            broken += self.system.violations(frozen, self.system.spec.properties)
        for name in names:
            exact = next((v for v in broken if v.property == name), None)
            if exact is None:
                raise EngineBug(
                    f"bmc says that {', '.join(map(str, calls))} breaks {name}, the direct reading does not"
                )
            out.found[name] = Found(exact, tuple(calls))

    def _call(self, model: z3.ModelRef, step: _Step) -> Call:
        number = model.eval(step(self.choice), model_completion=True).as_long()
        case = self.cases[number]
        arguments = []
        for (name, kind), value, offered in zip(
            case.operation.parameters, case.fixed, case.operation.values, strict=True
        ):
            if isinstance(kind, RefType) and offered is None:
                term = self.arguments[f"{kind.entity.__name__}.{name}"]
                slot = model.eval(step(term), model_completion=True).as_long()
                arguments.append((name, slot or None))
            else:
                arguments.append((name, value))
        return Call(case.operation.name, tuple(arguments))
