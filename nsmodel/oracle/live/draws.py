"""Random calls: who calls what, with which arguments.

Most draws are blind chance over everything that lives, so that refusals come up as often as successes; arguments that
chance would rarely get right are drawn on purpose. Calls on mounts are in :mod:`nsmodel.oracle.live.mount_draws`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from nsmodel.ir.types import BoolType, EnumType, FlagsType, RefType
from nsmodel.kernel.arguments import CloneFlags, NsFlags, SetTid
from nsmodel.kernel.exit import WaitFor
from nsmodel.kernel.fork import threaded
from nsmodel.kernel.objects import ContextPhase, Descriptor, Disposition, Kernel, NsType, Task, TaskState
from nsmodel.oracle.live.mount_draws import MountDraw
from nsmodel.oracle.live.user_draws import FOR_USERS
from nsmodel.oracle.live.whole import BUILDING, MOUNTS
from nsmodel.system.operation import Call, Operation
from nsmodel.system.transition import Runner, TransitionSystem


@dataclass
class Draw:
    """Draws random calls for an area: for `mount`, tasks and their namespaces are made for the sake of the mounts in
    them, for `user` for the sake of who they are."""

    random: random.Random
    system: TransitionSystem
    weights: dict[str, int]
    area: str | None

    def __post_init__(self) -> None:
        building = {name: weight for name, weight in BUILDING.items() if name in self.weights}
        self.mounts = self.area == "mount"
        self.building = building if self.mounts and building else self.weights
        self.values = VALUES | {"mount": FOR_MOUNTS, "user": FOR_USERS}.get(self.area or "", {})

    def call(self, runner: Runner, early: bool) -> Call | None:
        """Some call in a state, `early` in a trace or not; it need not be enabled. None when nothing was found for its
        arguments."""
        state = runner.state
        weights = self.building if early else self.weights
        name = self.random.choices(list(weights), list(weights.values()))[0]
        task = self._caller(state, name)
        if self.mounts and task is not None and self.random.random() < 0.25:
            name = self._next_of_context(state, task) or name
        operation = self.system.operation(name)
        if name in MOUNTS:
            given = None if task is None else MountDraw(self.random, state, task, early).arguments(name)
            return None if given is None or task is None else Call(name, (("task", task.slot), *given))
        arguments: list[tuple[str, Any]] = []
        for parameter, kind in operation.parameters:
            if parameter == "task":
                arguments.append((parameter, 0 if task is None else task.slot))
            else:
                arguments.append((parameter, self._value(state, task, operation, parameter, kind)))
        return Call(name, tuple(arguments))

    def _caller(self, state: Kernel, name: str) -> Task | None:
        callers = [t for t in state.live(Task) if t.state == TaskState.RUNNING]
        if name in ("exit_thread", "exit_group") and self.random.random() < 0.98:
            callers = [t for t in callers if t.group_leader.slot != 1]
        if name == "exit_thread" and self.random.random() < FITTING:
            callers = [t for t in callers if threaded(state, t)] or callers
        return self.random.choice(callers) if callers else None

    def _next_of_context(self, state: Kernel, task: Task) -> str | None:
        """What the context of fsopen waits for that the task has."""
        own = {f.phase for f in state.live(Descriptor) if f.table is task.group_leader}
        for phase, name in NEXT.items():
            if phase in own and name in self.weights:
                return name
        return None

    def _value(self, state: Kernel, task: Task | None, operation: Operation, parameter: str, kind: Any) -> Any:
        pick = self.random
        special = self.values.get((operation.name, parameter))
        if special is not None:
            return special(pick)
        if operation.name == "exit_thread" and (task is None or task.pid.ns.child_reaper is not task):
            return None  # nobody takes over
        if isinstance(kind, RefType):
            items: list[Any] = state.live(kind.entity)
            fitting = [] if task is None else _fitting(task, operation.name, parameter, items)
            if fitting and pick.random() < FITTING:
                items = fitting
            if not items or (kind.optional and pick.random() < 0.3):
                return None if kind.optional else 1
            return pick.choice(items).slot
        if isinstance(kind, BoolType):
            return pick.random() < 0.3
        if isinstance(kind, EnumType):
            return pick.choice(list(kind.cls))
        if isinstance(kind, FlagsType):
            return kind.cls()
        return pick.randrange(3)


def _fitting(task: Task, operation: str, parameter: str, items: list[Any]) -> list[Any]:
    """Arguments with which a call is likely to do something."""
    if parameter == "target" and operation in MAPPING:
        return [t for t in items if t.user_ns.owner is not None]
    if parameter == "target" and operation == "open_ns":
        return [t for t in items if t.nsproxy is not task.nsproxy or t.user_ns is not task.user_ns]
    if parameter == "file":
        own = [f for f in items if f.table is task.group_leader]
        if operation == "setns":
            return [f for f in own if _leads_elsewhere(task, f)] or own
        if operation == "setns_pidfd":
            return [f for f in own if f.pidfd is not None and f.pidfd is not task.pid] or own
        return own
    return []


def _leads_elsewhere(task: Task, file: Descriptor) -> bool:
    """A file is of a namespace that the task is not in."""
    proxy = task.nsproxy
    if proxy is None:
        return False
    named = (
        (file.mnt, proxy.mnt), (file.uts, proxy.uts), (file.ipc, proxy.ipc), (file.net, proxy.net),
        (file.cgroup, proxy.cgroup), (file.time, proxy.time), (file.pid_ns, proxy.pid_for_children),
        (file.user, task.user_ns),
    )  # fmt: skip
    return any(ns is not None and ns is not own for ns, own in named)


def _clone_flags(pick: random.Random) -> CloneFlags:
    kind = pick.random()
    if kind < 0.25:
        return CloneFlags(fs=pick.random() < 0.3)
    if kind < 0.40:
        return CloneFlags(vm=True, sighand=True, thread=True, files=True, fs=pick.random() < 0.7, sysvsem=True)
    if kind < 0.60:
        return CloneFlags(newpid=True)
    if kind < 0.85:
        return _some_flags(
            pick, ("newns", "newuts", "newipc", "newpid", "newnet", "newcgroup", "newtime", "newuser"), 2
        )
    return _some_flags(pick, tuple(f.name for f in fields(CloneFlags)), 3)


def _clone_flags_for_mounts(pick: random.Random) -> CloneFlags:
    kind = pick.random()
    if kind < 0.3:
        return CloneFlags(fs=pick.random() < 0.4)
    if kind < 0.6:
        return CloneFlags(newns=True)
    if kind < 0.9:
        return CloneFlags(newns=True, newuser=True)
    return _clone_flags(pick)


def _unshare_flags(pick: random.Random) -> CloneFlags:
    if pick.random() < 0.8:
        return _some_flags(
            pick, ("newns", "newuts", "newipc", "newpid", "newcgroup", "newtime", "newuser", "newnet"), 2
        )
    return _some_flags(pick, ("fs", "files", "sysvsem", "thread", "unknown", "parent", "newuser", "newpid"), 2)


def _unshare_flags_for_mounts(pick: random.Random) -> CloneFlags:
    kind = pick.random()
    if kind < 0.5:
        return CloneFlags(newns=True)
    if kind < 0.75:
        return CloneFlags(newns=True, newuser=True)
    if kind < 0.85:
        return CloneFlags(newuser=True)
    return _unshare_flags(pick)


def _some_flags(pick: random.Random, names: tuple[str, ...], most: int) -> CloneFlags:
    return CloneFlags(**dict.fromkeys(pick.sample(names, pick.randint(1, most)), True))


def _set_tid(pick: random.Random) -> SetTid:
    if pick.random() < 0.7:
        return SetTid()
    return SetTid(
        size=pick.choice((1, 1, 2)), first=pick.choice((0, 1, 3, 4)), second=pick.choice((0, 1, 3, 5)), third=0
    )


def _ns_flags(pick: random.Random) -> NsFlags:
    names = [f.name for f in fields(NsFlags)]
    if pick.random() < 0.95:
        names.remove("unknown")
    return NsFlags(**dict.fromkeys(pick.sample(names, pick.choice((0, 1, 1, 1, 2, 2, 3))), True))


FITTING = 0.8
"""How often an argument is one that fits, where there is one."""
MAPPING = frozenset({"write_map", "open_map", "write_setgroups"})
Chance = dict[tuple[str, str], Callable[[random.Random], Any]]

NEXT = {ContextPhase.AWAITING_MOUNT: "fsmount", ContextPhase.CREATE_PARAMS: "fsconfig_create"}
VALUES: Chance = {
    ("clone3", "flags"): _clone_flags,
    ("clone3", "tids"): _set_tid,
    ("unshare", "flags"): _unshare_flags,
    ("setns_pidfd", "flags"): _ns_flags,
    ("exit_thread", "code"): lambda pick: pick.randrange(4),
    ("exit_group", "code"): lambda pick: pick.randrange(4),
    ("set_limit", "limit"): lambda pick: pick.choice((0, 1, 2, 3)),
    ("set_limit", "kind"): lambda pick: pick.choice([t for t in NsType if not t.name.endswith("CHILDREN")]),
    ("wait4", "who"): lambda pick: pick.choice((WaitFor.PID, WaitFor.PID, WaitFor.ANY, WaitFor.OWN_GROUP)),
    ("setns", "wrong_type"): lambda pick: pick.random() < 0.1,
    ("sigaction", "action"): lambda pick: pick.choice(list(Disposition)),
}
"""How arguments are drawn where chance over the type alone would rarely hit the interesting ones."""
FOR_MOUNTS: Chance = {
    ("clone3", "flags"): _clone_flags_for_mounts,
    ("clone3", "tids"): lambda pick: SetTid(),
    ("unshare", "flags"): _unshare_flags_for_mounts,
    ("open_ns", "kind"): lambda pick: pick.choice((NsType.MNT, NsType.MNT, NsType.MNT, NsType.USER, NsType.UTS)),
    ("set_limit", "limit"): lambda pick: pick.choice((1, 2, 3, 4)),
    ("set_limit", "kind"): lambda pick: NsType.MNT,
    ("setns", "wrong_type"): lambda pick: pick.random() < 0.03,
    ("setns_pidfd", "flags"): lambda pick: NsFlags(mnt=True, user=pick.random() < 0.3),
}
"""The same for traces of mounts."""
