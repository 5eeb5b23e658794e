"""`nsmodel show`: a trace from a file, for people."""

from __future__ import annotations

import click

from nsmodel.cli.options import Stopwatch, full_option, json_option, writable
from nsmodel.report import counterexample
from nsmodel.report.console import people
from nsmodel.report.output import ShowOutput, write
from nsmodel.system.verdict import Exit
from nsmodel.traces.read import load_trace


@click.command()
@click.argument("trace")
@full_option
@json_option
def command(trace: str, full: bool, json_file: str | None) -> int:
    """Show TRACE, a file that `check --trace-out` wrote: each step, what it changed, and what is broken at the end."""
    watch = Stopwatch()
    writable(json_file)
    loaded = load_trace(trace)
    counterexample.show(people(json_file), loaded, full=full)
    if json_file:
        write(ShowOutput(command="show", exit=Exit.MET, seconds=watch.seconds, trace=loaded), json_file)
    return Exit.MET
