"""`nsmodel bench`: our engine beside the peers that are installed."""

from __future__ import annotations

import click

from nsmodel.bench import cases
from nsmodel.bench.machine import this_machine
from nsmodel.bench.peer import Peer
from nsmodel.bench.rumur import Rumur
from nsmodel.bench.run import Bench, Plan
from nsmodel.bench.spin import Spin
from nsmodel.bench.tlc import Tlc
from nsmodel.cli.options import Stopwatch, json_option, writable
from nsmodel.report import benchmarks
from nsmodel.report.console import people
from nsmodel.report.output import BenchOutput, write
from nsmodel.system.load import near
from nsmodel.system.problem import Problem
from nsmodel.system.verdict import Exit

PEERS: dict[str, Peer] = {peer.name: peer for peer in (Spin(), Rumur(), Tlc())}
NONE = "none"
THREADS = (1, 2)


@click.command()
@click.argument("names", nargs=-1, metavar="[CASE]...")
@click.option("--quick", is_flag=True, help=f"Only cases with fewer than {cases.QUICK:,} states.")
@click.option(
    "--peer",
    "peers",
    multiple=True,
    metavar="NAME",
    help="spin, rumur or tlc; may be repeated. none: ours alone.  [default: all that are installed]",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    multiple=True,
    default=THREADS,
    show_default=True,
    metavar="N",
    help="Threads of ours. May be repeated.",
)
@click.option("--repeat", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Take medians.")
@json_option
def command(
    names: tuple[str, ...],
    quick: bool,
    peers: tuple[str, ...],
    threads: tuple[int, ...],
    repeat: int,
    json_file: str | None,
) -> int:
    """Measure the engine explicit on every CASE (all by default), and in the same run the peers that are installed.

    A case is a benchmark spec in some bounds, such as pidns-422. Every peer must count the same states: a difference is
    exit status 70. TLC is run where $TLA2TOOLS names tla2tools.jar or there is a command tlc.
    """
    watch = Stopwatch()
    chosen = cases.chosen(names, quick=quick)
    plan = Plan(chosen, _peers(peers), sorted(set(threads)), repeat)
    writable(json_file)
    for case in chosen:
        case.system()  # a spec that is not there is said before anything is measured
    console = people(json_file)
    machine = this_machine()
    bench = Bench(plan, lambda text: click.echo(text, err=True))
    interrupted = False
    try:
        bench.run()
    except KeyboardInterrupt:
        interrupted = True
    status = Exit.DISAGREE if bench.differences else Exit.UNKNOWN if interrupted or bench.failed else Exit.MET
    output = BenchOutput(
        command="bench",
        exit=int(status),
        seconds=watch.seconds,
        repeat=repeat,
        cases=bench.rows(),
        machine=machine,
        peers=bench.versions,
        left_out=bench.left_out,
        differences=bench.differences,
        interrupted=interrupted,
    )
    benchmarks.show(console, output)
    if json_file:
        write(output, json_file)
    return int(status)


def _peers(names: tuple[str, ...]) -> list[Peer]:
    """The peers of these names, all without names. Raises :class:`Problem`."""
    for name in names:
        if name not in PEERS and name != NONE:
            raise Problem(f"unknown peer {name}", place=f"--peer {name}", fix=near(name, [*PEERS, NONE], "a peer"))
    if NONE in names:
        if set(names) != {NONE}:
            raise Problem("no peer and a peer at once", place=f"--peer {NONE}", fix="leave one of them out")
        return []
    return [peer for name, peer in PEERS.items() if not names or name in names]
