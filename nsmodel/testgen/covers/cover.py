"""What a cover has to offer: which cells there are, and which of them a call is in."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Protocol

from nsmodel.system.operation import Operation
from nsmodel.system.transition import TransitionSystem
from nsmodel.testgen.cells import Cell
from nsmodel.testgen.seen import Seen


class Cover(Protocol):
    """A way to ask for edge cases."""

    name: str
    """As `--cover` names it."""
    own_file: bool
    """Each cell has a file of its own; else one that a test of another cell covers in as few calls needs none."""
    by_events: bool
    """The events of a search tell its cells apart."""
    by_looking: bool
    """Calls must be looked at one by one."""

    def known(self, system: TransitionSystem, operation: Operation) -> Iterable[Cell]:
        """The cells of an operation that its text shows, reachable or not."""
        ...

    def of(self, seen: Seen) -> Iterable[Cell]:
        """The cells that a call is in."""
        ...

    def worth(self, seen: Seen, found: Container[Cell]) -> bool:
        """Whether a call, of which nothing was asked yet, may be in a cell that was not found: asked of every call
        that is looked at."""
        ...
