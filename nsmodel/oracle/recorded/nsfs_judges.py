"""How calls on pidfds and on files of namespaces are judged: pidfd_open, and the ioctls that tell what a namespace
belongs to (pidfd_open(2), ioctl_nsfs(2))."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nsmodel.kernel.nsfs import pidfd_open
from nsmodel.kernel.nsioctl import ns_get_nstype, ns_get_owner_uid, ns_get_parent, ns_get_userns
from nsmodel.kernel.objects import Descriptor, Task
from nsmodel.kernel.refs import close_file
from nsmodel.oracle.recorded import recordings
from nsmodel.oracle.recorded.judgement import Differs, Uncovered
from nsmodel.oracle.recorded.judges import file_of, target_of
from nsmodel.oracle.recorded.judging import Judge
from nsmodel.oracle.recorded.recordings import View
from nsmodel.oracle.recorded.state import HELD

NONBLOCK, THREAD = 0x800, 0x80
"""PIDFD_NONBLOCK and PIDFD_THREAD."""


def _pidfd_open(judge: Judge, view: View) -> None:
    step, task = view.step, judge.caller(view)
    number, flags = step.integer("pid"), step.integer("flags") & 0xFFFFFFFF
    if flags & ~(NONBLOCK | THREAD) or number <= 0:
        judge.must(view, "EINVAL", "an unknown flag, or no number")
        return
    target = target_of(judge, view, task, number, step.args.get("pid_p"))
    if target is None:
        judge.must(view, "ESRCH", "no such number in the caller's pid namespace")
        return
    if flags & THREAD and target.group_leader is not target:
        raise Uncovered("a pidfd of a thread")
    file = _made(judge, view, pidfd_open, task, target)
    if file is None:
        return
    shown = step.descriptor("newfd", "out").pid
    ours = next((label for label, t in judge.world.tasks.items() if t is target), None)
    close_file(judge.world.k, file)
    if shown is not None and shown.startswith("P") and shown != ours:
        raise Differs(ours, shown, "process of the new descriptor")


def _made(judge: Judge, view: View, rule: Callable[..., Any], task: Task, *arguments: Any) -> Descriptor | None:
    """The descriptor that a rule made, None where it was refused."""
    before = set(judge.world.k.live(Descriptor))
    judge.call(view, rule, task, *arguments)
    return next((f for f in judge.world.k.live(Descriptor) if f not in before), None)


def _ioctl(judge: Judge, view: View) -> None:
    step, task = view.step, judge.caller(view)
    cmd = str(step.args.get("cmd"))
    if cmd not in ("NS_GET_USERNS", "NS_GET_PARENT", "NS_GET_NSTYPE", "NS_GET_OWNER_UID"):
        raise Uncovered(f"the request {cmd} is not modelled")
    target = step.descriptor()
    if target.link is None:
        judge.must(view, "EBADF", "the descriptor is not open")
        return
    file = _file(judge, task, target)
    try:
        if cmd in ("NS_GET_USERNS", "NS_GET_PARENT"):
            _related(judge, view, ns_get_userns if cmd == "NS_GET_USERNS" else ns_get_parent, task, file)
        else:
            ours = judge.run_rule(view, ns_get_nstype if cmd == "NS_GET_NSTYPE" else ns_get_owner_uid, task, file)
            shown = step.rc if cmd == "NS_GET_NSTYPE" else step.out.get("uid")
            if step.errno is None and shown != ours:
                raise Differs(ours, shown, f"what {cmd} tells; effect of {judge.rule}")
    finally:
        judge.world.k.free(file)


def _file(judge: Judge, task: Task, target: recordings.Descriptor) -> Descriptor:
    """The descriptor that is asked; of something else than a namespace it names nothing."""
    if target.ns is None and judge.places.resolve(task, target).namespace is None:
        file = judge.world.k.new(Descriptor)
        file.table = task.group_leader
        return file
    return file_of(judge, task, target)


def _related(judge: Judge, view: View, rule: Callable[..., Any], task: Task, file: Descriptor) -> None:
    """The namespace that an ioctl opens is the one that the recording names."""
    world = judge.world
    made = _made(judge, view, rule, task, file)
    if made is None:
        return
    found = made.user if made.user is not None else made.pid_ns
    close_file(world.k, made)
    shown = view.step.descriptor("newfd", "out").ns
    ours = world.label(found)
    if ours is None and found is not None and shown is not None and shown not in world.namespaces:
        world.namespaces[shown] = found
        found.count += HELD
    elif ours != shown:
        raise Differs(ours or "another namespace", shown, f"namespace of the new descriptor; effect of {judge.rule}")


NSFS_JUDGES: dict[str, Callable[[Judge, View], None]] = {"pidfd_open": _pidfd_open, "ioctl": _ioctl}
"""The judge of each recorded call on pidfds and files of namespaces."""
