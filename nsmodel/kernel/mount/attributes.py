"""What a mount allows: read-only, nosuid and so on, by remounting and by mount_setattr(2) (fs/namespace.c:
do_reconfigure_mnt, do_remount, do_mount_setattr, v6.18)."""

from __future__ import annotations

import enum

from nsmodel.ir.language import EBUSY, EINVAL, EPERM, Flags, assure, fail, given, helper, syscall
from nsmodel.kernel.arguments import AttributeFlags
from nsmodel.kernel.credentials import may_call
from nsmodel.kernel.mount.common import (
    check_may_mount,
    check_mine,
    is_anon_root,
    is_atime,
    is_readonly,
    may_use,
    named,
    owns_superblock,
    written,
    written_fs,
)
from nsmodel.kernel.mount.path import names
from nsmodel.kernel.mount.tree import may_mount, mount_ns, subtree, superblock_of
from nsmodel.kernel.mount.type import Propagation, change_type
from nsmodel.kernel.mutants import ML02, ML03, SETATTR_NO_LOCKS
from nsmodel.kernel.objects import Attribute, AttributeKind, Dentry, Kernel, Mount, Task


class TypeChange(enum.IntEnum):
    """The `propagation` of mount_setattr."""

    KEEP = 0
    SHARED = 1
    SLAVE = 2
    PRIVATE = 3
    UNBINDABLE = 4
    SEVERAL = 5


class Atime(enum.IntEnum):
    """What mount_setattr does to the kind of access times (MOUNT_ATTR__ATIME)."""

    KEEP = 0
    RELATIME = 1
    NOATIME = 2
    STRICTATIME = 3
    MISUSED = 4
    """Set without clearing, or cleared in part."""


class SetattrFlags(Flags):
    """What mount_setattr is to do, beside the attributes that it sets and clears."""

    recursive: bool = False
    unknown: bool = False
    """A flag that the call does not know."""
    atime: Atime = Atime.KEEP
    propagation: TypeChange = TypeChange.KEEP


@helper
def may_change_to(k: Kernel, m: Mount, new: set[Attribute]) -> bool:
    """No attribute that is locked goes, nor does the kind of access times change (can_change_locked_flags)."""
    for a in m.locked_attributes:
        if is_atime(k, a):
            if (a in m.attributes) != (a in new) and not k.bug(ML03):
                return False
        elif a not in new and not (k.bug(ML03) and a.kind != AttributeKind.READONLY):
            return False
    return True


@helper
def keeps_locked(k: Kernel, m: Mount, new: set[Attribute]) -> bool:
    """Nothing that is locked on a mount is missing afterwards, and the kind of its access times is as it was."""
    for a in m.locked_attributes:
        if (is_atime(k, a) and (a in new) != (a in m.attributes)) or (not is_atime(k, a) and a not in new):
            return False
    return True


@helper
def judge_change(k: Kernel, task: Task, m: Mount) -> None:
    """What is changed is in a namespace of the caller's, over whose owner it has rights."""
    assure("NS_MEMBER", may_use(k, task, m), "what is in no namespace of the caller's is changed", m)
    assure("MNT_AUTH", may_mount(k, task), "a mount is changed without CAP_SYS_ADMIN over its namespace", m)


@helper
def check_remount(k: Kernel, task: Task, target: Mount, root: Dentry, new: set[Attribute]) -> None:
    """What both kinds of remount ask first."""
    check_mine(k, task, target)
    if target.root is not root:
        fail(EINVAL, "not the root of a mount")
    if not may_change_to(k, target, new):
        fail(EPERM, "a locked attribute would be taken off")


@helper
def do_reconfigure_mnt(k: Kernel, task: Task, target: Mount, root: Dentry, flags: AttributeFlags) -> int:
    """MS_REMOUNT with MS_BIND: the attributes of the mount are those given."""
    new = named(k, flags)
    check_remount(k, task, target, root, new)
    if is_readonly(k, new - target.attributes) and written(k, target):
        fail(EBUSY, "something is open for writing")
    had = target.locked_attributes
    judge_change(k, task, target)
    assure("LOCK_FLAGS", keeps_locked(k, target, new), "an attribute that is locked is taken off", target)
    target.attributes = new
    if k.bug(ML02):
        target.locked_attributes = set()
    assure("LOCK_FLAGS", target.locked_attributes == had, "a remount takes locks off", target)
    return 0


@helper
def do_remount(k: Kernel, task: Task, target: Mount, root: Dentry, flags: AttributeFlags) -> int:
    """MS_REMOUNT: the superblock is read-only or not, and the attributes of the mount are those given."""
    new = named(k, flags)
    check_remount(k, task, target, root, new)
    if not owns_superblock(k, task, target.root.fs):
        fail(EPERM, "no CAP_SYS_ADMIN in the user namespace of the superblock")
    sb = superblock_of(k, target.root.fs)
    if flags.readonly and not sb.readonly and written_fs(k, target.root.fs):
        fail(EBUSY, "something is open for writing")
    judge_change(k, task, target)
    allowed = owns_superblock(k, task, target.root.fs)
    assure("MNT_AUTH", allowed, "a superblock is changed without CAP_SYS_ADMIN over its owner", target)
    had = target.locked_attributes
    assure("LOCK_FLAGS", keeps_locked(k, target, new), "an attribute that is locked is taken off", target)
    sb.readonly = flags.readonly
    target.attributes = new
    assure("LOCK_FLAGS", target.locked_attributes == had, "a remount takes locks off", target)
    return 0


@syscall(source="fs/namespace.c: path_mount, do_reconfigure_mnt (v6.18); mount(2) MS_REMOUNT, MS_BIND")
def mount_remount_bind(k: Kernel, task: Task, target: Mount, root: Dentry, flags: AttributeFlags) -> int:
    """Give a mount other attributes."""
    given(may_call(k, task) and names(k, task, target, root))
    check_may_mount(k, task)
    return do_reconfigure_mnt(k, task, target, root, flags)


@syscall(source="fs/namespace.c: path_mount, do_remount (v6.18); mount(2) MS_REMOUNT")
def mount_remount(k: Kernel, task: Task, target: Mount, root: Dentry, flags: AttributeFlags) -> int:
    """Make the file system of a mount read-only or writable, and give the mount other attributes."""
    given(may_call(k, task) and names(k, task, target, root))
    check_may_mount(k, task)
    return do_remount(k, task, target, root, flags)


@helper
def new_attributes(k: Kernel, m: Mount, how: SetattrFlags, on: AttributeFlags, off: AttributeFlags) -> set[Attribute]:
    """The attributes of a mount afterwards (attr_flags_to_mnt_flags, mount_attr_do_remount)."""
    out = (m.attributes - named(k, off)) | named(k, on)
    if how.atime != Atime.KEEP:
        for a in k.attributes:
            if a.kind == AttributeKind.RELATIME or a.kind == AttributeKind.NOATIME:
                out.discard(a)
                if a.kind == AttributeKind.RELATIME and how.atime == Atime.RELATIME:
                    out.add(a)
                if a.kind == AttributeKind.NOATIME and how.atime == Atime.NOATIME:
                    out.add(a)
    return out


@helper
def names_any(k: Kernel, flags: AttributeFlags) -> bool:
    """Some attribute is named, in the scope or not."""
    return (
        flags.readonly
        or flags.nosuid
        or flags.nodev
        or flags.noexec
        or flags.noatime
        or flags.nodiratime
        or flags.relatime
        or flags.nosymfollow
    )


@helper
def asks_nothing(k: Kernel, how: SetattrFlags, on: AttributeFlags, off: AttributeFlags) -> bool:
    """A request without any change succeeds before its path is looked at."""
    none = how.atime == Atime.KEEP and how.propagation == TypeChange.KEEP
    return none and not names_any(k, on) and not names_any(k, off)


@helper
def do_mount_setattr(
    k: Kernel,
    task: Task,
    target: Mount,
    root: Dentry,
    how: SetattrFlags,
    on: AttributeFlags,
    off: AttributeFlags,
) -> int:
    """Change a mount, or it and all that is mounted on it: all of them or none."""
    if how.unknown:
        fail(EINVAL, "an unknown flag")
    check_may_mount(k, task)
    if asks_nothing(k, how, on, off):
        return 0
    if how.propagation == TypeChange.SEVERAL:
        fail(EINVAL, "more than one propagation type at once")
    if how.atime == Atime.MISUSED:
        fail(EINVAL, "the kind of access times is set without clearing the old one")
    if target.root is not root:
        fail(EINVAL, "not the root of a mount")
    if target.ns is None:
        fail(EINVAL, "the mount was unmounted")
    if target.ns is not mount_ns(k, task) and not is_anon_root(k, target):
        fail(EINVAL, "the mount is neither in the caller's namespace nor the root of a tree mounted nowhere")
    changed = {target}
    if how.recursive:
        changed = subtree(k, target)
    for m in changed:
        new = new_attributes(k, m, how, on, off)
        if not may_change_to(k, m, new) and not k.bug(SETATTR_NO_LOCKS):
            fail(EPERM, "a locked attribute would be taken off")
        if is_readonly(k, new - m.attributes) and written(k, m):
            fail(EBUSY, "something is open for writing")
    for m in changed:
        judge_change(k, task, m)
        had = m.locked_attributes
        new = new_attributes(k, m, how, on, off)
        assure("LOCK_FLAGS", keeps_locked(k, m, new), "a locked attribute is taken off", m)
        m.attributes = new
        assure("LOCK_FLAGS", m.locked_attributes == had, "the lock of an attribute is taken off", m)
        if how.propagation == TypeChange.SHARED:
            change_type(k, m, Propagation.SHARED)
        if how.propagation == TypeChange.SLAVE:
            change_type(k, m, Propagation.SLAVE)
        if how.propagation == TypeChange.PRIVATE:
            change_type(k, m, Propagation.PRIVATE)
        if how.propagation == TypeChange.UNBINDABLE:
            change_type(k, m, Propagation.UNBINDABLE)
    return 0


@syscall(source="fs/namespace.c: SYSCALL_DEFINE5(mount_setattr), do_mount_setattr (v6.18); mount_setattr(2)")
def mount_setattr(
    k: Kernel,
    task: Task,
    target: Mount,
    root: Dentry,
    how: SetattrFlags,
    on: AttributeFlags,
    off: AttributeFlags,
) -> int:
    """Set and clear attributes of mounts, and change how they propagate."""
    given(may_call(k, task) and names(k, task, target, root))
    return do_mount_setattr(k, task, target, root, how, on, off)
