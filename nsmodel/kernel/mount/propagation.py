"""Peer groups, and the copies that attaching a tree makes: declared over groups, as no process can see more
(fs/pnode.c: propagate_mnt, change_mnt_propagation; fs/namespace.c: attach_recursive_mnt, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import Map, helper
from nsmodel.kernel.mount.tree import clone_tree, mounted_at, shows, subtree, topmost
from nsmodel.kernel.mutants import BIND_OUTSIDE, COPY_KEEPS_NS, MP05, SLAVES_FORGOTTEN
from nsmodel.kernel.objects import Dentry, Kernel, MntNamespace, Mount, PeerGroup


@helper
def receivers(k: Kernel, m: Mount) -> set[Mount]:
    """Who receives what happens on a mount: its peers, the slaves of its group, their peers, and so on."""
    out: set[Mount] = set()
    g = m.group
    if g is None:
        return out
    reached = {g}
    grown = True
    while grown:
        grown = False
        for r in k.mounts - out:
            if r is not m and (r.group in reached or r.master in reached):
                out.add(r)
                if r.group is not None:
                    reached.add(r.group)
                grown = True
    return out


@helper
def leave_group(k: Kernel, m: Mount) -> None:
    """A mount is neither peer nor slave any more. With its last member a group dissolves: its slaves go to its master
    (fs/pnode.c: bulk_make_private, transfer_propagation, v6.18)."""
    g = m.group
    above = m.master
    if g is not None and not any(p.group is g and p is not m for p in k.mounts):
        if not k.bug(SLAVES_FORGOTTEN):
            for s in k.mounts:
                if s.master is g:
                    s.master = above
        k.free(g)
    m.group = None
    m.master = None


@helper
def lock_tree(k: Kernel, tree: set[Mount], top: Mount) -> None:
    """A tree lands in a namespace of another owner: what it hides stays hidden (fs/namespace.c: lock_mnt_tree)."""
    for m in tree:
        if m is not top:
            m.locked = True


@helper
def put_on(k: Kernel, head: Mount, at: Mount, dentry: Dentry) -> None:
    """Hang a tree on a place; what is mounted there goes on top of it (fs/namespace.c: mnt_change_mountpoint)."""
    covered = mounted_at(k, at, dentry)
    head.parent = at
    head.mountpoint = dentry
    if covered is not None and not k.bug(MP05):
        top = topmost(k, head)
        covered.parent = top
        covered.mountpoint = top.root


@helper
def share_tree(k: Kernel, tree: set[Mount]) -> None:
    """Every mount of a tree that is about to propagate is shared, in a new group where it has none."""
    for m in tree:
        if m.group is None:
            m.group = k.new(PeerGroup)


@helper
def enslave(k: Kernel, copies: set[Mount], shared: bool) -> None:
    """Peers become slaves of the group they were in, each shared with a group of its own or with none."""
    for c in copies:
        c.master = c.group
        c.group = None
        if shared:
            c.group = k.new(PeerGroup)


@helper
def attach(k: Kernel, top: Mount, dst: Mount, dentry: Dentry, mine: MntNamespace) -> None:
    """Hang a tree on a place of a mount, and a copy of it on the same place of every receiver that shows it.

    A receiver in a group that has a copy gets a peer of it, any other a slave of the copy that its master's group has;
    a group of which no member shows the place hands on what its own master has. Whether a receiver is shared is as it
    was before. A copy for a namespace of another owner than the caller's (`mine`) is locked before it is put on.
    """
    tree = subtree(k, top)
    reached = receivers(k, dst)
    was_shared = {m for m in k.mounts if m.group is not None}
    waiting = {r for r in reached if r.ns is not None and (shows(k, r, dentry) or k.bug(BIND_OUTSIDE))}
    blind = {r for r in reached - waiting if not any(w.group is r.group for w in waiting)}
    covered = mounted_at(k, dst, dentry)
    top.parent = dst
    top.mountpoint = dentry
    for m in tree:
        m.ns = dst.ns
    if covered is not None:
        last = topmost(k, top)
        covered.parent = last
        covered.mountpoint = last.root
    g = dst.group
    if g is None:
        return
    share_tree(k, tree)
    source: Map[PeerGroup, Mount | None] = Map()
    source[g] = top
    heads: Map[Mount, Mount | None] = Map()
    for m in tree:
        heads[m] = top
    grown = True
    while grown:
        grown = False
        for r in blind:
            if r.group is not None and r.master is not None and source[r.group] is None:
                if source[r.master] is not None:
                    source[r.group] = source[r.master]
                    grown = True
        for r in waiting:
            group = r.group if r in was_shared else None
            model: Mount | None = None
            if group is not None:
                model = source[group]
            slave = model is None
            if slave and r.master is not None:
                model = source[r.master]
            if model is not None:
                waiting.discard(r)
                grown = True
                known = {m for m in k.mounts}
                originals = {m for m in k.mounts if heads[m] is model}
                made = clone_tree(k, originals, model, model.root, mine if k.bug(COPY_KEEPS_NS) else r.ns)
                copies = k.mounts - known
                for c in copies:
                    heads[c] = made
                if slave:
                    enslave(k, copies, group is not None)
                if group is not None:
                    source[group] = made
                there = r.ns
                if there is not None and there.owner is not mine.owner:
                    lock_tree(k, copies, made)
                put_on(k, made, r, dentry)
