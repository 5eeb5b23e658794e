"""`nsmodel show`: a trace from a file, for people."""

from __future__ import annotations

from pathlib import Path

import click

from nsmodel.cli.options import Stopwatch, full_option, json_option, svg_option, writable, write_picture
from nsmodel.report import counterexample
from nsmodel.report.console import people
from nsmodel.report.output import ShowOutput, write
from nsmodel.report.picture.page import draw
from nsmodel.system.verdict import Exit
from nsmodel.traces import itf
from nsmodel.traces.read import load_trace


@click.command()
@click.argument("trace")
@full_option
@svg_option
@click.option("--itf", "itf_file", metavar="FILE", help="Write it in the trace format of Apalache and Quint, too.")
@json_option
def command(trace: str, full: bool, svg: str | None, itf_file: str | None, json_file: str | None) -> int:
    """Show TRACE, a file that `check --trace-out` wrote: each step, what it changed, and what is broken at the end.

    A file that `--itf` wrote is read again where its name ends in .itf.json.
    """
    watch = Stopwatch()
    writable(json_file, svg, itf_file)
    loaded = load_trace(trace)
    counterexample.show(people("-" if svg == "-" else json_file), loaded, full=full)
    if svg:
        write_picture(draw(loaded), svg)
    if itf_file:
        Path(itf_file).write_bytes(itf.encode(loaded))
    if json_file:
        write(ShowOutput(command="show", exit=Exit.MET, seconds=watch.seconds, trace=loaded), json_file)
    return Exit.MET
