"""What a call can come to, by number: native code gives numbers, a table of the module says what they mean."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from nsmodel.ir.language import Errno
from nsmodel.ir.nodes import Place
from nsmodel.system.spec import NO_UAF, STEP_TOTAL

OK, DISABLED, TRAPPED, UNCHANGED, BROKEN = range(5)
"""Status of a call besides those of the table: done; no call at all; trapped; done, and the state is as it was; and of
an invariant: a clause does not hold."""
FIRST = 5


@dataclass(frozen=True)
class Refusal:
    """A check that applied."""

    errno: Errno
    reason: str
    place: Place


@dataclass(frozen=True)
class Cut:
    """The scope's bound that a call would go beyond."""

    bound: str


@dataclass(frozen=True)
class Trapping:
    """Something that no rule may do."""

    kind: str
    place: Place | None

    @property
    def property(self) -> str:
        """The property that it violates."""
        return NO_UAF.name if "freed" in self.kind else STEP_TOTAL.name


Site = Refusal | Cut | Trapping


class Sites:
    """The table of a module."""

    def __init__(self) -> None:
        self.table: list[Site] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, site: Site) -> int:
        """The number of a site."""
        found = self._numbers.get(site)
        if found is None:
            found = self._numbers[site] = FIRST + len(self.table)
            self.table.append(site)
        return found

    def site(self, number: int) -> Site:
        """The site of a number."""
        return self.table[number - FIRST]

    def __len__(self) -> int:
        """Numbers that there are, those of plain status included."""
        return FIRST + len(self.table)
