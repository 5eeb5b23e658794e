"""The table of known bugs: which property each breaks, how soon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from nsmodel.report.console import columns, line, plural, seconds
from nsmodel.report.output import MutantResult


def show(
    console: Console,
    results: Sequence[MutantResult],
    summaries: Mapping[str, str],
    not_yet: Mapping[str, str],
    unkilled: Sequence[str],
    spent: float,
    status: int,
) -> None:
    """A line for each known bug, for each that is no switch yet, and for each property that none of them breaks."""
    cells = columns(
        [
            "killed" if r.killed else "ALIVE",
            r.id,
            r.property,
            ", ".join(r.specs),
            plural(r.trace_length, "step") if r.trace_length is not None else "-",
            r.engine,
            seconds(r.seconds),
            r.replay or "not replayed",
        ]
        for r in results
    )
    for result, (verdict, *rest) in zip(results, cells, strict=True):
        style = "green" if result.killed else "bold red"
        line(console, (verdict, style), "  ", "  ".join(rest), (f"  {summaries.get(result.id, '')}", "dim"))
        if result.why_not:
            line(console, (f"        {result.why_not}", "dim"))
    for name, why in not_yet.items():
        line(console, (f"not yet {name}  {why}", "dim"))
    for name in unkilled:
        line(console, ("VACUOUS", "yellow"), f"  {name}: no known bug breaks it; name one in the `kills` of a spec")
    alive = sum(not r.killed for r in results)
    what = f"{alive} alive" if alive else "all killed"
    line(console, f"{plural(len(results), 'mutant')}: {what}; {seconds(spent)}; exit {status}")
