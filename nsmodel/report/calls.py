"""Calls as people read them: `mount_bind(source=1:/, at=1:/a, rec=no)`."""

from __future__ import annotations

from typing import Any

from nsmodel.traces.places import Table, place
from nsmodel.traces.trace import State, Step, Trace

NO_ID = 4294967295
"""(uid_t)-1, which leaves an id as it is."""


def arguments(trace: Trace, step: Step, table: Table, state: State) -> list[str]:
    """The arguments of a call, without the caller; a mount and the name in it that follows are one place."""
    named = trace.parameters.get(step.operation, {})
    items = list(step.arguments.items())
    out = []
    for i, (name, value) in enumerate(items):
        if (i == 0 and step.task is not None and name in named) or value == {}:
            continue
        following = items[i + 1] if i + 1 < len(items) else ("", None)
        in_place = named.get(items[i - 1][0]) == "mounts" and items[i - 1][1] is not None if i else False
        if named.get(name) == "dentries" and in_place:
            continue
        if isinstance(value, dict):
            out.append(_words(value))
        elif named.get(name) == "mounts" and named.get(following[0]) == "dentries" and value is not None:
            out.append(f"{name}={place(value, following[1], state, table)}")
        else:
            out.append(f"{name}={value_text(named.get(name), value, table)}")
    return out


def call_text(trace: Trace, step: Step, table: Table, state: State) -> str:
    """A whole call with its caller and its result: `P1 unshare(newpid) = 0`."""
    who = f"{table.get(('tasks', step.task), f'task {step.task}')} " if step.task is not None else ""
    result = f"-1 {step.errno}" if step.errno else str(step.result)
    return f"{who}{step.operation}({', '.join(arguments(trace, step, table, state))}) = {result}"


def value_text(target: str | None, value: Any, table: Table) -> str:
    """A value: an object of the collection `target` by its name."""
    if value is None:
        return "none"
    if target is not None and isinstance(value, int):
        return table.get((target, value), f"{target} {value}")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-1" if value == NO_ID else str(value)


def _words(flags: dict[str, Any]) -> str:
    return "|".join(name if value is True else f"{name}={value}" for name, value in flags.items())
