"""The mountinfo that each task would read, and what of it a step changed."""

from __future__ import annotations

from dataclasses import dataclass

from nsmodel.report.html.moment import Moment
from nsmodel.traces.mountinfo import Table, tables
from nsmodel.traces.places import mounts_of


@dataclass(frozen=True)
class Reading:
    """A table: who reads it, its lines, each with `+`, `~`, `-` or nothing; or why there is none."""

    tasks: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]
    why_none: str


@dataclass(frozen=True)
class Readings:
    """The tables of all tasks."""

    tables: tuple[Reading, ...]


def readings(now: Moment, before: Moment | None) -> Readings | None:
    """What the tasks of a state read; None where the model has no mounts."""
    if not mounts_of(now.state) or not now.state.get("tasks"):
        return None
    old = tables(before.mounts, before.ages) if before is not None else None
    return Readings(tuple(_reading(now, table, old) for table in tables(now.mounts, now.ages)))


def _reading(now: Moment, table: Table, old: list[Table] | None) -> Reading:
    names = tuple(now.name("tasks", task) for task in table.tasks)
    was = next((o for o in old or [] if set(o.tasks) & set(table.tasks)), None)
    if old is None or was is None:
        return Reading(names, tuple(("", str(line)) for line in table.lines), table.why_none)
    known = {line.mount: str(line) for line in was.lines}
    lines = [("" if known.get(x.mount) == str(x) else "~" if x.mount in known else "+", str(x)) for x in table.lines]
    here = {line.mount for line in table.lines}
    gone = [("-", text) for mount, text in known.items() if mount not in here]
    return Reading(names, (*lines, *gone), table.why_none)
