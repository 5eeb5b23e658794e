"""Unmounting: umount2(2) (fs/namespace.c: path_umount, can_umount, do_umount, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import EAGAIN, EBUSY, EINVAL, EPERM, Flags, assure, error, fail, given, helper, syscall
from nsmodel.kernel.credentials import admin, may_call
from nsmodel.kernel.mount.common import check_may_mount, check_mine, may_use, owns_superblock, written_fs
from nsmodel.kernel.mount.path import ends_on
from nsmodel.kernel.mount.tree import may_mount, mount_ns, subtree, superblock_of, top_at
from nsmodel.kernel.mount.victims import Leaving, copies_busy, is_held, is_used, umount_tree, victims
from nsmodel.kernel.mutants import ML01, ML16, MR04
from nsmodel.kernel.objects import Dentry, Kernel, Mount, Task
from nsmodel.kernel.refs import reap


class UmountFlags(Flags):
    """Flags of umount2."""

    detach: bool = False
    expire: bool = False
    force: bool = False
    nofollow: bool = False
    """UMOUNT_NOFOLLOW: a symbolic link at the end is not followed, and is no mount then."""
    unknown: bool = False


@helper
def is_root(k: Kernel, task: Task, m: Mount) -> bool:
    """A mount is the one that the caller's root directory is in; in a scope without root directories, what lies on the
    bottom of its namespace."""
    fs = task.fs
    if fs is not None:
        return fs.root_mnt is m
    ns = mount_ns(k, task)
    return ns is not None and m.parent is not None and m.parent is ns.root


@helper
def check_umount(k: Kernel, task: Task, target: Mount, spot: Dentry, flags: UmountFlags) -> None:
    """What can be unmounted at all (can_umount)."""
    check_may_mount(k, task)
    if target.root is not spot:
        fail(EINVAL, "not the root of a mount")
    check_mine(k, task, target)
    if target.locked and not k.bug(ML01):
        fail(EINVAL, "the mount is locked")
    if flags.force and not owns_superblock(k, task, target.root.fs):
        fail(EPERM, "MNT_FORCE without CAP_SYS_ADMIN in the user namespace of the superblock")


@helper
def remount_root(k: Kernel, task: Task, target: Mount) -> int:
    """Unmounting the caller's own root makes its file system read-only, for everybody (do_umount_root)."""
    sb = superblock_of(k, target.root.fs)
    allowed = admin(k, task, sb.owner)
    if not allowed and not k.bug(ML16):
        fail(EPERM, "no CAP_SYS_ADMIN in the user namespace of the superblock")
    if not sb.readonly and written_fs(k, target.root.fs):
        fail(EBUSY, "something is open for writing")
    assure("MNT_AUTH", allowed, "a superblock is changed without CAP_SYS_ADMIN over its owner", target)
    sb.readonly = True
    return 0


@helper
def path_umount(k: Kernel, task: Task, at: Mount, dentry: Dentry, flags: UmountFlags) -> int:
    """Unmount what is on top of a place."""
    target = top_at(k, at, dentry)
    spot = dentry if target is at else target.root
    if flags.unknown:
        fail(EINVAL, "an unknown flag")
    if k.bug(MR04) and dentry.symlink and may_mount(k, task):
        at.count += 1
        return error(EINVAL, "not the root of a mount, and the reference on its mount is not put")
    check_umount(k, task, target, spot, flags)
    if flags.expire:
        if is_root(k, task, target) or flags.force or flags.detach:
            fail(EINVAL, "MNT_EXPIRE of the caller's root, or with MNT_FORCE or MNT_DETACH")
        if is_held(k, target):
            fail(EBUSY, "the mount has children or is in use")
        if not target.expiring:
            target.expiring = True
            return error(EAGAIN, "the mount is marked; the next call takes it, unless somebody was there")
    if is_root(k, task, target) and not flags.detach:
        return remount_root(k, task, target)
    if target.parent is None:
        fail(EINVAL, "the mount lies on nothing")
    if not flags.detach and is_held(k, target):
        fail(EBUSY, "the mount has children or is in use")
    going = {target}
    if flags.detach:
        going = subtree(k, target)
    gone = victims(k, going, target)
    if not flags.detach and copies_busy(k, target, gone):
        fail(EBUSY, "a copy of the mount that would go too is in use")
    assure("LOCK_COVER", not target.locked, "a locked mount is unmounted alone", target)
    assure("NS_MEMBER", may_use(k, task, target), "what is in no namespace of the caller's is unmounted", target)
    assure("MNT_AUTH", may_mount(k, task), "a mount is taken off without CAP_SYS_ADMIN over its namespace", target)
    idle = flags.detach or not any(is_used(k, v) for v in gone)
    assure("SYNC_UMOUNT_IDLE", idle, "what a synchronous umount takes along is idle", target)
    umount_tree(k, going, gone, target, Leaving.LAZY if flags.detach else Leaving.SYNC)
    reap(k)
    return 0


@syscall(source="fs/namespace.c: path_umount, can_umount, do_umount (v6.18); umount2(2)", keeps=EAGAIN)
def umount2(k: Kernel, task: Task, at: Mount, dentry: Dentry, flags: UmountFlags) -> int:
    """Unmount what is on top of a place."""
    given(may_call(k, task) and ends_on(k, task, at, dentry))
    given(flags.nofollow == dentry.symlink)  # elsewhere the flag changes nothing, but for links of /proc
    return path_umount(k, task, at, dentry, flags)
