"""`nsmodel replay`: a trace on this machine's kernel, compared step by step."""

from __future__ import annotations

import platform
from collections import Counter

import click

from nsmodel.cli.options import Stopwatch, json_option, writable
from nsmodel.oracle.live.replay import Comparison, Divergence, replay_trace
from nsmodel.report.console import line, people, plural
from nsmodel.report.output import DivergenceInfo, ReplayOutput, write
from nsmodel.system.problem import Problem
from nsmodel.system.verdict import Exit
from nsmodel.traces.read import load_trace
from nsmodel.traces.trace import Trace


@click.command()
@click.argument("trace")
@json_option
def command(trace: str, json_file: str | None) -> int:
    """Perform TRACE on the running kernel and compare result, errno, numbers, namespaces, parents and lives."""
    watch = Stopwatch()
    writable(json_file)
    loaded = load_trace(trace)
    console = people(json_file)
    done = perform(loaded, trace)
    found = done.divergence
    status = Exit.MET if found is None else Exit.NOT_MET
    steps = len(loaded.prelude) + len(loaded.steps)
    if found is None:
        line(console, f"{trace}: {plural(steps, 'step')} as on Linux {platform.release()}; exit {status:d}")
    else:
        line(console, (f"{trace}: diverges at {_where(found)}", "bold red"))
        line(console, f"  {found.what}: the trace says {found.expected}, Linux {platform.release()} says {found.got}")
    if json_file:
        coverage = Counter(f"{s.operation}|{s.errno or 'ok'}" for s in (*loaded.prelude, *loaded.steps))
        write(
            ReplayOutput(
                command="replay",
                exit=status,
                seconds=watch.seconds,
                kernel=platform.release(),
                traces=1,
                steps=steps,
                diverged=int(found is not None),
                coverage=dict(coverage),
                divergences=[] if found is None else [info(trace, found)],
            ),
            json_file,
        )
    return status


def perform(trace: Trace, file: str) -> Comparison:
    """Perform the trace of a file. Raises :class:`Problem` where that cannot be done."""
    if not trace.replayable:
        raise Problem("the trace cannot be replayed", place=file, cause="no calls lead to its initial state")
    return replay_trace(trace)


def _where(found: Divergence) -> str:
    if found.operation == "end":
        return "the end"
    if found.step <= 0:
        return f"the prelude, {found.operation}"
    return f"step {found.step}, {found.operation}"


def info(trace: str | int, found: Divergence) -> DivergenceInfo:
    """A divergence for machines."""
    return DivergenceInfo(
        trace=trace,
        step=found.step,
        operation=found.operation,
        expected=found.expected,
        got=found.got,
        what=found.what,
    )
