"""`nsmodel mutants`: every known bug must make the property that names it fail."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
import msgspec

from nsmodel.cli import complete
from nsmodel.cli.judge import blamed
from nsmodel.cli.options import Asked, Stopwatch, budget_options, json_option, specs_argument, systems, writable
from nsmodel.cli.verify import Verified, told_apart, verify
from nsmodel.cli.work import Crew, Job, default_processes
from nsmodel.engines import registry
from nsmodel.engines.interface import Limits, Report, Search
from nsmodel.ir.language import Switch
from nsmodel.kernel.versions import FIXED, find_switch, running
from nsmodel.report import killed, written
from nsmodel.report.console import people
from nsmodel.report.output import MutantResult, MutantsOutput, write
from nsmodel.report.progress import ProgressView
from nsmodel.system.load import Loaded, load_specs, near
from nsmodel.system.problem import Problem
from nsmodel.system.transition import make_system
from nsmodel.system.verdict import Exit
from nsmodel.traces.trace import Trace

KEPT = ("PD01", "PD04", "PD04i", "MP17", "MP18", "MP19", "rbind_mntns_loop")
"""Known bugs whose counterexamples are kept in the project by default."""
ALIVE = "a live bug"
"""How the reason begins why a bug's trace agrees with the machine."""


class Try(msgspec.Struct):
    """One spec against one known bug."""

    spec: str
    switch: str
    engine: str
    seconds: float
    trace: Trace | None
    stopped: str | None
    apart: str | None = None
    """What a process can see of the bug in the trace."""


@click.command()
@specs_argument
@click.option(
    "--engine",
    default=registry.DEFAULT,
    show_default=True,
    metavar="NAME",
    shell_complete=complete.engines,
    help="The engine that looks for the bugs.",
)
@click.option(
    "--id",
    "ids",
    multiple=True,
    metavar="ID",
    shell_complete=complete.mutants,
    help="Only this known bug. May be repeated.",
)
@click.option(
    "--write",
    "folder",
    metavar="DIR",
    help="Write counterexamples to DIR/ID (those of --id, else the kept ones).",
)
@click.option("--no-replay", is_flag=True, help="Do not run the counterexamples on this machine's kernel.")
@budget_options
@json_option
def command(
    specs: tuple[str, ...],
    engine: str,
    ids: tuple[str, ...],
    folder: str | None,
    no_replay: bool,
    threads: int | None,
    time_limit: float | None,
    memory_limit: int | None,
    state_limit: int | None,
    json_file: str | None,
) -> int:
    """Turn on each known bug that a SPEC (all of specs/ by default) is meant to find, and look for a counterexample."""
    watch = Stopwatch()
    registry.engine(engine)
    writable(json_file)
    loaded = load_specs(specs)
    pairs = _pairs(loaded, ids)
    limits = Limits(None, time_limit, state_limit, memory_limit)
    console = people(json_file)
    view = ProgressView([f"{a.loaded.spec.name} {switch.name}" for a, switch in pairs])
    crew: Crew[Try] = Crew(
        [_job(a, switch, engine, limits) for a, switch in pairs], threads or default_processes(), view.update
    )
    tries: dict[int, Try] = {}
    with view:
        for number, one in crew.run():
            view.finish(number)
            tries[number] = one
    done = [tries[n] for n in range(len(pairs)) if n in tries]
    switches = list(dict.fromkeys(switch for _, switch in pairs))
    results: list[MutantResult] = []
    interrupted = crew.interrupted
    for switch in switches:
        try:
            results.append(_result(switch, pairs, done, replay=not (no_replay or interrupted)))
        except KeyboardInterrupt:
            interrupted = True
            results.append(_result(switch, pairs, done, replay=False))
    status = _status(results, done, interrupted=interrupted)
    killed.show(console, results, {s.name: s.summary for s in switches}, watch.seconds, int(status))
    if folder is not None:
        _write(Path(folder), ids or KEPT, switches, done)
    if json_file:
        write(MutantsOutput(command="mutants", exit=status, seconds=watch.seconds, mutants=results), json_file)
    return status


def _pairs(loaded: list[Loaded], ids: tuple[str, ...]) -> list[tuple[Asked, Switch]]:
    """Specs with the known bugs that they are meant to find."""
    every = [s for item in loaded for s in item.spec.kills]
    wanted = {find_switch(name, every) for name in ids}
    for switch in wanted:
        if switch not in every:
            fix = near(switch.name, [s.name for s in every], "a mutant")
            raise Problem(f"no spec is meant to find {switch.name}", place="--id", fix=fix)
    asked = systems(loaded, scope=None, bounds=(), depth=None, mutant=None, kernel=FIXED)
    return [(a, s) for a in asked for s in a.loaded.spec.kills if not wanted or s in wanted]


def _job(asked: Asked, switch: Switch, engine: str, limits: Limits) -> Job[Try]:
    """Look for the one property that the bug breaks; the search ends when it is found."""

    def search(report: Report) -> Try:
        spec = asked.loaded.spec
        name = spec.kills[switch]
        only = dataclasses.replace(
            spec, properties=tuple(p for p in spec.properties if p.name == name), expect={}, kills={}
        )
        system = make_system(only, asked.scope, mutant=switch)
        found: Search = registry.engine(engine).search(system, limits, report)
        out = Try(spec.name, switch.name, engine, found.seconds, None, found.stopped or found.unknown.get(name))
        if name in found.found:
            out.trace = blamed(system, found.found[name])
            out.apart = told_apart(make_system(only, asked.scope), found.found[name].calls, out.trace)
        return out

    return search


def _result(switch: Switch, pairs: list[tuple[Asked, Switch]], done: list[Try], *, replay: bool) -> MutantResult:
    mine = [t for t in done if t.switch == switch.name]
    kills = [t for t in mine if t.trace is not None]
    asked = [a.loaded.spec for a, s in pairs if s == switch]
    shortest = _shortest(kills)
    verified = Verified(None)
    if shortest is not None and replay:
        apart = next(t.apart for t in kills if t.trace is shortest)
        verified = verify(shortest, apart)
    why_not = verified.why
    if verified.replay == "agrees" and running() in switch.kernels:
        why_not = f"{ALIVE}: the running kernel has it"
    if verified.replay == "agrees" and switch.program:
        why_not = f"{ALIVE}: it is a program's, and no kernel keeps it from happening"
    if not kills:
        why_not = next((t.stopped for t in mine if t.stopped), None) or (
            "not searched" if not mine else "no counterexample in the scope"
        )
    return MutantResult(
        id=switch.name,
        toggle=switch.toggle,
        specs=[t.spec for t in kills] or [spec.name for spec in asked],
        property=asked[0].kills[switch],
        killed=bool(kills) and len(kills) == len(asked),
        trace_length=len(shortest.steps) if shortest is not None else None,
        engine=mine[0].engine if mine else "-",
        seconds=round(sum(t.seconds for t in mine), 3),
        replay=verified.replay,
        why_not=why_not,
    )


def _shortest(kills: list[Try]) -> Trace | None:
    traces = [t.trace for t in kills if t.trace is not None]
    return min(traces, key=lambda t: len(t.steps), default=None)


def _status(results: list[MutantResult], done: list[Try], *, interrupted: bool) -> Exit:
    if interrupted:
        return Exit.UNKNOWN
    if any(r.replay == "agrees" and not (r.why_not or "").startswith(ALIVE) for r in results):
        return Exit.NOT_MET
    if any(not r.killed for r in results):
        return Exit.UNKNOWN if any(t.stopped and t.trace is None for t in done) else Exit.NOT_MET
    return Exit.MET


def _write(folder: Path, ids: tuple[str, ...], switches: list[Switch], done: list[Try]) -> None:
    """Write the kept counterexamples; raises :class:`Problem` for a bug that was not killed."""
    for name in ids:
        switch = find_switch(name, switches)
        trace = _shortest([t for t in done if t.switch == switch.name])
        if trace is None:
            raise Problem(
                f"there is no counterexample of {name} to write",
                place=f"--write {folder}",
                fix="load a spec that kills it",
            )
        written.write(folder / switch.name, switch, trace)
