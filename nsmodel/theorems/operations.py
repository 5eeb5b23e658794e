"""What system calls do to mounts once their checks are passed, as operations on forests that no call has made."""

from __future__ import annotations

from nsmodel.ir.language import given, syscall
from nsmodel.kernel.mount.propagation import attach
from nsmodel.kernel.mount.tree import has_children, subtree
from nsmodel.kernel.mount.type import Propagation, change_type
from nsmodel.kernel.mount.victims import Leaving, umount_tree, victims
from nsmodel.kernel.objects import Descriptor, Kernel, Mount


@syscall(source="fs/pnode.c: change_mnt_propagation (v6.18)")
def change(k: Kernel, m: Mount, to: Propagation) -> int:
    """A mount is made shared, slave, private or unbindable."""
    change_type(k, m, to)
    return 0


@syscall(source="fs/namespace.c: umount_tree (v6.18)")
def leave(k: Kernel, m: Mount, how: Leaving, locks: bool) -> int:
    """A mount is taken off with all that is on it; `locks`: every other mount on another is locked."""
    others = any(x.parent is not None and x is not m for x in k.mounts)
    given(m.parent is not None and (how == Leaving.LAZY or not has_children(k, m)) and (others or not locks))
    for x in k.mounts:
        x.locked = locks and x.parent is not None and x is not m
    going = subtree(k, m)
    umount_tree(k, going, victims(k, going, m), m, how)
    return 0


@syscall(source="fs/namespace.c: attach_recursive_mnt (v6.18)")
def put(k: Kernel, tree: Descriptor, at: Descriptor) -> int:
    """The tree that one descriptor is of is put on the place that another is of."""
    given(tree.tree and not at.tree)
    top = tree.mount
    dst = at.mount
    spot = at.dentry
    if top is not None and dst is not None and spot is not None:
        there = dst.ns
        if there is not None:
            attach(k, top, dst, spot, there)
    return 0
