"""How each recorded operation of tasks and pid namespaces is judged: which rule makes it, and what is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from nsmodel.kernel.arguments import CloneFlags, NsFlags, SetTid
from nsmodel.kernel.exit import WaitFor, exit_thread, wait4, waitid
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.join import setns, setns_pidfd
from nsmodel.kernel.objects import Descriptor, PidNamespace, Signal, Task, TaskState, UserNamespace
from nsmodel.kernel.session import getpgid, getpid, getppid, getsid, gettid, setpgid, setsid
from nsmodel.kernel.signal import KillTo, kill, pidfd_send_signal, tgkill
from nsmodel.oracle.recorded import recordings
from nsmodel.oracle.recorded.judgement import Differs, Uncovered
from nsmodel.oracle.recorded.judging import Judge
from nsmodel.oracle.recorded.recordings import Proc, Step, View
from nsmodel.oracle.recorded.state import HELD, LINKS

CLONE_NAMES = {
    "NEWNS": "newns", "NEWUTS": "newuts", "NEWIPC": "newipc", "NEWPID": "newpid", "NEWNET": "newnet",
    "NEWCGROUP": "newcgroup", "NEWTIME": "newtime", "NEWUSER": "newuser", "VM": "vm", "FS": "fs", "FILES": "files",
    "SIGHAND": "sighand", "THREAD": "thread", "PARENT": "parent", "SYSVSEM": "sysvsem",
}  # fmt: skip
UNSHARE_NAMES = CLONE_NAMES
NS_NAMES = {
    "NEWNS": "mnt", "NEWUTS": "uts", "NEWIPC": "ipc", "NEWPID": "pid", "NEWNET": "net", "NEWCGROUP": "cgroup",
    "NEWTIME": "time", "NEWUSER": "user",
}  # fmt: skip
HARMLESS = {"CHILD_CLEARTID", "CHILD_SETTID", "PARENT_SETTID", "SETTLS", "VFORK", "PTRACE", "UNTRACED", "IO",
            "CLEAR_SIGHAND", "PIDFD", "INTO_CGROUP"}  # fmt: skip
WNOHANG, WEXITED, WNOWAIT = 1, 4, 0x01000000
SIGNALS = 64
"""The highest signal number."""
CLONE_ARGS_SIZE = 64
"""The first published size of clone3's argument (linux/sched.h: CLONE_ARGS_SIZE_VER0)."""


def _flags(names: frozenset[str], table: dict[str, str]) -> dict[str, bool]:
    return {table[name]: True for name in names if name in table}


def _clone(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    names = frozenset() if step.op in ("fork", "vfork") else step.flags()
    if step.op == "vfork":
        names = frozenset({"VM", "VFORK"})
    names = frozenset(n for n in names if not n.startswith("sig="))
    if step.errno in ("EFAULT", "EINTR", "ENOMEM", "EAGAIN") and not (
        step.errno == "ENOMEM" and task.nsproxy is not None and not task.nsproxy.pid_for_children.adding
    ):
        raise Uncovered(f"{step.errno}: memory and pointers are not recorded")
    flags = _flags(names, CLONE_NAMES)
    unknown = bool(names - CLONE_NAMES.keys() - HARMLESS)
    if step.op == "clone3":
        if step.integer("size") > 4096:
            raise Uncovered("an argument larger than a page")
        signal = step.exit_signal() & (1 << 64) - 1
        bad = step.integer("size") < CLONE_ARGS_SIZE or signal > SIGNALS
        bad = bad or ("SIGHAND" in names and "CLEAR_SIGHAND" in names)
        bad = bad or (signal != 0 and bool(names & {"THREAD", "PARENT"}))
        flags["unknown"] = bad or unknown
        if step.errno == "EINVAL" and not flags["unknown"] and not _flag_error(flags):
            raise Uncovered("EINVAL of a stack, a size or a pointer that is not recorded")
    if flags.get("vm") and not flags.get("thread") and not flags.get("unknown") and not _flag_error(flags):
        if task.nsproxy is not None and task.nsproxy.time is not task.nsproxy.time_for_children:
            raise Uncovered("a child that shares memory, with another time namespace set aside")
        flags = {k: v for k, v in flags.items() if k not in ("vm", "files", "sighand")}
    if flags.get("thread"):
        flags["files"] = True
    before = set(judge.world.k.live(Task))
    _run_new(judge, view, flags, clone3, task, CloneFlags(**flags), _chosen(judge, view, task))
    if step.errno is not None:
        return
    _born(judge, view, before)


def _run_new(judge: Judge, view: View, flags: dict[str, bool], rule: Callable[..., Any], *arguments: Any) -> None:
    """Run a rule that may make namespaces. Not every recording tells which ids are mapped, and none the limits of where
    it began, nor when a namespace ended that counts."""
    task = judge.caller(view)
    try:
        judge.run_rule(view, rule, *arguments)
    except Differs as problem:
        unknown = flags.get("newuser") and judge.world.supposes(task.user_ns)
        if unknown and problem.expected == "success" and view.step.errno == "EPERM":
            raise Uncovered("EPERM: the id maps are not recorded") from None
        if (problem.expected, problem.got) == ("success", "EINVAL") and not judge.world.follows:
            raise Uncovered("EINVAL: threads are not recorded") from None
        if "ENOSPC" in (problem.expected, problem.got):
            raise Uncovered("ENOSPC: not all limits and uses are recorded") from None
        raise


def _chosen(judge: Judge, view: View, task: Task) -> SetTid:
    """The set_tid array; a number above 1 is entered as itself plus two, which no other entry is."""
    numbers = view.step.args.get("set_tid") or []
    if len(numbers) > 3:
        raise Uncovered("set_tid: more than three levels")
    if any(number > 1 and judge.world.find(task, number) is not None for number in numbers):
        raise Uncovered("set_tid: a number that the allocator gave out")
    entries = [number + 2 if number > 1 else max(number, 0) for number in numbers] + [0, 0, 0]
    return SetTid(size=len(numbers), first=entries[0], second=entries[1], third=entries[2])


def _flag_error(flags: dict[str, bool]) -> bool:
    """The flags alone make clone fail, whatever the rest is."""
    g = flags.get
    return bool(
        (g("newns") and g("fs"))
        or (g("newuser") and g("fs"))
        or (g("thread") and not g("sighand"))
        or (g("sighand") and not g("vm"))
        or (g("thread") and (g("newuser") or g("newpid")))
        or g("parent")
    )


def _born(judge: Judge, view: View, before: set[Task]) -> None:
    """Name the new task, and compare its numbers and namespaces with the recording."""
    step, world = view.step, judge.world
    (child,) = set(world.k.live(Task)) - before
    judge.places.files.inherit(judge.caller(view), child)
    if step.child is None:
        raise Uncovered("the child is not in the recording")
    proc = view.after.get(step.child, Proc())
    if isinstance(proc.nspid, msgspec.UnsetType):
        _take_numbers(judge, view, child)
        judge.compare_namespaces(step.child, proc)
        return
    world.tasks[step.child] = child
    world.numbers[child.pid] = tuple(proc.nspid)
    child.pid.count += HELD
    depth = world._depth(child.pid.ns) + 1
    if len(proc.nspid) != depth:
        raise Differs(f"{depth} numbers", f"{len(proc.nspid)}", "numbers of the child")
    if child.pid.numbers[child.pid.ns] == 1 and proc.nspid[-1] != 1:
        raise Differs(1, proc.nspid[-1], "number of the first process")
    shown = world.number(child.pid, world.tasks[step.p].pid.ns)
    if step.rc != shown:
        raise Differs(shown, step.rc, "the child's number in the caller's pid namespace")
    judge.compare_namespaces(step.child, proc)
    world.compare(step.child, proc, judge.rule)


def _take_numbers(judge: Judge, view: View, child: Task) -> None:
    """A child whose numbers the recording leaves out: the caller's result is one of them."""
    world, step = judge.world, view.step
    assert step.child is not None and step.rc is not None
    depth, level = world._depth(child.pid.ns) + 1, world._depth(world.tasks[step.p].pid.ns)
    world.tasks[step.child] = child
    world.numbers[child.pid] = tuple(step.rc if i == level else -1 for i in range(depth))
    child.pid.count += HELD
    judge.out.assumed += 1


def _unshare(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    names = step.flags()
    flags = _flags(names, UNSHARE_NAMES)
    flags["unknown"] = bool(names - UNSHARE_NAMES.keys())
    if step.errno == "ENOMEM":
        raise Uncovered("ENOMEM: memory is not recorded")
    _run_new(judge, view, flags, unshare, task, CloneFlags(**flags))
    if step.errno is None and step.p in view.after:
        judge.compare_namespaces(step.p, view.after[step.p])


def _setns(judge: Judge, view: View) -> None:
    step, world = view.step, judge.world
    task = judge.caller(view)
    target = step.descriptor()
    named = world.tasks.get(target.pid) if target.pid is not None else None
    if target.pid is not None and named is None:
        raise Uncovered("a pidfd of a process that is not in the recording")
    file = file_of(judge, task, target)
    try:
        if named is not None:
            file.pidfd = named.pid
            names = step.flags("nstype")
            chosen = NsFlags(**_flags(names, NS_NAMES), unknown=bool(names - NS_NAMES.keys()))
            judge.run_rule(view, setns_pidfd, task, file, chosen)
        else:
            kind = NS_NAMES.get(next(iter(step.flags("nstype")), ""), "")
            own = next((n for n in (*NS_NAMES.values(), "pid_ns") if getattr(file, n, None) is not None), "")
            wrong = bool(step.flags("nstype")) and kind != own.removesuffix("_ns")
            judge.run_rule(view, setns, task, file, wrong)
    finally:
        file.pidfd = None
        world.k.free(file)
    if step.errno is None and step.p in view.after:
        judge.compare_namespaces(step.p, view.after[step.p])


def file_of(judge: Judge, task: Task, target: recordings.Descriptor) -> Descriptor:
    """A descriptor argument as an object, to be freed after the call; of a namespace it names that."""
    label = target.ns
    if label is None and target.pid is None and (target.link or "").startswith("/"):
        label = judge.world.label(judge.places.resolve(task, target).namespace)  # opened through a mount of its file
    if label is None and target.pid is None:
        raise Uncovered("a descriptor of something else")
    file = judge.world.k.new(Descriptor)
    file.table = task.group_leader
    if label is not None:
        kind = label.rstrip("0123456789")
        cls: Any = {**LINKS, "pid": PidNamespace, "user": UserNamespace}.get(kind)
        if cls is None:
            raise Uncovered(f"a descriptor of {label}")
        setattr(file, "pid_ns" if kind == "pid" else kind, judge.world.namespace(label, cls))
    return file


def target_of(judge: Judge, view: View, task: Task, number: int, hint: str | None) -> Task | None:
    """The task that a number names; the recorder's hint helps where the recording began in the middle."""
    world = judge.world
    found = world.find(task, number)
    if found is None and hint is not None and world.tasks.get(hint) in world.k.live(Task):
        found = world.tasks[hint]
    if found is None and hint in world.tasks and view.step.errno is None:
        raise Uncovered("the call's end was recorded after its target's")
    if found is None and not world.knows_all(task):
        raise Uncovered("a number of a process that may be outside of the recording")
    return found


def _signal(number: int) -> Signal:
    return Signal.NONE if 0 <= number <= SIGNALS else Signal.INVALID


def _kill(judge: Judge, view: View) -> None:
    step, world = view.step, judge.world
    task = judge.caller(view)
    number, signal = step.integer("pid"), _signal(step.integer("sig"))
    if number == -1 or number == 0 or number < -1:
        if not world.knows_all(task) and number == -1:
            raise Uncovered("kill(-1) where not every process is recorded")
        if number == -1:
            judge.run_rule(view, kill, task, KillTo.ALL, None, signal)
            return
        if number == 0:
            judge.run_rule(view, kill, task, KillTo.OWN_GROUP, None, signal)
            return
        leader = target_of(judge, view, task, -number, None)
        if leader is None:
            raise Uncovered("a process group whose leader is gone")
        judge.run_rule(view, kill, task, KillTo.GROUP, leader, signal)
        return
    target = target_of(judge, view, task, number, step.args.get("pid_p"))
    if target is None:
        if step.errno != "ESRCH":
            raise Differs("ESRCH", step.errno or "success", "no such number in the caller's pid namespace")
        return
    judge.run_rule(view, kill, task, KillTo.PROCESS, target, signal)


def _tgkill(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    group = target_of(judge, view, task, step.integer("tgid"), step.args.get("tgid_p"))
    name = "tid" if "tid" in step.args else "pid"
    target = target_of(judge, view, task, step.integer(name), step.args.get(f"{name}_p"))
    if group is None or target is None:
        if step.errno != "ESRCH":
            raise Differs("ESRCH", step.errno or "success", "no such number in the caller's pid namespace")
        return
    judge.run_rule(view, tgkill, task, group.group_leader, target, _signal(step.integer("sig")))


def _pidfd_send_signal(judge: Judge, view: View) -> None:
    step, world = view.step, judge.world
    task = judge.caller(view)
    target = step.descriptor("pidfd")
    named = world.tasks.get(target.pid or "")
    if named is None or step.args.get("info") or step.integer("flags"):
        raise Uncovered("not a pidfd of a recorded process, or with more arguments")
    file = world.k.new(Descriptor)
    file.table = task.group_leader
    try:
        if named in world.k.live(Task):
            file.pidfd = named.pid
            judge.run_rule(view, pidfd_send_signal, task, file, _signal(step.integer("sig")))
        elif step.errno != "ESRCH":
            raise Uncovered("the call's end was recorded after its target's")
    finally:
        file.pidfd = None
        world.k.free(file)


def _setpgid(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    pid, pgid = step.integer("pid"), step.integer("pgid")
    target = task.group_leader if pid == 0 else target_of(judge, view, task, pid, step.args.get("pid_p"))
    if target is None:
        raise Uncovered("a number of a process that may be outside of the recording")
    if step.errno == "EACCES":
        raise Uncovered("the child has executed another program")
    group = target if pgid in (0, pid) else target_of(judge, view, task, pgid, None)
    if group is None or group.group_leader is not group:
        raise Uncovered("a process group whose leader is gone")
    judge.run_rule(view, setpgid, task, target, group)


def _number_call(rule: Callable[..., Any], of_target: bool) -> Callable[[Judge, View], None]:
    def judge_it(judge: Judge, view: View) -> None:
        step, world = view.step, judge.world
        task = judge.caller(view)
        arguments = [task]
        if of_target:
            number = step.integer("pid") if "pid" in step.args else 0
            target = task if number == 0 else target_of(judge, view, task, number, step.args.get("pid_p"))
            if target is None:
                if step.errno != "ESRCH":
                    raise Differs("ESRCH", step.errno or "success", "no such number")
                return
            arguments.append(target)
        result = judge.run_rule(view, rule, *arguments)
        if step.errno is not None:
            return
        pid = _reported(rule, arguments, task)
        if pid is None:
            unseen = rule is getppid and not isinstance(view.before.get(step.p, Proc()).ppid, str)
            if unseen or (result == 0 and world.knows_all(task)):
                shown = 0
            else:
                shown = _outside(judge, task, step)
        else:
            if not world.numbers.get(pid):
                raise Uncovered("a process group or session from outside of the recording")
            shown = world.number(pid, task.pid.ns)
        if shown != step.rc:
            raise Differs(shown, step.rc, "number")

    return judge_it


def _outside(judge: Judge, task: Task, step: Step) -> int:
    """The number of a parent outside of the recording, which the first call tells."""
    leader = task.group_leader
    if leader not in judge.parents:
        judge.parents[leader] = int(step.rc or 0)
        judge.guesses += 1
    if judge.parents[leader] != step.rc:
        raise Uncovered("the parent is outside of the recording, and may have ended")
    return judge.parents[leader]


def _reported(rule: Callable[..., Any], arguments: list[Task], task: Task) -> Any:
    leader = task.group_leader
    if rule is getppid:
        return leader.parent.pid if leader.parent is not None else None
    if rule is getpid:
        return leader.pid
    if rule is gettid:
        return task.pid
    target = arguments[1].group_leader
    return target.pgrp if rule is getpgid else target.session


def _setsid(judge: Judge, view: View) -> None:
    task = judge.caller(view)
    judge.run_rule(view, setsid, task)
    if view.step.errno is None:
        shown = judge.world.number(task.group_leader.pid, task.pid.ns)
        if shown != view.step.rc:
            raise Differs(shown, view.step.rc, "number of the session")


def _wait(judge: Judge, view: View) -> None:
    step, world = view.step, judge.world
    task = judge.caller(view)
    if step.errno in ("EINTR", "EINVAL", "EFAULT", "EAGAIN", "EBADF") or (step.errno or "").startswith("ERESTART"):
        raise Uncovered(f"{step.errno}: signals, options and pointers are not modelled")
    options = step.integer("options")
    number = step.integer("pid")
    if step.op == "waitid":
        which = step.integer("which") if "which" in step.args else step.integer("idtype")
        if which == 3:
            raise Uncovered("waitid by pidfd")
        number = {0: -1, 1: number, 2: -number}[which]
    child = _waited(judge, view, task, number)
    if step.errno is None and child is None and step.rc == 0 and options & WNOHANG == 0:
        raise Uncovered("a wait without a child in the recording")
    if step.errno == "ECHILD":
        _no_children(judge, task, who_of(number), child)
    if child is not None and child.state == TaskState.RUNNING and step.rc != 0:
        raise Uncovered("a child that stopped, or whose end was recorded later")
    who = who_of(number)
    if number < -1:
        raise Uncovered("wait for another process group")
    if who is WaitFor.PID and child is None:
        if step.errno != "ECHILD":
            raise Uncovered("a child that is not in the recording")
        return
    if who is not WaitFor.PID and step.rc == 0 and step.errno is None:
        child = None
    shown = world.number(child.pid, task.pid.ns) if child is not None else 0
    dead = any(t.parent is task.group_leader and t.state == TaskState.ZOMBIE for t in world.k.live(Task))
    if step.errno is None and step.rc == 0 and step.op == "wait4" and (dead if child is None else child.state != 0):
        raise Uncovered("an end that was recorded before a wait that did not see it")
    if step.op == "waitid":
        judge.run_rule(view, waitid, task, who, child, bool(options & WNOWAIT))
        shown = 0
    else:
        judge.run_rule(view, wait4, task, who, child)
    if step.errno is None and step.rc != shown:
        raise Differs(shown, step.rc, "number of the child")


def who_of(number: int) -> WaitFor:
    """Whom the first argument of wait4 names."""
    return WaitFor.PID if number > 0 else WaitFor.ANY if number == -1 else WaitFor.OWN_GROUP


def _no_children(judge: Judge, task: Task, who: WaitFor, child: Task | None) -> None:
    """ECHILD where the model has such a child: a recording does not tell of an ignored SIGCHLD, which reaps children
    unseen, nor of another exit signal, which hides them from a plain wait."""
    own = [t for t in judge.world.k.live(Task) if t.parent is task.group_leader]
    if child in own or (who is not WaitFor.PID and own):
        raise Uncovered("children that were reaped unseen, or are waited for in another way")


def _waited(judge: Judge, view: View, task: Task, number: int) -> Task | None:
    """The child that a wait named, or the one that the kernel picked."""
    step, world = view.step, judge.world
    label = step.rc_p or step.out.get("si_pid_p")
    if step.errno is None and label in world.tasks:
        found = world.tasks[label]
        return found if found in world.k.live(Task) else None
    if number > 0:
        return world.find(task, number)
    return None


def _exit(judge: Judge, view: View) -> None:
    step, world = view.step, judge.world
    task = world.tasks.get(step.p)
    if task is None:
        raise Uncovered("a task that the recording does not show")
    live = world.k.live(Task)
    if step.p in judge.gone:
        return
    if task not in live or task.state != TaskState.RUNNING:
        if step.args.get("signal") == 9 or task not in live or task.state == TaskState.EXITING:
            return  # its pid namespace ended, and the model ended it then
        raise Differs("dead already", "an exit", "end of the task")
    _end_unseen(judge, view, task)
    end_task(judge, view, task, step)
    for label, proc in view.step.procs.items():
        orphan = world.tasks.get(label)
        if orphan is None or orphan not in world.k.live(Task) or not isinstance(proc.ppid, str | int):
            continue
        _compare_parent(judge, label, orphan, proc)


def end_task(judge: Judge, view: View, task: Task, end: Step) -> None:
    """A task ends as its `!exit` says."""
    live = judge.world.k.live(Task)
    heirs = [t for t in live if t.group_leader is task.group_leader and t is not task and t.state == TaskState.RUNNING]
    reaper = task.pid.ns.child_reaper is task and bool(heirs)
    judge.run_rule(view, exit_thread, task, end.args.get("exit", 0) & 3, heirs[0] if reaper else None)


def _end_unseen(judge: Judge, view: View, task: Task) -> None:
    """A process is reported dead when its threads are gone: one whose end is not recorded took the leader's place with
    an exec, which is not recorded either."""
    if task.group_leader is not task:
        return
    for label, other in list(judge.world.tasks.items()):
        if type(other) is Task and other is not task and other.group_leader is task and label not in judge.ends:
            if other.state == TaskState.RUNNING:
                end_task(judge, view, other, view.step)


def end_others(judge: Judge, view: View) -> None:
    """Tasks that are dead already where their end is recorded later: several ended at once."""
    for label, proc in view.step.procs.items():
        task = judge.world.tasks.get(label)
        end = judge.ends.get(label)
        if proc.is_dead and label != view.step.p and end is not None and type(task) is Task:
            if task.state == TaskState.RUNNING:
                end_task(judge, view, task, end)
                judge.gone.add(label)


def _compare_parent(judge: Judge, label: str, orphan: Task, proc: Proc) -> None:
    """Who took an orphan; a process outside of the recording may well be nearer."""
    world = judge.world
    expected = next((x for x, t in world.tasks.items() if t is orphan.parent), None)
    if isinstance(proc.ppid, str) and proc.ppid in world.tasks and expected is not None and proc.ppid != expected:
        raise Differs(expected, proc.ppid, f"parent of {label}")
    if proc.ppid == "ext":
        orphan.parent = None


def _exit_with_others(judge: Judge, view: View) -> None:
    if judge.together:
        end_others(judge, view)
    _exit(judge, view)


JUDGES: dict[str, Callable[[Judge, View], None]] = {
    "clone": _clone,
    "clone3": _clone,
    "fork": _clone,
    "vfork": _clone,
    "unshare": _unshare,
    "setns": _setns,
    "kill": _kill,
    "tgkill": _tgkill,
    "pidfd_send_signal": _pidfd_send_signal,
    "setpgid": _setpgid,
    "setsid": _setsid,
    "wait4": _wait,
    "waitid": _wait,
    "!exit": _exit_with_others,
    "getpid": _number_call(getpid, False),
    "gettid": _number_call(gettid, False),
    "getppid": _number_call(getppid, False),
    "getpgid": _number_call(getpgid, True),
    "getpgrp": _number_call(getpgid, True),
    "getsid": _number_call(getsid, True),
}
"""The judge of each recorded operation."""
