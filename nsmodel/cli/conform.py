"""`nsmodel conform`: random traces on this machine's kernel, as many as wanted."""

from __future__ import annotations

import platform

import click

from nsmodel.cli.options import Stopwatch, json_option, writable
from nsmodel.cli.replay import info
from nsmodel.kernel.versions import running, switches_of
from nsmodel.oracle import conform
from nsmodel.report.console import line, people, plural
from nsmodel.report.output import ReplayOutput, write
from nsmodel.report.progress import ProgressView
from nsmodel.system.load import load_specs
from nsmodel.system.problem import Problem
from nsmodel.system.verdict import Exit


@click.command()
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@click.option("--traces", type=click.IntRange(min=1), default=100, show_default=True, metavar="N", help="How many.")
@click.option(
    "--seed", type=int, default=1, show_default=True, metavar="S", help="The same seed draws the same traces."
)
@click.option("--area", metavar="NAME", help=f"Only a part of the model: {', '.join(conform.AREAS)}.")
@click.option("--steps", type=click.IntRange(min=1), metavar="N", help="Calls of each trace (default: 5 to 40).")
@click.option("--kernel", metavar="VERSION", help="Which version the model stands for (default: the running one).")
@json_option
def command(
    specs: tuple[str, ...],
    traces: int,
    seed: int,
    area: str | None,
    steps: int | None,
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
    only = {o.name for loaded in load_specs(specs) for o in loaded.spec.operations} if specs else None
    system = conform.whole_system(version, switches)
    console = people(json_file)
    view = ProgressView(["conform"])

    def tell(so_far: conform.Campaign) -> None:
        view.update(0, so_far, 0.0)

    with view:
        done = conform.campaign(system, traces, seed, steps, tell, only)
    missing = [pair for pair in conform.producible(system) if not done.coverage[pair]]
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
    interrupted = done.traces < traces
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
