"""`nsmodel why`: every check that would refuse a call, in order; and pairs of checks, of which one wins."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from nsmodel.cli.checks import OPERATIONS, state_maker
from nsmodel.cli.options import Stopwatch, json_option, writable
from nsmodel.ir.schema import schema_of
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.versions import running, switches_of
from nsmodel.oracle.live.conform import Plan, again, replay_drawn, whole_system
from nsmodel.oracle.live.pairs import Pair, survey
from nsmodel.oracle.live.whole import EVERYTHING
from nsmodel.report.console import line, people, plural
from nsmodel.report.output import CheckInfo, PairInfo, WhyOutput, write
from nsmodel.report.progress import counting
from nsmodel.report.why import show_checks, show_pairs
from nsmodel.system.load import near
from nsmodel.system.precedence import Check, refusals
from nsmodel.system.problem import Problem
from nsmodel.system.transition import TransitionSystem
from nsmodel.system.verdict import Exit
from nsmodel.traces.calls import Reader
from nsmodel.traces.read import load_trace, state_after
from nsmodel.traces.record import record
from nsmodel.traces.trace import Trace, encode


@click.command()
@click.argument("call", required=False, metavar="[CALL]")
@click.option("--state", "trace", metavar="TRACE", help="The trace that leads to the state that CALL is made in.")
@click.option("--step", type=click.IntRange(min=0), metavar="N", help="The state after step N (default: the last one).")
@click.option("--pairs", "in_pairs", is_flag=True, help="Instead: which two checks one call meets, and which wins.")
@click.option("--only", multiple=True, metavar="NAME", help="With --pairs: the calls asked about. May be repeated.")
@click.option("--traces", type=click.IntRange(min=1), default=300, show_default=True, metavar="N", help="With --pairs.")
@click.option("--seed", type=int, default=1, show_default=True, metavar="S", help="With --pairs.")
@click.option("--replay", is_flag=True, help="With --pairs: perform each trace on the running kernel.")
@click.option("--out", metavar="DIR", help="With --pairs: write each trace as JSON.")
@json_option
def command(
    call: str | None,
    trace: str | None,
    step: int | None,
    in_pairs: bool,
    only: tuple[str, ...],
    traces: int,
    seed: int,
    replay: bool,
    out: str | None,
    json_file: str | None,
) -> int:
    """Name every check that would refuse CALL in a state of a trace, in order, each as if those before had passed.

    CALL is written as traces show it: `P1 mount_bind(source=1:/, at=1:/a, rec=no)`. With --pairs, random traces of the
    whole model tell for each system call which of its checks can fail together, which one wins, and how to see it.
    """
    watch = Stopwatch()
    writable(json_file)
    if in_pairs == (call is not None or trace is not None) or (call is None) != (trace is None):
        fix = "nsmodel why 'CALL' --state TRACE, or nsmodel why --pairs"
        raise Problem("it is not clear what to ask", place="nsmodel why", fix=fix)
    if call is not None and trace is not None:
        output = _call(call, load_trace(trace), trace, step, json_file)
    else:
        output = _pairs(only, traces, seed, replay, out, json_file)
    output.seconds = watch.seconds
    if json_file:
        write(output, json_file)
    return output.exit


# -- one call ---------------------------------------------------------------------------------------------------------


def _call(text: str, loaded: Trace, file: str, step: int | None, json_file: str | None) -> WhyOutput:
    number, state, names = state_after(loaded, step, file)
    try:
        make = state_maker(loaded, state)
    except ValueError as wrong:
        cause = f"its states are not the kernel model's: {wrong}"
        raise Problem("the call cannot be asked about there", place=file, cause=cause) from None
    call = Reader(OPERATIONS, schema_of(Kernel), state, names.table).read(text)
    told = refusals(OPERATIONS[call.operation], make, call)
    checks = [info(check) for check in told.checks]
    when = f"after step {number}" if number else "in the initial state"
    show_checks(people(json_file), text.strip(), when, checks, told.end)
    return WhyOutput(
        command="why", exit=Exit.MET, seconds=0.0, call=text.strip(), step=number, checks=checks, end=told.end
    )


# -- pairs ------------------------------------------------------------------------------------------------------------


def _pairs(
    only: tuple[str, ...], traces: int, seed: int, replay: bool, out: str | None, json_file: str | None
) -> WhyOutput:
    for name in only:
        if name not in EVERYTHING:
            raise Problem(f"there is no call {name}", place="--only", fix=near(name, sorted(EVERYTHING), "a call"))
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
    release = running()
    system = whole_system(release, switches_of(release))
    with counting("pairs of checks") as tell:
        met = survey(
            system,
            Plan(seed),
            traces,
            lambda s: tell(f"{s.traces} traces, {s.refused:,} refusals, {len(s.pairs)} pairs"),
        )
        wanted = [pair for pair in met.pairs.values() if not only or pair.operation in only]
        every = [_shown(system, pair, number, replay, out) for number, pair in enumerate(wanted, 1)]
    console = people(json_file)
    show_pairs(console, every)
    wrong = sum(p.replay == "diverges" for p in every)
    status = Exit.NOT_MET if wrong else Exit.UNKNOWN if met.interrupted else Exit.MET
    apart = sum(p.winner.errno != p.loser.errno for p in every)  # of the others the kernel does not tell who won
    counts = f"{plural(len(every), 'pair')} of checks, {apart} with different errors;"
    counts += f" {met.refused:,} refusals in {plural(met.traces, 'trace')}"
    replayed = f"; {sum(p.replay is not None for p in every)} replayed, {wrong} diverged" if replay else ""
    line(console, f"{counts}{replayed}{'; interrupted' if met.interrupted else ''}; exit {status:d}")
    return WhyOutput(
        command="why",
        exit=status,
        seconds=0.0,
        pairs=every,
        traces=met.traces,
        refused=met.refused,
        interrupted=met.interrupted,
    )


def _shown(system: TransitionSystem, pair: Pair, number: int, replay: bool, out: str | None) -> PairInfo:
    verdict: Literal["agrees", "diverges"] | None = None
    why, file = None, None
    if replay:
        found = replay_drawn(system, again(system, list(pair.calls)))
        verdict = "agrees" if found is None else "diverges"
        why = f"at step {found.step}, {found.what}: {found.expected}, here {found.got}" if found is not None else None
    if out is not None:
        file = str(Path(out) / f"{pair.operation}-{number}.json")
        Path(file).write_bytes(encode(record(system, pair.calls)))
    return PairInfo(
        operation=pair.operation,
        winner=info(pair.winner),
        loser=info(pair.loser),
        steps=len(pair.calls),
        replay=verdict,
        why=why,
        file=file,
    )


def info(check: Check) -> CheckInfo:
    """A check for machines."""
    return CheckInfo(check.errno, check.reason, check.function, check.place, check.source)
