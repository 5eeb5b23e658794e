"""Every two checks of an operation that one call meets: which wins."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from nsmodel.system.operation import Operation
from nsmodel.system.precedence import Check
from nsmodel.system.transition import TransitionSystem
from nsmodel.testgen.cells import Cell
from nsmodel.testgen.seen import Seen


class Pairs:
    """A cell for each check that refuses a call and each other one that would have."""

    name = "pairs"
    own_file = False
    by_events = False
    by_looking = True

    def known(self, system: TransitionSystem, operation: Operation) -> Iterable[Cell]:
        """Which checks can fail together, their text does not show."""
        return ()

    def of(self, seen: Seen) -> Iterator[Cell]:
        """The pairs that a call meets."""
        winner, *others = seen.checks or (None,)
        if winner is not None:
            for other in others:
                if other is not None:
                    yield self._cell(seen.operation.name, winner, other)

    def worth(self, seen: Seen, found: Container[Cell]) -> bool:
        """Every call that is refused."""
        return seen.refused

    def _cell(self, operation: str, winner: Check, other: Check) -> Cell:
        key = f"{winner.errno} {winner.reason}, before {other.errno} {other.reason}"
        title = f"{operation} fails with {winner.errno}, {winner.reason}, not with {other.errno}, {other.reason}"
        return Cell(self.name, operation, key, title)
