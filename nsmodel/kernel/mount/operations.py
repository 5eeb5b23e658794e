"""The classic mount calls (fs/namespace.c, v6.18; mount(2), umount2(2), pivot_root(2), mount_namespaces(7)).

A path is what its lookup ends on: a mount and a name in it. `reaches` says which ends a task can name.
"""

from __future__ import annotations

import enum

from nsmodel.ir.language import EBUSY, EINVAL, ELOOP, ENOTDIR, EPERM, Flags, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import may_call
from nsmodel.kernel.mount.propagation import attach, leave_group
from nsmodel.kernel.mount.tree import (
    clone_tree,
    copied_by_bind,
    has_locked_child,
    may_mount,
    mount_ns,
    mounted_at,
    on_path,
    shows,
    subtree,
)
from nsmodel.kernel.mount.umount import counterparts, is_busy, is_used, slide, take_off, victims
from nsmodel.kernel.objects import Dentry, Kernel, Mount, PeerGroup, Task


class Propagation(enum.IntEnum):
    """The propagation type that mount(2) gives to a mount."""

    SHARED = 0
    SLAVE = 1
    PRIVATE = 2
    UNBINDABLE = 3


class UmountFlags(Flags):
    """Flags of umount2."""

    detach: bool = False
    unknown: bool = False


@helper
def reaches(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> bool:
    """A path of the task can end on a name of a mount: it is in the task's namespace, shows the name, and nothing is
    mounted there."""
    ns = mount_ns(k, task)
    return ns is not None and at.ns is ns and shows(k, at, dentry) and mounted_at(k, at, dentry) is None


@helper
def check_place(k: Kernel, task: Task, at: Mount, root: Dentry, dentry: Dentry) -> None:
    """The last checks of every attach (lock_mount, graft_tree)."""
    if at.ns is not mount_ns(k, task):
        fail(EINVAL, "the place is not in the caller's mount namespace")
    if root.directory != dentry.directory:
        fail(ENOTDIR, "a directory and something else")


@helper
def change_type(k: Kernel, m: Mount, to: Propagation) -> None:
    """Make one mount shared, slave, private or unbindable (fs/pnode.c: change_mnt_propagation, v6.18)."""
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


@syscall(source="fs/namespace.c: path_mount, do_new_mount, do_add_mount (v6.18); mount(2)")
def mount_new(k: Kernel, task: Task, root: Dentry, at: Mount, dentry: Dentry) -> None:
    """Mount a file system, of which `root` is the root."""
    given(may_call(k, task) and root.parent is None and reaches(k, task, at, dentry))
    ns = mount_ns(k, task)
    assert ns is not None
    if not may_mount(k, task):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the mount namespace")
    if at.root is root and at.parent is not None and dentry is at.root:
        fail(EBUSY, "the same is mounted there already")
    check_place(k, task, at, root, dentry)
    m = k.new(Mount)
    m.root = root
    attach(k, m, at, dentry, ns)


@syscall(source="fs/namespace.c: path_mount, do_loopback (v6.18); mount(2) MS_BIND")
def mount_bind(k: Kernel, task: Task, source: Mount, root: Dentry, at: Mount, dentry: Dentry, rec: bool) -> None:
    """Bind what a path shows, with what is mounted below it or without."""
    given(may_call(k, task) and shows(k, source, root) and reaches(k, task, at, dentry))
    given(source.ns is mount_ns(k, task) and mounted_at(k, source, root) is None)
    ns = mount_ns(k, task)
    assert ns is not None
    if not may_mount(k, task):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the mount namespace")
    if at.ns is not ns:
        fail(EINVAL, "the place is not in the caller's mount namespace")
    if source.unbindable:
        fail(EINVAL, "the source is unbindable")
    if not rec and has_locked_child(k, source, root):
        fail(EINVAL, "a locked mount hides something below the source")
    if rec and any(c.locked and c.unbindable and on_path(k, c, source) and c is not source for c in k.mounts):
        fail(EPERM, "a mount below the source is locked and unbindable")
    check_place(k, task, at, root, dentry)
    originals = {source}
    if rec:
        originals = copied_by_bind(k, source, root)
    m = clone_tree(k, originals, source, root, None)
    attach(k, m, at, dentry, ns)


@syscall(source="fs/namespace.c: path_mount, do_move_mount_old, do_move_mount (v6.18); mount(2) MS_MOVE")
def mount_move(k: Kernel, task: Task, source: Mount, at: Mount, dentry: Dentry) -> None:
    """Move a mount with all that is mounted on it."""
    given(may_call(k, task) and reaches(k, task, source, source.root) and reaches(k, task, at, dentry))
    ns = mount_ns(k, task)
    assert ns is not None
    if not may_mount(k, task):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the mount namespace")
    if source.root.directory != dentry.directory:
        fail(EINVAL, "a directory and something else")
    old = source.parent
    if old is None or source.locked:
        fail(EINVAL, "the mount lies on nothing, or is locked")
    if old.group is not None:
        fail(EINVAL, "the parent is shared")
    if at.group is not None and any(m.unbindable for m in subtree(k, source)):
        fail(EINVAL, "something unbindable would propagate")
    if on_path(k, at, source):
        fail(ELOOP, "a mount cannot go on itself")
    attach(k, source, at, dentry, ns)


@syscall(source="fs/namespace.c: do_change_type; fs/pnode.c: change_mnt_propagation (v6.18); mount(2)")
def mount_change_type(k: Kernel, task: Task, target: Mount, to: Propagation, rec: bool) -> None:
    """Change the propagation type of a mount, or of all that is mounted on it too."""
    given(may_call(k, task) and reaches(k, task, target, target.root))
    if not may_mount(k, task):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the mount namespace")
    changed = {target}
    if rec:
        changed = subtree(k, target)
    for m in changed:
        change_type(k, m, to)


@syscall(source="fs/namespace.c: path_umount, can_umount, do_umount (v6.18); umount2(2)")
def umount2(k: Kernel, task: Task, target: Mount, flags: UmountFlags) -> None:
    """Unmount what is on top of a place."""
    given(may_call(k, task) and reaches(k, task, target, target.root))
    if flags.unknown:
        fail(EINVAL, "an unknown flag")
    if not may_mount(k, task):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the mount namespace")
    if target.locked or target.parent is None:
        fail(EINVAL, "the mount is locked, or lies on nothing")
    if not flags.detach and is_busy(k, target):
        fail(EBUSY, "the mount, or a copy of it that would go too, is in use")
    going = {target}
    if flags.detach:
        going = subtree(k, target)
    gone = victims(k, going, target)
    for c in counterparts(k, target):
        c.locked = False
    used = any(is_used(k, v) for v in gone)
    assure("SYNC_UMOUNT_IDLE", flags.detach or not used, "what a synchronous umount takes along is idle", target)
    slide(k, gone)
    take_off(k, gone)
