"""Peer groups, and the copies that attaching a tree makes: declared over groups, as no process can see more
(fs/pnode.c: propagate_mnt, change_mnt_propagation; fs/namespace.c: attach_recursive_mnt, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import EINVAL, ENOSPC, Map, assure, fail, helper
from nsmodel.kernel.mount.common import is_atime
from nsmodel.kernel.mount.tree import clone_tree, copied, mounted_at, shows, subtree, topmost
from nsmodel.kernel.mutants import (
    BIND_OUTSIDE,
    COPY_KEEPS_NS,
    COPY_STAYS_PEER,
    DETACHED_RECEIVES,
    MP04,
    MP05,
    MP20,
    SLAVES_FORGOTTEN,
)
from nsmodel.kernel.objects import AttributeKind, Dentry, Kernel, MntNamespace, Mount, PeerGroup


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
def lock_attributes(k: Kernel, m: Mount) -> None:
    """What restricts a mount may not be taken off where it lands, and the kind of its access times not changed
    (fs/namespace.c: lock_mnt_tree, v6.18)."""
    for a in k.attributes:
        if is_atime(k, a) or (a in m.attributes and a.kind != AttributeKind.NOSYMFOLLOW):
            m.locked_attributes.add(a)


@helper
def keeps_restrictions(k: Kernel, m: Mount) -> bool:
    """No attribute that restricts a mount may be taken off it."""
    return all(a in m.locked_attributes or is_atime(k, a) or a.kind == AttributeKind.NOSYMFOLLOW for a in m.attributes)


@helper
def lock_tree(k: Kernel, tree: set[Mount], top: Mount) -> None:
    """A tree lands in a namespace of another owner: what it hides stays hidden (fs/namespace.c: lock_mnt_tree)."""
    for m in tree:
        if m is not top:
            m.locked = True
        lock_attributes(k, m)


@helper
def put_on(k: Kernel, head: Mount, at: Mount, dentry: Dentry) -> None:
    """Hang a tree on a place; what is mounted there goes on top of it (fs/namespace.c: mnt_change_mountpoint). Where
    that is locked, the tree now hides what it hid, and is locked as well; Linux 6.18 forgets that."""
    covered = mounted_at(k, at, dentry)
    head.parent = at
    head.mountpoint = dentry
    if covered is not None and not k.bug(MP05):
        top = topmost(k, head)
        covered.parent = top
        covered.mountpoint = top.root
        if covered.locked and not k.bug(MP20):
            head.locked = True
        hides = head.locked or not covered.locked
        assure("LOCK_COVER", hides, "what comes beneath a locked mount can be taken off with it", head, covered)


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
def takers(k: Kernel, dst: Mount, dentry: Dentry) -> set[Mount]:
    """The receivers of a mount that get a copy of what is put on one of its names: those that show it. What is mounted
    nowhere gets none."""
    out: set[Mount] = set()
    for r in receivers(k, dst):
        there = r.ns
        if there is not None and (shows(k, r, dentry) or k.bug(BIND_OUTSIDE)):
            if not there.anonymous or k.bug(DETACHED_RECEIVES):
                out.add(r)
    return out


@helper
def len_of(k: Kernel, tree: set[Mount]) -> int:
    """How many mounts."""
    size = 0
    for _ in tree:
        size += 1
    return size


@helper
def len_kept(k: Kernel, tree: set[Mount]) -> int:
    """How many of them go into a copy that propagates: files of mount namespaces do not."""
    kept = 0
    for m in tree:
        if m.mnt is None:
            kept += 1
    return kept


@helper
def check_attach(k: Kernel, size: int, kept: int, file: bool, dst: Mount, spot: Dentry, moving: bool) -> None:
    """The last checks before a tree of `size` mounts is put on a place, of which each receiver gets `kept`.

    A `file` of a mount namespace goes to no receiver, and no namespace gets more mounts than fs.mount-max; what is
    moved is not counted (attach_recursive_mnt, propagate_mnt, count_mounts)."""
    taking = takers(k, dst, spot)
    if file and any(r in taking for r in k.mounts):
        fail(EINVAL, "a file of a mount namespace would propagate")
    for limit in k.sysctls:
        for ns in k.mnt_namespaces:
            wanted = 0
            if dst.ns is ns and not moving:
                wanted += size
            for r in taking:
                if r.ns is ns:
                    wanted += kept
            if wanted > 0:
                for m in k.mounts:
                    if m.ns is ns:
                        wanted += 1
            if wanted > limit.mount_max and not k.bug(MP04):
                fail(ENOSPC, "a namespace would have more mounts than fs.mount-max")


@helper
def hears(k: Kernel, r: Mount, g: PeerGroup) -> bool:
    """A mount is in a group, or its masters lead up to it."""
    here: PeerGroup | None = r.master
    if r.group is g:
        return True
    seen: set[PeerGroup] = set()
    while here is not None and here not in seen:
        if here is g:
            return True
        seen.add(here)
        up: PeerGroup | None = None
        for p in k.mounts:
            if p.group is here and p.master is not None:
                up = p.master
        here = up
    return False


@helper
def judge_attach(
    k: Kernel, top: Mount, dst: Mount, dentry: Dentry, size: int, standing: set[Mount], before: set[Mount]
) -> None:
    """Every receiver that shows the place, of those that are mounted somewhere (`standing`), has a copy of the whole
    tree of `size` there, and nobody else has: a peer in the own group of the place, a slave elsewhere."""
    g = dst.group
    taking = {r for r in standing if g is not None and r is not dst and shows(k, r, dentry) and hears(k, r, g)}
    made = k.mounts - before
    wanted = 0
    for r in taking:
        wanted += size
        copies = {c for c in k.mounts - before if c.parent is r and c.mountpoint is dentry and c.root is top.root}
        assure("PROP_EXACT", any(c in copies for c in k.mounts), "a receiver has no copy", r)
        for c in copies:
            peers = c.group is top.group
            assure("PROP_EXACT", (r.group is dst.group) == peers, "a copy is linked to the wrong group", r, c)
            assure("PROP_EXACT", peers or c.master is not None, "the copy for a slave is no slave", r, c)
    assure("PROP_EXACT", len_of(k, made) == wanted, "a copy is not whole, or is for somebody else", top, dst)
    for c in made:
        there = c.ns
        quiet = there is None or not there.anonymous
        assure("DETACHED_QUIET", quiet, "a tree that is mounted nowhere receives a mount", c)


@helper
def attach(k: Kernel, top: Mount, dst: Mount, dentry: Dentry, mine: MntNamespace) -> None:
    """Hang a tree on a place of a mount, and a copy of it on the same place of every receiver that shows it.

    A receiver in a group that has a copy gets a peer of it, any other a slave of the copy that its master's group has;
    a group of which no member shows the place hands on what its own master has. Whether a receiver is shared is as it
    was before. A copy for a namespace of another owner than the caller's (`mine`) is locked before it is put on. All
    copies are made before the first is put on: a receiver may be in the tree itself.
    """
    tree = subtree(k, top)
    going = copied(k, top, top.root, False)
    reached = receivers(k, dst)
    was_shared = {m for m in k.mounts if m.group is not None}
    waiting = takers(k, dst, dentry)
    before = {m for m in k.mounts}
    standing: set[Mount] = set()
    for m in k.mounts:
        lives = m.ns
        if lives is not None and not lives.anonymous:
            standing.add(m)
    blind = {r for r in reached - waiting if not any(w.group is r.group for w in waiting)}
    covered = mounted_at(k, dst, dentry)
    here = dst.ns
    living = here is mine or (here is not None and here.anonymous)
    assure("NS_MEMBER", living, "something is hung on what is in no namespace of the caller's", dst)
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
    for m in going:
        heads[m] = top
    lands: Map[Mount, Mount | None] = Map()
    grown = True
    while grown:
        grown = False
        for r in blind:
            if r.group is not None and r.master is not None and source[r.group] is None:
                if source[r.master] is not None:
                    source[r.group] = source[r.master]
                    grown = True
        taker: Mount | None = None
        model: Mount | None = None
        for r in waiting:
            if model is None:
                if r.group is not None and r in was_shared:
                    model = source[r.group]
                if model is None and r.master is not None:
                    model = source[r.master]
                taker = r
        if taker is not None and model is not None:
            waiting.discard(taker)
            grown = True
            group = taker.group if taker in was_shared else None
            slave = group is None or source[group] is None
            known = {m for m in k.mounts}
            originals = {m for m in k.mounts if heads[m] is model}
            made = clone_tree(k, originals, model, model.root, mine if k.bug(COPY_KEEPS_NS) else taker.ns)
            copies = k.mounts - known
            for c in copies:
                heads[c] = made
            if slave and not k.bug(COPY_STAYS_PEER):
                enslave(k, copies, group is not None)
            if group is not None:
                source[group] = made
            there = taker.ns
            if there is not None and there.owner is not mine.owner:
                lock_tree(k, copies, made)
                for c in copies:
                    assure("LOCK_COVER", c is made or c.locked, "a copy for another owner is not locked", c)
                    assure("LOCK_FLAGS", keeps_restrictions(k, c), "what restricts a copy for another owner may go", c)
            lands[made] = taker
    for c in k.mounts - before:
        at = lands[c]
        if at is not None:
            put_on(k, c, at, dentry)
    judge_attach(k, top, dst, dentry, len_of(k, going), standing, before)
