"""Propagation as the kernel keeps it: rings of peers, and lists of slaves on one member of the master group.

`mnt_share` is the ring, `mnt_slave_list` the slaves of a mount in their order, `mnt_master` the mount on whose list one
is. All peers of a group are on one list, side by side and in the order of their ring (fs/pnode.c, v6.18: the comment
of propagation_next, clone_mnt and change_mnt_propagation keep it so).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations, product
from typing import NamedTuple

from nsmodel.theorems.groups import Groups


class Walk(NamedTuple):
    """What a mount propagates to, in the order of the lists; `past[i]` is the index where the walk goes on when all
    that receives from `mounts[i]`, its further peers too, is left out."""

    mounts: tuple[int, ...]
    past: tuple[int, ...]

    def among(self, chosen: int) -> Walk:
        """The walk over some of the mounts, a bit for each."""
        kept = [i for i, m in enumerate(self.mounts) if chosen >> m & 1]
        index = [sum(k < i for k in kept) for i in range(len(self.mounts) + 1)]
        return Walk(tuple(self.mounts[i] for i in kept), tuple(index[self.past[i]] for i in kept))

    def meets(self, found: Mapping[tuple[int, int], int], name: int) -> Walk:
        """What is mounted on a name of the mounts, in the same order."""
        there = [found.get((m, name), -1) for m in self.mounts]
        kept = [i for i, c in enumerate(there) if c >= 0]
        return Walk(tuple(there[i] for i in kept), tuple(sum(k < self.past[i] for k in kept) for i in kept))


class Lists:
    """Rings and slave lists of some mounts, which grow as mounts are cloned."""

    def __init__(self, ring: list[int], master: list[int], slaves: list[list[int]], group: list[int]) -> None:
        self.ring = ring
        """The next peer of each mount; itself when it has none."""
        self.master = master
        """The mount on whose list each one is, or -1."""
        self.slaves = slaves
        self.group = group
        """The number of each mount's group (`mnt_group_id`), or -1."""

    def copy(self) -> Lists:
        """Lists of their own."""
        return Lists(self.ring[:], self.master[:], [s[:] for s in self.slaves], self.group[:])

    def peers(self, m: int, other: int) -> bool:
        """Two mounts are of one group."""
        return self.group[m] == self.group[other] >= 0

    def next_slave(self, m: int) -> int:
        """Who follows a slave on its list, or -1."""
        siblings = self.slaves[self.master[m]]
        after = siblings.index(m) + 1
        return siblings[after] if after < len(siblings) else -1

    def first_slave(self, m: int) -> int:
        """The first of a mount's slaves, or -1."""
        return self.slaves[m][0] if self.slaves[m] else -1

    def onward(self, m: int, origin: int) -> int:
        """The next receiver of `origin` that does not hang on `m` itself: along its list, or else up to the mount on
        whose list it is and on from there; on the level of the origin, along the ring. -1 when the ring is closed."""
        while self.master[m] != self.master[origin]:
            following = self.next_slave(m)
            if following >= 0:
                return following
            m = self.master[m]
        following = self.ring[m]
        return -1 if following == origin else following

    def next_receiver(self, m: int, origin: int) -> int:
        """The receiver of `origin` after `m`: down first, then onward (propagation_next)."""
        first = self.first_slave(m)
        return first if first >= 0 else self.onward(m, origin)

    def past(self, m: int, origin: int) -> int:
        """The receiver of `origin` after all that receives from `m` (skip_propagation_subtree)."""
        here = self.onward(m, origin)
        while here >= 0 and self.peers(m, here):
            here = self.onward(here, origin)
        return here

    def past_slaves(self, m: int, origin: int) -> int:
        """The receiver of `origin` after the last one on a mount's own list: how Linux before 6.17 left out what
        receives from `m`; peers of it and slaves of that last one are met again."""
        return self.next_receiver(self.slaves[m][-1], origin) if self.slaves[m] else self.onward(m, origin)

    def walk(self, origin: int, *, old: bool = False) -> Walk:
        """All receivers of a mount; `old` takes the short cuts of before 6.17. Raises LoopError when the walk meets a
        mount twice."""
        met: list[int] = []
        here = self.next_receiver(origin, origin)
        while here >= 0:
            if here in met:
                raise LoopError(here)
            met.append(here)
            here = self.next_receiver(here, origin)
        leave_out = self.past_slaves if old else self.past
        beyond = (leave_out(m, origin) for m in met)
        return Walk(tuple(met), tuple(met.index(b) if b >= 0 else len(met) for b in beyond))

    def clone(self, old: int, *, slave: bool, shared: bool, fresh: int) -> int:
        """A clone of a mount: its next peer and on the same list right behind it; or its slave, at the head of its
        list, in the group `fresh` if it is to be `shared` (clone_mnt with CL_SLAVE, CL_MAKE_SHARED)."""
        new = len(self.ring)
        group = -1 if slave else self.group[old]
        if shared and group < 0:
            group = fresh
        self.group.append(group)
        self.ring.append(new)
        self.slaves.append([])
        self.master.append(-1)
        if self.peers(new, old):
            self.ring[new], self.ring[old] = self.ring[old], new
        if slave and self.group[old] >= 0:
            self.master[new] = old
            self.slaves[old].insert(0, new)
        elif self.master[old] >= 0:
            self.enter_behind(new, old)
        return new

    def enter_behind(self, new: int, old: int) -> None:
        """Put a mount on the list that another one is on, right behind it."""
        self.master[new] = self.master[old]
        siblings = self.slaves[self.master[old]]
        siblings.insert(siblings.index(old) + 1, new)

    def set_group(self, source: int, to: int, *, at_head: bool = False) -> None:
        """A private mount joins another one's group and list (MOVE_MOUNT_SET_GROUP); `at_head` is how Linux 5.15 to
        6.15 did it, which parts peers on the list (MP09)."""
        if self.group[source] >= 0:
            self.group[to] = self.group[source]
            self.ring[to], self.ring[source] = self.ring[source], to
        if self.master[source] >= 0:
            if at_head:
                self.master[to] = self.master[source]
                self.slaves[self.master[source]].insert(0, to)
            else:
                self.enter_behind(to, source)


class LoopError(Exception):
    """A walk comes back to a mount that it has met."""


def layouts(groups: Groups) -> Iterator[Lists]:
    """Every order of rings and lists that a propagation can be kept in."""
    mounts = len(groups.group)
    masters = groups.masters()
    rings: list[list[tuple[int, ...]]] = []
    for g in range(groups.number):
        first, *others = groups.members(g)
        if masters[g] < 0:
            rings.append([(first, *rest) for rest in permutations(others)])
        else:
            rings.append(list(permutations((first, *others))))
    for chosen in product(*rings):
        held: list[list[tuple[tuple[tuple[int, ...], ...], ...]]] = []
        for g in range(groups.number):
            units = [chosen[h] for h in range(groups.number) if masters[h] == g]
            units += [(m,) for m in range(mounts) if groups.group[m] < 0 and groups.master[m] == g]
            held.append(list(_handed_out(units, len(chosen[g]))))
        for lists in product(*held):
            yield _laid_out(groups, chosen, lists)


def split_layouts(groups: Groups) -> Iterator[Lists]:
    """Orders that MOVE_MOUNT_SET_GROUP of Linux 5.15 to 6.15 leaves (MP09): the last mount of a group of slaves that
    joined it is at the head of the list, apart from its peers."""
    for to, g in enumerate(groups.group):
        others = [m for m in groups.members(g) if m != to] if g >= 0 else []
        if not others or groups.master[to] < 0 or any(to < m for m in others):
            continue
        before = Groups(
            tuple(-1 if m == to else h for m, h in enumerate(groups.group)),
            tuple(-1 if m == to else h for m, h in enumerate(groups.master)),
        )
        for lists in layouts(before):
            for source in others:
                after = lists.copy()
                after.set_group(source, to, at_head=True)
                yield after


def _handed_out(units: Sequence[tuple[int, ...]], holders: int) -> Iterator[tuple[tuple[tuple[int, ...], ...], ...]]:
    """Every way to hand out slaves, peers together, in any order, to the lists of some holders."""
    for ordered in permutations(units):
        for cuts in _splits(len(ordered), holders):
            start, out = 0, []
            for size in cuts:
                out.append(tuple(ordered[start : start + size]))
                start += size
            yield tuple(out)


def _splits(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _splits(total - first, parts - 1):
            yield (first, *rest)


def _laid_out(
    groups: Groups, rings: Sequence[tuple[int, ...]], lists: Sequence[tuple[tuple[tuple[int, ...], ...], ...]]
) -> Lists:
    mounts = len(groups.group)
    ring = list(range(mounts))
    master = [-1] * mounts
    slaves: list[list[int]] = [[] for _ in range(mounts)]
    for members, by_holder in zip(rings, lists, strict=True):
        for i, m in enumerate(members):
            ring[m] = members[(i + 1) % len(members)]
        for holder, units in zip(members, by_holder, strict=True):
            slaves[holder] = [s for unit in units for s in unit]
            for s in slaves[holder]:
                master[s] = holder
    return Lists(ring, master, slaves, list(groups.group))
