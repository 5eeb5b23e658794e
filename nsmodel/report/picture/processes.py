"""The process tree of a state as rows, for traces without mounts: numbers from the outermost pid namespace inwards."""

from __future__ import annotations

from typing import Any

import networkx as nx

from nsmodel.report.picture.rows import Block, Pill, Row
from nsmodel.report.tree import numbers, pid_namespace
from nsmodel.traces.places import Table
from nsmodel.traces.trace import State

SIGNS = {"RUNNING": "running", "EXITING": "exiting", "ZOMBIE": "zombie"}
MARKS = {"unkillable": "init", "child_subreaper": "subreaper"}


def process_blocks(
    state: State, names: Table, before: State | None, old_names: Table, broken: frozenset[int]
) -> list[Block]:
    """The tree, threads below their leader, and what a step changed of it. No block where there are no processes."""
    tasks = {row["id"]: row for row in state.get("tasks", [])}
    earlier = {row["id"]: row for row in (before or {}).get("tasks", [])}
    if not all("group_leader" in row for row in (*tasks.values(), *earlier.values())) or not (tasks or earlier):
        return []
    tree: nx.DiGraph[int] = nx.DiGraph()
    tree.add_nodes_from(tasks)
    for t, row in tasks.items():
        above = row["parent"] if row["group_leader"] == t else row["group_leader"]
        if above in tasks:
            tree.add_edge(above, t)
    block = Block("processes", "numbers from the outermost pid namespace inwards")
    for top in [t for t in tasks if not tree.pred[t]]:
        stack: list[tuple[int, tuple[bool, ...]]] = [(top, ())]
        while stack:
            task, trunk = stack.pop()
            old = earlier.get(task) if before is not None else tasks[task]
            was = _facts(old, before or {}, old_names) if old is not None and before is not None else None
            block.rows.append(_row(tasks[task], state, names, trunk, was, before is not None, task in broken))
            below = sorted(tree.succ[task], key=lambda t: names.get(("tasks", t), ""))
            stack += [(t, (*trunk, t != below[-1])) for t in reversed(below)]
    out = [block] if block.rows else []
    gone = [Row((), SIGNS.get(r["state"], "running"), old_names.get(("tasks", t), f"task {t}"), change="-", slot=t)
            for t, r in earlier.items() if t not in tasks]  # fmt: skip
    return [*out, Block("gone in this step", "", gone)] if gone else out


def _facts(row: dict[str, Any], state: State, names: Table) -> list[str]:
    """What is told of a process."""
    ns = pid_namespace(row, state, names)
    held = names.get(("nsproxies", row["nsproxy"]), "") if row.get("nsproxy") else ""
    above = names.get(("tasks", row["parent"]), "outside") if row.get("parent") else "outside"
    words = [word for field, word in MARKS.items() if row.get(field)]
    return [str(row.get("state", "")).lower(), ns, numbers(row, state), held, f"child of {above}", *words]


def _row(
    row: dict[str, Any], state: State, names: Table, trunk: tuple[bool, ...], was: list[str] | None, compare: bool,
    broken: bool,
) -> Row:  # fmt: skip
    facts = _facts(row, state, names)
    lost = [word for word in was or [] if word and word not in facts]
    change = "+" if compare and was is None else "~" if was is not None and was != facts else ""
    shown = "  ".join(part for part in facts[1:3] if part)
    pills = tuple(Pill(word, "word") for word in facts[5:])
    if facts[3]:
        pills = (*pills, Pill(facts[3], "set"))
    sign = SIGNS.get(row.get("state", ""), "running")
    thread = "" if row["group_leader"] == row["id"] else "thread"
    note = f"was {', '.join(lost)}" if lost else thread
    return Row(trunk, sign, names.get(("tasks", row["id"]), "?"), shown, pills, note, change, False, broken,
               slot=row["id"])  # fmt: skip
