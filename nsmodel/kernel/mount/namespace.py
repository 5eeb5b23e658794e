"""Mount namespaces as trees: what a copy of one holds, what entering one means (fs/namespace.c: copy_mnt_ns,
mntns_install, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import Map, assure, helper
from nsmodel.kernel.mount.propagation import keeps_restrictions, lock_attributes
from nsmodel.kernel.mount.tree import clone_mount, on_path, topmost
from nsmodel.kernel.mutants import MP01, MP17, NSFILES_COPIED
from nsmodel.kernel.objects import FsStruct, Kernel, MntNamespace, Mount
from nsmodel.kernel.refs import set_pwd, set_root


@helper
def copy_mounts(k: Kernel, old: MntNamespace, new: MntNamespace, fs: FsStruct | None) -> None:
    """Fill a new mount namespace with copies of another one's mounts; the root and working directory of `fs` follow.

    For the same owner copies are peers, for another one slaves, all but the bottom are locked, and so are their
    attributes. Files of mount namespaces are left out. Linux 6.17 and 6.18 forget what is unbindable.
    """
    same = old.owner is new.owner
    copy: Map[Mount, Mount | None] = Map()
    files = {f for f in k.mounts if f.ns is old and f.mnt is not None and not k.bug(NSFILES_COPIED)}
    for m in k.mounts:
        if m.ns is old and not any(on_path(k, m, f) for f in files):
            c = clone_mount(k, m, new)
            c.locked = m.locked
            c.unbindable = m.unbindable and not k.bug(MP17)
            assure("COPY_FAITHFUL", c.unbindable == m.unbindable, "the copy of an unbindable mount is unbindable", m)
            if not same:
                if m.group is not None and not k.bug(MP01):
                    c.group = None
                    c.master = m.group
                c.locked = m.parent is not None
                lock_attributes(k, c)
                assure("LOCK_COVER", c.locked or m.parent is None, "a copy for another owner is not locked", m)
                assure("LOCK_FLAGS", keeps_restrictions(k, c), "what restricts a copy for another owner may go", m)
            assure("LOCK_COVER", c.locked or not m.locked, "the copy of a namespace forgets a lock", m)
            kept = c.attributes == m.attributes and len(m.locked_attributes - c.locked_attributes) == 0
            assure("LOCK_FLAGS", kept, "the copy of a namespace forgets an attribute, or that it is locked", m)
            copy[m] = c
    for m in k.mounts:
        twin = copy[m]
        on = m.parent
        if twin is not None and on is not None:
            twin.parent = copy[on]
            twin.mountpoint = m.mountpoint
    bottom = old.root
    if bottom is not None:
        new.root = copy[bottom]
    if fs is None:
        return
    root = fs.root_mnt
    cwd = fs.cwd_mnt
    if root is not None:
        new_root = copy[root]
        dentry = fs.root_dentry
        if new_root is not None and dentry is not None:
            set_root(k, fs, new_root, dentry)
    if cwd is not None:
        new_cwd = copy[cwd]
        name = fs.cwd_dentry
        if new_cwd is not None and name is not None:
            set_pwd(k, fs, new_cwd, name)


@helper
def enter(k: Kernel, fs: FsStruct, ns: MntNamespace) -> None:
    """Root and working directory become the top of a namespace, also where that is the own one."""
    bottom = ns.root
    if bottom is not None:
        top = topmost(k, bottom)
        set_root(k, fs, top, top.root)
        set_pwd(k, fs, top, top.root)
