"""Death: exit, exit_group, what kills, the end of a pid namespace, reparenting, and waiting.

A killed process dies within the step that kills it, and with the init of a pid namespace everything in it; what is
left over is what others can see: zombies, and an init that waits for them (kernel/exit.c: do_exit,
forget_original_parent; kernel/pid_namespace.c: zap_pid_ns_processes, v6.18).
"""

from __future__ import annotations

import enum

from nsmodel.ir.language import ECHILD, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import may_call
from nsmodel.kernel.mutants import INIT_NO_WAIT_INJECTED, PD02, PD08, REPARENT_ANY
from nsmodel.kernel.objects import Kernel, Signal, Task, TaskState
from nsmodel.kernel.pid import detach_pid, report
from nsmodel.kernel.refs import close_file, close_map_file, put_fs, put_mount, put_nsproxy, put_user_ns


class WaitFor(enum.IntEnum):
    """Which children wait4 and waitid look at."""

    PID = 0
    ANY = 1
    OWN_GROUP = 2


@helper
def running_thread(k: Kernel, leader: Task) -> bool:
    """Some task of the group is alive."""
    return any(t.group_leader is leader and t.state == TaskState.RUNNING for t in k.tasks)


@helper
def drop_resources(k: Kernel, task: Task) -> None:
    """What a task gives up on its way out: fs and nsproxy, before it becomes a zombie (do_exit: exit_fs,
    exit_task_namespaces). Its credentials and its pid stay until it is released."""
    fs = task.fs
    task.fs = None
    if fs is not None:
        put_fs(k, fs)
    proxy = task.nsproxy
    task.nsproxy = None
    if proxy is not None:
        put_nsproxy(k, proxy)


@helper
def release_task(k: Kernel, task: Task) -> None:
    """Remove a dead task and give back its numbers where nobody uses them (kernel/exit.c: release_task, v6.18)."""
    pid = task.pid
    pgrp = task.pgrp
    session = task.session
    user_ns = task.user_ns
    if pid.ns.child_reaper is task:
        pid.ns.child_reaper = None
    k.free(task)
    put_user_ns(k, user_ns)
    if session is not None and session is not pid and session is not pgrp:
        detach_pid(k, session)
    if pgrp is not None and pgrp is not pid:
        detach_pid(k, pgrp)
    detach_pid(k, pid)


@helper
def new_reaper(k: Kernel, father: Task, doomed: set[Task]) -> Task:
    """Who gets the children of a dying process: the first living subreaper among its ancestors in its pid namespace,
    else the init there (kernel/exit.c: find_new_reaper, v6.18)."""
    above = father.parent
    while above is not None:
        if above.pid.ns is not father.pid.ns and not k.bug(REPARENT_ANY):
            break
        if above.child_subreaper and above not in doomed and running_thread(k, above):
            return above
        above = above.parent
    init = father.pid.ns.child_reaper
    assert init is not None
    if k.bug(PD02):
        return init
    return init.group_leader


@helper
def with_their_namespaces(k: Kernel, victims: set[Task]) -> set[Task]:
    """Victims, and every process of a pid namespace whose init is among them."""
    doomed = victims
    changed = True
    while changed:
        changed = False
        for init in k.tasks:
            if init in doomed and init.unkillable:
                for t in k.tasks:
                    if t.pid.numbers[init.pid.ns] != 0 and t.group_leader not in doomed:
                        if running_thread(k, t.group_leader):
                            doomed.add(t.group_leader)
                            changed = True
    return doomed


@helper
def alone(k: Kernel, init: Task) -> bool:
    """No pid but the init's own has a number in its namespace any more."""
    return not any(p.numbers[init.pid.ns] != 0 and p is not init.pid for p in k.pids)


@helper
def zap_is_over(k: Kernel, init: Task) -> bool:
    """The init of a dying pid namespace waits until it is the last (zap_pid_ns_processes)."""
    if k.bug(INIT_NO_WAIT_INJECTED) or k.bug(PD08):
        return not any(t.parent is init for t in k.tasks)
    return alone(k, init)


@helper
def settle(k: Kernel) -> None:
    """Dying inits reap their children, and become zombies when nobody is left."""
    changed = True
    while changed:
        changed = False
        for t in k.tasks:
            if t.state == TaskState.ZOMBIE and t.group_leader is t and t.parent is not None:
                if t.parent.state == TaskState.EXITING and not running_thread(k, t):
                    release_task(k, t)
                    changed = True
        for init in k.tasks:
            if init.state == TaskState.EXITING and zap_is_over(k, init):
                init.state = TaskState.ZOMBIE
                changed = True


@helper
def kill_processes(k: Kernel, victims: set[Task], signal: Signal, code: int) -> None:
    """End whole processes at once, given by their leaders, and with an init its namespace."""
    doomed = with_their_namespaces(k, victims)
    for leader in doomed:
        leader.exit_code = code if leader in victims else 0
        leader.exit_signal = signal if leader in victims else Signal.KILL
        if leader.unkillable:
            leader.pid.ns.adding = False
    for task in k.tasks:
        if task.group_leader in doomed and task.state == TaskState.RUNNING:
            drop_resources(k, task)
            if task.group_leader is not task:
                release_task(k, task)
    for leader in doomed:
        leader.state = TaskState.EXITING if leader.unkillable else TaskState.ZOMBIE
        if leader.unkillable:
            leader.pid.ns.child_reaper = leader
    for file in k.descriptors:
        if file.table in doomed:
            close_file(k, file)
    for opened in k.map_files:
        if opened.table in doomed:
            close_map_file(k, opened)
    for leader in doomed:
        made_in = leader.mm_ns
        leader.mm_ns = None
        if made_in is not None:
            put_user_ns(k, made_in)
        exe = leader.exe
        leader.exe = None
        if exe is not None:
            put_mount(k, exe)
    for child in k.tasks:
        father = child.parent
        if father is not None and father in doomed and not father.unkillable:
            heir = new_reaper(k, father, doomed)
            assure("REPARENT_NS", heir.pid.ns is father.pid.ns, "an orphan goes to a process of another level", heir)
            child.parent = heir
    settle(k)


@syscall(source="kernel/exit.c: do_group_exit (v6.18); exit_group(2)")
def exit_group(k: Kernel, task: Task, code: int) -> int:
    """The process exits with all its threads."""
    given(may_call(k, task))
    # A task that is in the middle of an interleaved call dies at its end, which no step here waits for.
    given(not any(t.busy and t.pid.numbers[task.pid.ns] != 0 for t in k.tasks))
    kill_processes(k, {task.group_leader}, Signal.NONE, code)
    return 0


@syscall(source="kernel/exit.c: do_exit, find_child_reaper (v6.18); _exit(2)")
def exit_thread(k: Kernel, task: Task, code: int, heir: Task | None) -> int:
    """One thread exits; the last one ends the process. When it was the reaper of its pid namespace, `heir` is the
    living thread that takes over: the kernel takes the oldest, nobody can tell."""
    given(may_call(k, task))
    leader = task.group_leader
    others = any(t.group_leader is leader and t is not task and t.state == TaskState.RUNNING for t in k.tasks)
    reaper = others and task.pid.ns.child_reaper is task
    given(reaper == (heir is not None))
    if heir is not None:
        given(heir.group_leader is leader and heir is not task and heir.state == TaskState.RUNNING)
    if not others:
        kill_processes(k, {leader}, Signal.NONE, code)
        return 0
    if heir is not None and not k.bug(PD02):
        task.pid.ns.child_reaper = heir
    drop_resources(k, task)
    if task is leader:
        task.state = TaskState.ZOMBIE
    else:
        release_task(k, task)
    return 0


@helper
def is_awaited(k: Kernel, child: Task, task: Task, who: WaitFor, named: Task | None) -> bool:
    """A child that a wait looks at."""
    leader = task.group_leader
    if child.parent is not leader:
        return False
    if who == WaitFor.PID:
        return child is named and child.pid.numbers[task.pid.ns] != 0
    if who == WaitFor.OWN_GROUP:
        return child.pgrp is leader.pgrp
    return True


@helper
def reapable(k: Kernel, child: Task) -> bool:
    """A zombie whose threads are gone (kernel/exit.c: wait_consider_task, delay_group_leader, v6.18)."""
    return child.state == TaskState.ZOMBIE and not running_thread(k, child)


@helper
def check_wait(k: Kernel, task: Task, who: WaitFor, child: Task | None) -> None:
    """The caller lives and has children to wait for; `child` is the one named, or the zombie that the kernel picks."""
    given(may_call(k, task))
    if who == WaitFor.PID:
        given(child is not None)
    elif child is not None:
        given(is_awaited(k, child, task, who, None) and reapable(k, child))
    else:
        given(not any(is_awaited(k, c, task, who, None) and reapable(k, c) for c in k.tasks))
    if not any(is_awaited(k, c, task, who, child) for c in k.tasks):
        fail(ECHILD, "no such child")


@syscall(source="kernel/exit.c: kernel_wait4, do_wait (v6.18); wait4(2) with WNOHANG")
def wait4(k: Kernel, task: Task, who: WaitFor, child: Task | None) -> int:
    """Reap a zombie child; gives its number, 0 when no awaited child is a zombie."""
    check_wait(k, task, who, child)
    if child is None or not reapable(k, child):
        return 0
    shown = report(k, child.pid, task)
    release_task(k, child)
    settle(k)
    return shown


@syscall(source="kernel/exit.c: kernel_waitid, do_wait (v6.18); waitid(2) with WEXITED and WNOHANG")
def waitid(k: Kernel, task: Task, who: WaitFor, child: Task | None, keep: bool) -> int:
    """Wait for a zombie child; with `keep` (WNOWAIT) it stays one."""
    check_wait(k, task, who, child)
    if child is not None and reapable(k, child) and not keep:
        release_task(k, child)
        settle(k)
    return 0
