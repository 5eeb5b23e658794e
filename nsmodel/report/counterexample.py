"""A trace as a person reads it: who did what with which result, and only what changed; at the end what is broken."""

from __future__ import annotations

from rich.console import Console

from nsmodel.report import blame, calls
from nsmodel.report.console import folded, line, plural
from nsmodel.report.forest import mount_forest
from nsmodel.report.objects import DRAWN, object_text, told
from nsmodel.report.tree import process_tree
from nsmodel.traces.names import Names
from nsmodel.traces.places import Table
from nsmodel.traces.trace import State, Step, Trace

SIGNS = {"+": "green", "-": "red", "~": "yellow"}
"""How what is new, gone and changed looks."""


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
        text = object_text(trace, ref.collection, row, table) if row else "(freed)"
        line(console, "  ", (ref.name, "bold"), f"  {text}")
    if broken.blame is not None:
        blame.show(console, trace, broken.blame)
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
            line(self.console, indent, (text, SIGNS.get(text[:1], "dim")))

    def whole(self, state: State, table: Table) -> None:
        """Every object of a state."""
        for collection, rows in state.items():
            for row in rows:
                name = table.get((collection, row["id"]), str(row["id"]))
                line(
                    self.console,
                    (f"      {name}  {object_text(self.trace, collection, row, table, every=True)}", "dim"),
                )

    def _changes(self, step: Step, table: Table, before: State) -> None:
        for change in told(self.trace, step, table, before):
            if change.sign == "#":
                line(self.console, (f"      # {change.text}", "dim"))
            else:
                sign = (f"      {change.sign} ", SIGNS[change.sign])
                line(self.console, sign, (change.name, "bold"), f"  {change.text}".rstrip())
