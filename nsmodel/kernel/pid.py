"""Pids: numbers by level, allocation, lookup, and what a process is shown of them.

semantics: pid_namespaces(7); kernel/pid.c and kernel/pid_namespace.c (v6.18).
"""

from __future__ import annotations

from nsmodel.ir.language import (
    EEXIST,
    EINVAL,
    ENOMEM,
    EPERM,
    assure,
    fail,
    given,
    helper,
    observed,
    slot_of,
)
from nsmodel.kernel.arguments import SetTid
from nsmodel.kernel.credentials import admin, capable
from nsmodel.kernel.mutants import PD04, PD11
from nsmodel.kernel.objects import AUTO, CapabilityKind, Kernel, Pid, PidNamespace, Task
from nsmodel.kernel.refs import put_pid

AUTO_BASE = 1000
"""A number that the allocator chose is shown as this plus the slot of its pid."""
CHOSEN_BASE = 297
"""A number chosen with set_tid is shown as this plus its entry, so from 300 on."""


@helper
def visible(k: Kernel, pid: Pid, ns: PidNamespace) -> bool:
    """The pid has a number in a namespace."""
    return pid.numbers[ns] != 0


@helper
def within(k: Kernel, ns: PidNamespace, top: PidNamespace) -> bool:
    """A pid namespace is `top` or a descendant of it."""
    here: PidNamespace | None = ns
    while here is not None:
        if here is top:
            return True
        here = here.parent
    return False


@helper
def initial_pid_ns(k: Kernel, ns: PidNamespace) -> PidNamespace:
    """The outermost pid namespace of the sandbox."""
    here = ns
    up: PidNamespace | None = ns.parent
    while up is not None:
        here = up
        up = up.parent
    return here


@observed
def number(k: Kernel, pid: Pid, ns: PidNamespace) -> int:
    """The number of a pid in a namespace as a process sees it, 0 for none (kernel/pid.c: pid_nr_ns, v6.18)."""
    if pid.numbers[ns] == AUTO:
        return AUTO_BASE + slot_of(pid)
    if pid.numbers[ns] > AUTO:
        return CHOSEN_BASE + pid.numbers[ns]
    return pid.numbers[ns]


@observed
def report(k: Kernel, pid: Pid, task: Task) -> int:
    """The number that a call gives back to a task: in the task's own active pid namespace, 0 when not visible there."""
    ns = initial_pid_ns(k, task.pid.ns) if k.bug(PD11) else task.pid.ns
    shown = number(k, pid, ns)
    assure("PID_VIS", shown == number(k, pid, task.pid.ns), "a number of another namespace is shown")
    return shown


@helper
def chosen_number(k: Kernel, tids: SetTid, index: int) -> int:
    """Entry `index` of a set_tid array; AUTO behind its end."""
    if index >= tids.size:
        return AUTO
    if index == 0:
        return tids.first
    if index == 1:
        return tids.second
    return tids.third


@helper
def check_alloc_pid(k: Kernel, task: Task, ns: PidNamespace, fresh: bool, tids: SetTid) -> None:
    """The checks of alloc_pid, level by level from the deepest; `fresh` when the call makes a namespace below `ns`.

    (kernel/pid.c: alloc_pid, v6.18)
    """
    index = 0
    if fresh:
        if tids.size > 0 and tids.first != 1:
            fail(EINVAL, "set_tid: the first process of a pid namespace has number 1")
        index = 1
    here: PidNamespace | None = ns
    while here is not None:
        if index < tids.size:
            wanted = chosen_number(k, tids, index)
            given(wanted != AUTO)
            if wanted < 1:
                fail(EINVAL, "set_tid: the number is out of range")
            if wanted != 1 and not here.started:
                fail(EINVAL, "set_tid: the pid namespace has no init yet, so only 1 can be chosen")
            if not capable(k, task, here.owner, CapabilityKind.CHECKPOINT_RESTORE) and not admin(k, task, here.owner):
                fail(EPERM, "set_tid: no CAP_CHECKPOINT_RESTORE over the owner of the level's pid namespace")
            if any(p.numbers[here] == wanted for p in k.pids):
                fail(EEXIST, "set_tid: the number is taken")
        index += 1
        here = here.parent
    given(tids.size <= index)
    if not fresh and not ns.adding and not k.bug(PD04):
        fail(ENOMEM, "the init of the pid namespace is dead or dying: no numbers are given out")


@helper
def new_pid(k: Kernel, ns: PidNamespace) -> Pid:
    """A pid with a number of the allocator's choice at each level from `ns` upwards; the first of a namespace is 1."""
    pid = k.new(Pid)
    pid.ns = ns
    pid.count = 1
    ns.count += 1
    here: PidNamespace | None = ns
    while here is not None:
        pid.numbers[here] = AUTO if here.started else 1
        here.started = True
        here = here.parent
    return pid


@helper
def alloc_pid(k: Kernel, ns: PidNamespace, tids: SetTid) -> Pid:
    """A pid with the chosen numbers, the deepest level's first, and others from there up (kernel/pid.c: alloc_pid)."""
    pid = new_pid(k, ns)
    index = 0
    here: PidNamespace | None = ns
    while here is not None:
        if index < tids.size:
            pid.numbers[here] = chosen_number(k, tids, index)
        index += 1
        here = here.parent
    return pid


@helper
def detach_pid(k: Kernel, pid: Pid) -> None:
    """Give a pid's numbers back once no task, process group or session uses it (kernel/pid.c: __change_pid)."""
    if any(t.pid is pid or t.pgrp is pid or t.session is pid for t in k.tasks):
        return
    here: PidNamespace | None = pid.ns
    while here is not None:
        pid.numbers[here] = 0
        here = here.parent
    put_pid(k, pid)
