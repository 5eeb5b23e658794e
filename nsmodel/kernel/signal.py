"""Signals: kill, tgkill and pidfd_send_signal (kill(2), pid_namespaces(7); kernel/signal.c, v6.18).

Only what signals do to lives is modelled: a default SIGTERM and SIGKILL end a process, a handler or a protected init
does not die.
"""

from __future__ import annotations

import enum

from nsmodel.ir.language import EBADF, EINVAL, EPERM, ESRCH, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import entitled, may_call, may_signal
from nsmodel.kernel.exit import kill_processes, running_thread
from nsmodel.kernel.mutants import KILL_ANY, KILL_OUTSIDE, PD01
from nsmodel.kernel.objects import CapabilityKind, Descriptor, Disposition, Kernel, Pid, Signal, Task
from nsmodel.kernel.pid import visible, within


class KillTo(enum.IntEnum):
    """What the number given to kill names."""

    PROCESS = 0
    """One process (a positive number)."""
    GROUP = 1
    """The process group named after a task (a negative number)."""
    OWN_GROUP = 2
    """The caller's process group (0)."""
    ALL = 3
    """Everybody that the caller can see (-1)."""


@helper
def dies_of(k: Kernel, task: Task, target: Task, signal: Signal) -> bool:
    """The signal ends the target's process: not when it is handled, ignored, or kept off an init (kernel/signal.c:
    sig_task_ignored; only SIGKILL from strictly outside reaches an init without handler)."""
    leader = target.group_leader
    if signal == Signal.KILL:
        return not leader.unkillable or not visible(k, task.pid, leader.pid.ns)
    if signal == Signal.TERM:
        return leader.on_term == Disposition.DEFAULT and not leader.unkillable
    return False


@helper
def send(k: Kernel, task: Task, targets: set[Task], signal: Signal) -> None:
    """Deliver a signal to processes, all at once; the dead take no notice."""
    victims = {t for t in targets if dies_of(k, task, t, signal) and running_thread(k, t)}
    if len(victims) > 0:
        kill_processes(k, victims, signal, 0)


@helper
def check_permission(k: Kernel, task: Task, target: Task, signal: Signal) -> None:
    """check_kill_permission."""
    if signal == Signal.INVALID:
        fail(EINVAL, "no such signal")
    if not may_signal(k, task, target) and not k.bug(KILL_ANY):
        fail(EPERM, "another user's process, and no CAP_KILL over its user namespace")


@helper
def judge_permission(k: Kernel, task: Task, target: Task) -> None:
    """Who was signalled is the same process, or a user's own, or below a user namespace with CAP_KILL over it."""
    same = target.group_leader is task.group_leader
    own_user = task.euid == target.suid or task.euid == target.uid or task.uid == target.suid or task.uid == target.uid
    over = entitled(k, task, target.user_ns, CapabilityKind.KILL)
    assure("CAP_CONFINED", same or own_user or over, "another user's process is signalled without CAP_KILL", target)


@helper
def check_group(k: Kernel, task: Task, members: set[Task], signal: Signal) -> None:
    """Somebody is in the group, and one of them may be signalled."""
    if len(members) == 0:
        fail(ESRCH, "nobody is in the process group")
    if signal == Signal.INVALID:
        fail(EINVAL, "no such signal")
    if not any(may_signal(k, task, t) for t in members):
        fail(EPERM, "no member of the group may be signalled")


@helper
def group_members(k: Kernel, pgrp: Pid | None) -> set[Task]:
    """The processes of a group; zombies are still in it."""
    return {t for t in k.tasks if t.group_leader is t and t.pgrp is pgrp}


@syscall(source="kernel/signal.c: kill_something_info (v6.18); kill(2), pid_namespaces(7)")
def kill(k: Kernel, task: Task, to: KillTo, target: Task | None, signal: Signal) -> int:
    """Signal a process, a group, or everybody visible but the init and the caller itself."""
    given(may_call(k, task))
    given((target is not None) == (to == KillTo.PROCESS or to == KillTo.GROUP))
    here = task.pid.ns
    if to == KillTo.PROCESS and target is not None:
        if not visible(k, target.pid, here) and not k.bug(KILL_OUTSIDE):
            fail(ESRCH, "no such number in the caller's pid namespace")
        check_permission(k, task, target, signal)
        assure(
            "KILL_SCOPE", visible(k, target.pid, here), "a signal by number reaches a task that is not visible", target
        )
        judge_permission(k, task, target)
        send(k, task, {target.group_leader}, signal)
        return 0
    if to == KillTo.ALL:
        everyone = {
            t
            for t in k.tasks
            if t.group_leader is t
            and t is not task.group_leader
            and (k.bug(PD01) or (visible(k, t.pid, here) and t.pid.numbers[here] != 1))
            and t.parent is not None
        }
        if len(everyone) == 0:
            fail(ESRCH, "nobody else is visible")
        if signal == Signal.INVALID:
            fail(EINVAL, "no such signal")
        reached = {t for t in everyone if may_signal(k, task, t)}
        for t in reached:
            judge_permission(k, task, t)
            assure("KILL_SCOPE", visible(k, t.pid, here), "kill(-1) reaches a task that is not visible", t)
            assure(
                "KILL_SCOPE", here.child_reaper is not t, "kill(-1) reaches the init of the caller's pid namespace", t
            )
        send(k, task, reached, signal)
        return 0
    pgrp = task.group_leader.pgrp
    if target is not None:
        # The group of number 1 cannot be named: -1 is everybody.
        given(target.group_leader is target and target.pid.numbers[here] != 1)
        if not visible(k, target.pid, here):
            fail(ESRCH, "no such group in the caller's pid namespace")
        pgrp = target.pid
    members = group_members(k, pgrp)
    check_group(k, task, members, signal)
    send(k, task, {t for t in members if may_signal(k, task, t)}, signal)
    return 0


@syscall(source="kernel/signal.c: do_tkill, do_send_specific (v6.18); tgkill(2)")
def tgkill(k: Kernel, task: Task, group: Task, target: Task, signal: Signal) -> int:
    """Signal one task of a group; what is fatal ends the whole process."""
    given(may_call(k, task) and group.group_leader is group)
    here = task.pid.ns
    given(visible(k, group.pid, here))
    if not visible(k, target.pid, here):
        fail(ESRCH, "no such number in the caller's pid namespace")
    if target.group_leader is not group:
        fail(ESRCH, "the task is of another thread group")
    check_permission(k, task, target, signal)
    seen = visible(k, target.pid, here)
    assure("KILL_SCOPE", seen, "a signal by number reaches a task that is not visible", target)
    judge_permission(k, task, target)
    send(k, task, {target.group_leader}, signal)
    return 0


@helper
def owner_of(k: Kernel, pid: Pid) -> Task | None:
    """The task that a pid names, while it is not released."""
    for t in k.tasks:
        if t.pid is pid:
            return t
    return None


@syscall(source="kernel/signal.c: SYSCALL_DEFINE4(pidfd_send_signal) (v6.18); pidfd_send_signal(2)")
def pidfd_send_signal(k: Kernel, task: Task, file: Descriptor, signal: Signal) -> int:
    """Signal the process of a pidfd; never one outside of the sender's pid namespace and its descendants."""
    given(may_call(k, task) and file.table is task.group_leader)
    pid = file.pidfd
    if pid is None:
        fail(EBADF, "not a pidfd")
    if not within(k, pid.ns, task.pid.ns):
        fail(EINVAL, "the process is not below the sender's pid namespace")
    target = owner_of(k, pid)
    if target is None:
        fail(ESRCH, "the process is gone")
    check_permission(k, task, target, signal)
    inside = within(k, target.pid.ns, task.pid.ns)
    assure("KILL_SCOPE", inside, "a signal through a pidfd reaches a task outside", target)
    judge_permission(k, task, target)
    send(k, task, {target.group_leader}, signal)
    return 0


@syscall(source="kernel/signal.c: do_sigaction (v6.18); sigaction(2)")
def sigaction(k: Kernel, task: Task, action: Disposition) -> int:
    """Say what SIGTERM does to the process."""
    given(may_call(k, task) and task.group_leader.on_term != action)
    task.group_leader.on_term = action
    return 0
