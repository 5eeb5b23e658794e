"""Mount namespaces as trees: what a copy of one holds, what entering one means (fs/namespace.c, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import Map, assure, helper
from nsmodel.kernel.mount.tree import topmost
from nsmodel.kernel.mount.umount import release
from nsmodel.kernel.mutants import MP01, MP17
from nsmodel.kernel.objects import FsStruct, Kernel, MntNamespace, Mount


@helper
def copy_mounts(k: Kernel, old: MntNamespace, new: MntNamespace, fs: FsStruct | None) -> None:
    """Fill a new mount namespace with copies of another one's mounts; the root and working directory of `fs` follow.

    For the same owner copies are peers, for another one slaves, and all but the bottom are locked (copy_mnt_ns,
    copy_tree). Linux 6.17 and 6.18 forget what is unbindable.
    """
    same = old.owner is new.owner
    copy: Map[Mount, Mount | None] = Map()
    for m in k.mounts:
        if m.ns is old:
            c = k.new(Mount)
            c.root = m.root
            c.ns = new
            c.master = m.master
            c.locked = m.locked
            c.unbindable = m.unbindable and not k.bug(MP17)
            assure("COPY_FAITHFUL", c.unbindable == m.unbindable, "the copy of an unbindable mount is unbindable", m)
            if same or k.bug(MP01):
                c.group = m.group
            else:
                if m.group is not None:
                    c.master = m.group
                c.locked = m.parent is not None
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
    if fs is not None:
        root = fs.root_mnt
        cwd = fs.cwd_mnt
        if root is not None and copy[root] is not None:
            fs.root_mnt = copy[root]
        if cwd is not None and copy[cwd] is not None:
            fs.cwd_mnt = copy[cwd]


@helper
def enter(k: Kernel, fs: FsStruct, ns: MntNamespace) -> None:
    """Root and working directory become the top of a namespace, also where that is the own one (mntns_install)."""
    bottom = ns.root
    if bottom is not None:
        top = topmost(k, bottom)
        fs.root_mnt = top
        fs.root_dentry = top.root
        fs.cwd_mnt = top
        fs.cwd_dentry = top.root
        release(k)
