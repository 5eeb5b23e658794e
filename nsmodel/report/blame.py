"""Where a counterexample was decided, as text."""

from __future__ import annotations

import msgspec
from rich.console import Console

from nsmodel.report.console import folded, line
from nsmodel.report.objects import told
from nsmodel.traces.read import state_after
from nsmodel.traces.trace import Blame, Rule, Trace

SHOWN = 6
"""Changes shown at most."""


def show(console: Console, trace: Trace, blame: Blame) -> None:
    """From which step on it was inevitable, and what the kernel without the bugs does where the two part."""
    assert trace.violates is not None
    bugs = " and ".join(blame.bugs)
    head = f"inevitable from step {blame.step} on" if blame.step else "inevitable from the start"
    if bugs:
        late = (
            f"  {bugs} repaired later, the rest of the calls breaks it too" if blame.step < trace.violates.step else ""
        )
        line(console, (head, "bold red"), late)
        _parted(console, trace, blame, bugs)
    else:
        last = blame.step == trace.violates.step
        line(console, (head, "bold red"), "  until then, another call avoids it" if last else "  whatever is called")


def _parted(console: Console, trace: Trace, blame: Blame, bugs: str) -> None:
    if not blame.parted:
        line(console, f"  without {bugs}, the calls before the first step leave another state")
        return
    if blame.check is not None:
        folded(
            console, 4, f"  without {bugs}, step {blame.parted} fails with {blame.check.errno}: {blame.check.reason}"
        )
        folded(console, 4, (f"    {_rule(blame.check.rule)}", "dim"))
        return
    if not blame.instead:
        line(console, f"  without {bugs}, step {blame.parted} gives another result")
    else:
        line(console, f"  without {bugs}, step {blame.parted} leaves something else; what the bug makes of that:")
        _instead(console, trace, blame, blame.parted)
    for rule in blame.asked:
        folded(console, 4, (f"    {_rule(rule)}", "dim"))


def _instead(console: Console, trace: Trace, blame: Blame, parted: int) -> None:
    _, before, names = state_after(trace, parted - 1, trace.spec)
    step = trace.steps[parted - 1]
    table = dict(names.table)
    if step.state is not None:
        table |= state_after(trace, parted, trace.spec)[2].table
    drawn = {name: rows for name, rows in (step.state or before).items() if name != "dentries"}  # tell mounts in words
    changed = list(told(trace, msgspec.structs.replace(step, changes=blame.instead, state=drawn), table, before))
    for change in changed[:SHOWN]:
        name = f"{change.name}  " if change.name else ""
        folded(console, 8, f"    {change.sign} ", (name, "bold"), change.text)
    if len(changed) > SHOWN:
        line(console, f"    and {len(changed) - SHOWN} more")


def _rule(rule: Rule) -> str:
    return f"{rule.function}, {rule.file}; {rule.source}"
