"""propagate_umount of Linux 4.13 to 6.16: mounts are taken one by one while the walks go on.

Source: fs/pnode.c (v6.12) and its history (the series of May 2017 that made it). A mount at the place is taken when all
inside of it is marked as going, then its parent is asked again; what is locked is marked and put aside, and goes only
if its parent went and it is not on the parent's root. What was put aside and stays is slid down.
"""

from __future__ import annotations

from collections.abc import Sequence

from nsmodel.theorems.lists import Walk
from nsmodel.theorems.tree import MountTree


class Taking:
    """One unmount. The tree has what is unmounted already marked and hidden (:meth:`MountTree.doom`)."""

    def __init__(self, tree: MountTree) -> None:
        self.tree = tree
        self.visited: set[int] = set()
        """What goes anyway and was met: there is nothing new behind it."""
        self.aside: list[int] = []
        """Put aside: they stay, unless they are taken later (`to_restore`)."""
        self.marked = 0
        """Nothing inside keeps them: they could go, if no lock held them."""
        self.taken: list[int] = []

    def listed(self, m: int) -> bool:
        """A mount is on one of the lists of this unmount (`mnt_umounting`)."""
        return m in self.visited or m in self.aside

    def put_aside(self, m: int) -> None:
        """To the end of what was put aside."""
        if m in self.aside:
            self.aside.remove(m)
        self.aside.append(m)

    def take(self, m: int) -> None:
        """A mount goes."""
        self.marked &= ~(1 << m)
        self.visited.discard(m)
        if m in self.aside:
            self.aside.remove(m)
        self.tree.doom((m,))
        self.taken.append(m)

    def ask(self, m: int) -> bool:
        """Whether a mount can go, as things stand; True when something new is known of it."""
        if self.tree.gone(m) or self.marked >> m & 1:
            return False
        for c in self.tree.children[m]:
            on_root = self.tree.at[c] == self.tree.root[m]
            if not on_root and not (self.listed(c) and self.marked >> c & 1):
                self.put_aside(m)
                return False
        self.marked |= 1 << m
        if self.tree.is_locked(m):
            self.put_aside(m)
        else:
            self.take(m)
        return True

    def propagate(self, going: Sequence[int], met: Sequence[Walk]) -> None:
        """Walk from each original mount, the tops of trees first."""
        for m, (mounts, past) in zip(going, met, strict=True):
            if self.listed(m):
                continue
            self.visited.add(m)
            i = 0
            while i < len(mounts):
                there = mounts[i]
                if self.listed(there):
                    i = past[i]
                    continue
                i += 1
                if self.tree.gone(there):
                    self.visited.add(there)
                    continue
                while self.ask(there):
                    there = self.tree.parent[there]
                    if there < 0 or not self.listed(there):
                        break

    def finish(self) -> None:
        """What is inside of what was taken goes too; what is on its root is put aside, and all that is aside slides."""
        for m in self.taken:
            for c in tuple(self.tree.children[m]):
                if self.tree.at[c] == self.tree.root[m]:
                    self.put_aside(c)
                else:
                    self.take(c)
        for m in self.aside:
            under, name = self.tree.parent[m], self.tree.at[m]
            while under >= 0 and self.tree.gone(under):
                name, under = self.tree.at[under], self.tree.parent[under]
            if under != self.tree.parent[m]:
                self.tree.change_mountpoint(m, under, name)


def umount(tree: MountTree, going: Sequence[int], met: Sequence[Walk]) -> frozenset[int]:
    """Unmount a tree with what the old algorithm takes along; gives all that went. `met` is, for each mount of the
    tree, what is at its place at the receivers of its parent, in the order of the walk (:meth:`Walk.meets`)."""
    tree.doom(going)
    taking = Taking(tree)
    taking.propagate(going, met)
    taking.finish()
    gone = [*going, *taking.taken]
    for m in gone:
        tree.detach(m)
    return frozenset(gone)
