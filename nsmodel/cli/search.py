"""Runs searches of several specs with their progress, and shows what came out: what `check` and `simulate` share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from nsmodel.cli.judge import INTERRUPTED, unfit
from nsmodel.cli.options import Asked
from nsmodel.cli.work import Crew, Job, default_processes
from nsmodel.report import counterexample, verdicts
from nsmodel.report.output import Result
from nsmodel.report.progress import ProgressView
from nsmodel.traces.trace import encode

Searching = Callable[[Asked], Job[list[Result]]]


def search_all(
    console: Console, asked: Sequence[Asked], job: Searching, engine: str, threads: int | None
) -> tuple[list[Result], bool]:
    """The results of every spec, in the order asked for, and whether Ctrl-C ended it. Shows verdicts as they come."""
    names = [a.loaded.spec.name for a in asked]
    view = ProgressView(names)
    crew: Crew[list[Result]] = Crew([job(a) for a in asked], threads or default_processes(), view.update)
    by_number: dict[int, list[Result]] = {}
    with view:
        for number, results in crew.run():
            view.finish(number)
            by_number[number] = results
            with view.aside():
                verdicts.show_spec(console, results, asked[number].loaded.spec.title)
    for number, a in enumerate(asked):
        if number not in by_number:
            by_number[number] = unfit(a.system, engine, a.info, INTERRUPTED)
            verdicts.show_spec(console, by_number[number], a.loaded.spec.title)
    out = [r for number in range(len(asked)) for r in by_number[number]]
    return out, crew.interrupted or any(r.reason == INTERRUPTED for r in out)


def show_counterexamples(console: Console, results: Sequence[Result], *, full: bool) -> None:
    """Of each spec, the shortest counterexample that was not expected."""
    for spec in dict.fromkeys(r.spec for r in results):
        found = shortest([r for r in results if r.spec == spec and not r.as_expected])
        if found is not None and found.trace is not None:
            counterexample.show(console, found.trace, full=full)


def shortest(results: Sequence[Result]) -> Result | None:
    """The violated property with the shortest trace, the first of several."""
    broken = [r for r in results if r.trace is not None]
    return min(broken, key=lambda r: len(r.trace.steps) if r.trace else 0, default=None)


def write_trace(results: Sequence[Result], file: str | None) -> None:
    """Write the shortest trace of the violated properties, if there is one. Raises OSError."""
    found = shortest(results)
    if file is not None and found is not None and found.trace is not None:
        Path(file).write_bytes(encode(found.trace))
