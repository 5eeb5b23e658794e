"""`nsmodel check`: search the states of specs for violated properties."""

from __future__ import annotations

import dataclasses

import click

from nsmodel.cli.judge import INTERRUPTED, disagreements, exit_status, results_of, unfit
from nsmodel.cli.options import (
    Asked,
    Stopwatch,
    budget_options,
    full_option,
    json_option,
    system_options,
    systems,
    writable,
)
from nsmodel.cli.search import search_all, show_counterexamples, write_trace
from nsmodel.cli.work import Job
from nsmodel.engines import registry
from nsmodel.engines.interface import Limits, Report
from nsmodel.report import verdicts
from nsmodel.report.console import people
from nsmodel.report.output import CheckOutput, Result, write
from nsmodel.system.load import load_specs
from nsmodel.system.transition import TransitionSystem


@click.command()
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@click.option(
    "--engine",
    default=registry.DEFAULT,
    show_default=True,
    metavar="NAME",
    help="An engine, or all: compare those that fit.",
)
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="The most steps; part of the scope.")
@system_options
@click.option("--no-symmetry", is_flag=True, help="Search every state, not one of those that differ by a renaming.")
@budget_options
@click.option("--trace-out", metavar="FILE", help="Write the shortest counterexample as JSON.")
@full_option
@json_option
def command(
    specs: tuple[str, ...],
    engine: str,
    depth: int | None,
    scope: str | None,
    bounds: tuple[str, ...],
    mutant: str | None,
    kernel: str,
    no_symmetry: bool,
    threads: int | None,
    time_limit: float | None,
    memory_limit: int | None,
    state_limit: int | None,
    trace_out: str | None,
    full: bool,
    json_file: str | None,
) -> int:
    """Check every property of every SPEC: a file, a folder, or a name in specs/; all of specs/ by default."""
    watch = Stopwatch()
    engines = registry.chosen(engine)
    writable(json_file, trace_out)
    asked = systems(load_specs(specs), scope=scope, bounds=bounds, depth=depth, mutant=mutant, kernel=kernel)
    limits = Limits(None, time_limit, state_limit, memory_limit)
    console = people(json_file)

    def job(a: Asked) -> Job[list[Result]]:
        return lambda report: _search(a, engines, limits, report, symmetry=not no_symmetry)

    results, interrupted = search_all(console, asked, job, engines[0], threads)
    differing = disagreements(results)
    status = exit_status(results, differing, interrupted=interrupted)
    output = CheckOutput(command="check", exit=status, seconds=watch.seconds, results=results, disagreements=differing)
    write_trace(results, trace_out)
    show_counterexamples(console, results, full=full)
    verdicts.show_end(console, output)
    if json_file:
        write(output, json_file)
    return status


def _search(asked: Asked, engines: tuple[str, ...], limits: Limits, report: Report, *, symmetry: bool) -> list[Result]:
    """The searches of one spec, one engine after the other."""
    out: list[Result] = []
    refused: list[str] = []
    system = asked.system
    for name in engines:
        engine = registry.engine(name)
        why_not = engine.unfit(system)
        if why_not is None and name not in system.spec.engines:
            why_not = "the spec leaves it out"
        if why_not is not None:
            refused.append(f"the engine {name} does not fit: {why_not}")
            continue
        found = engine.search(system, _within(system, out, limits), report, symmetry=symmetry)
        out += results_of(system, found, asked.info)
        if found.stopped == INTERRUPTED:
            break
    return out or unfit(system, engines[0], asked.info, "; ".join(refused))


def _within(system: TransitionSystem, before: list[Result], limits: Limits) -> Limits:
    """Limits of a further engine: where the scope has no depth, one step deeper than the first one had to go."""
    if system.depth is not None or not before or not before[0].complete:
        return limits
    return dataclasses.replace(limits, depth=(before[0].depth or 0) + 1)
