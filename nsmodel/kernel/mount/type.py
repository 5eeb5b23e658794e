"""How mounts propagate: shared, slave, private, unbindable (fs/namespace.c: do_change_type; fs/pnode.c:
change_mnt_propagation, v6.18; mount(2), mount_namespaces(7))."""

from __future__ import annotations

import enum

from nsmodel.ir.language import EINVAL, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import admin, may_call
from nsmodel.kernel.mount.common import check_may_mount
from nsmodel.kernel.mount.move import check_may_change
from nsmodel.kernel.mount.path import names
from nsmodel.kernel.mount.propagation import leave_group
from nsmodel.kernel.mount.tree import subtree
from nsmodel.kernel.mutants import MP11
from nsmodel.kernel.objects import Dentry, Kernel, Mount, PeerGroup, Task


class Propagation(enum.IntEnum):
    """The propagation type that a call gives to a mount."""

    SHARED = 0
    SLAVE = 1
    PRIVATE = 2
    UNBINDABLE = 3
    SEVERAL = 4
    """More than one at once, which no call takes."""


@helper
def change_type(k: Kernel, m: Mount, to: Propagation) -> None:
    """Make one mount shared, slave, private or unbindable (change_mnt_propagation)."""
    if to == Propagation.SHARED:
        if m.group is None:
            m.group = k.new(PeerGroup)
        m.unbindable = False
        return
    above = m.master
    g = m.group
    alone = g is not None and not any(p.group is g and p is not m for p in k.mounts)
    if to == Propagation.SLAVE:
        if g is not None and not alone:
            m.master = g
            m.group = None
        elif g is not None:
            leave_group(k, m)
            m.master = above
        return
    leave_group(k, m)
    m.unbindable = to == Propagation.UNBINDABLE


@helper
def do_change_type(k: Kernel, task: Task, target: Mount, root: Dentry, to: Propagation, rec: bool) -> int:
    """Change one mount, or it and all that is mounted on it."""
    if target.root is not root:
        fail(EINVAL, "not the root of a mount")
    if to == Propagation.SEVERAL:
        fail(EINVAL, "more than one type at once")
    if not k.bug(MP11):
        check_may_change(k, task, target)
    here = target.ns
    assure("NS_MEMBER", here is not None, "the type of what is in no namespace is changed", target)
    allowed = here is None or admin(k, task, here.owner)
    assure("MNT_AUTH", allowed, "the type of somebody else's mount is changed", target)
    changed = {target}
    if rec:
        changed = subtree(k, target)
    for m in changed:
        change_type(k, m, to)
    return 0


@syscall(source="fs/namespace.c: path_mount, do_change_type (v6.18); mount(2)")
def mount_change_type(k: Kernel, task: Task, target: Mount, root: Dentry, to: Propagation, rec: bool) -> int:
    """Make a mount shared, slave, private or unbindable."""
    given(may_call(k, task) and names(k, task, target, root))
    check_may_mount(k, task)
    return do_change_type(k, task, target, root, to, rec)
