"""What a new mount of proc or sysfs may reveal: no more than one that is there already shows (fs/namespace.c:
mount_too_revealing, mnt_already_visible, v6.18; user_namespaces(7)).

The initial user namespace's own mount namespace is free of this; the sandbox's is not.
"""

from __future__ import annotations

from nsmodel.ir.language import EPERM, assure, fail, helper
from nsmodel.kernel.mount.common import is_atime, own_ns
from nsmodel.kernel.mount.superblock import shows_foreign
from nsmodel.kernel.mount.tree import superblock_of
from nsmodel.kernel.mutants import ML14
from nsmodel.kernel.objects import (
    Attribute,
    AttributeKind,
    FileSystem,
    FsKind,
    Kernel,
    Mount,
    Task,
)


@helper
def kept_locks(k: Kernel, m: Mount) -> set[Attribute]:
    """What of a mount a new one has to keep: that it is read-only, and how it notes access times, where this is locked;
    a read-only file system counts as locked."""
    readonly = superblock_of(k, m.root.fs).readonly
    return {
        a
        for a in k.attributes
        if (a in m.locked_attributes and (a.kind == AttributeKind.READONLY or is_atime(k, a)))
        or (readonly and a.kind == AttributeKind.READONLY)
    }


@helper
def is_weaker(k: Kernel, m: Mount, new: set[Attribute]) -> bool:
    """A new mount with some attributes allows what a mount does not, for good."""
    for a in kept_locks(k, m):
        if a.kind == AttributeKind.READONLY and a not in new:
            return True
        if is_atime(k, a) and any(is_atime(k, b) and (b in m.attributes) != (b in new) for b in k.attributes):
            return True
    return False


@helper
def covers_nothing(k: Kernel, m: Mount) -> bool:
    """A mount is on a directory that was made for that, and is empty."""
    at = m.mountpoint
    return at is not None and at.empty


@helper
def shows_all(k: Kernel, m: Mount) -> bool:
    """A mount shows its file system from the root, and no locked mount covers more than an empty directory in it."""
    return m.root.parent is None and not any(c.parent is m and c.locked and not covers_nothing(k, c) for c in k.mounts)


@helper
def is_watched(k: Kernel, task: Task, fs: FileSystem) -> bool:
    """A new mount of the file system must show no more than one that is there (SB_I_USERNS_VISIBLE), unless the mount
    namespace is the initial user namespace's."""
    owner = own_ns(k, task).owner
    free = owner is not None and owner.initial
    return (fs.kind == FsKind.PROC or fs.kind == FsKind.SYSFS) and not free


@helper
def already_visible(k: Kernel, task: Task, fs: FileSystem, new: set[Attribute]) -> Mount | None:
    """A mount of the same type in the caller's mount namespace that shows all that a new one would."""
    ns = own_ns(k, task)
    for m in k.mounts:
        if m.ns is ns and m.root.fs.kind == fs.kind and shows_all(k, m) and not is_weaker(k, m, new):
            return m
    return None


@helper
def check_revealing(k: Kernel, task: Task, fs: FileSystem, new: set[Attribute]) -> None:
    """A new proc or sysfs reveals nothing."""
    if is_watched(k, task, fs) and already_visible(k, task, fs, new) is None and not k.bug(ML14):
        fail(EPERM, "no mount of the same type is there that shows all that a new one would")


@helper
def locks_of_new(k: Kernel, task: Task, fs: FileSystem, new: set[Attribute]) -> set[Attribute]:
    """The attributes that are locked on a new mount: those of the one that shows as much."""
    none: set[Attribute] = set()
    old = already_visible(k, task, fs, new) if is_watched(k, task, fs) else None
    if old is None:
        return none
    return kept_locks(k, old)


@helper
def judge_revealing(k: Kernel, task: Task, fs: FileSystem, new: set[Attribute]) -> None:
    """Nothing that a locked mount hides is shown by a new proc or sysfs, and no namespace of somebody else's by any new
    mount."""
    ns = own_ns(k, task)
    if is_watched(k, task, fs):
        seen = any(m.ns is ns and m.root.fs.kind == fs.kind and shows_all(k, m) for m in k.mounts)
        assure("FULLY_VISIBLE", seen, "a new mount of proc or sysfs shows what is hidden in the old one", task)
    assure("FULLY_VISIBLE", not shows_foreign(k, task, fs), "a new mount shows a foreign namespace", task)
