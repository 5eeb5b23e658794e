"""The process tree as rows of a table, with the number of each process at each level of pid namespaces."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nsmodel.report.html.moment import Moment
from nsmodel.report.picture.processes import process_blocks
from nsmodel.report.picture.rows import Row
from nsmodel.report.tree import numbers_by_level, pid_namespace
from nsmodel.report.users import matters, who


@dataclass(frozen=True)
class Process:
    """A process or thread: its numbers from the outermost level inwards, empty where it has none."""

    row: Row
    state: str
    marks: tuple[str, ...]
    """What it is besides: init, subreaper, thread."""
    numbers: tuple[str, ...]
    namespace: str
    nsproxy: str
    who: str
    """Its users and capabilities, where they differ in the state."""


@dataclass(frozen=True)
class Processes:
    """The tree, and how many levels of pid namespaces there are."""

    rows: tuple[Process, ...]
    levels: int
    users: bool


def processes(now: Moment, before: Moment | None) -> Processes | None:
    """The processes of a state, and what changed since `before`; None where the model has no process tree."""
    old = before.state if before is not None else None
    blocks = process_blocks(now.state, now.names, old, before.names if before is not None else {}, now.breaks("tasks"))
    rows = [row for block in blocks for row in block.rows]
    if not rows:
        return None
    at = [before if row.change == "-" and before is not None else now for row in rows]
    deepest = max(ns.get("level", 0) for moment in at for ns in moment.state.get("pid_namespaces", [{}]))
    users = any(matters(moment.state) for moment in at)
    made = [_process(row, moment, deepest + 1, users) for row, moment in zip(rows, at, strict=True)]
    if before is not None and users:
        made = [_compared(p, before) for p in made]
    return Processes(tuple(made), deepest + 1, users)


def _process(row: Row, moment: Moment, levels: int, users: bool) -> Process:
    task = next(t for t in moment.state["tasks"] if t["id"] == row.slot)
    numbers = numbers_by_level(task, moment.state)
    marks = [pill.text for pill in row.pills if pill.kind == "word"]
    if task["group_leader"] != task["id"]:
        marks.append("thread")
    return Process(
        row=row,
        state=str(task.get("state", "")).lower(),
        marks=tuple(marks),
        numbers=tuple(str(numbers.get(level, "")) for level in range(levels)),
        namespace=pid_namespace(task, moment.state, moment.names),
        nsproxy=moment.name("nsproxies", task["nsproxy"]) if task.get("nsproxy") else "",
        who=who(task, moment.state, moment.names) if users else "",
    )


def _compared(process: Process, before: Moment) -> Process:
    """A process whose users or capabilities changed has changed."""
    row = process.row
    task = next((t for t in before.state.get("tasks", []) if t["id"] == row.slot), None)
    if row.change or task is None:
        return process
    told = who(task, before.state, before.names)
    if told == process.who:
        return process
    return replace(process, row=replace(row, change="~", note=f"was {told}"))
