"""`nsmodel conform`: random traces on this machine's kernel, as many as wanted."""

from __future__ import annotations

import platform

import click

from nsmodel.cli import complete
from nsmodel.cli.options import Stopwatch, json_option, specs_argument, writable
from nsmodel.cli.replay import info
from nsmodel.cli.work import Crew, Job, default_processes
from nsmodel.engines.interface import Progress
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.versions import running, switches_of
from nsmodel.oracle.live import conform
from nsmodel.report.console import line, people, plural
from nsmodel.report.output import ReplayOutput, write
from nsmodel.report.progress import ProgressView
from nsmodel.system.load import load_specs
from nsmodel.system.problem import Problem
from nsmodel.system.transition import TransitionSystem
from nsmodel.system.verdict import Exit


@click.command()
@specs_argument
@click.option("--traces", type=click.IntRange(min=1), default=100, show_default=True, metavar="N", help="How many.")
@click.option(
    "--seed", type=int, default=1, show_default=True, metavar="S", help="The same seed draws the same traces."
)
@click.option("--area", metavar="NAME", help=f"Only a part of the model: {', '.join(conform.AREAS)}.")
@click.option("--steps", type=click.IntRange(min=1), metavar="N", help="Calls of each trace (default: 5 to 40).")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes, which share the traces in blocks (default: the cores, at most 2).",
)
@click.option(
    "--kernel",
    metavar="VERSION",
    shell_complete=complete.kernels,
    help="Which version the model stands for (default: the running one).",
)
@json_option
def command(
    specs: tuple[str, ...],
    traces: int,
    seed: int,
    area: str | None,
    steps: int | None,
    processes: int | None,
    kernel: str | None,
    json_file: str | None,
) -> int:
    """Draw random traces, of the SPECs' operations or of the whole model, replay them and report what diverges."""
    watch = Stopwatch()
    writable(json_file)
    if area is not None and area not in conform.AREAS:
        raise Problem(f"unknown area {area}", place="--area", fix=f"one of {', '.join(conform.AREAS)}")
    version = kernel or running()
    switches = switches_of(version)
    chosen = [loaded.spec for loaded in load_specs(specs)] if specs else []
    only = frozenset(o.name for spec in chosen for o in spec.operations) or None
    shown = area == "user" or any(isinstance(spec.base, Forest) and spec.base.shows for spec in chosen)
    system = conform.whole_system(version, switches, shown=shown)
    plan = conform.Plan(seed, steps, only, area)
    console = people(json_file)
    done = _campaign(system, plan, traces, processes or default_processes())
    missing = [pair for pair in conform.producible(system, plan) if not done.coverage[pair]]
    for finding in done.findings:
        found = finding.divergence
        line(console, (f"trace {finding.seed} diverges at step {found.step}, {found.operation}", "bold red"))
        line(console, f"  {found.what}: the model says {found.expected}, the kernel {found.got}")
        for number, call in enumerate(finding.calls, 1):
            line(console, f"  {number:>2}. {call}")
    for pair in sorted(done.coverage):
        line(console, f"  {pair:<32} {done.coverage[pair]:>7,}")
    for pair in missing:
        why = conform.UNREACHED.get(pair, "not drawn: more traces may reach it")
        line(console, f"  {pair:<32}       0  {why}")
    interrupted = done.interrupted or done.traces < traces
    status = Exit.UNKNOWN if interrupted else Exit.NOT_MET if done.findings else Exit.MET
    line(
        console,
        f"{plural(done.traces, 'trace')}, {plural(done.steps, 'step')} on Linux {platform.release()}: "
        f"{len(done.findings)} diverged; {watch.seconds:.1f} s; exit {status:d}",
    )
    if json_file:
        write(
            ReplayOutput(
                command="conform",
                exit=status,
                seconds=watch.seconds,
                kernel=platform.release(),
                traces=done.traces,
                steps=done.steps,
                diverged=len(done.findings),
                coverage={**dict(sorted(done.coverage.items())), **dict.fromkeys(missing, 0)},
                divergences=[info(f.seed, f.divergence) for f in done.findings],
            ),
            json_file,
        )
    return status


def _campaign(system: TransitionSystem, plan: conform.Plan, traces: int, processes: int) -> conform.Campaign:
    """All blocks of a campaign, several at a time, and what they saw in the order of the blocks."""
    blocks = conform.blocks(traces)
    parts: dict[int, conform.Campaign] = {}
    view = ProgressView(["conform"])

    def job(indices: range) -> Job[conform.Campaign]:
        return lambda report: conform.run_block(system, plan, indices, report)

    def tell(number: int, part: Progress, memory: float) -> None:
        assert isinstance(part, conform.Campaign)
        parts[number] = part
        view.update(0, _joined(parts), memory)

    crew = Crew([job(indices) for indices in blocks], processes, tell)
    with view:
        for number, part in crew.run():
            parts[number] = part
    done = _joined(parts)
    done.interrupted |= crew.interrupted
    return done


def _joined(parts: dict[int, conform.Campaign]) -> conform.Campaign:
    out = conform.Campaign()
    for number in sorted(parts):
        out = out.joined(parts[number])
    return out
