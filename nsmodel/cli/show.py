"""`nsmodel show`: a trace from a file, for people."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from nsmodel.cli.again import FIX, system_of, violation_of
from nsmodel.cli.options import Stopwatch, full_option, json_option, svg_option, writable, write_picture
from nsmodel.report import counterexample
from nsmodel.report.console import people
from nsmodel.report.output import ShowOutput, write
from nsmodel.report.picture.page import draw
from nsmodel.system.problem import Problem
from nsmodel.system.verdict import Exit
from nsmodel.traces import itf
from nsmodel.traces.blame import blame
from nsmodel.traces.broken import Broken
from nsmodel.traces.read import load_trace
from nsmodel.traces.record import record
from nsmodel.traces.script import Performer
from nsmodel.traces.shrink import smaller_counterexample
from nsmodel.traces.trace import Trace, encode


@click.command()
@click.argument("trace")
@full_option
@svg_option
@click.option("--itf", "itf_file", metavar="FILE", help="Write it in the trace format of Apalache and Quint, too.")
@click.option("--shrink", "shrinks", is_flag=True, help="First make it smaller, as long as it breaks the same clause.")
@click.option("--trace-out", metavar="FILE", help="Write it as JSON, as with --shrink it has become.")
@json_option
def command(
    trace: str,
    full: bool,
    svg: str | None,
    itf_file: str | None,
    shrinks: bool,
    trace_out: str | None,
    json_file: str | None,
) -> int:
    """Show TRACE, a file that `check --trace-out` wrote: each step, what it changed, and what is broken at the end.

    A file that `--itf` wrote is read again where its name ends in .itf.json.
    """
    watch = Stopwatch()
    writable(json_file, svg, itf_file, trace_out)
    loaded = load_trace(trace)
    if shrinks:
        loaded = _shrunk(loaded, trace)
    _blame(loaded, trace)
    counterexample.show(people("-" if svg == "-" else json_file), loaded, full=full)
    if svg:
        write_picture(draw(loaded), svg)
    if trace_out:
        Path(trace_out).write_bytes(encode(loaded))
    if itf_file:
        Path(itf_file).write_bytes(itf.encode(loaded))
    if json_file:
        write(ShowOutput(command="show", exit=Exit.MET, seconds=watch.seconds, trace=loaded), json_file)
    return Exit.MET


def _shrunk(trace: Trace, file: str) -> Trace:
    """A smaller trace that breaks the same clause. Raises :class:`Problem` for one that breaks none."""
    violation = violation_of(trace)
    if violation is None:
        fix = "shrink a counterexample"
        raise Problem("the trace cannot be made smaller", place=file, cause="it breaks nothing", fix=fix)
    system, calls = system_of(trace, file)
    smaller = smaller_counterexample(system, calls, violation)
    if smaller is None:
        cause = f"run again, it does not break {violation.property}: {violation.clause}"
        raise Problem("the trace cannot be made smaller", place=file, cause=cause, fix=FIX)
    known = trace.violates is not None and trace.violates.minimal and len(smaller[0]) == len(trace.steps)
    return record(system, *smaller, minimal=known)


def _blame(trace: Trace, file: str) -> None:
    """Find where a counterexample was decided, if it does not tell and can be run again here."""
    violation = violation_of(trace)
    if violation is None or trace.violates is None or trace.violates.blame is not None:
        return
    with suppress(Problem):
        system, calls = system_of(trace, file)
        if Broken(system, violation).first(Performer(system).written(calls)) is not None:
            trace.violates.blame = blame(system, calls, violation)
