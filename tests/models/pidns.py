"""A toy of pid namespaces: fork, clone, unshare, setns, exit, reap, with references counted by hand."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Annotated

from nsmodel.ir.language import (
    EBADF,
    ECHILD,
    EINVAL,
    ENOENT,
    ENOMEM,
    EPERM,
    HOLDERS,
    Entity,
    Live,
    Range,
    error,
    fail,
    given,
    helper,
    invariant,
    require,
    syscall,
)
from nsmodel.ir.state import State


class NsState(enum.IntEnum):
    """Life of a pid namespace."""

    PENDING = 0
    ACTIVE = 1
    DEAD = 2


class PidNs(Entity):
    """A pid namespace."""

    state: NsState
    parent: PidNs | None
    init: Task | None
    level: Annotated[int, Range(0, "levels")]
    refs: Annotated[int, HOLDERS]


class Task(Entity):
    """A process."""

    zombie: bool
    ns: PidNs
    pfc: PidNs | None
    """pid_for_children; None once it has exited."""
    parent: Task | None
    sub: bool
    fd: PidNs | None
    vis: set[PidNs]
    """Namespaces that show the task: its own and all above."""


class K(State):
    """The state."""

    nss: Live[PidNs]
    tasks: Live[Task]


@helper
def get(k: K, ns: PidNs) -> None:
    ns.refs += 1


@helper
def put(k: K, start: PidNs) -> None:
    ns: PidNs | None = start
    while ns is not None:
        ns.refs -= 1
        if ns.refs > 0:
            return
        up = ns.parent
        k.free(ns)
        ns = up


@helper
def within(k: K, start: PidNs, top: PidNs) -> bool:
    ns: PidNs | None = start
    while ns is not None:
        if ns is top:
            return True
        ns = ns.parent
    return False


@helper
def new_task(k: K, parent: Task, ns: PidNs) -> Task:
    c = k.new(Task)
    c.ns = ns
    c.pfc = ns
    c.parent = parent
    c.fd = parent.fd
    get(k, ns)
    get(k, ns)
    fd = c.fd
    if fd is not None:
        get(k, fd)
    if ns.state == NsState.PENDING:
        ns.state = NsState.ACTIVE
        ns.init = c
    x: PidNs | None = ns
    while x is not None:
        c.vis.add(x)
        x = x.parent
    return c


@helper
def new_ns(k: K, up: PidNs) -> PidNs:
    ns = k.new(PidNs)
    ns.parent = up
    ns.level = up.level + 1
    get(k, up)
    return ns


@helper
def drop(k: K, q: Task) -> None:
    fd = q.fd
    q.fd = None
    if fd is not None:
        put(k, fd)
    pfc = q.pfc
    q.pfc = None
    if pfc is not None:
        put(k, pfc)
    q.zombie = True
    q.sub = False


@helper
def free_task(k: K, q: Task) -> None:
    ns = q.ns
    k.free(q)
    put(k, ns)


@helper
def ancestors(k: K, p: Task) -> Iterator[Task]:
    a = p.parent
    while a is not None:
        yield a
        a = a.parent


@helper
def reaper(k: K, p: Task) -> Task | None:
    for a in ancestors(k, p):
        if a.ns is not p.ns:
            break
        if a.sub:
            return a
        if a is p.ns.init:
            break
    return p.ns.init


@syscall(source="kernel/fork.c: kernel_clone")
def fork(k: K, p: Task) -> int:
    given(not p.zombie)
    if p.pfc is None or p.pfc.state == NsState.DEAD:
        fail(ENOMEM, "the namespace is closed")
    new_task(k, p, p.pfc)
    return 0


@syscall(source="kernel/fork.c: copy_process, CLONE_NEWPID")
def clone(k: K, p: Task) -> None:
    given(not p.zombie)
    if p.pfc is not p.ns:
        fail(EINVAL, "pid_for_children differs from the active namespace")
    ns = new_ns(k, p.ns)
    new_task(k, p, ns)


@syscall(source="kernel/nsproxy.c: unshare_nsproxy_namespaces")
def unshare(k: K, p: Task) -> None:
    given(not p.zombie)
    if p.pfc is not p.ns:
        fail(EINVAL, "pid_for_children differs from the active namespace")
    m = new_ns(k, p.ns)
    get(k, m)
    old = p.pfc
    p.pfc = m
    put(k, old)


@syscall(source="kernel/pid_namespace.c: pidns_install")
def setns(k: K, p: Task) -> int:
    given(not p.zombie)
    if p.fd is None:
        fail(EBADF, "no descriptor")
    if p.pfc is p.fd:
        return error(EINVAL, "nothing would change")
    if p.pfc is None or not within(k, p.fd, p.ns):
        fail(EINVAL, "not a descendant")
    old = p.pfc
    p.pfc = p.fd
    get(k, p.fd)
    put(k, old)
    return 1


@syscall(source="fs/nsfs.c")
def open_ns(k: K, p: Task, q: Task) -> None:
    given(not p.zombie and not q.zombie)
    if p.fd is not None or p.ns not in q.vis:
        fail(ENOENT, "not visible")
    p.fd = q.ns
    get(k, q.ns)


@syscall(source="close(2)")
def close(k: K, p: Task) -> None:
    given(not p.zombie)
    fd = p.fd
    if fd is None:
        fail(EBADF, "no descriptor")
    p.fd = None
    put(k, fd)


@syscall(source="kernel/sys.c: PR_SET_CHILD_SUBREAPER")
def subreaper(k: K, p: Task) -> None:
    if p.zombie or p.sub or p.ns.init is p:
        fail(EINVAL, "no change")
    p.sub = True


@syscall(source="kernel/exit.c: do_exit; kernel/pid_namespace.c: zap_pid_ns_processes")
def leave(k: K, p: Task) -> None:
    given(not p.zombie)
    if p.parent is None:
        fail(EPERM, "global init")
    n = p.ns
    if n.init is p:
        doomed = {q for q in k.tasks if n in q.vis}
        for m in k.nss:
            if m.state == NsState.ACTIVE and m.init in doomed:
                m.state = NsState.DEAD
                m.init = None
        for q in doomed:
            if q is not p and not q.zombie:
                drop(k, q)
        for q in doomed:
            if q is not p and q.parent in doomed:
                free_task(k, q)
    else:
        r = reaper(k, p)
        for c in k.tasks:
            if c.parent is p:
                c.parent = r
    drop(k, p)


@syscall(source="kernel/exit.c: wait_task_zombie")
def reap(k: K, p: Task, q: Task) -> None:
    given(not p.zombie)
    if not q.zombie or q.parent is not p:
        fail(ECHILD, "no such zombie child")
    free_task(k, q)


@invariant("REFCOUNT")
def refcount(k: K) -> None:
    for n in k.nss:
        held = 0
        if n.parent is None:
            held = 1
        for p in k.tasks:
            if p.ns is n:
                held += 1
            if p.pfc is n:
                held += 1
            if p.fd is n:
                held += 1
        for m in k.nss:
            if m.parent is n:
                held += 1
        require(n.refs == held, "references are counted", n)


@invariant("VISIBLE")
def visible(k: K) -> None:
    for p in k.tasks:
        require(all((n in p.vis) == within(k, p.ns, n) for n in k.nss), "seen by the namespaces above", p)


def base(k: K) -> None:
    """One task, the init of the only namespace."""
    n = k.new(PidNs)
    n.state = NsState.ACTIVE
    n.refs = 3
    t = k.new(Task)
    t.ns = n
    t.pfc = n
    n.init = t
    t.vis = {n}


RULES = (fork, clone, unshare, setns, open_ns, close, subreaper, leave, reap)
INVARIANTS = (refcount, visible)
