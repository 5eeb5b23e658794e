"""`nsmodel check`: search the states of specs for violated properties."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import click

from nsmodel.cli import complete
from nsmodel.cli.judge import INTERRUPTED, disagreements, exit_status, results_of, unfit
from nsmodel.cli.options import (
    Asked,
    Kept,
    Stopwatch,
    budget_options,
    checkpoint_options,
    checkpoints,
    full_option,
    json_option,
    restricted,
    say_where_from,
    specs_argument,
    system_options,
    systems,
    writable,
)
from nsmodel.cli.search import search_all, show_counterexamples, write_trace
from nsmodel.cli.work import Job, default_processes
from nsmodel.engines import registry, vacuity
from nsmodel.engines.interface import Limits, Report, Resources
from nsmodel.report import verdicts
from nsmodel.report.console import people
from nsmodel.report.output import CheckOutput, Result, write
from nsmodel.system.load import load_specs
from nsmodel.system.transition import TransitionSystem


@click.command()
@specs_argument
@click.option(
    "--engine",
    metavar="NAME",
    shell_complete=complete.engines,
    help="An engine, or all: compare those that fit.  [default: explicit where the spec fits it, else bmc]",
)
@click.option(
    "--property",
    "properties",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.properties,
    help="Only this property, in the specs that have it. May be repeated.",
)
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="The most steps; part of the scope.")
@system_options
@click.option("--no-symmetry", is_flag=True, help="Search every state, not one of those that differ by a renaming.")
@budget_options
@checkpoint_options
@click.option("--trace-out", metavar="FILE", help="Write the shortest counterexample as JSON.")
@click.option("--junit", "junit_file", metavar="FILE", help="Write the verdicts as JUnit XML.")
@click.option("--sarif", "sarif_file", metavar="FILE", help="Write what is not as expected as SARIF 2.1.0.")
@full_option
@json_option
def command(
    specs: tuple[str, ...],
    engine: str | None,
    properties: tuple[str, ...],
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
    checkpoint: str | None,
    resume: bool,
    trace_out: str | None,
    junit_file: str | None,
    sarif_file: str | None,
    full: bool,
    json_file: str | None,
) -> int:
    """Check every property of every SPEC: a file, a folder, or a name in specs/; all of specs/ by default."""
    watch = Stopwatch()
    engines = registry.chosen(engine or registry.DEFAULT)
    kept = checkpoints(checkpoint, resume=resume, engines=engines)
    writable(json_file, trace_out, junit_file, sarif_file)
    chosen = restricted(load_specs(specs), properties)
    asked = systems(chosen, scope=scope, bounds=bounds, depth=depth, mutant=mutant, kernel=kernel)
    limits = Limits(None, time_limit, state_limit, memory_limit)
    console = people(json_file)
    say_where_from(console, kept, [a.loaded.spec.name for a in asked])
    cores = threads or default_processes()
    each = max(1, cores // max(1, len(asked)))
    how = How(engines if engine else (*engines, registry.NEXT), engine is None, limits, not no_symmetry, each, kept)

    def job(a: Asked) -> Job[list[Result]]:
        return lambda report: search(a, how, report)

    results, interrupted = search_all(console, asked, job, engines[0], threads)
    differing = disagreements(results)
    status = exit_status(results, differing, interrupted=interrupted)
    output = CheckOutput(command="check", exit=status, seconds=watch.seconds, results=results, disagreements=differing)
    write_trace(results, trace_out)
    _write_forms(output, asked, junit_file, sarif_file)
    show_counterexamples(console, results, full=full)
    verdicts.show_end(console, output)
    if json_file:
        write(output, json_file)
    return status


def _write_forms(output: CheckOutput, asked: list[Asked], junit_file: str | None, sarif_file: str | None) -> None:
    """Write the verdicts in the forms of other tools. Raises OSError."""
    if junit_file is not None:
        from nsmodel.report import junit

        Path(junit_file).write_bytes(junit.encode(output))
    if sarif_file is not None:
        from nsmodel.report import sarif

        Path(sarif_file).write_bytes(sarif.encode(output, {a.loaded.spec.name: a.loaded for a in asked}))


@dataclass(frozen=True)
class How:
    """How every spec is searched: by each engine, or (`first`) by the first that fits."""

    engines: tuple[str, ...]
    first: bool
    limits: Limits
    symmetry: bool
    threads: int
    kept: Kept | None


def search(asked: Asked, how: How, report: Report) -> list[Result]:
    """The searches of one spec, one engine after the other."""
    out: list[Result] = []
    refused: list[str] = []
    system = asked.system
    own = asked.scope == system.spec.scope(None) and not system.switches
    silent = vacuity.idle(system) if own else []
    for name in how.engines:
        engine = registry.engine(name)
        why_not = engine.unfit(system)
        if why_not is None and name not in system.spec.engines:
            why_not = "the spec leaves it out"
        if why_not is not None:
            refused.append(f"the engine {name} does not fit: {why_not}")
            continue
        folder = how.kept.folder / system.spec.name if how.kept else None
        resources = Resources(how.threads, folder, how.kept is not None and how.kept.resume, _say)
        limits = _within(system, out, how.limits)
        found = engine.search(system, limits, report, symmetry=how.symmetry, resources=resources)
        out += results_of(system, found, asked.info, silent)
        if found.stopped == INTERRUPTED or how.first:
            break
    return out or unfit(system, how.engines[0], asked.info, "; ".join(refused))


def _say(line: str) -> None:
    click.echo(line, err=True)


def _within(system: TransitionSystem, before: list[Result], limits: Limits) -> Limits:
    """Limits of a further engine: where the scope has no depth, one step deeper than the first one had to go."""
    if system.depth is not None or not before or not before[0].complete:
        return limits
    return dataclasses.replace(limits, depth=(before[0].depth or 0) + 1)
