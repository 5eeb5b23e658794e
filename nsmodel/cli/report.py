"""`nsmodel report`: a trace as one HTML page."""

from __future__ import annotations

import platform
from pathlib import Path

import click

from nsmodel.cli.checks import decisions
from nsmodel.cli.options import Stopwatch, json_option, writable
from nsmodel.cli.replay import info, perform
from nsmodel.kernel.versions import all_switches
from nsmodel.report.console import line, people, plural
from nsmodel.report.html.judged import Judged, Replay
from nsmodel.report.html.page import render
from nsmodel.report.output import ReportOutput, write
from nsmodel.system.problem import Problem
from nsmodel.system.verdict import Exit
from nsmodel.traces.read import load_trace


@click.command()
@click.argument("trace")
@click.option("--out", required=True, metavar="FILE", help="The page, FILE.html; - is standard output.")
@click.option("--replay", is_flag=True, help="Perform the trace on the running kernel, and show its word at each step.")
@json_option
def command(trace: str, out: str, replay: bool, json_file: str | None) -> int:
    """Write TRACE as one HTML page that needs no network: the calls in lanes, and at each step mounts, processes,
    namespaces, what tasks read in mountinfo, what changed, and which check decided.

    Exit status: 0, and with --replay as that of `nsmodel replay`: 1 where the kernel differs.
    """
    watch = Stopwatch()
    writable(json_file, out)
    if out == json_file == "-":
        raise Problem("standard output takes one of them", place="--out and --json", fix="name a file for one")
    loaded = load_trace(trace)
    said = None
    if replay:
        done = perform(loaded, trace)
        found = info(trace, done.divergence) if done.divergence is not None else None
        said = Replay(platform.release(), done.steps, len(loaded.prelude), found)
    bug = next((s for s in all_switches() if s.name == loaded.mutant), None)
    page = render(loaded, Judged(trace, decisions(loaded), said, bug))
    if out == "-":
        click.echo(page, nl=False)
    else:
        Path(out).write_text(page, encoding="utf-8")
    status = Exit.NOT_MET if said is not None and said.divergence is not None else Exit.MET
    console = people("-" if out == "-" else json_file)
    word = "" if said is None else f"; Linux {said.release} {'differs' if status else 'does the same'}"
    size = f"{len(page.encode()) / 1e6:.1f} MB"
    line(console, f"{out}: {plural(len(loaded.steps), 'step')}, {size}{word}; exit {status:d}")
    if json_file:
        write(
            ReportOutput(
                command="report",
                exit=status,
                seconds=watch.seconds,
                file=out,
                spec=loaded.spec,
                steps=len(loaded.steps),
                kernel=said.release if said is not None else None,
                replay=None if said is None else "diverges" if said.divergence is not None else "agrees",
                divergence=said.divergence if said is not None else None,
            ),
            json_file,
        )
    return status
