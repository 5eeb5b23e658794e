"""Objects as people read them, and what a step changed of them: `fd:1  table P1, mount 1:/a`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from nsmodel.report.calls import value_text
from nsmodel.report.tree import numbers
from nsmodel.traces.names import shown_number
from nsmodel.traces.places import Table
from nsmodel.traces.trace import Change, State, Step, Trace

COUNTERS = ("count", "inode", "users")
"""Reference counts: told together, apart from other fields."""
QUIET = {"tasks": {"group_leader", "pid", "busy"}}
"""Fields that the name of an object or its line in the process tree tell already."""
DRAWN = ("mounts", "peer_groups")
"""Collections that are drawn, not told field by field."""
ZERO = (None, False, 0, "RUNNING", "ROOT", "DEFAULT", "NONE")


@dataclass(frozen=True)
class Told:
    """A change of one object in words: `+` new, `-` gone, `~` changed; `#` the reference counts of all, nameless."""

    sign: Literal["+", "-", "~", "#"]
    name: str
    text: str


def told(trace: Trace, step: Step, table: Table, before: State) -> Iterator[Told]:
    """What a step changed, without what is drawn; `table` has the names from before the step and after it."""
    counts = []
    owned = {c.new.get("pid") for c in step.changes if c.kind == "created" and c.collection == "tasks"}
    fields: dict[tuple[str, int], list[Change]] = {}
    for change in step.changes:
        if change.collection in DRAWN and (step.state or before).get("dentries"):
            continue
        name = table.get((change.collection, change.id), str(change.id))
        if change.kind == "created":
            if change.collection != "pids" or change.id not in owned:
                yield Told("+", name, _born(trace, change, step.state or {}, table))
        elif change.kind == "freed":
            yield Told("-", name, "freed")
        elif change.field in COUNTERS:
            what = "" if change.field == "count" else f".{change.field}"
            counts.append(f"{name}{what} {change.old}→{change.new}")
        else:
            fields.setdefault((change.collection, change.id), []).append(change)
    for (collection, slot), changed in fields.items():
        texts = []
        for c in changed:
            old, new = (field_text(trace, collection, c.field or "", v, table) for v in (c.old, c.new))
            texts.append(f"{c.field}: {old} → {new}")
        yield Told("~", table.get((collection, slot), str(slot)), ", ".join(texts))
    if counts:
        yield Told("#", "", ", ".join(counts))


def _born(trace: Trace, change: Change, state: State, table: Table) -> str:
    row = change.new
    if change.collection != "tasks" or "group_leader" not in row:
        return object_text(trace, change.collection, row, table, counters=False)
    if row["group_leader"] != row["id"]:
        words = ["thread of " + table.get(("tasks", row["group_leader"]), "?")]
    elif row["parent"] is None:
        words = ["process without a parent in the sandbox"]
    else:
        words = ["child of " + table.get(("tasks", row["parent"]), "?")]
    if row.get("unkillable"):
        words.append("init of its pid namespace")
    words.append(f"numbers {numbers(row, state)}")
    if row.get("nsproxy"):
        words.append(table.get(("nsproxies", row["nsproxy"]), "?"))
    return ", ".join(words)


def object_text(
    trace: Trace, collection: str, row: dict[str, Any], table: Table, *, every: bool = False, counters: bool = True
) -> str:
    """The fields of an object that are not zero, or `every` field; reference counts unless `counters` is off."""
    quiet = {"id", "charged", *QUIET.get(collection, ()), *(() if counters else COUNTERS)}
    if collection == "pids":
        row = row | {"numbers": {ns: shown_number(entry, row["id"]) for ns, entry in row["numbers"].items()}}
    shown = {
        name: value
        for name, value in row.items()
        if (every and name != "id") or (name not in quiet and value not in ZERO and value not in ([], {}))
    }
    return ", ".join(f"{name} {field_text(trace, collection, name, value, table)}" for name, value in shown.items())


def field_text(trace: Trace, collection: str, field: str, value: Any, table: Table) -> str:
    """The value of a field: objects by their names."""
    named = trace.references.get(collection, {})
    target = named.get(field)
    if isinstance(value, list):
        return "{" + ", ".join(value_text(target, v, table) for v in value) + "}"
    if isinstance(value, dict):
        values = named.get(f"{field}[]")
        pairs = [f"{value_text(target, int(k), table)}: {value_text(values, v, table)}" for k, v in value.items()]
        return "{" + ", ".join(pairs) + "}"
    return value_text(target, value, table)
