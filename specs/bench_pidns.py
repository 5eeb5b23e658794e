"""Benchmark: processes in nested pid namespaces, after the reference model that other checkers were measured with.

The exit of an init is one step: its namespace and all below die, their processes become zombies, and those whose
parent dies with them are reaped at once. A process holds at most one namespace descriptor, which a child inherits.
Number of states without symmetry (tasks, namespaces, levels): 3 2 2 has 5,198, 3 3 3 has 77,824, 4 2 2 has 393,066,
4 3 2 has 5,861,468.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from nsmodel.ir.language import HOLDERS, Entity, Live, Map, Range, Switch, given, helper, invariant, require, syscall
from nsmodel.ir.state import State
from nsmodel.system.operation import op
from nsmodel.system.spec import NO_UAF, STEP_TOTAL, Scope, Spec, prop
from nsmodel.system.verdict import Verdict

FD_NOT_COUNTED = Switch(
    "bench_fd_not_counted", "bench_fd_not_counted", "an inherited descriptor takes no reference", "synthetic"
)
SEEN_FROM_WITHIN = Switch(
    "bench_seen_from_within", "bench_seen_from_within", "the namespaces above do not see a new process", "synthetic"
)
INIT_SPARES = Switch("bench_init_spares", "bench_init_spares", "the exit of an init spares its namespace", "synthetic")
ORPHAN_KEPT = Switch(
    "bench_orphan_kept", "bench_orphan_kept", "the children of the dead get no new parent", "synthetic"
)
DEAD_INIT_NAMED = Switch(
    "bench_dead_init_named", "bench_dead_init_named", "a dead namespace still names its init", "synthetic"
)
CLOSE_NOTHING = Switch("bench_close_nothing", "bench_close_nothing", "close without a descriptor", "synthetic")


class PidNs(Entity):
    """A pid namespace: pending while it has no init yet, active while it has one, dead once its init has exited."""

    dead: bool
    parent: PidNs | None
    init: Task | None
    level: Annotated[int, Range(0, "levels")]
    """How deep it lies: 1 for the initial namespace."""
    refs: Annotated[int, HOLDERS]


class Task(Entity):
    """A process, alive or a zombie."""

    zombie: bool
    ns: PidNs
    for_children: PidNs | None
    """The namespace of its next child; None once it has exited."""
    parent: Task | None
    """None for the very first process only."""
    subreaper: bool
    fd: PidNs | None
    """The namespace that its descriptor pins."""
    vis: set[PidNs]
    """Namespaces that show the task: its own and all above."""


class PidState(State):
    """Processes and pid namespaces."""

    namespaces: Live[PidNs]
    tasks: Live[Task]


@helper
def get(k: PidState, ns: PidNs) -> None:
    """Take a reference."""
    ns.refs += 1


@helper
def put(k: PidState, start: PidNs) -> None:
    """Drop a reference; the last one frees the namespace, which drops one of its parent."""
    ns: PidNs | None = start
    while ns is not None:
        ns.refs -= 1
        if ns.refs > 0:
            return
        up = ns.parent
        k.free(ns)
        ns = up


@helper
def within(k: PidState, start: PidNs, top: PidNs) -> bool:
    """Whether a namespace is another one or lies below it."""
    ns: PidNs | None = start
    while ns is not None:
        if ns is top:
            return True
        ns = ns.parent
    return False


@helper
def lineage(k: PidState, start: PidNs) -> set[PidNs]:
    """A namespace and all above."""
    out: set[PidNs] = set()
    ns: PidNs | None = start
    while ns is not None:
        out.add(ns)
        ns = ns.parent
    return out


@helper
def new_task(k: PidState, parent: Task, ns: PidNs) -> None:
    """A child in a namespace; the first one becomes its init."""
    c = k.new(Task)
    c.ns = ns
    c.for_children = ns
    c.parent = parent
    c.fd = parent.fd
    get(k, ns)
    get(k, ns)
    if parent.fd is not None and not k.bug(FD_NOT_COUNTED):
        get(k, parent.fd)
    if ns.init is None:
        ns.init = c
    c.vis = {ns} if k.bug(SEEN_FROM_WITHIN) else lineage(k, ns)


@helper
def new_ns(k: PidState, up: PidNs) -> PidNs:
    """A pending namespace."""
    ns = k.new(PidNs)
    ns.parent = up
    ns.level = up.level + 1
    get(k, up)
    return ns


@helper
def drop(k: PidState, p: Task) -> None:
    """A process becomes a zombie: it gives back what it holds, but not its own namespace."""
    fd = p.fd
    p.fd = None
    if fd is not None:
        put(k, fd)
    held = p.for_children
    p.for_children = None
    if held is not None:
        put(k, held)
    p.zombie = True
    p.subreaper = False


@helper
def release(k: PidState, p: Task) -> None:
    """A zombie goes."""
    ns = p.ns
    k.free(p)
    put(k, ns)


@helper
def ancestors(k: PidState, p: Task) -> Iterator[Task]:
    """The parent, its parent, and so on."""
    a = p.parent
    while a is not None:
        yield a
        a = a.parent


@helper
def reaper(k: PidState, p: Task) -> Task | None:
    """Who gets the orphans: the nearest subreaper above in the same namespace, else the init."""
    for a in ancestors(k, p):
        if a.ns is not p.ns:
            break
        if a.subreaper:
            return a
        if a is p.ns.init:
            break
    return p.ns.init


@syscall(source="kernel/fork.c: kernel_clone (v6.18)")
def fork(k: PidState, p: Task) -> None:
    """A child in the namespace for children, unless that is dead."""
    given(not p.zombie and p.for_children is not None and not p.for_children.dead)
    assert p.for_children is not None
    new_task(k, p, p.for_children)


@syscall(source="kernel/fork.c: copy_process, CLONE_NEWPID (v6.18)")
def clone(k: PidState, p: Task) -> None:
    """A child that is the init of a namespace of its own."""
    given(not p.zombie and p.for_children is p.ns)
    ns = new_ns(k, p.ns)
    new_task(k, p, ns)


@syscall(source="kernel/nsproxy.c: unshare_nsproxy_namespaces, CLONE_NEWPID (v6.18)")
def unshare(k: PidState, p: Task) -> None:
    """The next child is the init of a new namespace."""
    given(not p.zombie and p.for_children is p.ns)
    ns = new_ns(k, p.ns)
    get(k, ns)
    p.for_children = ns
    put(k, p.ns)


@syscall(source="kernel/pid_namespace.c: pidns_install (v6.18)")
def setns(k: PidState, p: Task) -> None:
    """Children will be born in the namespace of the descriptor, which is one's own or lies below."""
    given(not p.zombie and p.fd is not None and p.for_children is not p.fd)
    given(p.fd is not None and within(k, p.fd, p.ns))
    fd = p.fd
    old = p.for_children
    assert fd is not None and old is not None
    p.for_children = fd
    get(k, fd)
    put(k, old)


@syscall(source="fs/nsfs.c: ns_get_path; kernel/pid_namespace.c: pidns_get (v6.18)")
def open_ns(k: PidState, p: Task, q: Task) -> None:
    """Open the namespace of a process that one sees."""
    given(not p.zombie and p.fd is None and not q.zombie and p.ns in q.vis)
    p.fd = q.ns
    get(k, q.ns)


@syscall(source="fs/nsfs.c: nsfs_evict (v6.18)")
def close(k: PidState, p: Task) -> None:
    """Close the descriptor."""
    given(not p.zombie and (p.fd is not None or k.bug(CLOSE_NOTHING)))
    fd = p.fd
    assert fd is not None
    p.fd = None
    put(k, fd)


@syscall(source="kernel/sys.c: prctl, PR_SET_CHILD_SUBREAPER (v6.18)")
def become_subreaper(k: PidState, p: Task) -> None:
    """Ask for the orphans among one's descendants."""
    given(not p.zombie and not p.subreaper and p.ns.init is not p)
    p.subreaper = True


@syscall(source="kernel/exit.c: do_exit, forget_original_parent; kernel/pid_namespace.c: zap_pid_ns_processes (v6.18)")
def leave(k: PidState, p: Task) -> None:
    """Exit: an init takes its namespace and all below along; the children of others get a new parent."""
    given(not p.zombie and p.parent is not None)
    if p.ns.init is not p:
        if not k.bug(ORPHAN_KEPT):
            heir = reaper(k, p)
            for c in k.tasks:
                if c.parent is p:
                    c.parent = heir
    elif not k.bug(INIT_SPARES):
        doomed = {q for q in k.tasks if p.ns in q.vis}
        others = doomed - {p}
        for m in k.namespaces:
            if m.init in doomed:
                m.dead = True
                if not k.bug(DEAD_INIT_NAMED):
                    m.init = None
        for q in others:
            if not q.zombie:
                drop(k, q)
        for q in {q for q in others if q.parent in doomed}:
            release(k, q)
    drop(k, p)


@syscall(source="kernel/exit.c: wait_task_zombie (v6.18)")
def reap(k: PidState, p: Task, q: Task) -> None:
    """Wait for a child that has exited."""
    given(not p.zombie and q.zombie and q.parent is p)
    release(k, q)


@invariant("REFCOUNT")
def refcount(k: PidState) -> None:
    """The count is the number of processes in it, of those whose children go there, of descriptors and of namespaces
    right below; the initial namespace has one more."""
    held: Map[PidNs, int] = Map()
    for p in k.tasks:
        held[p.ns] += 1
        if p.for_children is not None:
            held[p.for_children] += 1
        if p.fd is not None:
            held[p.fd] += 1
    for n in k.namespaces:
        if n.parent is not None:
            held[n.parent] += 1
        else:
            held[n] += 1
    for n in k.namespaces:
        require(n.refs == held[n], "references are counted", n)
        require(n.refs > 0, "a namespace without references is gone", n)


@invariant("VISIBLE")
def visible(k: PidState) -> None:
    """A process is seen by its namespace and all above, and by no other."""
    for p in k.tasks:
        require(p.vis == lineage(k, p.ns), "seen by its namespace and all above", p)


@invariant("INIT_LIVE")
def init_live(k: PidState) -> None:
    """A live process lives in an active namespace, whose init is alive and a member."""
    for p in k.tasks:
        if not p.zombie:
            init = p.ns.init
            require(init is not None and not p.ns.dead, "the namespace is active", p, p.ns)
            require(init is not None and not init.zombie and init.ns is p.ns, "the init lives in it", p, init)


@invariant("PARENT_LIVE")
def parent_live(k: PidState) -> None:
    """Every process, dead or alive, has a live parent; the very first has none."""
    for p in k.tasks:
        require(p.parent is None or not p.parent.zombie, "the parent is alive", p, p.parent)


def base(k: PidState) -> None:
    """One process, the init of the initial namespace."""
    n = k.new(PidNs)
    n.level = 1
    n.refs = 3
    p = k.new(Task)
    p.ns = n
    p.for_children = n
    p.vis = {n}
    n.init = p


PROPERTIES = (
    prop("REFCOUNT", "references to pid namespaces are counted", refcount),
    prop("VISIBLE", "a process is seen by its namespace and all above", visible),
    prop("INIT_LIVE", "a live process has a live init", init_live),
    prop("PARENT_LIVE", "parents are alive", parent_live),
    NO_UAF,
    STEP_TOTAL,
)

SPEC = Spec(
    name="bench_pidns",
    title=__doc__,
    state=PidState,
    base=base,
    bounds={"tasks": 3, "namespaces": 2, "levels": 2},
    scopes={"small": Scope(depth=3)},
    operations=(
        op(fork),
        op(clone),
        op(unshare),
        op(setns),
        op(open_ns),
        op(close),
        op(become_subreaper),
        op(leave),
        op(reap),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        FD_NOT_COUNTED: "REFCOUNT",
        SEEN_FROM_WITHIN: "VISIBLE",
        INIT_SPARES: "INIT_LIVE",
        ORPHAN_KEPT: "PARENT_LIVE",
        DEAD_INIT_NAMED: "NO_UAF",
        CLOSE_NOTHING: "STEP_TOTAL",
    },
    replayable=False,
)
