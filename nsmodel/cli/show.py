"""`nsmodel show`: a trace from a file, for people."""

from __future__ import annotations

from pathlib import Path

import click

from nsmodel.cli.options import Stopwatch, full_option, json_option, writable
from nsmodel.report import counterexample
from nsmodel.report.console import people
from nsmodel.report.output import ShowOutput, write
from nsmodel.report.picture.page import draw
from nsmodel.system.verdict import Exit
from nsmodel.traces.read import load_trace


@click.command()
@click.argument("trace")
@full_option
@click.option("--svg", metavar="FILE", help="Draw it as a picture, too.")
@json_option
def command(trace: str, full: bool, svg: str | None, json_file: str | None) -> int:
    """Show TRACE, a file that `check --trace-out` wrote: each step, what it changed, and what is broken at the end."""
    watch = Stopwatch()
    writable(json_file, svg)
    loaded = load_trace(trace)
    counterexample.show(people(json_file), loaded, full=full)
    if svg:
        Path(svg).write_text(draw(loaded), encoding="utf-8")
    if json_file:
        write(ShowOutput(command="show", exit=Exit.MET, seconds=watch.seconds, trace=loaded), json_file)
    return Exit.MET
