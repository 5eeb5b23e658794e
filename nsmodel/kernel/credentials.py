"""Who may do what: capabilities over a user namespace, access to another task, permission to signal it."""

from __future__ import annotations

from nsmodel.ir.language import helper
from nsmodel.kernel.objects import Kernel, Task, TaskState, Uid, UserNamespace


@helper
def may_call(k: Kernel, task: Task) -> bool:
    """The task runs, and is in no call that is still under way."""
    return task.state == TaskState.RUNNING and not task.busy


@helper
def capable(k: Kernel, task: Task, over: UserNamespace | None) -> bool:
    """The task holds every capability over a user namespace: its own credentials', a descendant of it, or one that a
    task of its user made from there (security/commoncap.c: cap_capable_helper, v6.18). None is the world outside."""
    ns = over
    while ns is not None:
        if ns is task.user_ns:
            return task.capable
        if ns.owner is task.user_ns and ns.charged == task.uid:
            return True
        ns = ns.owner
    return False


@helper
def may_access(k: Kernel, task: Task, target: Task) -> bool:
    """PTRACE_MODE_READ on a task (kernel/ptrace.c: __ptrace_may_access, security/commoncap.c:
    cap_ptrace_access_check, v6.18). The memory map of every process was made outside of the sandbox, so nobody inside
    has capabilities over one that is not dumpable."""
    if target.group_leader is task.group_leader:
        return True
    over = capable(k, task, target.user_ns)
    if task.uid != target.uid and not over:
        return False
    if not target.group_leader.dumpable:
        return False  # remembered of a dead process too
    if target.user_ns is task.user_ns and (task.capable or not target.capable):
        return True
    return over


@helper
def may_signal(k: Kernel, task: Task, target: Task) -> bool:
    """Same thread group, same user, or CAP_KILL over the target's user namespace (kernel/signal.c:
    check_kill_permission,
    kill_ok_by_cred, v6.18)."""
    if target.group_leader is task.group_leader or task.uid == target.uid:
        return True
    return capable(k, task, target.user_ns)


@helper
def set_user(k: Kernel, task: Task, uid: Uid) -> None:
    """Change the user; the change makes the process undumpable, and leaving root drops its capabilities (kernel/sys.c:
    __sys_setresuid; kernel/cred.c: commit_creds; security/commoncap.c: cap_emulate_setxuid, v6.18)."""
    if task.uid != uid:
        task.group_leader.dumpable = False
        if uid != Uid.ROOT:
            task.capable = False
        task.uid = uid
