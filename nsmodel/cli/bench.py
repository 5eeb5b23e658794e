"""`nsmodel bench`: our engine beside Spin, Rumur and TLC, as far as they are installed."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import click

from nsmodel.bench.cases import chosen
from nsmodel.bench.peers import PEERS
from nsmodel.bench.run import Miscounted, measured
from nsmodel.cli.options import Stopwatch, json_option, writable
from nsmodel.report.console import columns, line, people
from nsmodel.report.output import BenchCase, BenchOutput, write
from nsmodel.system.load import near
from nsmodel.system.problem import Problem
from nsmodel.system.verdict import Exit


@click.command()
@click.argument("cases", nargs=-1, metavar="[CASE]...")
@click.option(
    "--peer", "peers", multiple=True, metavar="NAME", help="spin, rumur, tlc or none (default: all there are)."
)
@click.option("--threads", multiple=True, type=click.IntRange(min=1), metavar="N", help="Of ours (default: 1 and 2).")
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(min=1), metavar="N", help="Runs of ours.")
@click.option("--quick", is_flag=True, help="Only what takes seconds.")
@json_option
def command(
    cases: tuple[str, ...],
    peers: tuple[str, ...],
    threads: tuple[int, ...],
    repeat: int,
    quick: bool,
    json_file: str | None,
) -> int:
    """Measure CASEs (all by default): ours with each number of threads, every peer on the model that `export` prints.

    Counts of states are compared first; a difference is exit status 70. Times are worth as much as the machine is idle.
    """
    watch = Stopwatch()
    known = {peer.name: peer for peer in PEERS}
    for name in peers:
        if name not in (*known, "none"):
            raise Problem(f"unknown peer {name}", place="--peer", fix=near(name, [*known, "none"], "a peer"))
    asked = [peer for peer in PEERS if not peers or peer.name in peers]
    picked = chosen(cases, quick=quick)
    writable(json_file)
    console = people(json_file)
    out = BenchOutput(command="bench", exit=0, seconds=0.0, machine=machine(), cases=[], left_out=[])
    try:
        for found in measured(picked, asked, threads or (1, 2), repeat, lambda text: click.echo(text, err=True)):
            if isinstance(found, BenchCase):
                out.cases.append(found)
            else:
                out.left_out.append(found)
    except Miscounted as wrong:
        out.exit, out.miscounted = int(Exit.DISAGREE), str(wrong)
    except KeyboardInterrupt:
        out.exit = int(Exit.UNKNOWN)
    out.seconds = watch.seconds
    for row in columns([HEAD, *[_row(case) for case in out.cases]]):
        line(console, "  ".join(row))
    for case in dict.fromkeys((c.name, c.threads, c.again) for c in out.cases):
        line(console, (f"{case[0]}, {case[1]}: {case[2]}", "dim"))
    for left in out.left_out:
        line(console, f"left out: {left.name} in {left.peer}: {left.why}")
    if out.miscounted:
        line(console, ("MISCOUNTED  ", "bold red"), out.miscounted)
    if json_file:
        write(out, json_file)
    return out.exit


HEAD = ["case", "threads", "states", "s", "compile s", "states/s", "bytes/state", "RSS MiB", "peer", "peer s", "ratio"]


def _row(case: BenchCase) -> list[str]:
    return [
        case.name,
        str(case.threads),
        f"{case.states:,}",
        f"{case.seconds:.3f}",
        f"{case.compile_seconds:.2f}",
        f"{case.states_per_second:,.0f}",
        f"{case.bytes_per_state:.0f}",
        f"{case.peak_rss_mib:.0f}",
        case.peer or "-",
        f"{case.peer_seconds:.2f}" if case.peer_seconds is not None else "-",
        f"{case.ratio:.2f}" if case.ratio is not None else "-",
    ]


def machine() -> dict[str, str]:
    """Processor, cores, load."""
    cpu = platform.processor() or platform.machine()
    for text in _lines(Path("/proc/cpuinfo")):
        if text.startswith("model name"):
            cpu = text.partition(":")[2].strip()
            break
    return {
        "cpu": cpu,
        "cores": str(len(os.sched_getaffinity(0))),
        "load": " ".join(f"{value:.2f}" for value in os.getloadavg()),
    }


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
