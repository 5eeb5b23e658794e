"""Calls on mounts that look before they lock: what they saw may have changed (fs/namespace.c, v6.18)."""

from __future__ import annotations

from collections.abc import Generator

from nsmodel.ir.language import EINVAL, ENOENT, assure, error, fail, given, interleaved
from nsmodel.kernel.credentials import may_call
from nsmodel.kernel.mount.common import check_may_mount, check_mine, own_ns
from nsmodel.kernel.mount.new import check_graft, make_mount
from nsmodel.kernel.mount.path import names
from nsmodel.kernel.mount.propagation import attach
from nsmodel.kernel.mount.tree import mount_ns, subtree, superblock_of, top_at
from nsmodel.kernel.mount.victims import Leaving, umount_tree, victims
from nsmodel.kernel.mutants import ML11, MR15
from nsmodel.kernel.objects import Dentry, FsKind, Kernel, Mount, Task
from nsmodel.kernel.refs import put_mount, reap

Steps = Generator[None, None, int]


@interleaved(source="fs/namespace.c: can_umount, do_umount (v6.18); umount2(2) MNT_DETACH")
def umount_racing(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> Steps:
    """umount2 with MNT_DETACH: a look without locks whether the mount may be unmounted, and once more under
    namespace_sem."""
    given(may_call(k, task) and names(k, task, at, dentry))
    check_may_mount(k, task)
    target = top_at(k, at, dentry)
    spot = dentry if target is at else target.root
    if target.root is not spot:
        fail(EINVAL, "not the root of a mount")
    check_mine(k, task, target)
    if target.locked or target.parent is None:
        fail(EINVAL, "the mount is locked, or lies on nothing")
    target.count += 1
    yield
    gone_meanwhile = target.ns is not mount_ns(k, task) or target.parent is None
    if gone_meanwhile or (target.locked and not k.bug(ML11)):
        put_mount(k, target)
        return error(EINVAL, "meanwhile the mount was locked or unmounted")
    assure("LOCK_COVER", not target.locked, "a locked mount is unmounted alone", target)
    going = subtree(k, target)
    umount_tree(k, going, victims(k, going, target), target, Leaving.LAZY)
    target.count -= 1
    reap(k)
    return 0


@interleaved(source="fs/namespace.c: finish_automount, do_add_mount (v6.18)")
def automount(k: Kernel, task: Task, root: Dentry, at: Mount, dentry: Dentry) -> Steps:
    """A walk comes to a place where another file system mounts itself: it is made ready without locks, and hung there
    under them, if the place still is in a mount namespace."""
    given(may_call(k, task) and root.parent is None and root.fs.kind == FsKind.MQUEUE)
    given(names(k, task, at, dentry) and dentry is not at.root and top_at(k, at, dentry) is at)
    check_graft(k, root, dentry)
    at.count += 1
    yield
    free = top_at(k, at, dentry) is at
    if not free or (at.ns is not mount_ns(k, task) and not (at.ns is None and k.bug(MR15))):
        put_mount(k, at)
        return error(ENOENT, "meanwhile something was mounted there, or the place was unmounted")
    superblock_of(k, root.fs)
    m = make_mount(k, root, set())
    attach(k, m, at, dentry, own_ns(k, task))
    at.count -= 1
    return 0
