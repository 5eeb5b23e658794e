"""propagate_mnt over lists: the copies that attaching a tree to a shared mount makes, one receiver after the other.

Two algorithms: the one of 3.15 to 6.16 with its last source and last destination (propagate_one), and the one of 6.17
that looks for the master of each first copy anew (find_master). Source: fs/pnode.c (v6.12, v6.18) and the messages of
the commits f2ebb3a921c1, 5ec0811d3037 and 11933cf1d91d.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from nsmodel.theorems.lists import Lists

FRESH_IDS = 1000
"""Ids of groups that are made by the call are above this."""


class RanOff(Exception):
    """The algorithm asks for the master or the parent of what has none: a NULL pointer in the kernel."""


@dataclass
class Attachment:
    """What is put where: the tree (its top first, each with its parent in the tree), the destination, and the mounts
    that take a copy: in a namespace that is not anonymous, showing the mountpoint, not made by this very call."""

    lists: Lists
    tree: Sequence[int]
    destination: int
    takes: int
    fresh: set[int]
    """Mounts that no namespace has yet (IS_MNT_NEW): walks do not look for slaves of theirs."""
    copies: list[tuple[int, list[int]]] = field(default_factory=list)
    """Receiver and copy of the tree, in order of making."""
    invented: set[int] = field(default_factory=set)
    """Mounts of the tree that got a group id for this call, and are not shared yet."""
    last_id: int = FRESH_IDS

    @property
    def source(self) -> int:
        """The top of the tree."""
        return self.tree[0]

    def is_shared(self, m: int) -> bool:
        """IS_MNT_SHARED, before the tree itself is made shared: only ids were given to it."""
        return self.lists.group[m] >= 0 and m not in self.invented

    def new_id(self) -> int:
        """A group id that nobody has."""
        self.last_id += 1
        return self.last_id

    def invent_group_ids(self) -> None:
        """Each mount of the tree that has no group gets the id of one (invent_group_ids)."""
        for m in self.tree:
            if self.lists.group[m] < 0:
                self.lists.group[m] = self.new_id()
                self.invented.add(m)

    def copy_of(self, m: int) -> list[int]:
        """The whole tree that a top belongs to: the original or a copy."""
        if m == self.source:
            return list(self.tree)
        for _, copy in self.copies:
            if copy[0] == m:
                return copy
        raise RanOff(f"mount {m + 1}, which is to be copied, is neither the source nor a copy")

    def parent(self, top: int) -> int:
        """The mount that a copy is for."""
        for receiver, copy in self.copies:
            if copy[0] == top:
                return receiver
        raise RanOff(f"mount {top + 1} is no copy, and asked for its parent")

    def master(self, m: int) -> int:
        """The master of a mount that has one."""
        if m < 0 or self.lists.master[m] < 0:
            raise RanOff("the master of a mount that is no slave")
        return self.lists.master[m]

    def copy_tree(self, original: int, receiver: int, *, slave: bool, shared: bool) -> int:
        """Clone a tree for a receiver, and give the top."""
        made = [self.lists.clone(m, slave=slave, shared=shared, fresh=self.new_id()) for m in self.copy_of(original)]
        self.copies.append((receiver, made))
        self.fresh.update(made)
        return made[0]


def groups_after(lists: Lists, destination: int, fresh: set[int]) -> Iterator[int]:
    """The first mount of each peer group below a destination, depth first (next_group).

    Walks a group along its ring as long as that agrees with the list that it is on, going down from each member; then
    on along the list, or up to the next peer of the master.
    """

    def next_group(m: int) -> int:
        while True:
            while True:
                if m not in fresh and lists.slaves[m]:
                    return lists.slaves[m][0]
                following = lists.ring[m]
                if lists.group[m] == lists.group[destination]:
                    if following == destination:
                        return -1
                elif lists.master[m] < 0 or lists.next_slave(m) != following:
                    break
                m = following
            while True:
                upper = lists.master[m]
                if upper < 0:
                    raise RanOff("the walk leaves the tree of slaves")
                if lists.next_slave(m) >= 0:
                    return lists.next_slave(m)
                m = lists.ring[upper]
                if lists.group[upper] == lists.group[destination]:
                    break
                if lists.master[upper] >= 0 and lists.next_slave(upper) == m:
                    break
                m = upper
            if m == destination:
                return -1

    met = 0
    here = next_group(destination)
    while here >= 0:
        yield here
        met += 1
        if met > 4 * len(lists.ring):
            raise RanOff("the walk over the groups does not end")
        here = next_group(here)


def ring_from(lists: Lists, first: int) -> Iterator[int]:
    """The peers of a mount, itself first."""
    yield first
    here = lists.ring[first]
    while here != first:
        yield here
        here = lists.ring[here]


Propagate = Callable[[Attachment], None]


def propagate_new(a: Attachment) -> None:
    """The algorithm of 6.17: group after group, the first copy of each from the copy of its nearest master."""
    lists = a.lists
    marked: set[int] = set()
    if lists.master[a.destination] >= 0:
        marked.add(lists.master[a.destination])
    last = a.source
    for first in chain((a.destination,), groups_after(lists, a.destination, a.fresh)):
        slave = first != a.destination
        shared = not slave or a.is_shared(first)
        for n in ring_from(lists, first):
            if n == a.destination or n in a.fresh or not a.takes >> n & 1:
                continue
            if slave:
                last = _find_master(a, n, last, marked)
            last = a.copy_tree(last, n, slave=slave, shared=shared)
            if lists.master[n] >= 0:
                marked.add(lists.master[n])
            slave, shared = False, True


def _find_master(a: Attachment, m: int, last: int, marked: set[int]) -> int:
    """The copy that the first copy of a group is to be a slave of.

    Up the masters until one has slaves with copies (or is what the destination itself is a slave of): the copies so far
    are a chain of masters, on which the one for a peer of that height is found, or for a mount beside it.
    """
    lists = a.lists
    height = lists.master[m]
    while height >= 0 and height not in marked:
        m, height = height, lists.master[height]
    while not lists.peers(last, a.source):
        receiver = a.parent(last)
        if lists.master[receiver] == height:
            return last if lists.peers(receiver, m) else a.master(last)
        last = a.master(last)
    return last


class History(NamedTuple):
    """What was wrong with propagate_one, by release."""

    past_source: bool = False
    """3.15 to 4.6: the climb does not stop at the source (MP02, CVE-2016-4581; 5ec0811d3037)."""
    zero_is_group: bool = False
    """3.15 to 4.10: two mounts in no group pass for peers (7ae8fd0351f9)."""
    past_peers: bool = False
    """3.15 to 6.1: the climb stops at the source, not at a peer of it (11933cf1d91d)."""


class _OneByOne:
    """The algorithm of 3.15 to 6.16: remembers the last destination and the last copy."""

    def __init__(self, a: Attachment, history: History) -> None:
        self.a = a
        self.history = history
        self.last_dest = a.destination
        self.last_source = a.source
        self.dest_master = a.lists.master[a.destination]
        self.marked: set[int] = set()

    def run(self) -> None:
        """The peers of the destination, then every group of slaves."""
        lists = self.a.lists
        for n in ring_from(lists, self.a.destination):
            if n != self.a.destination:
                self.propagate_one(n)
        for first in groups_after(lists, self.a.destination, self.a.fresh):
            for n in ring_from(lists, first):
                self.propagate_one(n)

    def peers(self, m: int, other: int) -> bool:
        """Two mounts are of one group."""
        ids = self.a.lists.group
        return ids[m] == ids[other] and (ids[m] >= 0 or self.history.zero_is_group)

    def propagate_one(self, m: int) -> None:
        """A copy for one receiver: a peer of the last one for a peer of the last destination, else a slave."""
        a, lists = self.a, self.a.lists
        if m in a.fresh or not a.takes >> m & 1:
            return
        slave = not self.peers(m, self.last_dest)
        shared = not slave or a.is_shared(m)
        if slave:
            self.choose_source(m)
        self.last_source = a.copy_tree(self.last_source, m, slave=slave, shared=shared)
        self.last_dest = m
        if lists.master[m] != self.dest_master:
            self.marked.add(lists.master[m])

    def choose_source(self, m: int) -> None:
        """Climb from the last copy to the one that the next is a slave of."""
        lists = self.a.lists
        n, height = m, lists.master[m]
        while height != self.dest_master and height not in self.marked:
            if height < 0:
                raise RanOff("the master of a mount that is no slave")
            n, height = height, lists.master[height]
        if self.history.past_source:
            self.climb_without_end(n, height)
        else:
            self.climb(n, height)

    def climb(self, n: int, height: int) -> None:
        """It ends at the source, also where a peer of the source is met: that one's master is none of the copies."""
        a = self.a
        while not self.at_source():
            receiver = a.parent(self.last_source)
            done = a.lists.master[receiver] == height
            if done and self.peers(n, receiver):
                return
            self.last_source = a.master(self.last_source)
            if done:
                return

    def at_source(self) -> bool:
        """The climb has come to the source, or beside it."""
        if self.history.past_peers:
            return self.last_source == self.a.source
        return self.peers(self.last_source, self.a.source)

    def climb_without_end(self, n: int, height: int) -> None:
        """The climb of 3.15: it takes the parent of the source for a receiver, and climbs on from the source."""
        lists = self.a.lists
        while lists.master[self.last_dest] != height:
            self.up()
        if lists.group[n] != lists.group[self.last_dest]:
            self.up()

    def up(self) -> None:
        """To the master of the last copy, and to what that hangs on: a mount that hangs nowhere is its own parent."""
        self.last_source = self.a.master(self.last_source)
        self.last_dest = next((r for r, copy in self.a.copies if copy[0] == self.last_source), self.last_source)


def one_by_one(history: History) -> Propagate:
    """The algorithm of before 6.17, with what was wrong with it in some release."""
    return lambda a: _OneByOne(a, history).run()


ALGORITHMS: dict[str, tuple[str, Propagate]] = {
    "6.17": ("6.17 and later", propagate_new),
    "6.2": ("6.2 to 6.16", one_by_one(History())),
    "4.11": ("4.11 to 6.1", one_by_one(History(past_peers=True))),
    "4.7": ("4.7 to 4.10", one_by_one(History(zero_is_group=True, past_peers=True))),
    "3.15": ("3.15 to 4.6", one_by_one(History(past_source=True, zero_is_group=True, past_peers=True))),
}
"""Every propagate_mnt by the release that it came with, and which releases have it."""
PAST_SOURCE = one_by_one(History(past_source=True))
"""The algorithm of 6.2 with the climb of 3.15 (MP02)."""
