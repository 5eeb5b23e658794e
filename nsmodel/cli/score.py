"""`nsmodel score`: how many mutants of the rules, made by machine, something kills."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from nsmodel.cli.options import Stopwatch, json_option, writable
from nsmodel.cli.validate import recordings_in
from nsmodel.cli.work import Crew, default_processes
from nsmodel.mutation.advice import would_kill
from nsmodel.mutation.score import SEED, Measurement
from nsmodel.report import mutation
from nsmodel.report.console import people
from nsmodel.report.output import ModuleScore, ScoreOutput, Survivor, write
from nsmodel.report.progress import ProgressView
from nsmodel.system.load import load_specs
from nsmodel.system.verdict import Exit


@click.command()
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@click.option("--module", "modules", multiple=True, metavar="NAME", help="Only mutants of this module of rules.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Only so many of the mutants, by chance.")
@click.option(
    "--traces", type=click.IntRange(min=0), default=500, show_default=True, metavar="N", help="Of each area's campaign."
)
@click.option("--recording", "files", multiple=True, metavar="FILE", help="A recording, or a folder of them.")
@click.option("--no-specs", is_flag=True, help="Search no specs.")
@click.option("--processes", type=click.IntRange(min=1), metavar="N", help="How many (default: the cores, at most 2).")
@click.option("--keep", metavar="FILE", help="Keep the measurement in FILE, and go on from there.")
@click.option("--write", "target", metavar="FILE", help="Write the page of the score.")
@json_option
def command(
    specs: tuple[str, ...],
    modules: tuple[str, ...],
    sample: int | None,
    traces: int,
    files: tuple[str, ...],
    no_specs: bool,
    processes: int | None,
    keep: str | None,
    target: str | None,
    json_file: str | None,
) -> int:
    """Change every check and every effect of the rules, one at a time, and count what campaigns, recordings and the
    properties of SPECs (all of specs/ by default) kill."""
    watch = Stopwatch()
    writable(json_file, target, keep)
    loaded = [] if no_specs else [one.spec for one in load_specs(specs)]
    measured = Measurement(traces, recordings_in(files), loaded, modules, sample, Path(keep) if keep else None)
    named = measured.jobs()
    view = ProgressView([name for name, _ in named])
    crew = Crew([job for _, job in named], processes or default_processes(), view.update)
    with view:
        for number, found in crew.run():
            view.finish(number)
            measured.take(named[number][0], found)
    output = _output(measured, watch.seconds, interrupted=crew.interrupted)
    mutation.show(people(json_file), output)
    if target is not None and not crew.interrupted:
        Path(target).write_text(mutation.page(output, _again(traces, files, target)), encoding="utf-8")
    if json_file:
        write(output, json_file)
    return output.exit


def _output(measured: Measurement, seconds: float, *, interrupted: bool) -> ScoreOutput:
    by = Counter((m.module, measured.kills[m.id].by if m.id in measured.kills else "") for m in measured.mutants)
    reached = set(measured.kept.reached)
    modules = [
        ModuleScore(
            module=name,
            mutants=sum(by[name, how] for how in ("campaign", "property", "recording", "")),
            campaign=by[name, "campaign"],
            property=by[name, "property"],
            recording=by[name, "recording"],
            survived=by[name, ""],
        )
        for name in dict.fromkeys(m.module for m in measured.mutants)
    ]
    survivors = [
        Survivor(
            id=m.id,
            module=m.module,
            function=m.function,
            line=m.line,
            kind=m.kind,
            change=m.text,
            reached=m.id in reached,
            would_kill=would_kill(m, reached=m.id in reached),
        )
        for m in measured.left
    ]
    return ScoreOutput(
        command="score",
        exit=Exit.UNKNOWN if interrupted else Exit.MET,
        seconds=seconds,
        seed=SEED,
        traces=measured.traces,
        recordings=len(measured.recordings),
        specs=len(measured.specs),
        sample=measured.sample,
        mutants=len(measured.mutants),
        killed=len(measured.mutants) - len(survivors),
        refused=len(measured.refused),
        modules=modules,
        survivors=survivors,
        interrupted=interrupted,
    )


def _again(traces: int, files: tuple[str, ...], target: str) -> str:
    given = "".join(f" --recording {name}" for name in files)
    return f"nsmodel score --traces {traces}{given} --write {target}"
