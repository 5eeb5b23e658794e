"""What is attached to what, as far as any algorithm can tell, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from nsmodel.theorems.forests import Shape
from nsmodel.theorems.groups import Groups

HIDDEN, ABOVE, EQUAL = 0, 1, 2
"""What a mount of the tree shows of the mountpoint: nothing, or it is inside, or it is its root."""
OWN, ROOT, SPOT = 0, 1, 2
"""Where in the tree a mount is: on a name of its own, on the root of what it is on, or on the mountpoint there."""


@dataclass(frozen=True)
class Case:
    """What is attached to what. Standing mounts come first, the destination as number 0, then the tree."""

    standing: int
    tree: Shape
    """The parent of each mount of the tree, counted within it."""
    new: bool
    """The tree is in no namespace yet, as after a bind or a first mount; otherwise it is moved."""
    groups: Groups
    takes: int
    """Bits of the receivers that show the mountpoint, those of the tree too."""
    kinds: tuple[int, ...]
    """HIDDEN, ABOVE or EQUAL for each mount of the tree."""
    spots: tuple[int, ...]
    """OWN, ROOT or SPOT for each mount of the tree but the top."""
    occupants: tuple[int, ...]
    """The standing mount that is on the mountpoint at each standing mount, or -1."""

    @property
    def top(self) -> int:
        """The number of the top of the tree."""
        return self.standing

    @property
    def mounts(self) -> int:
        """How many mounts there are before."""
        return self.standing + len(self.tree)

    def takers(self) -> tuple[int, ...]:
        """Receivers that get a copy, in the order of their numbers."""
        return tuple(m for m in range(self.mounts) if self.takes >> m & 1)


@dataclass(frozen=True)
class Hanging:
    """Where mounts hang: the number of the parent (-1 none, -2 something unknown) and the name there."""

    parents: tuple[int, ...]
    spots: tuple[str, ...]
