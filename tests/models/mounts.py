"""A toy of mounts: new mounts, binds, propagation types, namespaces and umount2, with propagation and locks.

The rules are those of sections 5.5, 5.9, 5.10 and 5.12 of the kernel notes (v6.18): peer groups are objects, a
mount's master is a group. All file systems look alike (`Dentry` is a path below any root); references to mounts by
descriptors or working directories are left out, and a mount that leaves the tree is gone.
"""

from __future__ import annotations

import enum

from nsmodel.ir.language import (
    EBUSY,
    EINVAL,
    EPERM,
    Entity,
    Flags,
    Live,
    Map,
    Static,
    fail,
    given,
    helper,
    invariant,
    require,
    syscall,
)
from nsmodel.ir.state import State


class Propagation(enum.IntEnum):
    """The types that mount(2) can make."""

    SHARED = 0
    SLAVE = 1
    PRIVATE = 2
    UNBINDABLE = 3


class Dentry(Static):
    """A directory."""

    parent: Dentry | None


class Group(Entity):
    """A peer group: lives as long as it has members."""


class UserNs(Entity):
    """A user namespace."""


class MountNs(Entity):
    """A mount namespace."""

    owner: UserNs


class Mount(Entity):
    """`struct mount`."""

    ns: MountNs
    parent: Mount | None
    mp: Dentry
    """Mountpoint in the parent; its own root where there is none."""
    root: Dentry
    group: Group | None
    master: Group | None
    unbindable: bool
    locked: bool


class K(State):
    """The state."""

    dentries: Live[Dentry]
    groups: Live[Group]
    users: Live[UserNs]
    nss: Live[MountNs]
    mounts: Live[Mount]


class BindFlags(Flags):
    """MS_REC."""

    recursive: bool = False


class UmountFlags(Flags):
    """MNT_DETACH."""

    detach: bool = False


# -- the tree ---------------------------------------------------------------------------------------------------------


@helper
def under(k: K, d: Dentry, top: Dentry) -> bool:
    x: Dentry | None = d
    while x is not None:
        if x is top:
            return True
        x = x.parent
    return False


@helper
def child_at(k: K, m: Mount, d: Dentry) -> Mount | None:
    for c in k.mounts:
        if c.parent is m and c.mp is d:
            return c
    return None


@helper
def subtree(k: K, top: Mount) -> set[Mount]:
    """The mount and all below it."""
    out = {top}
    grown = True
    while grown:
        grown = False
        for m in k.mounts:
            if m not in out and m.parent in out:
                out.add(m)
                grown = True
    return out


@helper
def bound_tree(k: K, top: Mount, root: Dentry) -> set[Mount]:
    """What a recursive bind copies: what hangs below the dentry, without the trees of unbindable mounts."""
    out = {top}
    grown = True
    while grown:
        grown = False
        for m in k.mounts:
            if m not in out and m.parent in out and not m.unbindable and (m.parent is not top or under(k, m.mp, root)):
                out.add(m)
                grown = True
    return out


@helper
def on_top(k: K, m: Mount) -> Mount:
    """The topmost mount of the stack on a mount's root."""
    top = m
    x: Mount | None = m
    while x is not None:
        top = x
        x = child_at(k, x, x.root)
    return top


@helper
def sees(k: K, m: Mount, d: Dentry) -> bool:
    return under(k, d, m.root)


# -- peer groups ------------------------------------------------------------------------------------------------------


@helper
def receivers(k: K, m: Mount) -> set[Mount]:
    """Who receives what happens on a mount: its peers, the slaves of its group, their peers, and so on."""
    out: set[Mount] = set()
    if m.group is None:
        return out
    reached = {m.group}
    grown = True
    while grown:
        grown = False
        for r in k.mounts:
            if r not in out and r is not m and (r.group in reached or r.master in reached):
                out.add(r)
                if r.group is not None:
                    reached.add(r.group)
                grown = True
    return out


@helper
def has_peers(k: K, m: Mount) -> bool:
    return m.group is not None and any(p.group is m.group and p is not m for p in k.mounts)


@helper
def leave_group(k: K, m: Mount) -> None:
    """A mount becomes private; slaves of a group without members go to its master."""
    g = m.group
    if g is not None and not has_peers(k, m):
        for s in k.mounts:
            if s.master is g:
                s.master = m.master
        k.free(g)
    m.group = None
    m.master = None


@helper
def master_of(k: K, g: Group) -> Group | None:
    """The master that all members of a group have."""
    for m in k.mounts:
        if m.group is g:
            return m.master
    return None


@helper
def nearest(k: K, start: Group | None, dst: Mount, todo: set[Mount]) -> Group | None:
    """The first group on a chain of masters that gets a copy."""
    g = start
    while g is not None:
        if g is dst.group or any(r.group is g for r in todo):
            return g
        g = master_of(k, g)
    return None


# -- attaching a tree -------------------------------------------------------------------------------------------------


@helper
def put_at(k: K, c: Mount, at: Mount, mp: Dentry) -> None:
    """Hang a tree at a place; what was there goes on top of it."""
    q = child_at(k, at, mp)
    c.parent = at
    c.mp = mp
    if q is not None:
        top = on_top(k, c)
        q.parent = top
        q.mp = top.root


@helper
def attach(k: K, caller: MountNs, top: Mount, dst: Mount, mp: Dentry) -> None:
    """attach_recursive_mnt and propagate_mnt."""
    tree = subtree(k, top)
    for m in tree:
        m.ns = dst.ns
    if dst.group is not None:
        group = dst.group
        todo = {r for r in receivers(k, dst) - tree if sees(k, r, mp)}
        for m in tree:
            if m.group is None:
                m.group = k.new(Group)
                m.unbindable = False
        copies: set[Mount] = set()
        origin: Map[Mount, Mount | None] = Map()
        receiver: Map[Mount, Mount | None] = Map()
        for m in tree:
            made: Map[Group, Group | None] = Map()
            made[group] = m.group
            for r in todo:
                if r.group is not None and made[r.group] is None:
                    made[r.group] = k.new(Group)
            for r in todo:
                c = k.new(Mount)
                c.ns = r.ns
                c.root = m.root
                c.mp = m.mp
                if r.group is not None:
                    c.group = made[r.group]
                if r.group is group:
                    c.master = m.master
                else:
                    above = nearest(k, r.master, dst, todo)
                    if above is not None:
                        c.master = made[above]
                c.locked = m is not top and (m.locked or r.ns.owner is not caller.owner)
                copies.add(c)
                origin[c] = m
                receiver[c] = r
        for c in copies:
            m2 = origin[c]
            if m2 is not None and m2 is not top:
                for p in copies:
                    if receiver[p] is receiver[c] and origin[p] is m2.parent:
                        c.parent = p
        put_at(k, top, dst, mp)
        for c in copies:
            at = receiver[c]
            if origin[c] is top and at is not None:
                put_at(k, c, at, mp)
    else:
        put_at(k, top, dst, mp)


@helper
def bound_copy(k: K, src: Mount, root: Dentry, recursive: bool) -> Mount:
    """copy_tree or clone_mnt: peers of what is copied."""
    tree = {src}
    if recursive:
        tree = bound_tree(k, src, root)
    copy: Map[Mount, Mount | None] = Map()
    top = k.new(Mount)
    for m in tree:
        c = top
        if m is not src:
            c = k.new(Mount)
        c.root = m.root
        c.mp = m.mp
        c.group = m.group
        c.master = m.master
        c.locked = m is not src and m.locked
        copy[m] = c
    top.root = root
    for m in tree:
        c2 = copy[m]
        if c2 is not None and m is not src and m.parent is not None:
            c2.parent = copy[m.parent]
    return top


# -- system calls -----------------------------------------------------------------------------------------------------


@syscall(source="fs/namespace.c: do_new_mount (v6.18)")
def mount(k: K, caller: MountNs, dst: Mount, mp: Dentry) -> None:
    given(sees(k, dst, mp) and child_at(k, dst, mp) is None)
    if dst.ns is not caller:
        fail(EINVAL, "the target is not in the caller's namespace")
    m = k.new(Mount)
    for d in k.dentries:
        if d.parent is None:
            m.root = d
    attach(k, caller, m, dst, mp)


@syscall(source="fs/namespace.c: do_loopback (v6.18)")
def bind(k: K, caller: MountNs, src: Mount, root: Dentry, dst: Mount, mp: Dentry, flags: BindFlags) -> None:
    given(sees(k, dst, mp) and child_at(k, dst, mp) is None)
    given(sees(k, src, root) and child_at(k, src, root) is None)
    if dst.ns is not caller:
        fail(EINVAL, "the target is not in the caller's namespace")
    if src.unbindable:
        fail(EINVAL, "the source is unbindable")
    if src.ns is not caller:
        fail(EINVAL, "the source is not in the caller's namespace")
    if not flags.recursive and any(c.parent is src and c.locked and under(k, c.mp, root) for c in k.mounts):
        fail(EINVAL, "the copy would reveal what a locked mount covers")
    if flags.recursive:
        for c in k.mounts:
            if c.locked and c.unbindable and c.parent in bound_tree(k, src, root):
                if c.parent is not src or under(k, c.mp, root):
                    fail(EPERM, "the copy would leave out a locked mount")
    top = bound_copy(k, src, root, flags.recursive)
    attach(k, caller, top, dst, mp)


@syscall(source="fs/namespace.c: do_change_type; fs/pnode.c: change_mnt_propagation (v6.18)")
def make(k: K, caller: MountNs, target: Mount, kind: Propagation) -> None:
    if target.ns is not caller:
        fail(EINVAL, "the mount is not in the caller's namespace")
    if kind == Propagation.SHARED:
        if target.group is None:
            target.group = k.new(Group)
        target.unbindable = False
    else:
        master = target.master
        if has_peers(k, target):
            master = target.group
        leave_group(k, target)
        if kind == Propagation.SLAVE:
            target.master = master
        else:
            target.unbindable = kind == Propagation.UNBINDABLE


@helper
def keeps_inside(k: K, m: Mount, gone: set[Mount]) -> bool:
    """A mount strictly inside stays."""
    return any(any(y not in gone for y in subtree(k, c)) for c in k.mounts if c.parent is m and c.mp is not m.root)


@helper
def counterparts(k: K, m: Mount) -> set[Mount]:
    """What is mounted at a mount's place wherever its parent propagates to."""
    out: set[Mount] = set()
    if m.parent is not None:
        for q in receivers(k, m.parent):
            c = child_at(k, q, m.mp)
            if c is not None:
                out.add(c)
    return out


@helper
def victims(k: K, closed: set[Mount]) -> set[Mount]:
    """propagate_umount: the set to remove and what goes with it elsewhere."""
    extra: set[Mount] = set()
    for m in closed:
        extra |= counterparts(k, m) - closed
    gone = closed | extra
    changed = True
    while changed:
        changed = False
        for m in extra:
            if keeps_inside(k, m, gone):
                extra.discard(m)
                gone.discard(m)
                changed = True
    changed = True
    while changed:
        changed = False
        for m in extra:
            if m.locked and m.parent not in gone:
                extra.discard(m)
                gone.discard(m)
                changed = True
    return gone


@helper
def slide(k: K, m: Mount, gone: set[Mount]) -> None:
    """What stays on the root of removed mounts goes where the lowest of them was."""
    bottom: Mount | None = None
    p = m.parent
    while p is not None:
        if p not in gone:
            break
        bottom = p
        p = p.parent
    if bottom is not None:
        m.parent = bottom.parent
        m.mp = bottom.mp


@syscall(source="fs/namespace.c: path_umount, do_umount; fs/pnode.c: propagate_umount (v6.18)")
def umount2(k: K, caller: MountNs, target: Mount, flags: UmountFlags) -> None:
    given(child_at(k, target, target.root) is None)
    if target.ns is not caller or target.locked or target.parent is None:
        fail(EINVAL, "the mount is not in the caller's namespace, is locked, or is its root")
    if not flags.detach and any(c.parent is target for c in k.mounts):
        fail(EBUSY, "something is mounted below")
    for c in counterparts(k, target):
        c.locked = False
    closed = {target}
    if flags.detach:
        closed = subtree(k, target)
    gone = victims(k, closed)
    for m in k.mounts - gone:
        slide(k, m, gone)
    for m in gone:
        leave_group(k, m)
    for m in gone:
        k.free(m)


@syscall(source="fs/namespace.c: copy_mnt_ns (v6.18)")
def unshare(k: K, caller: MountNs, user: bool) -> None:
    """Copies the caller's namespace, for a new user namespace or for the same."""
    ns = k.new(MountNs)
    ns.owner = caller.owner
    if user:
        ns.owner = k.new(UserNs)
    copy: Map[Mount, Mount | None] = Map()
    tree = {m for m in k.mounts if m.ns is caller}
    for m in tree:
        c = k.new(Mount)
        c.ns = ns
        c.root = m.root
        c.mp = m.mp
        c.locked = user or m.locked
        if user and m.group is not None:
            c.master = m.group
        else:
            c.group = m.group
            c.master = m.master
        copy[m] = c
    for m in tree:
        c2 = copy[m]
        if c2 is not None and m.parent is not None:
            c2.parent = copy[m.parent]


# -- properties -------------------------------------------------------------------------------------------------------


@invariant("TREE")
def tree(k: K) -> None:
    for m in k.mounts:
        x: Mount | None = m
        steps: set[Mount] = set()
        while x is not None:
            require(x not in steps, "no circles", m)
            if x in steps:
                break
            steps.add(x)
            x = x.parent
        p = m.parent
        if p is not None:
            require(p.ns is m.ns, "a tree lies in one namespace", m)
            require(sees(k, p, m.mp), "the mountpoint is visible", m)
            require(not any(c is not m and c.parent is p and c.mp is m.mp for c in k.mounts), "one mount at a place", m)


@invariant("PROPAGATION")
def propagation(k: K) -> None:
    for m in k.mounts:
        if m.master is not None:
            require(m.master is not m.group and any(p.group is m.master for p in k.mounts), "the master has members", m)
        if m.group is not None:
            require(not m.unbindable, "shared is not unbindable", m)
            require(all(p.master is m.master for p in k.mounts if p.group is m.group), "peers share a master", m)
    for g in k.groups:
        require(any(p.group is g for p in k.mounts), "groups have members", g)
        above = master_of(k, g)
        steps: set[Group] = set()
        while above is not None:
            require(above is not g, "no circle of masters", g)
            if above in steps:
                break
            steps.add(above)
            above = master_of(k, above)


def base(k: K, parents: tuple[int, ...] = (0, 1)) -> None:
    """One mount in one namespace; `parents` gives the dentry tree: the number of each one's parent, 0 for none."""
    made: list[Dentry] = []
    for parent in parents:
        d = k.new(Dentry)
        d.parent = made[parent - 1] if parent else None
        made.append(d)
    ns = k.new(MountNs)
    ns.owner = k.new(UserNs)
    m = k.new(Mount)
    m.ns = ns
    m.root = made[0]
    m.mp = made[0]


RULES = (mount, bind, make, umount2, unshare)
INVARIANTS = (tree, propagation)
