"""What the calls on mounts share: who may, where something lands, and who writes (fs/namespace.c, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import EINVAL, ENOENT, EPERM, fail, helper
from nsmodel.kernel.arguments import AttributeFlags
from nsmodel.kernel.credentials import admin
from nsmodel.kernel.mount.tree import may_mount, mount_ns, superblock_of
from nsmodel.kernel.objects import (
    Attribute,
    AttributeKind,
    Dentry,
    FileSystem,
    FsKind,
    Kernel,
    MntNamespace,
    Mount,
    Task,
)


@helper
def check_may_mount(k: Kernel, task: Task) -> None:
    """The permission that every call on mounts asks for."""
    if not may_mount(k, task):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the mount namespace")


@helper
def own_ns(k: Kernel, task: Task) -> MntNamespace:
    """The mount namespace of a task that may mount."""
    ns = mount_ns(k, task)
    assert ns is not None
    return ns


@helper
def check_alive(k: Kernel, at: Mount, spot: Dentry) -> None:
    """Where something is to be put is still there (do_lock_mount)."""
    if spot.dead or at.ns is None:
        fail(ENOENT, "the place was removed, or its mount was unmounted")


@helper
def check_carries(k: Kernel, top: Dentry) -> None:
    """What is put somewhere can have mounts on it itself: the root of its topmost mount was not removed
    (attach_recursive_mnt: get_mountpoint, d_set_mounted)."""
    if top.dead:
        fail(ENOENT, "what is to be put there was removed")


@helper
def check_mine(k: Kernel, task: Task, m: Mount) -> None:
    """A mount is in the caller's namespace (check_mnt)."""
    if m.ns is not mount_ns(k, task):
        fail(EINVAL, "the mount is not in the caller's mount namespace")


@helper
def is_anon_root(k: Kernel, m: Mount) -> bool:
    """A mount is the root of a tree that is mounted nowhere (anon_ns_root)."""
    ns = m.ns
    return ns is not None and ns.anonymous and ns.root is m


@helper
def may_use(k: Kernel, task: Task, m: Mount) -> bool:
    """A mount is in the caller's namespace, or in a tree that was copied from there (may_use_mount,
    check_anonymous_mnt)."""
    mine = mount_ns(k, task)
    ns = m.ns
    if ns is None or mine is None:
        return False
    return ns is mine or (ns.anonymous and (ns.anywhere or ns.origin is mine))


@helper
def written(k: Kernel, m: Mount) -> bool:
    """Somebody has something open for writing on a mount (mnt_get_writers)."""
    return any(f.write and f.mount is m for f in k.descriptors)


@helper
def written_fs(k: Kernel, fs: FileSystem) -> bool:
    """Somebody has something open for writing on some mount of a file system (sb_prepare_remount_readonly)."""
    for f in k.descriptors:
        m = f.mount
        if f.write and m is not None:
            if m.root.fs is fs:
                return True
    return False


@helper
def owns_superblock(k: Kernel, task: Task, fs: FileSystem) -> bool:
    """Capabilities over the user namespace of a file system's superblock; nobody has them over namespace files'."""
    return fs.kind != FsKind.NSFS and admin(k, task, superblock_of(k, fs).owner)


@helper
def named(k: Kernel, flags: AttributeFlags) -> set[Attribute]:
    """The attributes of the scope that flags name."""
    return {
        a
        for a in k.attributes
        if (a.kind == AttributeKind.READONLY and flags.readonly)
        or (a.kind == AttributeKind.NOSUID and flags.nosuid)
        or (a.kind == AttributeKind.NODEV and flags.nodev)
        or (a.kind == AttributeKind.NOEXEC and flags.noexec)
        or (a.kind == AttributeKind.NOATIME and flags.noatime)
        or (a.kind == AttributeKind.NODIRATIME and flags.nodiratime)
        or (a.kind == AttributeKind.RELATIME and flags.relatime)
        or (a.kind == AttributeKind.NOSYMFOLLOW and flags.nosymfollow)
    }


@helper
def is_atime(k: Kernel, a: Attribute) -> bool:
    """An attribute is one of the kind of access times (MNT_ATIME_MASK)."""
    return a.kind == AttributeKind.NOATIME or a.kind == AttributeKind.NODIRATIME or a.kind == AttributeKind.RELATIME


@helper
def has_kind(k: Kernel, attributes: set[Attribute], kind: AttributeKind) -> bool:
    """Attributes hold one of a kind."""
    return any(a.kind == kind for a in attributes)


@helper
def is_readonly(k: Kernel, attributes: set[Attribute]) -> bool:
    """Attributes hold read-only."""
    return has_kind(k, attributes, AttributeKind.READONLY)
