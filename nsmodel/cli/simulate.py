"""`nsmodel simulate`: random walks through the states of specs."""

from __future__ import annotations

import click

from nsmodel.cli.judge import INTERRUPTED, exit_status, results_of
from nsmodel.cli.options import (
    Asked,
    Stopwatch,
    budget_options,
    full_option,
    json_option,
    specs_argument,
    system_options,
    systems,
    writable,
)
from nsmodel.cli.search import search_all, show_counterexamples, write_trace
from nsmodel.cli.work import Job
from nsmodel.engines.interface import Found, Limits, Search
from nsmodel.engines.simulate import Simulate
from nsmodel.report import verdicts
from nsmodel.report.console import people
from nsmodel.report.output import Result, SimulateOutput, write
from nsmodel.system.load import load_specs
from nsmodel.system.transition import TransitionSystem
from nsmodel.traces.shrink import smaller_counterexample


@click.command()
@specs_argument
@click.option("--seed", type=int, default=1, show_default=True, metavar="S", help="The same seed gives the same walks.")
@click.option(
    "--walks", type=click.IntRange(min=1), default=200, show_default=True, metavar="N", help="Walks through each spec."
)
@click.option(
    "--steps", type=click.IntRange(min=0), default=40, show_default=True, metavar="N", help="The most steps of a walk."
)
@system_options
@budget_options
@click.option("--trace-out", metavar="FILE", help="Write the shortest counterexample met as JSON.")
@full_option
@json_option
def command(
    specs: tuple[str, ...],
    seed: int,
    walks: int,
    steps: int,
    scope: str | None,
    bounds: tuple[str, ...],
    mutant: str | None,
    kernel: str,
    threads: int | None,
    time_limit: float | None,
    memory_limit: int | None,
    state_limit: int | None,
    trace_out: str | None,
    full: bool,
    json_file: str | None,
) -> int:
    """Walk at random through every SPEC (all of specs/ by default). Nothing is proved by a walk that breaks nothing.

    Counterexamples are made smaller: calls left out, arguments plainer, others instead of several.
    """
    watch = Stopwatch()
    writable(json_file, trace_out)
    asked = systems(load_specs(specs), scope=scope, bounds=bounds, depth=None, mutant=mutant, kernel=kernel)
    limits = Limits(None, time_limit, state_limit, memory_limit)
    console = people(json_file)
    engine = Simulate(walks, steps, seed)

    def job(a: Asked) -> Job[list[Result]]:
        return lambda report: results_of(a.system, _shrunk(a.system, engine.search(a.system, limits, report)), a.info)

    results, interrupted = search_all(console, asked, job, engine.name, threads)
    status = exit_status(results, interrupted=interrupted)
    output = SimulateOutput(
        command="simulate", exit=status, seconds=watch.seconds, seed=seed, walks=walks, steps=steps, results=results
    )
    write_trace(results, trace_out)
    show_counterexamples(console, results, full=full)
    verdicts.show_end(console, output)
    if json_file:
        write(output, json_file)
    return status


def _shrunk(system: TransitionSystem, search: Search) -> Search:
    """What walks met, with counterexamples made smaller; after Ctrl-C they stay as they were met."""
    if search.stopped == INTERRUPTED:
        return search
    try:
        for name, found in search.found.items():
            smaller = smaller_counterexample(system, found.calls, found.violation)
            if smaller is not None:
                calls, violation = smaller
                search.found[name] = Found(violation, calls, minimal=False)
    except KeyboardInterrupt:
        search.stopped = INTERRUPTED
    return search
