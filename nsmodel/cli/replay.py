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
    found = perform(loaded, trace).divergence
    status = Exit.MET if found is None else Exit.NOT_MET
    steps = _performed(loaded)
    for number, text in enumerate(_told(trace, steps, found)):
        line(console, (text, "bold red" if found is not None and number == 0 else ""))
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


def say(name: str, trace: Trace) -> list[str]:
    """Replay a trace, and give the lines that this command says of it."""
    return _told(name, _performed(trace), replay_trace(trace).divergence)


def _performed(trace: Trace) -> int:
    return len(trace.prelude) + len(trace.steps)


def _told(trace: str, steps: int, found: Divergence | None) -> list[str]:
    here = f"Linux {platform.release()}"
    if found is None:
        return [f"{trace}: {plural(steps, 'step')} as on {here}; exit {Exit.MET:d}"]
    return [
        f"{trace}: diverges at {_where(found)}",
        f"  {found.what}: the trace says {found.expected}, {here} says {found.got}",
    ]


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
