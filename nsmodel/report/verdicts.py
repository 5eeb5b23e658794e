"""Verdict lines: one for each property, and what the bounds left out."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from nsmodel.report.console import STYLES, columns, line, plural, seconds
from nsmodel.report.output import CheckOutput, Result, SimulateOutput


def show_spec(console: Console, results: Sequence[Result], title: str | None = None) -> None:
    """The verdict lines of one spec."""
    if not results:
        return
    first = results[0]
    bounds = " ".join(f"{name}={n}" for name, n in first.scope.bounds.items())
    header = first.spec + (f": {title.strip().splitlines()[0]}" if title and title.strip() else "")
    line(console, (header, "bold"))
    on = f", mutant {first.mutant}" if first.mutant else ""
    line(console, (f"  kernel {first.kernel}{on}; {bounds}", "dim"))
    cells = columns(
        [r.verdict, r.spec, r.property, scope_text(r), r.engine, states_text(r), seconds(r.seconds)] for r in results
    )
    for result, (verdict, *rest) in zip(results, cells, strict=True):
        line(console, (verdict, STYLES[result.verdict]), "  ", "  ".join(rest).rstrip(), _remark(result))
    for engine in dict.fromkeys(r.engine for r in results):
        cuts = next(r.cuts for r in results if r.engine == engine)
        if cuts:
            what = ", ".join(f"{name} {count:,}" for name, count in cuts.items())
            line(console, (f"  scope reached: calls left out for want of slots: {what}", "dim"))
    line(console, "")


def scope_text(result: Result) -> str:
    """The scope of a verdict: its name, and `complete` or the steps within which all states were seen."""
    if result.engine == "simulate":
        return f"{result.scope.name}, random walks"
    if result.complete:
        return f"{result.scope.name}, complete"
    return f"{result.scope.name}, depth {result.depth}" if result.depth is not None else result.scope.name


def states_text(result: Result) -> str:
    """How many states a search saw."""
    return plural(result.states, "state") if result.states else "-"


def _remark(result: Result) -> str:
    if result.verdict == "VIOLATED":
        length = len(result.trace.steps) if result.trace is not None else 0
        note = f"  in {plural(length, 'step')}"
        return note + (" (as expected)" if result.as_expected else f" (expected {result.expected})")
    if result.verdict in ("UNKNOWN", "VACUOUS"):
        return f"  {result.reason}"
    return "" if result.as_expected else f"  (expected {result.expected})"


def show_end(console: Console, output: CheckOutput | SimulateOutput) -> None:
    """Disagreements of engines, and the sum of all verdicts."""
    for d in output.disagreements if isinstance(output, CheckOutput) else []:
        line(console, ("DISAGREE", "bold red"), f"  {d.spec}  {d.property}: {d.what}")
    counts = {name: sum(r.verdict == name for r in output.results) for name in STYLES}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    odd = sum(not r.as_expected for r in output.results)
    met = "every expectation met" if not odd else f"{odd} not as expected"
    line(
        console,
        f"{plural(len(output.results), 'verdict')}: {said}; {met}; {seconds(output.seconds)}; exit {int(output.exit)}",
    )
