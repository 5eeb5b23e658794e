"""A trace as calls that a program makes: who calls what, under which names, what comes of it, what is seen then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nsmodel.oracle.live import translate, translate_mounts, translate_users
from nsmodel.oracle.live.machine import Bookkeeper
from nsmodel.oracle.live.replay import PLAIN
from nsmodel.oracle.live.routes import NoPath
from nsmodel.oracle.live.translate import AUTO, AUTO_BASE, SIGNALS, Command
from nsmodel.system.snapshot import View
from nsmodel.testgen.expected import Observer, Seen
from nsmodel.traces.mount_facts import FILES
from nsmodel.traces.trace import State, Step, Trace

COMMANDS = translate.COMMANDS | translate_mounts.COMMANDS | translate_users.COMMANDS
STRAY = "stray"
"""Who a call would make that is refused."""
HIERARCHY = "HIERARCHY"
"""The controllers of a cgroup hierarchy of version 1, which a program learns when it runs."""


class Number(int):
    """The number of a process, which a program learns when it runs: of `task`, so many levels below the sandbox's pid
    namespace; negated where a call means its group."""

    task: str
    level: int
    negative: bool

    def __new__(cls, task: str, level: int, negative: bool = False) -> Number:
        """The number itself is nobody's."""
        made = super().__new__(cls, translate.NOBODY)
        made.task, made.level, made.negative = task, level, negative
        return made

    def __neg__(self) -> Number:
        return Number(self.task, self.level, not self.negative)

    def __format__(self, spec: str) -> str:
        return f"{{{self.task}}}"


@dataclass(frozen=True)
class Opened:
    """A descriptor that a call opened: where it leads, or which namespace it is of."""

    handle: int
    place: str | None
    namespace: str | None


@dataclass(frozen=True)
class Find:
    """A place that is mounted nowhere, where a task gets in the end."""

    task: str
    path: str
    """In the worker's words."""
    place: str


@dataclass(frozen=True)
class Act:
    """One call of a trace."""

    step: Step
    task: str
    command: Command
    gives: int | Number
    """Its result, a negative error number if it fails."""
    returns: bool
    """False when the task does not live on after it."""
    child: str | None
    """The task that it makes; STRAY if it is refused."""
    status: int | None
    """What a wait tells of how a child ended."""
    opened: Opened | None
    grown_at: str | None
    """A path, in the worker's words, that leads to the new file system after the call."""
    seen: Seen
    """What can be seen after it."""


class Unperformable(LookupError):
    """A trace holds what no program can do; the text says what."""


class Performance(Bookkeeper):
    """The calls of a trace, prelude first. Raises :class:`Unperformable` from :meth:`acts`."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(View(trace.start))
        self.trace = trace
        self.observer = Observer(trace.start)
        self.beginning = self.observer.see(trace.start)
        """What can be seen before the first call."""

    def number(self, task: int, target: int) -> Number | None:
        """The number of a task in the active pid namespace of another."""
        pid = int(self.view.row("tasks", target)["pid"])
        return self._number(pid, self.active(task))

    def hierarchy(self) -> str:
        """A program finds out itself which controllers a cgroup hierarchy of version 1 has."""
        return HIERARCHY

    def base_number(self, target: int) -> Number:
        """The number of a task in the sandbox's own pid namespace."""
        return Number(self.observer.owners[self.view.row("tasks", target)["pid"]], 0)

    def _number(self, pid: int, ns: int) -> Number | None:
        chain = self.chain(self.view.row("pids", pid)["ns"])
        return Number(self.observer.owners[pid], chain.index(ns)) if ns in chain else None

    def acts(self) -> Iterator[Act]:
        """Every call with what comes of it."""
        state = self.trace.start
        for number, step in enumerate((*self.trace.prelude, *self.trace.steps), 1):
            where = f"step {number - len(self.trace.prelude)}, {step.operation}"
            if step.operation not in COMMANDS or step.task is None:
                raise Unperformable(f"{where}: a part of a call, while others run: no program can force that")
            if step.arguments.get("swapped"):
                raise Unperformable(f"{where}: ids of namespaces that do not grow are given on several processors only")
            if step.state is None:
                raise Unperformable(f"{where}: the model does not tell how it ends")
            yield self._act(step, state, where)
            state = step.state

    def finds(self) -> Iterator[Find]:
        """What no mount table shows: for every mount of a tree that is mounted nowhere a path of each process that has
        one. After the last of the acts."""
        states = [s.state for s in (*self.trace.prelude, *self.trace.steps) if s.state is not None]
        self.view = View(states[-1] if states else self.trace.start)
        namespaces, mounts = self.view.rows("mnt_namespaces"), self.view.rows("mounts")
        detached = [s for s, row in mounts.items() if row["ns"] is None or namespaces[row["ns"]]["anonymous"]]
        for task, row in self.view.rows("tasks").items():
            if row["state"] != "RUNNING" or row["group_leader"] != task:
                continue
            for slot in detached:
                root = mounts[slot]["root"]
                try:
                    path = self.path(task, slot, root)
                except NoPath:
                    continue
                yield Find(self.observer.tasks[task], path, self.observer.place(slot, root))

    def _act(self, step: Step, state: State, where: str) -> Act:
        assert step.task is not None and step.state is not None
        before, after = View(state), View(step.state)
        self.view = before
        task = self.observer.tasks[step.task]
        try:
            command = COMMANDS[step.operation](self, step.task, step.arguments)
        except NoPath as missing:
            raise Unperformable(f"{where}: no path of {task} leads there: {missing}") from None
        status = None
        if step.operation == "wait4" and step.result > 0:
            child = before.row("tasks", step.arguments["child"])
            status = child["exit_code"] << 8 | SIGNALS[child["exit_signal"]]
        owners = dict(self.observer.owners)
        if step.result >= 0 and command.again is not None:
            self.observer.removed(command.again, command.over)
        if step.result >= 0 and command.swapped is not None:
            self.observer.exchanged(*command.swapped)
        seen = self.observer.see(step.state)
        new: list[int] = []
        made = STRAY if command.clone_flags is not None else None
        if command.clone_flags is not None and step.result >= 0:
            (slot,) = after.rows("tasks").keys() - before.rows("tasks").keys()
            made = self.observer.tasks[slot]
            self.inherit(step.task, before, after)
        elif command.handle is not None and step.result >= 0:
            new = self.keep(command.handle, before, after)
        gives = self._gives(step, before, after, owners)
        self.forget_files(before, after)
        opened = None
        if new and command.handle is not None:
            opened = self._opened(command.handle, after.row("descriptors", new[0]))
        lives = after.rows("tasks").get(step.task, {}).get("state") == "RUNNING"
        grown_at = self._grown_at(step.task, command.grown, before, after) if step.result >= 0 else None
        return Act(step, task, command, gives, lives, made, status, opened, grown_at, seen)

    def _grown_at(self, task: int, root: int | None, before: View, after: View) -> str | None:
        self.view = after
        for slot in sorted(after.rows("mounts").keys() - before.rows("mounts").keys()):
            if root is not None and after.row("mounts", slot)["root"] == root:
                try:
                    return self.path(task, slot, root)
                except NoPath:
                    continue
        return None

    def _opened(self, handle: int, row: dict[str, Any]) -> Opened | None:
        place = self.observer.place(row["mount"], row["dentry"]) if row["mount"] else None
        files = [self.observer.namespace(c, row[f]) for f, c in FILES.items() if row[f]]
        return Opened(handle, place, files[0] if files else None) if place or files else None

    def _gives(self, step: Step, before: View, after: View, owners: dict[int, str]) -> int | Number:
        """The result; a number that the allocator chose stands for whatever its owner got."""
        if step.result < AUTO_BASE or step.operation in PLAIN:
            return step.result
        pid = step.result - AUTO_BASE
        self.view = after if pid in after.rows("pids") else before
        owner = self.observer.owners.get(pid) or owners[pid]
        row = self.view.row("pids", pid)
        chain = self.chain(row["ns"])
        entries = row["numbers"]
        assert step.task is not None
        ns = before.row("pids", before.row("tasks", step.task)["pid"])["ns"]
        if entries.get(str(ns), AUTO) != AUTO or ns not in chain:
            # The trace shows a number of the allocator where the pid has none: one of an outer namespace.
            ns = next(outer for outer in chain if entries.get(str(outer)) == AUTO)
        return Number(owner, chain.index(ns))


@dataclass
class Changes:
    """What is told anew of tasks, state by state."""

    told: Seen = field(default_factory=dict)

    def of(self, seen: Seen) -> Seen:
        """What differs from what was told before."""
        out: Seen = {}
        for task, values in seen.items():
            known = self.told.setdefault(task, {})
            new = {facet: value for facet, value in values.items() if known.get(facet) != value}
            if new:
                known.update(new)
                out[task] = new
        return out
