"""Interleaved rules: calls of which other tasks see the middle.

The access rules of include/linux/nsproxy.h (v6.18): only the task itself changes its nsproxy, holding task_lock; others
read it holding task_lock; a null nsproxy means that the task is almost dead. And the two tests of PIDNS_ADDING in
fork: in alloc_pid, and again under tasklist_lock before the child is attached (kernel/fork.c: copy_process).
"""

from __future__ import annotations

from collections.abc import Generator

from nsmodel.ir.language import ENOENT, ENOMEM, assure, error, fail, given, interleaved
from nsmodel.kernel.credentials import copy_credentials, may_call
from nsmodel.kernel.exit import settle
from nsmodel.kernel.mutants import (
    NULL_NSPROXY_IGNORED,
    PD04I,
    READ_WITHOUT_TASK_LOCK,
    SWITCH_WITHOUT_TASK_LOCK,
)
from nsmodel.kernel.objects import Kernel, Nsproxy, Task, TaskState
from nsmodel.kernel.pid import detach_pid, new_pid
from nsmodel.kernel.refs import copy_nsproxy, new_ns, put_ns, put_nsproxy

Steps = Generator[None, None, int]


@interleaved(source="kernel/nsproxy.c: unshare_nsproxy_namespaces, switch_task_namespaces (v6.18)")
def unshare_uts(k: Kernel, task: Task) -> Steps:
    """unshare(CLONE_NEWUTS): build the new nsproxy, switch to it under task_lock, put the old one."""
    given(may_call(k, task))
    old = task.nsproxy
    given(old is not None)
    assert old is not None
    uts = old.uts
    assert uts is not None
    new = copy_nsproxy(k, old)
    new.uts = new_ns(k, uts, task.user_ns, task.euid)
    put_ns(k, uts)
    yield
    given(task.alloc_lock is None or k.bug(SWITCH_WITHOUT_TASK_LOCK))
    if not k.bug(SWITCH_WITHOUT_TASK_LOCK):
        task.alloc_lock = task
    yield
    assure("LOCKSET", task.alloc_lock is task, "a task changes its nsproxy without task_lock", task)
    task.nsproxy = new
    if task.alloc_lock is task:
        task.alloc_lock = None
    yield
    put_nsproxy(k, old)
    return 0


@interleaved(source="kernel/nsproxy.c: exit_task_namespaces, switch_task_namespaces (v6.18)")
def exit_namespaces(k: Kernel, task: Task) -> Steps:
    """A dying task gives up its nsproxy: null under task_lock first, then the put."""
    given(may_call(k, task) and not task.unkillable and task.nsproxy is not None)
    given(task.alloc_lock is None or k.bug(SWITCH_WITHOUT_TASK_LOCK))
    if not k.bug(SWITCH_WITHOUT_TASK_LOCK):
        task.alloc_lock = task
    yield
    assure("LOCKSET", task.alloc_lock is task, "a task changes its nsproxy without task_lock", task)
    old: Nsproxy | None = task.nsproxy
    task.nsproxy = None
    task.state = TaskState.ZOMBIE
    if task.alloc_lock is task:
        task.alloc_lock = None
    yield
    if old is not None:
        put_nsproxy(k, old)
    return 0


@interleaved(source="kernel/utsname.c: utsns_get (v6.18)")
def read_uts(k: Kernel, task: Task, target: Task) -> Steps:
    """Opening /proc/PID/ns/uts: get the namespace of another task's nsproxy under its task_lock, use it, put it."""
    given(may_call(k, task) and target is not task)
    given(target.alloc_lock is None or k.bug(READ_WITHOUT_TASK_LOCK))
    if not k.bug(READ_WITHOUT_TASK_LOCK):
        target.alloc_lock = task
    yield
    proxy = target.nsproxy
    assure("LOCKSET", target.alloc_lock is task, "another task's nsproxy is read without its task_lock", target)
    if proxy is None and not k.bug(NULL_NSPROXY_IGNORED):
        if target.alloc_lock is task:
            target.alloc_lock = None
        return error(ENOENT, "the task is almost dead")
    yield
    assert proxy is not None
    uts = proxy.uts
    assert uts is not None
    uts.count += 1
    if target.alloc_lock is task:
        target.alloc_lock = None
    yield
    put_ns(k, uts)
    return 0


@interleaved(source="kernel/fork.c: copy_process; kernel/pid.c: alloc_pid (v6.18)")
def fork_racing(k: Kernel, task: Task) -> Steps:
    """fork: take the numbers, then attach the child under tasklist_lock; the init may begin to die in between."""
    given(may_call(k, task) and task.nsproxy is not None)
    proxy = task.nsproxy
    assert proxy is not None
    ns = proxy.pid_for_children
    if not ns.adding:
        fail(ENOMEM, "the init of the pid namespace is dead or dying: no numbers are given out")
    pid = new_pid(k, ns)
    proxy.count += 1
    yield
    if not ns.adding and not k.bug(PD04I):
        detach_pid(k, pid)
        put_nsproxy(k, proxy)
        settle(k)
        return error(ENOMEM, "the init of the pid namespace began to die meanwhile")
    child = k.new(Task)
    child.group_leader = child
    child.pid = pid
    child.nsproxy = proxy
    copy_credentials(k, child, task)
    task.user_ns.count += 1
    child.parent = task.group_leader
    child.pgrp = task.group_leader.pgrp
    child.session = task.group_leader.session
    child.dumpable = task.group_leader.dumpable
    if pid.numbers[ns] == 1:
        child.unkillable = True
        ns.child_reaper = child
    return 0
