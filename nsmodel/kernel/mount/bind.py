"""Copies of what is mounted: bind mounts and open_tree(2), of trees and of namespace files (fs/namespace.c:
do_loopback, open_tree, v6.18; mount(2) MS_BIND, namespaces(7))."""

from __future__ import annotations

from nsmodel.ir.language import EINVAL, EPERM, Flags, assure, fail, given, helper, syscall, the
from nsmodel.kernel.credentials import may_call
from nsmodel.kernel.mount.common import check_alive, check_carries, check_may_mount, check_mine, may_use, own_ns
from nsmodel.kernel.mount.new import anonymous_ns, check_graft, check_room_for_tree, make_mount, open_mount
from nsmodel.kernel.mount.path import names
from nsmodel.kernel.mount.propagation import attach, check_attach, len_kept, len_of
from nsmodel.kernel.mount.tree import (
    below,
    clone_tree,
    copied,
    has_locked_child,
    mount_ns,
    mounted_at,
    newer,
    overmount,
    top_at,
)
from nsmodel.kernel.mutants import BIND_NONREC_OVER_LOCKED, LOCKED_UNBINDABLE, ML06, ML17, RBIND_LOOP, SEQ_BATCH
from nsmodel.kernel.nsfs import check_link, name_target, names_something
from nsmodel.kernel.objects import Dentry, Descriptor, FsKind, Kernel, MntNamespace, Mount, NsFile, NsType, Task
from nsmodel.kernel.pins import name_same, pin_file


class OpenTreeFlags(Flags):
    """Flags of open_tree."""

    clone: bool = False
    """OPEN_TREE_CLONE: a copy of its own; else the place is opened as by O_PATH."""
    recursive: bool = False
    unknown: bool = False


@helper
def loops(k: Kernel, ns: MntNamespace | None, mine: MntNamespace, swapped: bool) -> bool:
    """Holding the file of a mount namespace would let a namespace hold itself: only files of newer ones may be bound
    (mnt_ns_loop). `swapped`: the ids of the two were drawn by different processors, each from a batch of its own, and
    the younger namespace has the smaller one."""
    if ns is None or k.bug(ML17):
        return False
    if swapped:
        return newer(k, ns, mine)
    return not newer(k, ns, mine)


@helper
def locked_and_unbindable(k: Kernel, source: Mount, root: Dentry) -> bool:
    """A recursive copy comes to a mount that it may neither copy nor leave out."""
    inside = copied(k, source, root, True)
    for c in k.mounts - inside:
        on = c.parent
        where = c.mountpoint
        if c.locked and c.unbindable and on is not None and where is not None and on in inside:
            if on is not source or below(k, where, root):
                return True
    return False


@helper
def check_source(k: Kernel, task: Task, source: Mount, root: Dentry, rec: bool) -> None:
    """What may be copied (__do_loopback, may_copy_tree, copy_tree)."""
    if source.unbindable:
        fail(EINVAL, "the source is unbindable")
    if not may_use(k, task, source) and source.root.fs.kind != FsKind.NSFS and not (k.bug(ML06) and source.ns is None):
        fail(EINVAL, "the source is not in the caller's mount namespace, nor in a tree copied from there")
    if not rec and has_locked_child(k, source, root) and not k.bug(BIND_NONREC_OVER_LOCKED):
        fail(EINVAL, "a locked mount hides something below the source")
    if rec and locked_and_unbindable(k, source, root) and not k.bug(LOCKED_UNBINDABLE):
        fail(EPERM, "a mount below the source is locked and unbindable")


@helper
def judge_copy(k: Kernel, task: Task, source: Mount, root: Dentry, rec: bool) -> None:
    """What was copied is of a tree that the caller may use, and shows nothing that a lock hides."""
    usable = may_use(k, task, source) or source.root.fs.kind == FsKind.NSFS
    assure("NS_MEMBER", usable, "what is in no namespace of the caller's is copied", source)
    revealed = has_locked_child(k, source, root) if not rec else locked_and_unbindable(k, source, root)
    assure("LOCK_COVER", not revealed, "the copy shows what a locked mount hides", source)


@helper
def top_of_copy(k: Kernel, source: Mount, root: Dentry, originals: set[Mount]) -> Dentry:
    """The root of what will be topmost in a copy of some mounts: of those stacked on `root`."""
    top = root
    over = mounted_at(k, source, root)
    while over is not None and over in originals:
        top = over.root
        over = overmount(k, over)
    return top


@helper
def do_loopback(k: Kernel, task: Task, source: Mount, root: Dentry, at: Mount, dentry: Dentry, rec: bool) -> int:
    """Bind what a path shows, with what is mounted below it or without."""
    mine = own_ns(k, task)
    if root is source.root and loops(k, source.mnt, mine, False):
        fail(EINVAL, "the file of a mount namespace that is not newer than the caller's")
    on = top_at(k, at, dentry)
    spot = dentry if on is at else on.root
    check_alive(k, on, spot)
    check_mine(k, task, on)
    check_source(k, task, source, root, rec)
    originals = {source}
    if rec:
        originals = copied(k, source, root, True)
    if not k.bug(RBIND_LOOP) and any(loops(k, m.mnt, mine, False) for m in originals):
        fail(EINVAL, "below is the file of a mount namespace that is not newer than the caller's")
    check_graft(k, root, spot)
    check_carries(k, top_of_copy(k, source, root, originals))
    check_attach(k, len_of(k, originals), len_kept(k, originals), source.mnt is not None, on, spot, False)
    m = clone_tree(k, originals, source, root, None)
    attach(k, m, on, spot, mine)
    judge_copy(k, task, source, root, rec)
    return 0


@syscall(source="fs/namespace.c: path_mount, do_loopback (v6.18); mount(2) MS_BIND")
def mount_bind(k: Kernel, task: Task, source: Mount, root: Dentry, at: Mount, dentry: Dentry, rec: bool) -> int:
    """Bind what a path shows, with what is mounted below it or without."""
    given(may_call(k, task) and names(k, task, source, root) and names(k, task, at, dentry))
    check_may_mount(k, task)
    return do_loopback(k, task, source, root, at, dentry, rec)


@helper
def nsfs_root(k: Kernel) -> Dentry:
    """The name that mounts of namespace files show."""
    root = the(d for d in k.dentries if d.fs.kind == FsKind.NSFS)
    assert root is not None
    return root


@helper
def check_loopback_ns(k: Kernel, task: Task, ns: MntNamespace | None, at: Mount, dentry: Dentry, swapped: bool) -> None:
    """The checks of binding the file of a namespace, which is in no mount of the tree; `ns` where it is a mount
    namespace's."""
    if loops(k, ns, own_ns(k, task), swapped and ns is not own_ns(k, task)):
        fail(EINVAL, "the file of a mount namespace that is not newer than the caller's")
    on = top_at(k, at, dentry)
    spot = dentry if on is at else on.root
    check_alive(k, on, spot)
    check_mine(k, task, on)
    check_graft(k, nsfs_root(k), spot)
    check_attach(k, 1, 1 if ns is None else 0, ns is not None, on, spot, False)


@helper
def attach_file(k: Kernel, task: Task, m: Mount, at: Mount, dentry: Dentry) -> None:
    """Hang the mount of a namespace's file on what is on top of a place."""
    on = top_at(k, at, dentry)
    attach(k, m, on, dentry if on is at else on.root, own_ns(k, task))


@helper
def do_loopback_ns(k: Kernel, task: Task, file: NsFile, at: Mount, dentry: Dentry, swapped: bool) -> int:
    """Bind the file of a namespace, as another file names it."""
    check_loopback_ns(k, task, file.mnt, at, dentry, swapped)
    m = make_mount(k, nsfs_root(k), set())
    name_same(k, m, file)
    attach_file(k, task, m, at, dentry)
    return 0


@syscall(source="fs/namespace.c: do_loopback, mnt_ns_loop (v6.18); mount(2) MS_BIND, namespaces(7)")
def bind_ns(k: Kernel, task: Task, target: Task, kind: NsType, at: Mount, dentry: Dentry, swapped: bool) -> int:
    """Bind /proc/PID/ns/KIND on a name. `swapped`, which Linux 6.18 leaves to chance: the ids of the caller's mount
    namespace and of the one that is bound are not in the order of their making."""
    given(may_call(k, task) and names_something(k, target, kind) and names(k, task, at, dentry))
    given(not swapped or (k.bug(SEQ_BATCH) and kind == NsType.MNT))
    check_may_mount(k, task)
    check_link(k, task, target, kind)
    ns: MntNamespace | None = None
    if kind == NsType.MNT:
        ns = mount_ns(k, target)
    check_loopback_ns(k, task, ns, at, dentry, swapped)
    m = make_mount(k, nsfs_root(k), set())
    name_target(k, m, target, kind)
    pin_file(k, m)
    attach_file(k, task, m, at, dentry)
    return 0


@helper
def do_open_tree(k: Kernel, task: Task, at: Mount, dentry: Dentry, flags: OpenTreeFlags) -> Descriptor:
    """A descriptor of a place, or of a copy of what is mounted there (open_detached_copy, get_detached_copy)."""
    if flags.unknown or (flags.recursive and not flags.clone):
        fail(EINVAL, "an unknown flag, or AT_RECURSIVE without OPEN_TREE_CLONE")
    if not flags.clone:
        return open_mount(k, task, at, dentry, True)
    check_may_mount(k, task)
    check_room_for_tree(k, task)
    check_source(k, task, at, dentry, flags.recursive)
    originals = {at}
    if flags.recursive:
        originals = copied(k, at, dentry, True)
    here = at.ns  # files of namespaces are copied from anywhere, also from where they were unmounted
    origin = here
    anywhere = here is None
    if here is not None and here.anonymous:
        origin = here.origin
        anywhere = here.anywhere
    ns = anonymous_ns(k, task, origin, anywhere)
    m = clone_tree(k, originals, at, dentry, ns)
    ns.root = m
    judge_copy(k, task, at, dentry, flags.recursive)
    out = open_mount(k, task, m, m.root, True)
    out.tree = True
    return out


@syscall(source="fs/namespace.c: SYSCALL_DEFINE3(open_tree), open_detached_copy (v6.18); open_tree(2)")
def open_tree(k: Kernel, task: Task, at: Mount, dentry: Dentry, flags: OpenTreeFlags) -> int:
    """Open a place as O_PATH does, or a copy of what is mounted there."""
    given(may_call(k, task) and names(k, task, at, dentry))
    do_open_tree(k, task, at, dentry, flags)
    return 0
