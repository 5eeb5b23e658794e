"""The mount tree: what is mounted where, what lies below what, and copies of trees (fs/namespace.c, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import Map, assure, helper, the
from nsmodel.kernel.credentials import admin
from nsmodel.kernel.objects import Dentry, FileSystem, Kernel, MntNamespace, Mount, Superblock, Task
from nsmodel.kernel.pins import name_same


@helper
def below(k: Kernel, dentry: Dentry, top: Dentry) -> bool:
    """A name is `top` or below it in the file system (fs/dcache.c: is_subdir, v6.18)."""
    here: Dentry | None = dentry
    while here is not None:
        if here is top:
            return True
        here = here.parent
    return False


@helper
def mounted_at(k: Kernel, m: Mount, dentry: Dentry) -> Mount | None:
    """The mount on a place: at most one (fs/namespace.c: __lookup_mnt, v6.18)."""
    return the(c for c in k.mounts if c.parent is m and c.mountpoint is dentry)


@helper
def overmount(k: Kernel, m: Mount) -> Mount | None:
    """What is mounted on a mount's own root."""
    return the(c for c in k.mounts if c.parent is m and c.mountpoint is m.root)


@helper
def topmost(k: Kernel, m: Mount) -> Mount:
    """The top of the stack on a mount's root (topmost_overmount)."""
    top = m
    x: Mount | None = m
    while x is not None:
        top = x
        x = overmount(k, x)
    return top


@helper
def top_at(k: Kernel, at: Mount, dentry: Dentry) -> Mount:
    """Where something lands that is put on a place: the top of what is mounted there, or the mount itself
    (where_to_mount); the name is then the root of that top."""
    over = mounted_at(k, at, dentry)
    if over is None:
        return at
    return topmost(k, over)


@helper
def on_path(k: Kernel, m: Mount, x: Mount) -> bool:
    """`x` is on the way from a mount down to the root of its tree."""
    here: Mount | None = m
    while here is not None:
        if here is x:
            return True
        here = here.parent
    return False


@helper
def subtree(k: Kernel, top: Mount) -> set[Mount]:
    """A mount and all above it."""
    return {m for m in k.mounts if on_path(k, m, top)}


@helper
def has_children(k: Kernel, m: Mount) -> bool:
    """Something is mounted on a mount."""
    return any(c.parent is m for c in k.mounts)


@helper
def shows(k: Kernel, m: Mount, dentry: Dentry) -> bool:
    """A mount shows a name: it is its root or below that."""
    return below(k, dentry, m.root)


@helper
def mount_ns(k: Kernel, task: Task) -> MntNamespace | None:
    """The mount namespace of a task."""
    proxy = task.nsproxy
    return None if proxy is None else proxy.mnt


@helper
def may_mount(k: Kernel, task: Task) -> bool:
    """CAP_SYS_ADMIN over the owner of the task's mount namespace (fs/namespace.c: may_mount, v6.18)."""
    ns = mount_ns(k, task)
    return ns is not None and admin(k, task, ns.owner)


@helper
def superblock_of(k: Kernel, fs: FileSystem) -> Superblock:
    """The superblock of a file system that is there."""
    found = the(s for s in k.superblocks if s.fs is fs)
    assert found is not None
    return found


@helper
def newer(k: Kernel, ns: MntNamespace, than: MntNamespace) -> bool:
    """A mount namespace was made after another one, so the other may hold its file (fs/namespace.c: mnt_ns_loop)."""
    return than in ns.older


@helper
def has_locked_child(k: Kernel, m: Mount, dentry: Dentry) -> bool:
    """A locked mount hides something below a name (fs/namespace.c: __has_locked_children, v6.18)."""
    for c in k.mounts:
        where = c.mountpoint
        if c.parent is m and c.locked and where is not None:
            if below(k, where, dentry):
                return True
    return False


@helper
def copied(k: Kernel, top: Mount, root: Dentry, files: bool) -> set[Mount]:
    """What a copy of a tree takes along: the top as far as `root`, and what is mounted below that, without what is
    unbindable, without files of mount namespaces unless `files`, and without all above those (copy_tree)."""
    out = {top}
    grown = True
    while grown:
        grown = False
        for m in k.mounts - out:
            on = m.parent
            where = m.mountpoint
            if on is not None and where is not None and on in out and not m.unbindable and (files or m.mnt is None):
                if on is not top or below(k, where, root):
                    out.add(m)
                    grown = True
    return out


@helper
def clone_mount(k: Kernel, m: Mount, ns: MntNamespace | None) -> Mount:
    """A mount that shows the same with the same attributes, a peer and slave as the original is; not locked, in no
    tree yet (fs/namespace.c: clone_mnt, v6.18)."""
    c = k.new(Mount)
    c.count = 1
    c.root = m.root
    c.ns = ns
    c.group = m.group
    c.master = m.master
    c.attributes = m.attributes
    c.locked_attributes = m.locked_attributes
    name_same(k, c, m)
    return c


@helper
def clone_tree(k: Kernel, originals: set[Mount], top: Mount, root: Dentry, ns: MntNamespace | None) -> Mount:
    """Peers of some mounts, hung together as those are; gives the copy of the top, which hangs nowhere yet and is
    rooted at `root`. Locks are copied, except the top's (fs/namespace.c: copy_tree, v6.18)."""
    copy: Map[Mount, Mount | None] = Map()
    for m in originals:
        c = clone_mount(k, m, ns)
        if m is top:
            c.root = root
        c.locked = m.locked and m is not top
        c.mountpoint = m.mountpoint
        copy[m] = c
    for m in originals:
        twin = copy[m]
        on = m.parent
        if twin is not None and m is not top and on is not None:
            twin.parent = copy[on]
    for m in originals:
        twin = copy[m]
        if twin is not None:
            assure("LOCK_COVER", twin.locked or not m.locked or m is top, "a copy forgets a lock", m)
            kept = twin.attributes == m.attributes and twin.locked_attributes == m.locked_attributes
            assure("LOCK_FLAGS", kept, "a copy forgets an attribute, or that it is locked", m)
    head = copy[top]
    assert head is not None
    head.mountpoint = None
    return head
