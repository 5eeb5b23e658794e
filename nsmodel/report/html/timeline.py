"""The calls of a trace beside the lives of its tasks: a column for each task, a row for each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nsmodel.traces.names import Names
from nsmodel.traces.trace import State, Step, Trace

LIVES = {"RUNNING": "solid", "EXITING": "dashed", "ZOMBIE": "dashed"}
"""How the life of a task is drawn."""


@dataclass(frozen=True)
class Rail:
    """A task at a step: how its life comes from above and goes on below, whether it makes the call (`dot`: `ok`,
    `refused` or `trapped`), whether it is new, and whether the line from its maker to it passes (`arm`)."""

    task: str
    up: str = ""
    down: str = ""
    dot: str = ""
    born: bool = False
    arm: str = ""


def columns_of(trace: Trace) -> list[str]:
    """The tasks of a trace by name, in the order of the process tree."""
    names = _seen(trace)
    found: dict[str, None] = {}
    for state in trace.states():
        table = names.see(state)
        found |= dict.fromkeys(table["tasks", row["id"]] for row in state.get("tasks", []))
    return sorted(found, key=lambda name: [part.zfill(6) for part in name.replace("/", ".").split(".")])


def rails(trace: Trace) -> list[tuple[Rail, ...]]:
    """The initial state and each step: a rail for each task of :func:`columns_of`."""
    columns = columns_of(trace)
    names = _seen(trace)
    before = _lives(trace.initial, names.see(trace.initial))
    out = [tuple(Rail(task, down=before.get(task, ("", 0))[0], born=task in before) for task in columns)]
    for step in trace.steps:
        after = _lives(step.state, names.see(step.state)) if step.state is not None else {}
        out.append(_rails(columns, step, before, after))
        before = after or before
    return out


def _seen(trace: Trace) -> Names:
    names = Names()
    for state in (trace.start, *(s.state for s in trace.prelude if s.state is not None)):
        names.see(state)
    return names


def _lives(state: State, names: Mapping[tuple[str, int], str]) -> dict[str, tuple[str, int]]:
    return {names["tasks", row["id"]]: (LIVES.get(row.get("state", ""), "solid"), row["id"])
            for row in state.get("tasks", [])}  # fmt: skip


def _rails(
    columns: Sequence[str], step: Step, before: Mapping[str, tuple[str, int]], after: Mapping[str, tuple[str, int]]
) -> tuple[Rail, ...]:
    caller = next((name for name, (_, slot) in before.items() if slot == step.task), None)
    born = {name for name in after if name not in before}
    dot = "trapped" if step.state is None else "refused" if step.errno else "ok"
    here = columns.index(caller) if caller is not None else None
    reach = [columns.index(name) for name in born] if here is not None else []
    out = []
    for i, task in enumerate(columns):
        arm = ""
        if here is not None and reach:
            low, high = min(here, *reach), max(here, *reach)
            arm = ("left " if low < i <= high else "") + ("right" if low <= i < high else "")
        out.append(
            Rail(
                task,
                up=before.get(task, ("", 0))[0],
                down=after.get(task, ("", 0))[0],
                dot=dot if task == caller else "",
                born=task in born,
                arm=arm.strip(),
            )
        )
    return tuple(out)
