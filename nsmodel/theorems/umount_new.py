"""propagate_umount of Linux 6.17 and later, step by step over its lists.

Source: Documentation/filesystems/propagate_umount.txt and fs/pnode.c (v6.18): candidates are gathered along the walks,
then what would shift something that stays is left out (trimming), then what would reveal something, and what stays on
a stack of mounts that go slides down to where the bottom of the stack was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nsmodel.theorems.lists import Walk
from nsmodel.theorems.tree import NOTHING, MountTree

Walks = Mapping[int, Walk]
"""The walk from each mount that something is mounted on."""


def gather(
    going: Sequence[int], parent: Sequence[int], at: Sequence[int], found: Mapping[tuple[int, int], int], walks: Walks
) -> tuple[int, ...]:
    """The candidates, the last one met first.

    Where a walk comes to a candidate that an earlier walk has met, all that receives from its parent was met as well:
    transitivity spares the kernel a quadratic walk, and is what is at stake here. `found` is what is mounted where.
    """
    met, original = 0, 0
    for m in going:
        original |= 1 << m
    out: list[int] = []
    for m in going:
        if met >> m & 1:
            continue
        met |= 1 << m
        mounts, past = walks[parent[m]]
        i = 0
        while i < len(mounts):
            there = found.get((mounts[i], at[m]), NOTHING)
            if there < 0:
                i += 1
            elif met >> there & 1:
                i = past[i]
            else:
                met |= 1 << there
                if not original >> there & 1:
                    out.append(there)
                i += 1
    return tuple(reversed(out))


class Settling:
    """From candidates to victims. The tree has what is unmounted already marked and hidden (:meth:`MountTree.doom`)."""

    def __init__(self, tree: MountTree, candidates: Sequence[int]) -> None:
        self.tree = tree
        self.waiting = list(candidates)
        self.candidate = 0
        for m in candidates:
            self.candidate |= 1 << m
        self.marked = 0
        """A bit for each mount that an earlier climb has passed (T_MARKED)."""
        self.victims: list[int] = []
        """Settled, in order."""

    def is_candidate(self, m: int) -> bool:
        """Not decided yet."""
        return m >= 0 and bool(self.candidate >> m & 1)

    def take(self, m: int) -> None:
        """A candidate goes for good (umount_one)."""
        self.victims.append(m)
        self.tree.doom((m,))

    def drop(self, m: int) -> None:
        """A mount is no candidate any more, in whatever way."""
        self.candidate &= ~(1 << m)
        self.marked &= ~(1 << m)
        if m in self.waiting:
            self.waiting.remove(m)

    def trim(self, m: int) -> None:
        """Leave out what a child of a candidate that stays forbids; one that nothing speaks against goes at once."""
        if not self.is_candidate(m):
            self.drop(m)
            return
        staying = [c for c in self.tree.children[m] if not self.is_candidate(c)]
        inside = [c for c in staying if c != self.tree.overmount[m]]
        if staying:
            self.climb(m)
            if inside:
                self.drop(m)
        elif not self.tree.is_locked(m) and not self.tree.children[m]:
            self.drop(m)
            self.take(m)

    def climb(self, m: int) -> None:
        """Of the candidates below one that cannot go alone, those stay that it is inside of (trim_ancestors). The mark
        of an earlier climb ends it: from there down all that is left is stacked on roots."""
        below = self.tree.parent[m]
        while self.is_candidate(below):
            if self.marked >> m & 1:
                return
            self.marked |= 1 << m
            if self.tree.overmount[below] != m:
                self.candidate &= ~(1 << below)
            m, below = below, self.tree.parent[below]

    def settle_locked(self, m: int) -> None:
        """Decide of a chain of candidates down from one: locked ones go only with what they are on (handle_locked)."""
        if not self.is_candidate(m):
            self.drop(m)
            return
        chain: list[int] = []
        here = m
        while self.is_candidate(here):
            chain.append(here)
            here = self.tree.parent[here]
        for c in chain:
            self.drop(c)
        going = 0
        for i, c in enumerate(chain):
            if not self.tree.is_locked(c):
                going = i + 1
        if here >= 0 and self.tree.gone(here):
            going = len(chain)
        for c in chain[:going]:
            self.take(c)

    def run(self, *, reparent_all: bool = False) -> list[int]:
        """The victims beside the original ones, with what stays on them moved. `reparent_all` is 6.17-rc1 (MP07)."""
        for m in tuple(self.waiting):
            self.trim(m)
        while self.waiting:
            self.settle_locked(self.waiting[0])
        for m in self.victims:
            over = self.tree.overmount[m]
            if over >= 0 and (reparent_all or not self.tree.gone(over)):
                self.slide(over)
        return self.victims

    def slide(self, m: int) -> None:
        """Put what stays on a stack that goes where the bottom of the stack is (reparent)."""
        under = m
        name = NOTHING
        while under == m or self.tree.gone(under):
            name, under = self.tree.at[under], self.tree.parent[under]
        self.tree.change_mountpoint(m, under, name)


def settle(
    tree: MountTree, going: Sequence[int], candidates: Sequence[int], *, reparent_all: bool = False
) -> frozenset[int]:
    """Unmount a tree and what its candidates allow; gives all that went (umount_tree after its gathering)."""
    tree.doom(going)
    victims = Settling(tree, candidates).run(reparent_all=reparent_all)
    gone = [*going, *victims]
    for m in gone:
        tree.detach(m)
    return frozenset(gone)
