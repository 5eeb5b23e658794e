"""Process groups, sessions, identity and what a process says of itself (kernel/sys.c, v6.18; credentials(7))."""

from __future__ import annotations

from nsmodel.ir.language import EINVAL, EPERM, ESRCH, fail, given, syscall
from nsmodel.kernel.credentials import may_call
from nsmodel.kernel.objects import Kernel, Task
from nsmodel.kernel.pid import detach_pid, report, visible


@syscall(source="kernel/sys.c: ksys_setsid (v6.18); setsid(2)")
def setsid(k: Kernel, task: Task) -> int:
    """Start a session; gives its number."""
    given(may_call(k, task))
    leader = task.group_leader
    if leader.session_leader:
        fail(EPERM, "the process leads a session already")
    if any(t.pgrp is leader.pid for t in k.tasks):
        fail(EPERM, "a process group has the caller's number")
    old_group = leader.pgrp
    old_session = leader.session
    leader.session_leader = True
    leader.pgrp = leader.pid
    leader.session = leader.pid
    if old_group is not None:
        detach_pid(k, old_group)
    if old_session is not None and old_session is not old_group:
        detach_pid(k, old_session)
    return report(k, leader.pid, task)


@syscall(source="kernel/sys.c: SYSCALL_DEFINE2(setpgid) (v6.18); setpgid(2)")
def setpgid(k: Kernel, task: Task, target: Task, group: Task) -> int:
    """Move a process, the caller or a child of it, to the process group named after `group`."""
    given(may_call(k, task) and group.group_leader is group)
    leader = task.group_leader
    here = task.pid.ns
    given(visible(k, group.pid, here) or group is target)
    if not visible(k, target.pid, here):
        fail(ESRCH, "no such number in the caller's pid namespace")
    if target.group_leader is not target:
        fail(EINVAL, "the task is no thread group leader")
    if target.parent is leader:
        if target.session is not leader.session:
            fail(EPERM, "the child is in another session")
    elif target is not leader:
        fail(ESRCH, "neither the caller nor a child of it")
    if target.session_leader:
        fail(EPERM, "the process leads a session")
    if group is not target and not any(t.pgrp is group.pid and t.session is leader.session for t in k.tasks):
        fail(EPERM, "no such process group in the session")
    old = target.pgrp
    if old is not group.pid:
        target.pgrp = group.pid
        if old is not None:
            detach_pid(k, old)
    return 0


@syscall(source="kernel/sys.c: SYSCALL_DEFINE0(getpid) (v6.18); getpid(2)")
def getpid(k: Kernel, task: Task) -> int:
    """The process's number in its pid namespace."""
    given(may_call(k, task))
    return report(k, task.group_leader.pid, task)


@syscall(source="kernel/sys.c: SYSCALL_DEFINE0(gettid) (v6.18); gettid(2)")
def gettid(k: Kernel, task: Task) -> int:
    """The task's own number in its pid namespace."""
    given(may_call(k, task))
    return report(k, task.pid, task)


@syscall(source="kernel/sys.c: SYSCALL_DEFINE0(getppid) (v6.18); getppid(2), pid_namespaces(7)")
def getppid(k: Kernel, task: Task) -> int:
    """The parent's number in the caller's pid namespace, 0 when it is outside."""
    given(may_call(k, task))
    parent = task.group_leader.parent
    if parent is None:
        return 0
    return report(k, parent.pid, task)


@syscall(source="kernel/sys.c: do_getpgid (v6.18); getpgid(2)")
def getpgid(k: Kernel, task: Task, target: Task) -> int:
    """The number of a task's process group in the caller's pid namespace, 0 when the group's leader is outside."""
    given(may_call(k, task))
    if target is not task and not visible(k, target.pid, task.pid.ns):
        fail(ESRCH, "no such number in the caller's pid namespace")
    pgrp = target.group_leader.pgrp
    assert pgrp is not None
    return report(k, pgrp, task)


@syscall(source="kernel/sys.c: SYSCALL_DEFINE1(getsid) (v6.18); getsid(2)")
def getsid(k: Kernel, task: Task, target: Task) -> int:
    """The number of a task's session in the caller's pid namespace, 0 when the session's leader is outside."""
    given(may_call(k, task))
    if target is not task and not visible(k, target.pid, task.pid.ns):
        fail(ESRCH, "no such number in the caller's pid namespace")
    session = target.group_leader.session
    assert session is not None
    return report(k, session, task)


@syscall(source="kernel/sys.c: PR_SET_CHILD_SUBREAPER (v6.18); prctl(2)")
def set_child_subreaper(k: Kernel, task: Task, on: bool) -> int:
    """Take, or no longer take, the orphans among the descendants."""
    given(may_call(k, task) and task.group_leader.child_subreaper != on)
    task.group_leader.child_subreaper = on
    return 0
