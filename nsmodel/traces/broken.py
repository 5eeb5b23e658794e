"""Whether runs break one clause of a property."""

from __future__ import annotations

import re

from nsmodel.ir.state import Frozen
from nsmodel.system.transition import Outcome, TransitionSystem, Violation
from nsmodel.traces.script import Run

SLOT = re.compile(r"#\d+")
"""The slot in the name of an object."""


class Broken:
    """Judges runs by one violation: the same clause of the same property, whichever objects a trap's text names."""

    def __init__(self, system: TransitionSystem, wanted: Violation) -> None:
        self.system, self.wanted = system, wanted
        self._asked = {p.name for p in system.spec.properties}
        self._judged: dict[Frozen, list[Violation]] = {}

    def first(self, run: Run) -> int | None:
        """The number of the step that breaks the clause, 0 for the initial state; None where none does, or an earlier
        one breaks another clause."""
        if broken := self.of_state(self.system.initial):
            return 0 if any(map(self.same, broken)) else None
        for number, done in enumerate(run.outcomes, 1):
            if broken := self.of_call(done):
                return number if any(map(self.same, broken)) else None
        return None

    def by(self, run: Run) -> bool:
        """Some step of a run breaks the clause."""
        return any(self.same(v) for done in run.outcomes for v in self.of_call(done))

    def of_call(self, done: Outcome) -> list[Violation]:
        """What one call breaks, in its state or while it takes effect."""
        broken = [v for v in done.violations if v.property in self._asked]
        return broken + (self.of_state(done.state) if done.state is not None else [])

    def of_state(self, state: Frozen) -> list[Violation]:
        """What is broken in a state."""
        if state not in self._judged:
            self._judged[state] = self.system.violations(state, self.system.spec.properties)
        return self._judged[state]

    def same(self, other: Violation) -> bool:
        """The violation is of the clause."""
        clauses = {SLOT.sub("#", v.clause) for v in (self.wanted, other)}
        return self.wanted.property == other.property and len(clauses) == 1
