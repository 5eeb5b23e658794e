"""What judging a recording takes: what was found, and the judge that follows one recording step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nsmodel.ir.language import BROKEN, NotEnabled, Refused, Trap
from nsmodel.kernel.objects import (
    Task,
    TaskState,
)
from nsmodel.oracle.recorded_state import HELD, LINKS, World
from nsmodel.oracle.recordings import Case, Proc, RecordingError, View, views


class Uncovered(Exception):
    """The model does not make this call, or the recording does not tell enough to; the reason says why."""


class Differs(Exception):
    """The model says something else than the recording."""

    def __init__(self, expected: object, got: object, what: str) -> None:
        super().__init__(what)
        self.expected, self.got, self.what = str(expected), str(got), what


@dataclass(frozen=True)
class Difference:
    """One step on which model and recording part: `expected` is the model's word, `got` the kernel's."""

    trace: str
    step: int
    operation: str
    expected: str
    got: str
    what: str


@dataclass
class Judgement:
    """What was judged so far."""

    files: int = 0
    steps: int = 0
    modelled: int = 0
    resynced: int = 0
    assumed: int = 0
    cells: dict[str, Counter[str]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    uncovered: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, operation: str, result: str, how: str) -> None:
        """One more step in its cell; operations of tasks have no propagation types."""
        self.cells.setdefault(f"{operation}|-|{result}", Counter())[how] += 1


class Judge:
    """Judges one recording."""

    def __init__(self, case: Case, out: Judgement, judges: Mapping[str, Callable[[Judge, View], None]]) -> None:
        self.case = case
        self.out = out
        self.judges = judges
        self.world = World(dict(case.initial.procs))

    def run(self) -> None:
        """Every step in order."""
        for view in views(self.case):
            if view.step.is_judged:
                self._judge(view)
            self._follow(view)

    def _judge(self, view: View) -> None:
        step, out = view.step, self.out
        out.steps += 1
        result = step.errno or "ok"
        judge = self.judges.get(step.op)
        try:
            if judge is None:
                raise Uncovered("not modelled")
            try:
                judge(self, view)
            except RecordingError as missing:
                raise Uncovered(f"an argument is not recorded: {missing.cause}") from None
        except Uncovered as why:
            out.uncovered[step.op] += 1
            out.reasons[f"{step.op}: {why}"] += 1
            out.count(step.op, result, "uncovered")
            self._resync(view)
            return
        except (Differs, NotEnabled, Trap, AssertionError) as problem:
            if not isinstance(problem, Differs):
                problem = Differs("a call that can be made here", result, str(problem) or type(problem).__name__)
            out.modelled += 1
            out.count(step.op, result, "diverged")
            out.differences.append(
                Difference(self.case.path, step.i, step.op, problem.expected, problem.got, problem.what)
            )
            self._resync(view)
            return
        out.modelled += 1
        out.count(step.op, result, "agreed")

    def _follow(self, view: View) -> None:
        """Tasks that appear without a judged birth, and credentials, which other calls change."""
        for label, proc in view.step.procs.items():
            if label not in self.world.tasks and not proc.is_dead:
                self.world.add(label, view.after[label], dict(view.after))
                self.out.resynced += 1
            elif label in self.world.tasks:
                self.world.credentials(label, view.after[label])

    def _resync(self, view: View) -> None:
        step = view.step
        if step.child is not None and step.child not in self.world.tasks and step.child in view.after:
            task = self.world.add(step.child, view.after[step.child], dict(view.after))
            parent = self.world.tasks.get(step.p)
            if parent is not None:
                task.parent = parent.group_leader
                task.pgrp, task.session = parent.group_leader.pgrp, parent.group_leader.session
            self.out.resynced += 1
        for label in {step.p, *step.procs}:
            if label in view.after:
                self.world.resync(label, view.after[label])

    # -- what all judges share ------------------------------------------------------------------------------------

    def caller(self, view: View) -> Task:
        """The calling task; one that the model holds for dead makes no calls."""
        task = self.world.tasks.get(view.step.p)
        if task is None:
            raise Uncovered("a task that the recording does not show")
        if task.state != TaskState.RUNNING:
            raise Uncovered("the task is dead in the model already")
        return task

    def run_rule(self, view: View, rule: Callable[..., Any], *arguments: Any) -> int:
        """The model's result, which must agree with the recording in success and errno."""
        BROKEN.clear()
        recorded = view.step.errno
        try:
            result = int(rule(self.world.k, *arguments) or 0)
        except Refused as refused:
            if recorded != refused.errno.name:
                raise Differs(refused.errno.name, recorded or "success", refused.reason) from None
            return -int(refused.errno)
        if recorded is not None:
            raise Differs("success", recorded, "result")
        return result

    def compare_namespaces(self, label: str, proc: Proc) -> None:
        """The namespaces of a task, up to the names of new ones."""
        world = self.world
        task = world.tasks[label]
        if isinstance(proc.ns, msgspec.UnsetType) or task.nsproxy is None:
            return
        named: dict[str, Any] = {link: getattr(task.nsproxy, link) for link in LINKS}
        named["pid_for_children"] = task.nsproxy.pid_for_children
        named["user"], named["pid"] = task.user_ns, task.pid.ns
        for link, recorded in proc.ns.items():
            namespace = named.get(link)
            if namespace is None:
                continue
            if recorded is None:
                if link == "pid_for_children" and not namespace.started:
                    continue
                if proc.is_dead:
                    continue
                raise Differs(world.label(namespace), "no link", f"{link} of {label}")
            known = world.label(namespace)
            if known is None and recorded not in world.namespaces:
                world.namespaces[recorded] = namespace
                namespace.count += HELD
            elif known != recorded:
                raise Differs(known or "a new namespace", recorded, f"{link} of {label}")
