"""`nsmodel mutants`: every known bug must make the property that names it fail."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
import msgspec

from nsmodel.cli import complete
from nsmodel.cli.judge import blamed
from nsmodel.cli.keep import TABLE, Found, keep, table
from nsmodel.cli.options import Asked, Stopwatch, budget_options, json_option, specs_argument, systems, writable
from nsmodel.cli.verify import Verified, told_apart, verify, without_bug
from nsmodel.cli.work import Crew, Job, default_processes
from nsmodel.engines import registry
from nsmodel.engines.interface import Limits, Report, Search
from nsmodel.ir.language import Switch
from nsmodel.kernel.catalogue import catalogue
from nsmodel.kernel.versions import FIXED, find_switch, running
from nsmodel.report import killed
from nsmodel.report.console import people
from nsmodel.report.output import MutantResult, MutantsOutput, NotYet, write
from nsmodel.report.progress import ProgressView
from nsmodel.system.load import Loaded, load_specs, near
from nsmodel.system.problem import Problem
from nsmodel.system.transition import make_system
from nsmodel.system.verdict import Exit
from nsmodel.traces.trace import Trace

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
    right: Trace | None = None
    """The same calls without the bug."""
    apart: str | None = None
    """What of it a process can see."""


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
    help="Write counterexamples to DIR/ID: those of --id, else of all bugs that a kernel or a program had.",
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
    unkilled = [] if specs or ids else _unkilled(loaded)
    status = _status(results, done, interrupted=interrupted)
    if status is Exit.MET and unkilled:
        status = Exit.VACUOUS
    not_yet = {} if specs or ids else catalogue().not_yet
    killed.show(console, results, {s.name: s.summary for s in switches}, not_yet, unkilled, watch.seconds, int(status))
    if folder is not None and not interrupted:
        historical = tuple(s.name for s in switches if s.name in catalogue().stories)
        _write(Path(folder), ids or historical, switches, loaded, done)
    if json_file:
        missing = [NotYet(id=name, why_not=why) for name, why in not_yet.items()]
        out = MutantsOutput(
            command="mutants",
            exit=status,
            seconds=watch.seconds,
            mutants=results,
            not_yet=missing,
            unkilled=unkilled,
        )
        write(out, json_file)
    return status


def _unkilled(loaded: list[Loaded]) -> list[str]:
    """Properties that no known bug breaks in any spec: nothing shows that they say anything."""
    killed_ones = {name for item in loaded for name in item.spec.kills.values()}
    named = dict.fromkeys(p.name for item in loaded for p in item.spec.properties)
    return [name for name in named if name not in killed_ones]


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
            one = found.found[name]
            out.trace = blamed(system, one)
            out.right = without_bug(make_system(only, asked.scope), one.calls)
            out.apart = told_apart(out.trace, out.right)
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
        source=switch.source,
        introduced=switch.introduced or None,
        fixed=switch.fixed or None,
    )


def _shortest(kills: list[Try]) -> Trace | None:
    best = _best(kills)
    return None if best is None else best.trace


def _best(kills: list[Try]) -> Try | None:
    """The try with the shortest counterexample."""
    tries = [(len(t.trace.steps), n) for n, t in enumerate(kills) if t.trace is not None]
    return kills[min(tries)[1]] if tries else None


def _status(results: list[MutantResult], done: list[Try], *, interrupted: bool) -> Exit:
    if interrupted:
        return Exit.UNKNOWN
    if any(r.replay == "agrees" and not (r.why_not or "").startswith(ALIVE) for r in results):
        return Exit.NOT_MET
    if any(not r.killed for r in results):
        return Exit.UNKNOWN if any(t.stopped and t.trace is None for t in done) else Exit.NOT_MET
    return Exit.MET


def _write(folder: Path, ids: tuple[str, ...], switches: list[Switch], loaded: list[Loaded], done: list[Try]) -> None:
    """Write counterexamples, and the table of all in the folder; raises :class:`Problem` for a bug that was not
    killed."""
    specs = {item.spec.name: item.spec for item in loaded}
    for name in ids:
        switch = find_switch(name, switches)
        best = _best([t for t in done if t.switch == switch.name])
        if best is None or best.trace is None:
            raise Problem(
                f"there is no counterexample of {name} to write",
                place=f"--write {folder}",
                fix="load a spec that kills it",
            )
        keep(folder / switch.name, Found(switch, specs[best.spec], best.trace, best.right, best.apart))
    (folder / TABLE).write_text(table(folder), encoding="utf-8")
