"""The process tree of a state with the numbers of each process, from the outermost pid namespace inwards."""

from __future__ import annotations

from typing import Any

from nsmodel.report.console import columns
from nsmodel.report.users import matters, who
from nsmodel.traces.names import shown_number
from nsmodel.traces.places import Table
from nsmodel.traces.trace import State


def process_tree(state: State, names: Table, marked: frozenset[int] = frozenset()) -> list[str]:
    """Lines of the tree; `marked` tasks are pointed at. None where the model has no thread groups or no numbers."""
    tasks = {row["id"]: row for row in state.get("tasks", [])}
    if not all("group_leader" in row and "pid" in row for row in tasks.values()) or not tasks:
        return []
    lines = [["process", "pid namespace", "numbers", "state"]]
    roots = [t for t, row in tasks.items() if row["group_leader"] == t and row["parent"] not in tasks]
    for root in _by_name(roots, names):
        _branch(root, "", "", tasks, state, names, marked, lines)
    return [" ".join(["  ".join(row[:-1]), row[-1]]).rstrip() for row in columns(_wide(lines))]


def _wide(lines: list[list[str]]) -> list[list[str]]:
    return [[*(cell + " " for cell in row[:-1]), row[-1]] for row in lines]


def _branch(
    task: int,
    stem: str,
    tip: str,
    tasks: dict[int, Any],
    state: State,
    names: Table,
    marked: frozenset[int],
    out: list[list[str]],
) -> None:
    row = tasks[task]
    pointer = "  <- breaks the clause" if task in marked else ""
    out.append(
        [
            tip + names.get(("tasks", task), f"task {task}"),
            pid_namespace(row, state, names),
            numbers(row, state),
            _state(row, state, names) + pointer,
        ]
    )
    below = [t for t, r in tasks.items() if t != task and r["group_leader"] == task]
    below += [t for t, r in tasks.items() if r["group_leader"] == t and r["parent"] == task]
    for i, child in enumerate(_by_name(below, names)):
        last = i == len(below) - 1
        _branch(
            child,
            stem + ("   " if last else "│  "),
            stem + ("└─ " if last else "├─ "),
            tasks,
            state,
            names,
            marked,
            out,
        )


def _by_name(tasks: list[int], names: Table) -> list[int]:
    return sorted(
        tasks, key=lambda t: [part.zfill(6) for part in names.get(("tasks", t), "").replace("/", ".").split(".")]
    )


def _state(row: dict[str, Any], state: State, names: Table) -> str:
    words = [str(row.get("state", "")).lower()]
    if row.get("unkillable"):
        words.append("init")
    if row.get("child_subreaper"):
        words.append("subreaper")
    if row.get("user_ns") and matters(state):
        words.append(who(row, state, names))
    return ", ".join(w for w in words if w)


def _pid(row: dict[str, Any], state: State) -> dict[str, Any] | None:
    return next((p for p in state.get("pids", []) if p["id"] == row.get("pid")), None)


def pid_namespace(row: dict[str, Any], state: State, names: Table) -> str:
    """The pid namespace that a task lives in."""
    pid = _pid(row, state)
    return names.get(("pid_namespaces", pid["ns"]), "") if pid is not None else ""


def numbers(row: dict[str, Any], state: State) -> str:
    """The numbers of a task, from the outermost level inwards."""
    return " ".join(str(number) for _, number in sorted(numbers_by_level(row, state).items()))


def numbers_by_level(row: dict[str, Any], state: State) -> dict[int, int]:
    """The number of a task at each level of pid namespaces that it has one at; 0 is the outermost."""
    pid = _pid(row, state)
    if pid is None:
        return {}
    levels = {ns["id"]: ns.get("level", 0) for ns in state.get("pid_namespaces", [])}
    return {levels.get(int(ns), 0): shown_number(entry, pid["id"]) for ns, entry in pid["numbers"].items()}
