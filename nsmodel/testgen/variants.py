"""Kernel versions on which a case goes otherwise than it should."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from nsmodel.kernel.versions import FIXED, switches_of, versions
from nsmodel.system.operation import Call
from nsmodel.system.spec import SpecError
from nsmodel.system.transition import TransitionSystem
from nsmodel.testgen.again import made_again, roomy, told_apart
from nsmodel.testgen.case import Variant
from nsmodel.traces.record import record
from nsmodel.traces.trace import Step


class Variants:
    """Runs calls on every version with known bugs, other than the one that the system stands for."""

    def __init__(self, system: TransitionSystem) -> None:
        self.system = roomy(system)
        others = [v for v in versions() if v not in (FIXED, system.kernel)]
        self.others = [dataclasses.replace(self.system, kernel=v, switches=switches_of(v)) for v in others]
        self._alone: dict[str, TransitionSystem] = {}

    def of(self, calls: Sequence[Call], right: Sequence[Step]) -> tuple[Variant, ...]:
        """Where a process can see a difference; the trace ends where the next call cannot be made."""
        out = []
        for other in self.others:
            try:
                again = made_again(other, calls)
            except SpecError:  # the prelude cannot be made there
                continue
            if told_apart(right, again):
                bugs = sorted(other.switches - self.system.switches)
                alone = [bug for bug in bugs if told_apart(right, made_again(self._with(bug), calls))]
                out.append(Variant(other.kernel, tuple(alone or bugs), record(other, calls[: len(again.steps)])))
        return tuple(out)

    def _with(self, bug: str) -> TransitionSystem:
        """The system with one bug more."""
        if bug not in self._alone:
            self._alone[bug] = dataclasses.replace(self.system, switches=self.system.switches | {bug})
        return self._alone[bug]
