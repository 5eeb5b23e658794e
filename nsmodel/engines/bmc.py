"""Bounded model checking with Z3: is there a run of k steps that breaks a property? For k = 1, 2, … until one is found.

Each step has variables of its own for the state after it, so that the solver's terms stay
shallow; what a depth has shown to be impossible is kept as a lemma. A counterexample is run directly before it is
believed.
"""

from __future__ import annotations

import time
from typing import Any

import z3

from nsmodel.engines.interface import ALONE, Clock, Found, Limits, Progress, Report, Resources, Search
from nsmodel.engines.relation import Goal, Relation
from nsmodel.engines.z3_terms import Z3Terms
from nsmodel.ir.types import RefType
from nsmodel.system.operation import Call
from nsmodel.system.transition import Runner, TransitionSystem, Violation
from nsmodel.terms import term as t
from nsmodel.terms.term import Term

DEPTH = 8
"""How deep to go where neither the spec nor the user says."""


class EngineBug(RuntimeError):
    """A counterexample that does not run: two readings of a rule differ."""


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
    """The solver that holds the steps unrolled so far, and the relation of each."""

    def __init__(self, system: TransitionSystem) -> None:
        self.system = system
        self.relations = [Relation(system, frozenset())]
        self.solver = z3.SolverFor("QF_BV")
        self.steps = [_Step(0)]

    def over(self, out: Search) -> bool:
        """Every property is broken."""
        return out.found.keys() >= {p.name for p in self.system.spec.properties}

    def judge_initial(self, out: Search) -> None:
        """Properties of the initial state."""
        for violation in self.system.violations(self.system.initial, self.system.spec.properties):
            out.found.setdefault(violation.property, Found(violation, ()))

    def deepen(self, out: Search, clock: Clock) -> str | None:
        """One step more; tells which budget is spent, None when the depth is done."""
        here, relation = self.steps[-1], self.relations[-1]
        following = _Step(len(self.steps))
        stopped = self._judge(out, clock, [g for g in relation.goals if g.in_step], here, len(self.steps))
        if stopped:
            return stopped
        after = relation.following()
        self.solver.add(here(relation.relation))
        terms = here.translate([relation.next[cell] for cell in after.variable])
        for cell, term in zip(after.variable, terms, strict=True):
            self.solver.add(following(after.cells[cell]) == term)
        self.steps.append(following)
        self.relations.append(after)
        goals = [g for g in after.goals if not g.in_step]
        stopped = self._judge(out, clock, goals, following, len(self.steps) - 1)
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
        for step, relation in zip(self.steps[:length], self.relations, strict=False):
            call = self._call(model, step, relation)
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

    def _call(self, model: z3.ModelRef, step: _Step, relation: Relation) -> Call:
        number = model.eval(step(relation.choice), model_completion=True).as_long()
        case = relation.cases[number]
        arguments = []
        for (name, kind), value, offered in zip(
            case.operation.parameters, case.fixed, case.operation.values, strict=True
        ):
            if isinstance(kind, RefType) and offered is None:
                term = relation.arguments[f"{kind.entity.__name__}.{name}"]
                slot = model.eval(step(term), model_completion=True).as_long()
                arguments.append((name, slot or None))
            else:
                arguments.append((name, value))
        return Call(case.operation.name, tuple(arguments))
