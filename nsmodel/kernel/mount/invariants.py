"""Invariants of mounts, under the names of the bug catalogue."""

from __future__ import annotations

from nsmodel.ir.language import count, helper, invariant, require
from nsmodel.kernel.credentials import user_within
from nsmodel.kernel.mount.propagation import receivers
from nsmodel.kernel.mount.tree import shows
from nsmodel.kernel.objects import Kernel, Mount, PeerGroup


@helper
def roots_at(k: Kernel, m: Mount, bottom: Mount) -> bool:
    """Parents lead from a mount to the bottom, in no more steps than there are mounts."""
    reached = {m}
    here: Mount | None = m
    grown = True
    while grown:
        grown = False
        if here is not None and here is not bottom:
            above = here.parent
            if above is not None and above not in reached:
                reached.add(above)
                here = above
                grown = True
    return here is bottom


@invariant("TREE_ACYCLIC", source="fs/namespace.c: struct mount, mnt_parent (v6.18)")
def tree_acyclic(k: Kernel) -> None:
    """Every mount of a namespace lies on its bottom."""
    for m in k.mounts:
        ns = m.ns
        if ns is not None:
            bottom = ns.root
            require(bottom is not None, "the namespace of a mount has a bottom", m)
            if bottom is not None:
                require(roots_at(k, m, bottom), "a mount lies on the bottom of its namespace", m)


@invariant("ONE_PER_MP", source="fs/namespace.c: __lookup_mnt (v6.18)")
def one_per_place(k: Kernel) -> None:
    """At most one mount is on a place."""
    for m in k.mounts:
        if m.parent is not None:
            others = {c for c in k.mounts if c.parent is m.parent and c.mountpoint is m.mountpoint and c is not m}
            require(len(others) == 0, "two mounts are on one place", m)


@invariant("MP_CONTAINED", source="fs/namespace.c: attach_mnt (v6.18)")
def contained(k: Kernel) -> None:
    """A mount is on a name that its parent shows."""
    for m in k.mounts:
        on = m.parent
        where = m.mountpoint
        require((on is None) == (where is None), "a mount that lies on something is on a name of it", m)
        if on is not None and where is not None:
            require(shows(k, on, where), "the parent does not show the mountpoint", m, on)


@helper
def leads_to(k: Kernel, g: PeerGroup) -> bool:
    """The masters of a group lead back to it."""
    above = {h for h in k.peer_groups if any(m.group is g and m.master is h for m in k.mounts)}
    grown = True
    while grown:
        grown = False
        for h in k.peer_groups - above:
            if any(m.group is not None and m.group in above and m.master is h for m in k.mounts):
                above.add(h)
                grown = True
    return g in above


@invariant("PROP_WF", source="fs/pnode.c (v6.18); Documentation/filesystems/sharedsubtree.rst")
def propagation_well_formed(k: Kernel) -> None:
    """Peers have one master, groups have members, masters form no circle, what is unbindable is no peer."""
    for m in k.mounts:
        require(not (m.unbindable and m.group is not None), "a peer is unbindable", m)
        require(not (m.unbindable and m.master is not None), "a slave is unbindable", m)
        if m.group is not None:
            for p in k.mounts:
                if p.group is m.group:
                    require(p.master is m.master, "peers have different masters", m, p)
    for g in k.peer_groups:
        require(any(m.group is g for m in k.mounts), "a peer group has no members", g)
        require(not leads_to(k, g), "a group is its own master, by way of others", g)


@invariant("NS_MEMBER", source="fs/namespace.c: struct mnt_namespace (v6.18)")
def members(k: Kernel) -> None:
    """A tree is in one namespace as a whole."""
    for m in k.mounts:
        on = m.parent
        if on is not None:
            require(m.ns is on.ns, "a mount and what it lies on are in different namespaces", m, on)
    for ns in k.mnt_namespaces:
        bottom = ns.root
        if bottom is not None:
            require(bottom.ns is ns, "the bottom of a namespace is not in it", ns)


@invariant("REF_EXACT", source="fs/namespace.c: mntget, mntput (v6.18)")
def mount_references(k: Kernel) -> None:
    """A mount is held by its tree, by roots, working directories and descriptors, and by programs that run from it."""
    for m in k.mounts:
        held = count(f for f in k.fs_structs if f.root_mnt is m) + count(f for f in k.fs_structs if f.cwd_mnt is m)
        held += count(f for f in k.descriptors if f.mount is m) + count(t for t in k.tasks if t.exe is m)
        if m.ns is not None or m.parent is not None:
            held += 1
        require(m.count == held, "the count of a mount equals its holders", m)


@invariant("MOUNT_BOUND", source="fs/namespace.c: count_mounts (v6.18); /proc/sys/fs/mount-max")
def bounded(k: Kernel) -> None:
    """No namespace has more mounts than fs.mount-max."""
    for limit in k.sysctls:
        for ns in k.mnt_namespaces:
            held = count(m for m in k.mounts if m.ns is ns)
            require(held <= limit.mount_max, "a namespace has more mounts than fs.mount-max", ns)


@invariant("NSREF_ACYCLIC", source="fs/namespace.c: mnt_ns_loop (v6.18)")
def holds_newer(k: Kernel) -> None:
    """A mount namespace holds files of newer ones only, so that none holds itself by way of others."""
    for m in k.mounts:
        here = m.ns
        shown = m.mnt
        if here is not None and shown is not None and not here.anonymous:
            require(here in shown.older, "a namespace holds the file of one that is not newer", m, shown)


@invariant("HOST_PROP", source="mount_namespaces(7), shared subtrees")
def host_is_left_alone(k: Kernel) -> None:
    """What happens in another mount namespace reaches no mount of the first."""
    for m in k.mounts:
        here = m.ns
        if here is not None and any(True for older in here.older):
            for r in receivers(k, m):
                there = r.ns
                if there is not None and not there.anonymous:
                    first = not any(True for older in there.older)
                    require(not first, "a mount of the host receives from a container", m, r)


@invariant("DETACHED_QUIET", source="fs/namespace.c: umount_tree (v6.18)")
def detached_quiet(k: Kernel) -> None:
    """A mount that was taken off sends and receives nothing."""
    for m in k.mounts:
        if m.ns is None:
            require(m.group is None and m.master is None, "a mount in no namespace is a peer or a slave", m)


@invariant("PROP_DOWN", source="fs/namespace.c: copy_mnt_ns, CL_SLAVE (v6.18); user_namespaces(7)")
def propagates_down(k: Kernel) -> None:
    """What happens in a mount namespace reaches only those whose owner is its owner, or below."""
    for m in k.mounts:
        here = m.ns
        if here is not None:
            owner = here.owner
            for r in receivers(k, m):
                there = r.ns
                if there is not None and there is not here:
                    below = there.owner
                    require(
                        below is None or user_within(k, below, owner),
                        "a mount of a namespace above receives from one below",
                        m,
                        r,
                    )
