"""A forest as a state of the model, on which the rules that ship are run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nsmodel.kernel.mount.propagation import receivers
from nsmodel.kernel.mount.victims import candidates, counterparts, slide, victims
from nsmodel.kernel.objects import Dentry, FileSystem, Kernel, MntNamespace, Mount, PeerGroup, UserNamespace
from nsmodel.theorems.forests import Places, Shape, order
from nsmodel.theorems.groups import Groups

Hung = tuple[tuple[int, int], ...]
"""Parent and mountpoint of each mount, -1 where it has none."""


class Model:
    """One kernel with so many mounts in one namespace; forests are put into it one after the other."""

    def __init__(self, mounts: int, switches: frozenset[str] = frozenset()) -> None:
        self.k = k = Kernel(switches=switches)
        self.fs = k.new(FileSystem)
        self.owner = k.new(UserNamespace)
        self.ns = k.new(MntNamespace)
        self.ns.owner = self.owner
        self.names: list[Dentry] = []
        for _ in range(2 * mounts):
            name = k.new(Dentry)
            name.fs, name.directory = self.fs, True
            self.names.append(name)
        self.groups = [k.new(PeerGroup) for _ in range(mounts)]
        self.mounts = [k.new(Mount) for _ in range(mounts)]
        self.number = {m: i for i, m in enumerate(self.mounts)}
        self.name_of = {d: i for i, d in enumerate(self.names)}
        for m in self.mounts:
            m.ns, m.count = self.ns, 1

    def put_tree(self, shape: Shape, where: Places) -> None:
        """What is mounted where; the names hang below each other, so that each mount shows what is on it."""
        for m, on, at, root in zip(self.mounts, shape, where.at, where.roots(shape), strict=True):
            m.parent = self.mounts[on] if on >= 0 else None
            m.mountpoint = self.names[at] if on >= 0 else None
            m.root = self.names[root]

    def put_groups(self, groups: Groups) -> None:
        """Who propagates to whom."""
        for m, g, master in zip(self.mounts, groups.group, groups.master, strict=True):
            m.group = self.groups[g] if g >= 0 else None
            m.master = self.groups[master] if master >= 0 else None

    def put_locks(self, locked: int) -> None:
        """What is locked, a bit for each mount."""
        for i, m in enumerate(self.mounts):
            m.locked = bool(locked >> i & 1)

    def bits(self, mounts: Iterable[Mount]) -> int:
        """Mounts as a set of bits."""
        return sum(1 << self.number[m] for m in mounts)

    def some(self, numbers: Iterable[int]) -> set[Mount]:
        """Mounts by number."""
        return frozenset(self.mounts[n] for n in numbers)  # type: ignore[return-value]

    def receivers(self, m: int) -> int:
        """What the rule says that a mount propagates to."""
        return self.bits(receivers(self.k, self.mounts[m]))

    def candidates(self, going: Sequence[int]) -> int:
        """What the rule says that an unmount propagates to."""
        return self.bits(candidates(self.k, self.some(going)))

    def counterparts(self, m: int) -> int:
        """What the rule unlocks."""
        return self.bits(counterparts(self.k, self.mounts[m]))

    def umount(self, going: Sequence[int], target: int) -> tuple[frozenset[int], Hung]:
        """What the rule says that goes, and where everything else hangs then. The tree is as before."""
        k = self.k
        before = [(m.parent, m.mountpoint) for m in self.mounts]
        gone = victims(k, self.some(going), self.mounts[target])
        slide(k, gone)
        numbers = frozenset(self.number[m] for m in gone)
        hung = self.hung(numbers)
        for m, (on, at) in zip(self.mounts, before, strict=True):
            m.parent, m.mountpoint = on, at
        return numbers, hung

    def hung(self, gone: frozenset[int] = frozenset()) -> Hung:
        """Where each mount hangs, except those that went."""
        out = []
        for i, m in enumerate(self.mounts):
            if i in gone or m.parent is None or m.mountpoint is None:
                out.append((-1, -1))
            else:
                out.append((self.number[m.parent], self.name_of[m.mountpoint]))
        return tuple(out)


def named(k: Kernel, fs: FileSystem, shape: Shape, where: Places) -> dict[int, Dentry]:
    """Names for a forest, each below the one before, so that every mount shows what is on it."""
    chain = order(shape, where)
    assert chain is not None
    out: dict[int, Dentry] = {}
    above: Dentry | None = None
    for number in chain:
        out[number] = k.new(Dentry)
        out[number].fs, out[number].parent, out[number].directory = fs, above, True
        above = out[number]
    return out
