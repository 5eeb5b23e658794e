"""Where tasks stand in the tree: root and working directory (fs/open.c, fs/namespace.c: pivot_root, v6.18; chroot(2),
chdir(2), pivot_root(2))."""

from __future__ import annotations

from nsmodel.ir.language import EBUSY, EINVAL, EPERM, fail, given, helper, syscall
from nsmodel.kernel.credentials import capable, may_call
from nsmodel.kernel.mount.operations import reaches
from nsmodel.kernel.mount.tree import below, may_mount, mount_ns
from nsmodel.kernel.mount.umount import release
from nsmodel.kernel.mutants import ML15
from nsmodel.kernel.objects import Dentry, Kernel, Mount, Task


@syscall(source="fs/open.c: SYSCALL_DEFINE1(chdir) (v6.18); chdir(2)")
def chdir(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> None:
    """Change the working directory."""
    given(may_call(k, task) and reaches(k, task, at, dentry) and dentry.directory)
    fs = task.fs
    given(fs is not None)
    assert fs is not None
    fs.cwd_mnt = at
    fs.cwd_dentry = dentry
    release(k)


@syscall(source="fs/open.c: SYSCALL_DEFINE1(chroot) (v6.18); chroot(2)")
def chroot(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> None:
    """Change the root directory."""
    given(may_call(k, task) and reaches(k, task, at, dentry) and dentry.directory)
    fs = task.fs
    given(fs is not None)
    assert fs is not None
    if not capable(k, task, task.user_ns):
        fail(EPERM, "no CAP_SYS_CHROOT in the caller's user namespace")
    fs.root_mnt = at
    fs.root_dentry = dentry
    release(k)


@helper
def reachable(k: Kernel, m: Mount, dentry: Dentry, base: Mount, top: Dentry) -> bool:
    """A name of a mount is below a name of another in the tree, hidden or not (fs/namespace.c: is_path_reachable)."""
    here: Mount | None = m
    at: Dentry | None = dentry
    while here is not None:
        if here is base:
            return at is not None and below(k, at, top)
        at = here.mountpoint
        here = here.parent
    return False


@syscall(source="fs/namespace.c: SYSCALL_DEFINE2(pivot_root) (v6.18); pivot_root(2)")
def pivot_root(k: Kernel, task: Task, new: Mount, new_dentry: Dentry, old: Mount, old_dentry: Dentry) -> None:
    """Make a mount the root, and put the old root on a directory below it."""
    given(may_call(k, task) and reaches(k, task, new, new_dentry) and reaches(k, task, old, old_dentry))
    given(new_dentry.directory and old_dentry.directory)
    fs = task.fs
    given(fs is not None and fs.root_mnt is not None)
    assert fs is not None
    root = fs.root_mnt
    root_dentry = fs.root_dentry
    assert root is not None and root_dentry is not None
    if not may_mount(k, task):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the mount namespace")
    above_new = new.parent
    above_root = root.parent
    if old.group is not None or (above_new is not None and above_new.group is not None):
        fail(EINVAL, "the mount of the place for the old root, or the parent of the new one, is shared")
    if above_root is not None and above_root.group is not None:
        fail(EINVAL, "the parent of the current root is shared")
    if root.ns is not mount_ns(k, task) or new.ns is not mount_ns(k, task):
        fail(EINVAL, "a root is not in the caller's mount namespace")
    if new.locked:
        fail(EINVAL, "the new root is locked")
    if new is root or old is root:
        fail(EBUSY, "the new root, or the place for the old one, is on the current root")
    if root.root is not root_dentry:
        fail(EINVAL, "the current root is not the root of a mount")
    if above_root is None:
        fail(EINVAL, "the current root lies on nothing")
    if new.root is not new_dentry:
        fail(EINVAL, "the new root is not the root of a mount")
    if above_new is None:
        fail(EINVAL, "the new root lies on nothing")
    if not reachable(k, old, old_dentry, new, new_dentry):
        fail(EINVAL, "the place for the old root is not below the new one")
    if not reachable(k, new, new_dentry, root, root_dentry) and not k.bug(ML15):
        fail(EINVAL, "the new root is not below the current one")
    place = root.mountpoint
    if root.locked:
        new.locked = True
        root.locked = False
    root.parent = old
    root.mountpoint = old_dentry
    new.parent = above_root
    new.mountpoint = place
    for f in k.fs_structs:
        if f.root_mnt is root and f.root_dentry is root_dentry:
            f.root_mnt = new
            f.root_dentry = new.root
        if f.cwd_mnt is root and f.cwd_dentry is root_dentry:
            f.cwd_mnt = new
            f.cwd_dentry = new.root
