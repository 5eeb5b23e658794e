"""Every error that an operation can give, and its success."""

from __future__ import annotations

from collections.abc import Container, Iterator

from nsmodel.system.checks import checks_of
from nsmodel.system.operation import Operation
from nsmodel.system.transition import TransitionSystem
from nsmodel.testgen.cells import OK, Cell
from nsmodel.testgen.seen import Seen


class Errnos:
    """A cell for each operation and result."""

    name = "errnos"
    own_file = True
    by_events = True
    by_looking = False

    def known(self, system: TransitionSystem, operation: Operation) -> Iterator[Cell]:
        """Success, and the error of each check."""
        yield self._cell(operation.name, OK)
        for errno in sorted({check.errno for check in checks_of(operation, system.switches)}):
            yield self._cell(operation.name, errno)

    def of(self, seen: Seen) -> Iterator[Cell]:
        """Its result."""
        if seen.result is not None and seen.outcome is not None:
            yield self._cell(seen.operation.name, seen.result, seen.outcome.reason)

    def worth(self, seen: Seen, found: Container[Cell]) -> bool:
        """Events tell."""
        return False

    def _cell(self, operation: str, result: str, reason: str | None = None) -> Cell:
        title = f"{operation} succeeds" if result == OK else f"{operation} fails with {result}"
        title += f": {reason}" if reason else ""
        return Cell(self.name, operation, result, title)
