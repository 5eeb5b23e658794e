"""Benchmark: mounts with propagation, after the reference model that other checkers were measured with.

One file system: a root and directories right below it. Mount, bind, recursive bind, move, unmount, the four types of
propagation, and mount namespaces that are cloned and destroyed. What is mounted under a shared mount is copied to its
peers and slaves; an unmount takes the copies along that hold nothing, and what lay on top slides down.
Number of states without symmetry (mounts, namespaces, dentries): 3 1 2 has 9,702, 3 2 3 has 52,974, 4 1 2 has
3,596,350.
"""

from __future__ import annotations

from nsmodel.ir.language import (
    Entity,
    Live,
    Map,
    Static,
    Switch,
    count,
    given,
    helper,
    invariant,
    require,
    syscall,
    the,
)
from nsmodel.ir.state import State
from nsmodel.system.operation import op
from nsmodel.system.spec import NO_UAF, STEP_TOTAL, Scope, Spec, prop
from nsmodel.system.verdict import Verdict

MOUNT_BESIDE = Switch(
    "bench_mount_beside", "bench_mount_beside", "a mount goes beside what is mounted at its place", "synthetic"
)
UNBINDABLE_SHARED = Switch(
    "bench_unbindable_shared", "bench_unbindable_shared", "an unbindable mount stays in its peer group", "synthetic"
)
SLAVE_OF_ITSELF = Switch(
    "bench_slave_of_itself",
    "bench_slave_of_itself",
    "a slave stays in the peer group that becomes its master",
    "synthetic",
)
SLAVES_FORGOTTEN = Switch(
    "bench_slaves_forgotten",
    "bench_slaves_forgotten",
    "the slaves of a dissolved peer group keep it as master",
    "synthetic",
)
ROOT_UNMOUNTED = Switch(
    "bench_root_unmounted", "bench_root_unmounted", "the root of a namespace can be unmounted", "synthetic"
)


class Dentry(Static):
    """The root of the file system, or a directory right below it."""

    parent: Dentry | None


class PeerGroup(Entity):
    """A peer group: lives exactly while a mount is in it."""


class MountNs(Entity):
    """A mount namespace; its root is its mount without a parent."""

    initial: bool
    """The namespace that is never destroyed."""


class Mount(Entity):
    """A mount."""

    ns: MountNs
    parent: Mount | None
    """None for the root of a namespace."""
    mp: Dentry
    """The mountpoint in the parent."""
    root: Dentry
    """What of the file system it shows."""
    group: PeerGroup | None
    """The mounts that it shares what happens on it with."""
    master: PeerGroup | None
    """The peer group whose events it receives, as a slave."""
    unbindable: bool


class MountState(State):
    """Mounts, peer groups, namespaces, and the directories of the one file system."""

    dentries: Live[Dentry]
    groups: Live[PeerGroup]
    namespaces: Live[MountNs]
    mounts: Live[Mount]


# -- the tree ---------------------------------------------------------------------------------------------------------


@helper
def sees(k: MountState, m: Mount, d: Dentry) -> bool:
    """Whether a mount shows a directory."""
    return m.root.parent is None or m.root is d


@helper
def child_at(k: MountState, m: Mount, d: Dentry) -> Mount | None:
    """What is mounted at a place."""
    return the(c for c in k.mounts if c.parent is m and c.mp is d)


@helper
def occupied(k: MountState, m: Mount, d: Dentry) -> bool:
    """Whether something is mounted at a place."""
    return any(c.parent is m and c.mp is d for c in k.mounts)


@helper
def vacant(k: MountState, m: Mount, d: Dentry) -> bool:
    """Whether a path can lead to a place: it is visible, and nothing is mounted there."""
    return sees(k, m, d) and not occupied(k, m, d)


@helper
def subtree(k: MountState, top: Mount) -> set[Mount]:
    """A mount and all below it."""
    out = {top}
    grown = True
    while grown:
        grown = False
        for m in k.mounts:
            if m.parent in out and m not in out:
                out.add(m)
                grown = True
    return out


@helper
def bindable_tree(k: MountState, top: Mount) -> set[Mount]:
    """What a recursive bind copies: a mount and all below it, without unbindable mounts and what is below them."""
    out = {top}
    grown = True
    while grown:
        grown = False
        for m in k.mounts:
            if not m.unbindable and m.parent in out and m not in out:
                out.add(m)
                grown = True
    return out


@helper
def root_of(k: MountState, d: Dentry) -> Dentry:
    """The root of the file system."""
    return d if d.parent is None else d.parent


@helper
def topmost(k: MountState, m: Mount) -> Mount:
    """The top of the stack of mounts on a mount's root."""
    top = m
    x: Mount | None = m
    while x is not None:
        top = x
        x = child_at(k, x, x.root)
    return top


# -- peer groups ------------------------------------------------------------------------------------------------------


@helper
def receivers(k: MountState, m: Mount) -> set[Mount]:
    """Who receives what happens on a mount: its peers, the slaves of its group, their peers, and so on."""
    out: set[Mount] = set()
    if m.group is None:
        return out
    reached = {m.group}
    grown = True
    while grown:
        grown = False
        for r in k.mounts:
            if r is not m and r not in out and (r.group in reached or r.master in reached):
                out.add(r)
                if r.group is not None:
                    reached.add(r.group)
                grown = True
    return out


@helper
def has_peers(k: MountState, m: Mount) -> bool:
    """Whether a shared mount is not alone in its group."""
    return any(p.group is m.group and p is not m for p in k.mounts)


@helper
def leave_group(k: MountState, m: Mount) -> None:
    """A mount becomes private. The last one dissolves the group, whose slaves go to its master."""
    g = m.group
    above = m.master
    if g is not None and not has_peers(k, m):
        if not k.bug(SLAVES_FORGOTTEN):
            for s in k.mounts:
                if s.master is g:
                    s.master = above
        k.free(g)
    m.group = None
    m.master = None


@helper
def remove(k: MountState, gone: set[Mount]) -> None:
    """Mounts leave their groups and go."""
    for m in gone:
        leave_group(k, m)
        k.free(m)


# -- attaching a tree -------------------------------------------------------------------------------------------------


@helper
def copy_tree(k: MountState, originals: set[Mount], top: Mount, ns: MountNs) -> Mount:
    """Peers of some mounts for a namespace, hung together as those are; gives the copy of the top, which hangs nowhere
    yet."""
    copy: Map[Mount, Mount | None] = Map()
    for m in originals:
        c = k.new(Mount)
        c.ns = ns
        c.root = m.root
        c.mp = m.mp
        c.group = m.group
        c.master = m.master
        c.unbindable = m.unbindable
        copy[m] = c
    for m in originals:
        twin = copy[m]
        if twin is not None and m is not top and m.parent is not None:
            twin.parent = copy[m.parent]
    head = copy[top]
    assert head is not None
    return head


@helper
def enslave(k: MountState, m: Mount, shared: bool) -> None:
    """A peer becomes a slave, shared with a new peer group or with none."""
    m.master = m.group
    m.group = None
    if shared:
        m.group = k.new(PeerGroup)


@helper
def put_at(k: MountState, head: Mount, at: Mount, d: Dentry) -> None:
    """Hang a copied tree at a place; what is mounted there goes on top of it."""
    covered = child_at(k, at, d)
    head.parent = at
    if covered is not None:
        below = topmost(k, head)
        covered.parent = below
        covered.mp = below.root


@helper
def need_room(k: MountState, unserved: set[Mount], tree: set[Mount]) -> None:
    """The reference model asks for room for a copy at every receiver, also where none is made: a moved tree whose own
    mounts are all that links a receiver to the destination."""
    spare: set[Mount] = set()
    for _ in unserved:
        for _ in tree:
            s = k.new(Mount)
            spare.add(s)
    for s in spare:
        k.free(s)


@helper
def attach(k: MountState, top: Mount, tree: set[Mount], dst: Mount, d: Dentry) -> None:
    """Hang a tree at a place of a mount, and a copy of it at the same place of every receiver that sees the place.

    A receiver in a peer group that has a copy gets peers of that copy; any other one gets slaves of the copy that its
    master has. A group without a receiver that sees the place hands its master's copy on to its slaves.
    """
    top.parent = dst
    top.mp = d
    if dst.group is None:
        return
    reached = receivers(k, dst) - tree
    model: Map[PeerGroup, Mount | None] = Map()
    model[dst.group] = top
    head: Map[Mount, Mount | None] = Map()
    for m in tree:
        head[m] = top
        if m.group is None:
            m.group = k.new(PeerGroup)
    waiting = {r for r in reached if sees(k, r, d)}
    blind = {r for r in reached - waiting if not any(w.group is r.group for w in waiting)}
    grown = True
    while grown:
        grown = False
        for r in blind:
            if r.group is not None and r.master is not None and model[r.group] is None:
                if model[r.master] is not None:
                    model[r.group] = model[r.master]
                    grown = True
        for r in waiting:
            source: Mount | None = None
            if r.group is not None:
                source = model[r.group]
            slave = source is None
            if slave and r.master is not None:
                source = model[r.master]
            if source is not None:
                waiting.discard(r)
                grown = True
                before = {m for m in k.mounts}
                made = copy_tree(k, {m for m in k.mounts if head[m] is source}, source, r.ns)
                for c in k.mounts - before:
                    head[c] = made
                    if slave:
                        enslave(k, c, r.group is not None)
                if r.group is not None:
                    model[r.group] = made
                put_at(k, made, r, d)
    need_room(k, waiting, tree)


# -- system calls -----------------------------------------------------------------------------------------------------


@syscall(source="fs/namespace.c: do_new_mount (v6.18)")
def mount(k: MountState, dst: Mount, d: Dentry) -> None:
    """Mount the file system anew."""
    given(sees(k, dst, d) and (not occupied(k, dst, d) or k.bug(MOUNT_BESIDE)))
    m = k.new(Mount)
    m.ns = dst.ns
    m.root = root_of(k, d)
    attach(k, m, {m}, dst, d)


@syscall(source="fs/namespace.c: do_loopback (v6.18)")
def bind(k: MountState, src: Mount, root: Dentry, dst: Mount, d: Dentry) -> None:
    """Mount what another mount shows, or a directory of it, as its peer."""
    given(src.ns is dst.ns and not src.unbindable and vacant(k, dst, d) and vacant(k, src, root))
    m = copy_tree(k, {src}, src, dst.ns)
    m.root = root
    attach(k, m, {m}, dst, d)


@syscall(source="fs/namespace.c: do_loopback, MS_REC (v6.18)")
def bind_tree(k: MountState, src: Mount, dst: Mount, d: Dentry) -> None:
    """Bind a mount with what is mounted below it."""
    given(src.ns is dst.ns and not src.unbindable and vacant(k, dst, d) and not occupied(k, src, src.root))
    originals = bindable_tree(k, src)
    given(originals != {src})
    before = {m for m in k.mounts}
    top = copy_tree(k, originals, src, dst.ns)
    attach(k, top, k.mounts - before, dst, d)


@syscall(source="fs/namespace.c: do_change_type; fs/pnode.c: change_mnt_propagation, MS_SHARED (v6.18)")
def make_shared(k: MountState, m: Mount) -> None:
    """A peer group of its own; a slave keeps its master."""
    given(m.group is None and not occupied(k, m, m.root))
    m.group = k.new(PeerGroup)
    m.unbindable = False


@syscall(source="fs/namespace.c: do_change_type; fs/pnode.c: change_mnt_propagation, MS_PRIVATE (v6.18)")
def make_private(k: MountState, m: Mount) -> None:
    """Neither peer nor slave nor unbindable any more."""
    given((m.group is not None or m.master is not None or m.unbindable) and not occupied(k, m, m.root))
    leave_group(k, m)
    m.unbindable = False


@syscall(source="fs/namespace.c: do_change_type; fs/pnode.c: change_mnt_propagation, MS_UNBINDABLE (v6.18)")
def make_unbindable(k: MountState, m: Mount) -> None:
    """Private, and refused as the source of a bind."""
    given(not m.unbindable and not occupied(k, m, m.root))
    if not k.bug(UNBINDABLE_SHARED):
        leave_group(k, m)
    m.unbindable = True


@syscall(source="fs/namespace.c: do_change_type; fs/pnode.c: change_mnt_propagation, MS_SLAVE (v6.18)")
def make_slave(k: MountState, m: Mount) -> None:
    """A slave of the peers that stay behind; the last of a group becomes what its group was: its master's slave."""
    given(m.group is not None and not occupied(k, m, m.root))
    above = m.master
    if has_peers(k, m):
        m.master = m.group
        if not k.bug(SLAVE_OF_ITSELF):
            m.group = None
    else:
        leave_group(k, m)
        m.master = above


@syscall(source="fs/namespace.c: do_umount, MNT_DETACH; fs/pnode.c: propagate_umount (v6.18)")
def umount(k: MountState, target: Mount) -> None:
    """A mount goes with all below it, and so do its counterparts at the receivers, except those that keep a mount."""
    given((target.parent is not None or k.bug(ROOT_UNMOUNTED)) and not occupied(k, target, target.root))
    gone = subtree(k, target)
    counterparts: set[Mount] = set()
    for x in gone:
        above = x.parent
        assert above is not None
        reached = receivers(k, above)
        counterparts |= {y for y in k.mounts if y.parent in reached and y.mp is x.mp}
    grown = True
    while grown:
        grown = False
        for y in counterparts - gone:
            if not any(c.parent is y and c.mp is not y.root and c not in gone for c in k.mounts):
                gone.add(y)
                grown = True
    for m in k.mounts - gone:
        p = m.parent
        while p is not None and p in gone:
            m.parent = p.parent
            m.mp = p.mp
            p = p.parent
    remove(k, gone)


@syscall(source="fs/namespace.c: do_move_mount (v6.18)")
def move(k: MountState, top: Mount, dst: Mount, d: Dentry) -> None:
    """Hang a tree elsewhere: not from under a shared mount, not below itself, and nothing unbindable under a shared
    mount."""
    given(top.ns is dst.ns and top.parent is not None and top.parent.group is None)
    given(vacant(k, dst, d) and not occupied(k, top, top.root))
    tree = subtree(k, top)
    given(dst not in tree and (dst.group is None or not any(m.unbindable for m in tree)))
    attach(k, top, tree, dst, d)


@syscall(source="fs/namespace.c: copy_mnt_ns (v6.18)")
def clone_ns(k: MountState, ns: MountNs) -> None:
    """A namespace with a peer of every mount of another one."""
    made = k.new(MountNs)
    originals = {m for m in k.mounts if m.ns is ns}
    root = the(m for m in originals if m.parent is None)
    assert root is not None
    copy_tree(k, originals, root, made)


@syscall(source="fs/namespace.c: put_mnt_ns (v6.18)")
def destroy_ns(k: MountState, ns: MountNs) -> None:
    """A namespace goes with its mounts."""
    given(not ns.initial)
    remove(k, {m for m in k.mounts if m.ns is ns})
    k.free(ns)


# -- properties -------------------------------------------------------------------------------------------------------


@invariant("TREE")
def tree_of_mounts(k: MountState) -> None:
    """The mounts of a namespace are one tree, and no two are mounted at one place."""
    for ns in k.namespaces:
        roots = count(m for m in k.mounts if m.ns is ns and m.parent is None)
        require(roots == 1, "a namespace has one root", ns)
    for m in k.mounts:
        p = m.parent
        if p is not None:
            require(p.ns is m.ns, "a tree lies in one namespace", m, p)
            require(sees(k, p, m.mp), "the mountpoint is visible", m, p)
            require(not any(c is not m and c.parent is p and c.mp is m.mp for c in k.mounts), "one mount at a place", m)
    hanging: set[Mount] = set()
    grown = True
    while grown:
        grown = False
        for m in k.mounts - hanging:
            if m.parent is None or m.parent in hanging:
                hanging.add(m)
                grown = True
    for m in k.mounts - hanging:
        require(False, "parents lead to a root", m)


@invariant("PEERS")
def peers(k: MountState) -> None:
    """A peer group has members, which have one master and are not unbindable."""
    for g in k.groups:
        require(any(m.group is g for m in k.mounts), "a peer group has members", g)
    for m in k.mounts:
        if m.group is not None:
            require(not m.unbindable, "what is shared is not unbindable", m)
            require(all(p.master is m.master for p in k.mounts if p.group is m.group), "peers have one master", m)


@invariant("MASTER")
def masters(k: MountState) -> None:
    """A master is another group than one's own, has members, and has a master that is not below it."""
    settled: set[PeerGroup] = set()
    grown = True
    while grown:
        grown = False
        for m in k.mounts:
            if m.group is not None and m.group not in settled and (m.master is None or m.master in settled):
                settled.add(m.group)
                grown = True
    for m in k.mounts:
        if m.master is not None:
            require(m.master is not m.group, "no group is its own master", m)
            require(any(p.group is m.master for p in k.mounts), "the master has members", m)
            require(m.master in settled, "masters are no circle", m)


def base(k: MountState) -> None:
    """One private mount of the whole file system in the initial namespace."""
    bounds = k.bounds or {}
    root = k.new(Dentry)
    for _ in range(1, bounds.get("dentries", 2)):
        k.new(Dentry).parent = root
    ns = k.new(MountNs)
    ns.initial = True
    m = k.new(Mount)
    m.ns = ns
    m.mp = root
    m.root = root


PROPERTIES = (
    prop("TREE", "the mounts of a namespace are a tree, one mount at a place", tree_of_mounts),
    prop("PEERS", "peers are shared and have one master", peers),
    prop("MASTER", "masters are peer groups with members, and no circle", masters),
    NO_UAF,
    STEP_TOTAL,
)

SPEC = Spec(
    name="bench_mounts",
    title=__doc__,
    state=MountState,
    base=base,
    bounds={"mounts": 3, "namespaces": 1, "dentries": 2},
    derived={"groups": lambda bounds: bounds["mounts"]},
    scopes={"small": Scope(depth=3)},
    operations=(
        op(mount),
        op(bind),
        op(bind_tree),
        op(make_shared),
        op(make_private),
        op(make_unbindable),
        op(make_slave),
        op(umount),
        op(move),
        op(clone_ns),
        op(destroy_ns),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        MOUNT_BESIDE: "TREE",
        UNBINDABLE_SHARED: "PEERS",
        SLAVE_OF_ITSELF: "MASTER",
        SLAVES_FORGOTTEN: "NO_UAF",
        ROOT_UNMOUNTED: "STEP_TOTAL",
    },
    replayable=False,
    may_never_succeed=("bind_tree", "clone_ns", "destroy_ns"),  # the default scope has too few mounts and namespaces
)
