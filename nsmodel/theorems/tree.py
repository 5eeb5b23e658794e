"""The mount tree as the kernel's algorithms keep it: lists of children, and a field for what is on a mount's root."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nsmodel.theorems.forests import Places, Shape

NOTHING = -1


class MountTree:
    """Parents, mountpoints and children of numbered mounts; names are numbers as well."""

    def __init__(self, parent: Sequence[int], at: Sequence[int], root: Sequence[int], locked: int) -> None:
        self.parent = list(parent)
        """-1 for what is mounted nowhere (the kernel lets it be its own parent)."""
        self.at = list(at)
        self.root = list(root)
        self.locked = locked
        """A bit for each mount with MNT_LOCKED."""
        self.unmounted = 0
        """A bit for each mount with MNT_UMOUNT."""
        self.children: list[list[int]] = [[] for _ in parent]
        self.overmount = [NOTHING] * len(self.parent)
        """What is on a mount's root, as a field of its own (`overmount`, since 6.17)."""
        for m in range(len(self.parent)):
            if self.parent[m] >= 0:
                self.show(m)

    @classmethod
    def of(cls, shape: Shape, where: Places, locked: int) -> MountTree:
        """The tree of a forest."""
        return cls(shape, where.at, where.roots(shape), locked)

    def show(self, m: int) -> None:
        """Let lookups find a mount (make_visible)."""
        on = self.parent[m]
        self.children[on].append(m)
        if self.at[m] == self.root[on]:
            self.overmount[on] = m

    def lookup(self, on: int, name: int) -> int:
        """What is mounted on a name of a mount, or -1 (__lookup_mnt)."""
        for m, parent in enumerate(self.parent):
            if parent == on and self.at[m] == name:
                return m
        return NOTHING

    def hide(self, m: int) -> None:
        """Take a mount off the list of its parent's children, nothing more (`mnt_child`)."""
        on = self.parent[m]
        if on >= 0 and m in self.children[on]:
            self.children[on].remove(m)

    def change_mountpoint(self, m: int, on: int, name: int) -> None:
        """Hang a mount elsewhere (mnt_change_mountpoint); the field of its old parent is left as it was."""
        self.hide(m)
        self.parent[m], self.at[m] = on, name
        self.show(m)

    def detach(self, m: int) -> None:
        """Take a mount off its parent (umount_mnt)."""
        on = self.parent[m]
        if on >= 0:
            if self.overmount[on] == m:
                self.overmount[on] = NOTHING
            self.hide(m)
        self.parent[m], self.at[m] = NOTHING, NOTHING

    def tree(self, top: int) -> list[int]:
        """A mount and all above it, each before what is on it, in the order of the lists (next_mnt)."""
        out = []
        waiting = [top]
        while waiting:
            m = waiting.pop()
            out.append(m)
            waiting += reversed(self.children[m])
        return out

    def gone(self, m: int) -> bool:
        """A mount is on its way out (MNT_UMOUNT)."""
        return bool(self.unmounted >> m & 1)

    def is_locked(self, m: int) -> bool:
        """MNT_LOCKED."""
        return bool(self.locked >> m & 1)

    def doom(self, mounts: Iterable[int]) -> None:
        """Mark mounts as going, and hide them from their parents: what umount_tree does with the tree itself."""
        for m in mounts:
            self.unmounted |= 1 << m
            self.hide(m)
