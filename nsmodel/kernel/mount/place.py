"""Where tasks stand in the tree: root, working directory, open descriptors (fs/open.c; fs/namespace.c: pivot_root,
v6.18; chroot(2), chdir(2), open(2), pivot_root(2))."""

from __future__ import annotations

from nsmodel.ir.language import (
    EBUSY,
    EINVAL,
    ENOENT,
    ENOTDIR,
    EPERM,
    EROFS,
    assure,
    fail,
    given,
    helper,
    syscall,
)
from nsmodel.kernel.credentials import capable, entitled, may_call
from nsmodel.kernel.mount.common import check_may_mount, is_readonly, may_use
from nsmodel.kernel.mount.new import open_mount
from nsmodel.kernel.mount.path import names, walks_to
from nsmodel.kernel.mount.tree import below, may_mount, mount_ns, superblock_of, top_at
from nsmodel.kernel.mutants import ML08, ML15, PIVOT_NO_LOCK
from nsmodel.kernel.objects import CapabilityKind, Dentry, Descriptor, FsKind, FsStruct, Kernel, Mount, Task
from nsmodel.kernel.pins import name_same
from nsmodel.kernel.refs import set_pwd, set_root


@helper
def do_chdir(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> int:
    """Change the working directory to a place."""
    if not dentry.directory:
        fail(ENOTDIR, "not a directory")
    fs = task.fs
    assert fs is not None
    at.expiring = False
    set_pwd(k, fs, at, dentry)
    return 0


@syscall(source="fs/open.c: SYSCALL_DEFINE1(chdir) (v6.18); chdir(2)")
def chdir(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> int:
    """Change the working directory."""
    given(may_call(k, task) and task.fs is not None and walks_to(k, task, at, dentry))
    given(dentry.directory or not at.expiring)
    return do_chdir(k, task, at, dentry)


@helper
def in_root(k: Kernel, fs: FsStruct, m: Mount, dentry: Dentry) -> bool:
    """A place is the root directory (path_equal)."""
    return fs.root_mnt is m and fs.root_dentry is dentry


@helper
def leaves_over(k: Kernel, fs: FsStruct, m: Mount, dentry: Dentry) -> Mount | None:
    """The mount whose mountpoint a walk by `..` from a place goes on from: the place's own, or the lowest of a stack
    on it. None where the walk stays: at the root directory, within a mount, or where nothing is below
    (choose_mountpoint)."""
    if in_root(k, fs, m, dentry) or dentry is not m.root:
        return None
    here: Mount | None = m
    while here is not None:
        up = here.parent
        at = here.mountpoint
        if up is None or at is None:
            return None
        if in_root(k, fs, up, at):
            return None
        if at is not up.root:
            return here
        here = up
    return None


@syscall(source="fs/open.c: SYSCALL_DEFINE1(chdir); fs/namei.c: follow_dotdot, path_connected (v6.18); chdir(2)")
def chdir_up(k: Kernel, task: Task) -> int:
    """chdir(".."): also from a directory that was moved out of what its mount shows."""
    given(may_call(k, task))
    fs = task.fs
    given(fs is not None)
    assert fs is not None
    at = fs.cwd_mnt
    name = fs.cwd_dentry
    assert at is not None and name is not None
    over = leaves_over(k, fs, at, name)
    stays = over is None and (name is at.root or in_root(k, fs, at, name))
    if over is not None:
        if over.parent is not None and over.mountpoint is not None:
            at = over.parent
            name = over.mountpoint
    up = name.parent
    if not stays and up is not None:
        if not below(k, up, at.root) and not k.bug(ML08):
            fail(ENOENT, "the directory above is not below what the mount shows")
        assure("MP_CONTAINED", below(k, up, at.root), "a walk by `..` leaves what its mount shows", task, at)
        name = up
    top = top_at(k, at, name)
    given(not at.expiring and not top.expiring)
    set_pwd(k, fs, top, name if top is at else top.root)
    return 0


@syscall(source="fs/open.c: SYSCALL_DEFINE1(fchdir) (v6.18); fchdir(2)")
def fchdir(k: Kernel, task: Task, file: Descriptor) -> int:
    """Change the working directory to what a descriptor is of."""
    given(may_call(k, task) and task.fs is not None and file.table is task.group_leader)
    m = file.mount
    dentry = file.dentry
    if m is None or dentry is None:
        fail(ENOTDIR, "the descriptor is of no directory")
    given(not m.expiring)
    return do_chdir(k, task, m, dentry)


@helper
def do_chroot(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> int:
    """Change the root directory to a place."""
    if not dentry.directory:
        fail(ENOTDIR, "not a directory")
    if not capable(k, task, task.user_ns, CapabilityKind.SYS_CHROOT):
        fail(EPERM, "no CAP_SYS_CHROOT in the caller's user namespace")
    fs = task.fs
    assert fs is not None
    allowed = entitled(k, task, task.user_ns, CapabilityKind.SYS_CHROOT)
    assure("CAP_CONFINED", allowed, "a root directory is changed without CAP_SYS_CHROOT", task)
    set_root(k, fs, at, dentry)
    return 0


@syscall(source="fs/open.c: SYSCALL_DEFINE1(chroot) (v6.18); chroot(2)")
def chroot(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> int:
    """Change the root directory."""
    given(may_call(k, task) and task.fs is not None and names(k, task, at, dentry))
    return do_chroot(k, task, at, dentry)


@helper
def do_open(k: Kernel, task: Task, at: Mount, dentry: Dentry, opath: bool, write: bool) -> Descriptor:
    """Open what a place shows, for reading or for writing too, or the place itself; through the mount of a namespace's
    file the namespace is opened."""
    if write and not opath:
        if dentry.directory:
            fail(EINVAL, "a directory is not written")
        if at.root.fs.kind == FsKind.NSFS:
            fail(EPERM, "files of namespaces are immutable")
        if is_readonly(k, at.attributes) or superblock_of(k, at.root.fs).readonly:
            fail(EROFS, "the mount or its file system is read-only")
    file = open_mount(k, task, at, dentry, opath)
    file.write = write and not opath
    at.expiring = False
    if not opath and dentry is at.root:
        name_same(k, file, at)
    return file


@syscall(source="fs/open.c: do_sys_openat2; fs/nsfs.c: ns_file_operations (v6.18); open(2), namespaces(7)")
def open_path(k: Kernel, task: Task, at: Mount, dentry: Dentry, opath: bool, write: bool) -> int:
    """Open what a path ends on."""
    given(may_call(k, task) and walks_to(k, task, at, dentry))
    given(not (write and dentry.directory) and not (write and at.expiring))
    do_open(k, task, at, dentry, opath, write)
    return 0


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


@helper
def move_roots(k: Kernel, old: Mount, dentry: Dentry, new: Mount) -> None:
    """Every root and working directory that is exactly the old root becomes the new one (chroot_fs_refs)."""
    for f in k.fs_structs:
        if f.root_mnt is old and f.root_dentry is dentry:
            f.root_mnt = new
            f.root_dentry = new.root
            old.count -= 1
            new.count += 1
        if f.cwd_mnt is old and f.cwd_dentry is dentry:
            f.cwd_mnt = new
            f.cwd_dentry = new.root
            old.count -= 1
            new.count += 1


@helper
def shared_below(k: Kernel, m: Mount) -> bool:
    """What a mount lies on is shared; what lies on nothing is its own parent (`mnt_parent`)."""
    on = m.parent
    return on.group is not None if on is not None else m.group is not None


@helper
def path_pivot_root(k: Kernel, task: Task, new: Mount, new_dentry: Dentry, at: Mount, dentry: Dentry) -> int:
    """Make a mount the root, and put the old root on a directory below it."""
    fs = task.fs
    assert fs is not None
    root = fs.root_mnt
    root_dentry = fs.root_dentry
    assert root is not None and root_dentry is not None
    check_may_mount(k, task)
    if not new_dentry.directory or not dentry.directory:
        fail(ENOTDIR, "not a directory")
    old = top_at(k, at, dentry)
    old_dentry = dentry if old is at else old.root
    if old_dentry.dead or old.ns is None:
        fail(ENOENT, "the place for the old root was removed or unmounted")
    above_new = new.parent
    above_root = root.parent
    if old.group is not None or shared_below(k, new):
        fail(EINVAL, "the mount of the place for the old root, or the parent of the new one, is shared")
    if shared_below(k, root):
        fail(EINVAL, "the parent of the current root is shared")
    if root.ns is not mount_ns(k, task) or new.ns is not mount_ns(k, task):
        fail(EINVAL, "a root is not in the caller's mount namespace")
    if new.locked:
        fail(EINVAL, "the new root is locked")
    if new_dentry.dead:
        fail(ENOENT, "the new root was removed")
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
    assure("LOCK_COVER", not new.locked, "a locked mount is moved off what it hides", new)
    was_locked = root.locked
    if was_locked and not k.bug(PIVOT_NO_LOCK):
        new.locked = True
        root.locked = False
    assure("LOCK_COVER", new.locked or not was_locked, "the new root can be taken off what the old one hid", new)
    mine = may_use(k, task, new) and may_use(k, task, root)
    assure("NS_MEMBER", mine, "a root is in no namespace of the caller's", new, root)
    assure("MNT_AUTH", may_mount(k, task), "the root changes without CAP_SYS_ADMIN over its namespace", new)
    root.parent = old
    root.mountpoint = old_dentry
    new.parent = above_root
    new.mountpoint = place
    move_roots(k, root, root_dentry, new)
    return 0


@syscall(source="fs/namespace.c: SYSCALL_DEFINE2(pivot_root) (v6.18); pivot_root(2)")
def pivot_root(k: Kernel, task: Task, new: Mount, new_dentry: Dentry, at: Mount, dentry: Dentry) -> int:
    """Make a mount the root, and put the old root on a directory below it."""
    given(may_call(k, task) and task.fs is not None)
    given(names(k, task, new, new_dentry) and names(k, task, at, dentry))
    return path_pivot_root(k, task, new, new_dentry, at, dentry)
