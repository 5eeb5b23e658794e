"""The transition relation of a system as terms: what a call may do from a state of variables.

The calls of a step are *cases*: an operation with its flags and enumerations fixed, so that most of a rule folds away,
and the objects as variables. Cells that no run of so many calls can have changed are what they were in the initial
state, and whole branches fold with them; which these are follows step by step from the relation before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nsmodel.ir.language import Flags
from nsmodel.ir.lower import definition_of, flag_fields
from nsmodel.ir.symbolic import Outcome, Symbolic
from nsmodel.ir.symbolic_state import RESULT_WIDTH, Cell, SymbolicState, Value, selected
from nsmodel.ir.types import FlagsType, RefType
from nsmodel.system.operation import Operation
from nsmodel.system.spec import FAIL_ATOMIC, NO_UAF, STEP_TOTAL
from nsmodel.system.transition import TransitionSystem
from nsmodel.terms import term as t
from nsmodel.terms.term import Term

FREED = "freed"
"""Traps of this kind are uses of freed objects."""


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


class Relation:
    """What a call may do from a state in which only the cells in `changing` can differ from the initial state."""

    def __init__(self, system: TransitionSystem, changing: frozenset[Cell]) -> None:
        self.system = system
        self.symbolic = Symbolic(system.sizes, system.switches, system.statics)
        self.initial = self.symbolic.layout.flatten(self.symbolic.layout.constant(system.initial))
        steady = {cell: term for cell, term in self.initial.items() if cell not in changing}
        self.state = self.symbolic.variables("s ", steady)
        self.cells = self.symbolic.layout.flatten(self.state)
        self.variable = [cell for cell in self.cells if cell in changing]
        """The cells that are variables."""
        self.arguments: dict[str, Term] = {}
        self.cases = [case for operation in system.operations for case in self._cases(operation)]
        self.choice = t.variable("choice", max(1, (len(self.cases) - 1).bit_length()), len(self.cases) - 1)
        self.relation, self.next = self._relation()
        self.goals = [*self._state_goals(), *self._step_goals()]

    def following(self) -> Relation:
        """The relation one step later; the same one when a step changes no further cell, which then holds for ever."""
        changed = frozenset(cell for cell, term in self.next.items() if term is not self.cells[cell])
        if changed <= frozenset(self.variable):
            return self
        return Relation(self.system, changed | frozenset(self.variable))

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
