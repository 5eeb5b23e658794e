"""A trace as a person reads it: who did what with which result, and only what changed; at the end what is broken."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from nsmodel.report import calls
from nsmodel.report.calls import value_text
from nsmodel.report.console import folded, line, plural
from nsmodel.report.forest import mount_forest
from nsmodel.report.tree import numbers, process_tree
from nsmodel.traces.names import Names, shown_number
from nsmodel.traces.places import Table
from nsmodel.traces.trace import Change, State, Step, Trace

COUNTERS = ("count", "inode", "users")
"""Reference counts: told together, on a line of their own."""
QUIET = {"tasks": {"group_leader", "pid", "busy"}}
DRAWN = ("mounts", "peer_groups")
"""Collections that are drawn, not told field by field."""
"""Fields that the name of an object or its line in the process tree tell already."""
ZERO = (None, False, 0, "RUNNING", "ROOT", "DEFAULT", "NONE")


def show(console: Console, trace: Trace, *, full: bool = False) -> None:
    """A whole trace; `full` shows whole states, too."""
    _title(console, trace)
    writer = _Writer(console, trace, full)
    if trace.prelude:
        before = trace.start
        line(console, ("prelude", "bold"))
        table = dict(writer.names.see(before))
        for number, step in enumerate(trace.prelude, 1):
            table = writer.step(f"p{number}", step, table, before)
            before = step.state if step.state is not None else before
    table = dict(writer.names.see(trace.initial))
    line(console, ("initial state", "bold"))
    for text in process_tree(trace.initial, table):
        line(console, "  ", text)
    writer.forest(trace.initial, table)
    if full or not process_tree(trace.initial, table):
        writer.whole(trace.initial, table)
    state = trace.initial
    for number, step in enumerate(trace.steps, 1):
        table = writer.step(str(number), step, table, state)
        state = step.state if step.state is not None else state
    _end(console, trace, state, table)
    line(console, "")


def _title(console: Console, trace: Trace) -> None:
    on = f" with {trace.mutant} on" if trace.mutant else ""
    if trace.violates is None:
        line(
            console,
            (f"{trace.spec}: a trace of {plural(len(trace.steps), 'step')}{on}", "bold"),
            f" (kernel {trace.kernel})",
        )
        return
    kind = "shortest counterexample" if trace.violates.minimal else "counterexample, perhaps not the shortest"
    line(
        console,
        (f"{trace.spec}: {trace.violates.property} is violated{on}", "bold red"),
        f" - {kind}, {plural(len(trace.steps), 'step')} (kernel {trace.kernel})",
    )


def _end(console: Console, trace: Trace, state: State, table: Table) -> None:
    broken = trace.violates
    if broken is None:
        line(console, ("final state", "bold"))
        for text in process_tree(state, table):
            line(console, "  ", text)
        return
    at = f"step {broken.step}" if broken.step else "the initial state"
    line(console, (f"broken by {at}", "bold red"), f"  {broken.property}: {broken.clause}")
    for ref in broken.objects:
        row = next((r for r in state.get(ref.collection, []) if r["id"] == ref.id), None)
        line(
            console, "  ", (ref.name, "bold"), f"  {_object(trace, ref.collection, row, table)}" if row else "  (freed)"
        )
    marked = frozenset(ref.id for ref in broken.objects if ref.collection == "tasks")
    tree = process_tree(state, table, marked)
    if tree:
        line(console, ("process tree", "bold"), " (numbers from the outermost pid namespace inwards)")
    for text in tree:
        line(console, "  ", text)
    pointed = frozenset(ref.id for ref in broken.objects if ref.collection == "mounts")
    for text in mount_forest(state, table, pointed):
        line(console, "  ", text)


class _Writer:
    """Writes steps; knows the names that objects had before and have now."""

    def __init__(self, console: Console, trace: Trace, full: bool) -> None:
        self.console = console
        self.trace = trace
        self.full = full
        self.names = Names()

    def step(self, number: str, step: Step, before: Table, state: State) -> dict[tuple[str, int], str]:
        """One step; gives back the names after it."""
        after = dict(self.names.see(step.state)) if step.state is not None else dict(before)
        both = {**before, **after}
        who = before.get(("tasks", step.task), f"task {step.task}") if step.task is not None else "-"
        result = f"-1 {step.errno}" if step.errno else str(step.result)
        style = "yellow" if step.errno else "green"
        reason = f"  {step.reason}" if step.reason else ""
        call = f"{step.operation}({', '.join(calls.arguments(self.trace, step, before, state))})"
        folded(
            self.console,
            6,
            (f"{number:>3} ", "bold"),
            (who, "bold cyan"),
            f"  {call} = ",
            (result, style),
            (reason, "dim"),
        )
        self._changes(step, both, state)
        if step.state is not None and any(c.collection in DRAWN for c in step.changes):
            self.forest(step.state, after, "  ", state)
        if step.state is None:
            line(self.console, "      the rule was trapped: there is no state after it")
        elif self.full:
            self.whole(step.state, after)
        return after

    def forest(self, state: State, table: Table, indent: str = "  ", before: State | None = None) -> None:
        """The mount forest, where there are mounts, and what a step changed of it."""
        for text in mount_forest(state, table, before=before):
            style = {"+": "green", "~": "yellow", "-": "red"}.get(text[:1], "dim")
            line(self.console, indent, (text, style))

    def whole(self, state: State, table: Table) -> None:
        """Every object of a state."""
        for collection, rows in state.items():
            for row in rows:
                name = table.get((collection, row["id"]), str(row["id"]))
                line(self.console, (f"      {name}  {_object(self.trace, collection, row, table, every=True)}", "dim"))

    def _changes(self, step: Step, table: Table, before: State) -> None:
        counts = []
        owned = {c.new.get("pid") for c in step.changes if c.kind == "created" and c.collection == "tasks"}
        fields: dict[tuple[str, int], list[Change]] = {}
        for change in step.changes:
            if change.collection in DRAWN and (step.state or before).get("dentries"):
                continue
            name = table.get((change.collection, change.id), str(change.id))
            if change.kind == "created":
                if change.collection == "pids" and change.id in owned:
                    continue
                line(
                    self.console,
                    ("      + ", "green"),
                    (name, "bold"),
                    f"  {self._born(change, step.state or {}, table)}".rstrip(),
                )
            elif change.kind == "freed":
                line(self.console, ("      - ", "red"), (name, "bold"), "  freed")
            elif change.field in COUNTERS:
                what = "" if change.field == "count" else f".{change.field}"
                counts.append(f"{name}{what} {change.old}→{change.new}")
            else:
                fields.setdefault((change.collection, change.id), []).append(change)
        for (collection, slot), changed in fields.items():
            texts = []
            for c in changed:
                old, new = (self._value(collection, c.field or "", v, table) for v in (c.old, c.new))
                texts.append(f"{c.field}: {old} → {new}")
            line(
                self.console,
                ("      ~ ", "yellow"),
                (table.get((collection, slot), str(slot)), "bold"),
                f"  {', '.join(texts)}",
            )
        if counts:
            line(self.console, (f"      # {', '.join(counts)}", "dim"))

    def _born(self, change: Change, state: State, table: Table) -> str:
        row = change.new
        if change.collection != "tasks" or "group_leader" not in row:
            return _object(self.trace, change.collection, row, table, counters=False)
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

    def _value(self, collection: str, field: str, value: Any, table: Table) -> str:
        return _field(self.trace, collection, field, value, table)


def _object(
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
    return ", ".join(f"{name} {_field(trace, collection, name, value, table)}" for name, value in shown.items())


def _field(trace: Trace, collection: str, field: str, value: Any, table: Table) -> str:
    named = trace.references.get(collection, {})
    target = named.get(field)
    if isinstance(value, list):
        return "{" + ", ".join(value_text(target, v, table) for v in value) + "}"
    if isinstance(value, dict):
        values = named.get(f"{field}[]")
        pairs = [f"{value_text(target, int(k), table)}: {value_text(values, v, table)}" for k, v in value.items()]
        return "{" + ", ".join(pairs) + "}"
    return value_text(target, value, table)
