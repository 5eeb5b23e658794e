"""`nsmodel growth`: the most mounts that a few calls can make (CVE-2016-6213)."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import click

from nsmodel.cli.options import Stopwatch, json_option, writable
from nsmodel.growth.bound import closed_form, closed_text, most
from nsmodel.growth.measure import Measured, measure, mount_max
from nsmodel.growth.script import COUNTED, Command, growth_system, size_of
from nsmodel.growth.search import BranchAndBound, every_run, grow, start_of
from nsmodel.growth.series import SERIES, Series
from nsmodel.ir.state import Frozen
from nsmodel.oracle.errors import OracleUnavailable
from nsmodel.report import growth
from nsmodel.report.console import line, people
from nsmodel.report.output import GrowthOutput, GrowthRow, SeriesRow, write
from nsmodel.system.problem import Problem
from nsmodel.system.transition import TransitionSystem
from nsmodel.system.verdict import Exit

DEEPEST = {False: 6, True: 5}
"""The most calls from one mount that is private, or shared: the call after would have to be run on three million."""
TIMES = 5
"""How often the call of a series is made."""


@click.command()
@click.option("--calls", type=click.IntRange(1, 6), default=6, show_default=True, metavar="K", help="The most calls.")
@click.option("--shared", is_flag=True, help="The one mount is shared at the beginning (K at most 5).")
@click.option(
    "--every",
    type=click.IntRange(0, 4),
    default=2,
    show_default=True,
    metavar="N",
    help="Look at every run of up to N calls (3 takes half a minute).",
)
@click.option("--no-kernel", is_flag=True, help="Do not measure the scripts on the running kernel.")
@json_option
def command(calls: int, shared: bool, every: int, no_kernel: bool, json_file: str | None) -> int:
    """Say how many mounts K calls can make at most, from a tree of one mount that has one directory: the exact number,
    a script that makes so many, the closed form, and what the script does on the running kernel."""
    watch = Stopwatch()
    writable(json_file)
    if calls > DEEPEST[shared]:
        cause = f"after {DEEPEST[shared]} calls there are three million mounts"
        raise Problem(f"{calls} calls are too many", place="--calls", cause=cause, fix=f"--calls {DEEPEST[shared]}")
    console = people(json_file)
    system = growth_system()
    start = start_of(system, shared=shared)
    before = (Command("make-shared", "/"),) if shared else ()
    kernel: str | None = None if no_kernel else platform.release()
    if kernel is not None:
        try:
            measure(before)
        except OracleUnavailable as why:
            line(console, f"{why.what}: nothing is measured")
            kernel = None
    rows = [_row(system, start, k, before, kernel is not None, every) for k in range(1, calls + 1)]
    output = GrowthOutput(
        command="growth",
        exit=Exit.MET,
        seconds=0,
        tree=f"one {'shared' if shared else 'private'} mount, a file system with one directory",
        operations=list(COUNTED),
        rows=rows,
        series=[_series(s, kernel is not None) for s in SERIES],
        kernel=kernel,
        mount_max=mount_max() if kernel is not None else None,
    )
    wrong = [f"{r.calls} calls" for r in rows if not _as_expected(r, output.mount_max)]
    wrong += ["; ".join(s.script) for s in output.series if s.measured not in (None, s.mounts)]
    output.exit = Exit.NOT_MET if wrong else Exit.MET
    output.seconds = watch.seconds
    growth.show(console, output)
    for what in wrong:
        line(console, (f"not as expected: {what}", "bold red"))
    if json_file:
        write(output, json_file)
    return output.exit


def _row(
    system: TransitionSystem, start: Frozen, calls: int, before: Sequence[Command], ask: bool, every: int
) -> GrowthRow:
    """The row of the table for so many calls."""
    found = BranchAndBound(system, start).search(calls)
    searched = every_run(system, start, calls) if calls <= every else None
    measured = measure((*before, *found.script)) if ask else Measured(())
    return GrowthRow(
        calls=calls,
        mounts=max(found.mounts, searched.mounts if searched is not None else 0),
        how="searched" if searched is not None else "bound",
        bound=most(size_of(system.thaw(start)), calls),
        closed_form=closed_text(calls, shared=bool(before)),
        script=[str(c) for c in (*before, *found.script)],
        states=searched.states if searched is not None else found.states,
        measured=measured.mounts[-1] if ask and measured.errno is None else None,
        errno=measured.errno,
    )


def _as_expected(row: GrowthRow, limit: int | None) -> bool:
    """Search, bound and closed form say the same, and the kernel too, unless its own limit stops the script."""
    shared = row.script[0].endswith("make-shared /") and len(row.script) > row.calls
    if not row.mounts == row.bound == closed_form(row.calls, shared=shared):
        return False
    if limit is None:
        return True
    # The hidden bottom counts as one of fs.mount-max.
    return row.errno == "ENOSPC" if row.mounts + 1 > limit else row.measured == row.mounts


def _series(series: Series, ask: bool) -> SeriesRow:
    """A well-known script, in the model and on the kernel."""
    script, first = series.script(TIMES), len(series.first)
    return SeriesRow(
        script=[str(c) for c in script[: first + 1]],
        closed_form=series.closed_form,
        mounts=grow(script)[first:],
        measured=list(measure(script).mounts[first:]) if ask else None,
    )
