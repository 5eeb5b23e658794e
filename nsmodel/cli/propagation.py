"""`nsmodel propagation`: who receives from whom in a state of a trace, and why."""

from __future__ import annotations

import click

from nsmodel.cli.options import Stopwatch, json_option, svg_option, writable, write_picture
from nsmodel.report import propagation
from nsmodel.report.console import line, people, plural
from nsmodel.report.output import PropagationOutput, write
from nsmodel.report.picture import flow
from nsmodel.system.problem import Problem
from nsmodel.system.verdict import Exit
from nsmodel.traces.mount_facts import MountFacts
from nsmodel.traces.places import mounts_of
from nsmodel.traces.read import load_trace, state_after
from nsmodel.traces.receivers import Propagation
from nsmodel.traces.trace import Trace


@click.command()
@click.argument("trace")
@click.option("--step", type=click.IntRange(min=0), metavar="N", help="The state after step N (default: the last one).")
@click.option("--mount", "only", metavar="PLACE", help="What one mount hands on, named as the trace does: 1:/a.")
@svg_option
@json_option
def command(trace: str, step: int | None, only: str | None, svg: str | None, json_file: str | None) -> int:
    """Say who receives what happens on each mount of a state of TRACE, through which peer groups, and which receiver
    gets a copy of what is put on which place."""
    watch = Stopwatch()
    writable(json_file, svg)
    loaded = load_trace(trace)
    number, graph = _graph(loaded, step, trace)
    known = [graph.facts.name(m) for m in graph.facts.rows]
    if only is not None and only not in known:
        raise Problem(f"there is no mount {only}", place=trace, cause=f"there are {', '.join(known)}")
    groups = propagation.groups_of(graph)
    senders, silent = propagation.senders_of(graph, only), propagation.silent_of(graph, only)
    console = people("-" if svg == "-" else json_file)
    when = f"after step {number}" if number else "initial state"
    counts = f"{plural(len(known), 'mount')}, {plural(len(groups), 'peer group')}"
    line(console, (f"{loaded.spec}, {when}: {counts}", "bold"))
    propagation.show(console, groups if only is None else [], senders, silent)
    if svg:
        title = f"{loaded.spec}: propagation, {when}"
        write_picture(flow.draw(graph, senders, silent, title), svg)
    if json_file:
        write(
            PropagationOutput(
                command="propagation",
                exit=Exit.MET,
                seconds=watch.seconds,
                spec=loaded.spec,
                step=number,
                groups=groups,
                senders=senders,
                silent=silent,
            ),
            json_file,
        )
    return Exit.MET


def _graph(trace: Trace, step: int | None, file: str) -> tuple[int, Propagation]:
    """The number of the step that was asked for, and the graph after it. Raises :class:`Problem`."""
    number, state, names = state_after(trace, step, file)
    if not mounts_of(state):
        raise Problem("nothing propagates", place=file, cause="the trace has no mounts", fix="use nsmodel show")
    return number, Propagation(MountFacts(state, names.table))
