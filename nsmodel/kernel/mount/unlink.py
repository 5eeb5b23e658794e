"""Removing and renaming names on which something is mounted (fs/namei.c: vfs_rmdir, vfs_rename; fs/namespace.c:
__detach_mounts, __is_local_mountpoint, v6.18; since 3.18 mounts elsewhere do not keep a name).

The forest of a bounded state is constant: a name that is removed is made again at once, so only names that nobody
stands on and nothing shows are removed there.
"""

from __future__ import annotations

from nsmodel.ir.language import EBUSY, EISDIR, ENOTDIR, ENOTEMPTY, EROFS, EXDEV, fail, given, helper, syscall
from nsmodel.kernel.credentials import may_call
from nsmodel.kernel.mount.common import is_readonly
from nsmodel.kernel.mount.path import names
from nsmodel.kernel.mount.tree import mount_ns, on_path, superblock_of
from nsmodel.kernel.mount.victims import Leaving, take_off
from nsmodel.kernel.objects import Dentry, FsKind, Kernel, Mount, Task
from nsmodel.kernel.refs import reap


@helper
def is_local_mountpoint(k: Kernel, task: Task, dentry: Dentry) -> bool:
    """Something is mounted on a name, on whatever mount, in the caller's mount namespace."""
    return any(m.mountpoint is dentry and m.ns is not None and m.ns is mount_ns(k, task) for m in k.mounts)


@helper
def detach_mounts(k: Kernel, dentry: Dentry) -> None:
    """What is mounted on a name that goes is unmounted wherever it is; nobody receives that, and the trees stay as they
    are for those who stand in them."""
    for m in k.mounts:
        if m.mountpoint is dentry:
            if m.ns is not None:
                gone = {x for x in k.mounts if on_path(k, x, m)}
                take_off(k, gone, Leaving.CONNECTED)
            else:
                m.parent = None
                m.mountpoint = None
                m.count -= 1
    reap(k)


@helper
def may_unlink(k: Kernel, task: Task, at: Mount, dentry: Dentry, directory: bool) -> None:
    """The checks of unlink and rmdir that the tree decides."""
    if dentry is at.root and dentry.directory and not directory:
        fail(EISDIR, "unlink of a directory that is the root of a mount")
    if dentry is at.root:
        fail(EBUSY, "the root of a mount")
    if is_readonly(k, at.attributes) or superblock_of(k, at.root.fs).readonly:
        fail(EROFS, "the mount or its file system is read-only")
    if directory and not dentry.directory:
        fail(ENOTDIR, "rmdir of something that is no directory")
    if dentry.directory and not directory:
        fail(EISDIR, "unlink of a directory")
    if is_local_mountpoint(k, task, dentry):
        fail(EBUSY, "something is mounted there in the caller's mount namespace")
    if any(d.parent is dentry and not d.dead for d in k.dentries):
        fail(ENOTEMPTY, "the directory has names")


@helper
def at_end(k: Kernel, dentry: Dentry) -> bool:
    """A name of a tmpfs with nothing below it, which is the root of no mount."""
    shown = any(m.root is dentry for m in k.mounts) or any(d.parent is dentry for d in k.dentries)
    return not shown and dentry.fs.kind == FsKind.NEW


@helper
def untouched(k: Kernel, dentry: Dentry) -> bool:
    """Nothing shows a name of a tmpfs, or one below it, and nobody stands there."""
    stood = any(f.root_dentry is dentry or f.cwd_dentry is dentry for f in k.fs_structs)
    return at_end(k, dentry) and not stood and not any(f.dentry is dentry for f in k.descriptors)


@syscall(source="fs/namei.c: vfs_rmdir, vfs_unlink; fs/namespace.c: __detach_mounts (v6.18); rmdir(2), unlink(2)")
def unlink(k: Kernel, task: Task, at: Mount, dentry: Dentry, directory: bool) -> int:
    """Remove a name (as a `directory`: rmdir), and make it again."""
    given(may_call(k, task) and names(k, task, at, dentry) and (dentry is at.root or untouched(k, dentry)))
    may_unlink(k, task, at, dentry, directory)
    detach_mounts(k, dentry)
    return 0


@helper
def check_names(k: Kernel, at: Mount, dentry: Dentry, over_at: Mount, over: Dentry | None) -> None:
    """Two names can be changed at once: they are in one mount, which is written (do_renameat2, v6.18)."""
    if at is not over_at:
        fail(EXDEV, "from one mount to another")
    if dentry is at.root or over is at.root:
        fail(EBUSY, "the root of a mount")
    if is_readonly(k, at.attributes) or superblock_of(k, at.root.fs).readonly:
        fail(EROFS, "the mount or its file system is read-only")


@helper
def may_rename(k: Kernel, task: Task, at: Mount, dentry: Dentry, over_at: Mount, over: Dentry | None) -> None:
    """The checks of rename that the tree decides; `over` is what has the new name."""
    check_names(k, at, dentry, over_at, over)
    if over is not None and over is not dentry:
        if dentry.directory and not over.directory:
            fail(ENOTDIR, "a directory over something else")
        if over.directory and not dentry.directory:
            fail(EISDIR, "something else over a directory")
    if is_local_mountpoint(k, task, dentry):
        fail(EBUSY, "something is mounted there in the caller's mount namespace")
    if over is not None and over is not dentry:
        if is_local_mountpoint(k, task, over):
            fail(EBUSY, "something is mounted on the other name in the caller's mount namespace")
        if any(d.parent is over and not d.dead for d in k.dentries):
            fail(ENOTEMPTY, "the directory that has the name is not empty")


@syscall(source="fs/namei.c: do_renameat2, vfs_rename (v6.18); rename(2)")
def rename(k: Kernel, task: Task, at: Mount, dentry: Dentry, over_at: Mount, over: Dentry) -> int:
    """Give a name to what has another one in the same directory, and make that again."""
    given(may_call(k, task) and names(k, task, at, dentry) and names(k, task, over_at, over))
    given(dentry is not over and dentry.parent is over.parent and dentry.parent is not None)
    given(untouched(k, dentry) and untouched(k, over))
    given(not any(m.mountpoint is dentry and m.ns is not mount_ns(k, task) for m in k.mounts))
    may_rename(k, task, at, dentry, over_at, over)
    detach_mounts(k, over)
    return 0


@helper
def exchanged(k: Kernel, dentry: Dentry | None, one: Dentry, other: Dentry) -> Dentry | None:
    """Where a name is after two have changed places."""
    if dentry is one:
        return other
    return one if dentry is other else dentry


@syscall(source="fs/namei.c: do_renameat2, vfs_rename (v6.18); renameat2(2)")
def exchange(k: Kernel, task: Task, at: Mount, dentry: Dentry, over_at: Mount, over: Dentry) -> int:
    """Two names change places (RENAME_EXCHANGE), whoever stands there; the forest stays as it is."""
    given(may_call(k, task) and names(k, task, at, dentry) and names(k, task, over_at, over))
    given(dentry is not over and dentry.directory == over.directory and dentry.symlink == over.symlink)
    given((dentry is at.root or at_end(k, dentry)) and (over is over_at.root or at_end(k, over)))
    given(not any((m.mountpoint is dentry or m.mountpoint is over) and m.ns is not mount_ns(k, task) for m in k.mounts))
    check_names(k, at, dentry, over_at, over)
    if is_local_mountpoint(k, task, dentry) or is_local_mountpoint(k, task, over):
        fail(EBUSY, "something is mounted there in the caller's mount namespace")
    for fs in k.fs_structs:
        fs.root_dentry = exchanged(k, fs.root_dentry, dentry, over)
        fs.cwd_dentry = exchanged(k, fs.cwd_dentry, dentry, over)
    for f in k.descriptors:
        f.dentry = exchanged(k, f.dentry, dentry, over)
    return 0
