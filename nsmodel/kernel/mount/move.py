"""Moving what is mounted, above or beneath, and joining peer groups: mount(2) MS_MOVE and move_mount(2)
(fs/namespace.c: do_move_mount, do_set_group, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import EINVAL, ELOOP, ENOENT, EPERM, Flags, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import admin, may_call
from nsmodel.kernel.mount.bind import loops
from nsmodel.kernel.mount.common import check_alive, check_carries, check_may_mount, is_anon_root, may_use, own_ns
from nsmodel.kernel.mount.path import names
from nsmodel.kernel.mount.propagation import attach, check_attach, len_kept, len_of, receivers
from nsmodel.kernel.mount.tree import below, has_locked_child, mount_ns, on_path, overmount, subtree, top_at, topmost
from nsmodel.kernel.mutants import MOVE_LOCKED, MOVE_ONTO_ITSELF, MP10, MP18
from nsmodel.kernel.objects import Dentry, FsKind, Kernel, Mount, Task
from nsmodel.kernel.refs import reap


class MoveFlags(Flags):
    """Flags of move_mount."""

    beneath: bool = False
    set_group: bool = False
    unknown: bool = False


@helper
def same_root(k: Kernel, m: Mount, other: Mount) -> bool:
    """Two mounts show the same: files of namespaces, which are one name here, are names of their own in the kernel."""
    if m.mnt is not other.mnt or m.user is not other.user or m.pid_ns is not other.pid_ns or m.uts is not other.uts:
        return False
    if m.ipc is not other.ipc or m.net is not other.net or m.cgroup is not other.cgroup or m.time is not other.time:
        return False
    return m.root is other.root


@helper
def same_spot(k: Kernel, on: Mount, m: Mount) -> bool:
    """What a mount shows is the very name of another one that it shows itself, where names are told apart."""
    return m.root.fs.kind != FsKind.NSFS or same_root(k, on, m)


@helper
def check_beneath(k: Kernel, task: Task, source: Mount, over: Mount) -> None:
    """What may go beneath a mount (can_move_mount_beneath)."""
    parent = over.parent
    if over.locked:
        fail(EINVAL, "the mount that is to be on top is locked")
    if overmount(k, source) is not None:
        fail(EINVAL, "something is mounted on the root of what is moved")
    fs = task.fs
    if fs is not None and fs.root_mnt is over:
        fail(EINVAL, "beneath the caller's root")
    if parent is None or parent is own_ns(k, task).root:
        fail(EINVAL, "beneath what lies on the bottom of the namespace")
    if on_path(k, source, over):
        fail(EINVAL, "beneath a mount that what is moved lies on")
    if over.mountpoint is over.root and same_spot(k, parent, over) and over in receivers(k, parent):
        fail(EINVAL, "the parent propagates to the mount that is to be on top")
    propagates = source.ns is mount_ns(k, task) and source in receivers(k, parent)
    if propagates and source.root is over.mountpoint and same_spot(k, parent, source):
        fail(EINVAL, "the parent propagates to what is moved")


@helper
def check_movable(k: Kernel, task: Task, source: Mount, on: Mount) -> None:
    """From where to where: something off the own tree within it, or a tree that is mounted nowhere."""
    mine = mount_ns(k, task)
    if source.ns is mine:
        old = source.parent
        if old is None or (source.locked and not k.bug(MOVE_LOCKED)):
            fail(EINVAL, "the mount lies on nothing, or is locked")
        if old.group is not None:
            fail(EINVAL, "the parent is shared")
        if on.ns is not mine:
            fail(EINVAL, "the place is not in the caller's mount namespace")
    else:
        if not is_anon_root(k, source):
            fail(EINVAL, "the mount is neither in the caller's namespace nor the root of a tree mounted nowhere")
        if source.ns is on.ns:
            fail(EINVAL, "the place is in the tree itself")
        if not may_use(k, task, on):
            fail(EINVAL, "the place is neither in the caller's namespace nor in a tree copied from there")


@helper
def do_move_mount(k: Kernel, task: Task, source: Mount, root: Dentry, at: Mount, dentry: Dentry, beneath: bool) -> int:
    """Move a mount with all that is mounted on it."""
    if source.root is not root:
        fail(EINVAL, "not the root of a mount")
    if root.directory != dentry.directory:
        fail(EINVAL, "a directory and something else")
    on = top_at(k, at, dentry)
    spot = dentry if on is at else on.root
    if beneath:
        if at.root is not dentry:
            fail(EINVAL, "beneath something that is no mount")
        over = topmost(k, at)
        below_it = over.parent
        where = over.mountpoint
        if over.ns is None:
            fail(ENOENT, "beneath a mount that was unmounted")
        if below_it is None or where is None:
            fail(EINVAL, "beneath a mount that lies on nothing")
        on = below_it
        spot = where
    check_alive(k, on, spot)
    check_movable(k, task, source, on)
    if beneath:
        check_beneath(k, task, source, topmost(k, at))
    tree = subtree(k, source)
    if on.group is not None and any(m.unbindable for m in tree):
        fail(EINVAL, "something unbindable would propagate")
    mine = own_ns(k, task)
    if any(loops(k, m.mnt, mine, False) for m in tree):
        fail(ELOOP, "the tree holds the file of a mount namespace that is not newer than the caller's")
    if on_path(k, on, source) and not k.bug(MOVE_ONTO_ITSELF):
        fail(ELOOP, "a mount cannot go on itself")
    moving = source.ns is mount_ns(k, task)
    assure("LOCK_COVER", not (moving and source.locked), "a locked mount is moved off what it hides", source)
    assure("NS_MEMBER", may_use(k, task, on), "the place is in no namespace of the caller's", on)
    mobile = moving or is_anon_root(k, source)
    assure("NS_MEMBER", mobile, "what is in no namespace of the caller's is moved", source)
    over = topmost(k, at)
    hidden = beneath and over.locked
    assure("LOCK_COVER", not hidden or source.locked, "what comes beneath a locked mount is not locked", source, over)
    check_carries(k, topmost(k, source).root)
    check_attach(k, len_of(k, tree), len_kept(k, tree), source.mnt is not None, on, spot, moving)
    left = source.ns
    attach(k, source, on, spot, mine)
    if left is not None and left.anonymous and left.root is source and source.ns is not left:
        left.root = None
        left.count -= 1
        reap(k)
    return 0


@syscall(source="fs/namespace.c: path_mount, do_move_mount_old, do_move_mount (v6.18); mount(2) MS_MOVE")
def mount_move(k: Kernel, task: Task, source: Mount, root: Dentry, at: Mount, dentry: Dentry) -> int:
    """Move a mount with all that is mounted on it."""
    given(may_call(k, task) and names(k, task, source, root) and names(k, task, at, dentry))
    check_may_mount(k, task)
    return do_move_mount(k, task, source, root, at, dentry, False)


@helper
def check_may_change(k: Kernel, task: Task, m: Mount) -> None:
    """Who may change how a mount propagates: whoever has capabilities over the owner of the namespace that it is in
    (may_change_propagation)."""
    ns = m.ns
    if ns is None:
        fail(EINVAL, "the mount was unmounted")
    if not admin(k, task, ns.owner):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the namespace of the mount")


@helper
def do_set_group(k: Kernel, task: Task, source: Mount, root: Dentry, at: Mount, dentry: Dentry) -> int:
    """Let a mount be peer and slave as another one of its file system is."""
    if not k.bug(MP10):
        check_may_change(k, task, source)
    check_may_change(k, task, at)
    if source.root is not root or at.root is not dentry:
        fail(EINVAL, "not the root of a mount")
    if source.root.fs is not at.root.fs:
        fail(EINVAL, "mounts of two file systems")
    if not below(k, dentry, root) or (dentry is root and not same_root(k, source, at)):
        fail(EINVAL, "the mount shows more than the one whose group it is to join")
    if has_locked_child(k, source, dentry):
        fail(EINVAL, "a locked mount hides something below")
    if at.group is not None or at.master is not None:
        fail(EINVAL, "the mount is a peer or a slave already")
    if source.group is None and source.master is None:
        fail(EINVAL, "there is no group to join")
    if at.unbindable and not k.bug(MP18):
        fail(EINVAL, "the mount is unbindable")
    other = source.ns
    allowed = other is not None and admin(k, task, other.owner)
    assure("MNT_AUTH", allowed, "a group of somebody else is joined", source, at)
    at.master = source.master
    if source.group is not None:
        at.group = source.group
        at.unbindable = False
    return 0


@helper
def vfs_move_mount(
    k: Kernel, task: Task, source: Mount, root: Dentry, at: Mount, dentry: Dentry, flags: MoveFlags
) -> int:
    """move_mount(2) once its paths are looked up."""
    check_may_mount(k, task)
    if flags.unknown or (flags.beneath and flags.set_group):
        fail(EINVAL, "an unknown flag, or two that exclude each other")
    if flags.set_group:
        return do_set_group(k, task, source, root, at, dentry)
    return do_move_mount(k, task, source, root, at, dentry, flags.beneath)


@syscall(source="fs/namespace.c: SYSCALL_DEFINE5(move_mount), vfs_move_mount (v6.18); move_mount(2)")
def move_mount(k: Kernel, task: Task, source: Mount, root: Dentry, at: Mount, dentry: Dentry, flags: MoveFlags) -> int:
    """Move a mount or a tree that is mounted nowhere, or let a mount join a peer group."""
    given(may_call(k, task) and names(k, task, source, root) and names(k, task, at, dentry))
    return vfs_move_mount(k, task, source, root, at, dentry, flags)
