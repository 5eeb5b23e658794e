"""`nsmodel validate`: recordings of real programs, judged by the rules."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import click
from rich.console import Console

from nsmodel.cli.options import Stopwatch, json_option, writable
from nsmodel.oracle.recorded.judgement import Difference, Judgement
from nsmodel.oracle.recorded.validate import CREDENTIAL_FAMILY, JUDGES, MOUNT_FAMILY, validate
from nsmodel.report.console import line, people, plural
from nsmodel.report.output import Cell, DivergenceInfo, ValidateOutput, write
from nsmodel.system.problem import Problem
from nsmodel.system.verdict import Exit

SHOWN = 20
"""Divergences shown; the JSON has all."""


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@json_option
def command(files: tuple[str, ...], json_file: str | None) -> int:
    """Judge recordings (FILE, or folders of them): each recorded call is made by the rules, and compared."""
    watch = Stopwatch()
    writable(json_file)
    if not files:
        raise Problem("nothing to validate", place="nsmodel validate", fix="name recordings, or folders of them")
    console = people(json_file)
    paths = recordings_in(files)
    done = validate(paths)
    status = Exit.NOT_MET if done.differences else Exit.MET if done.files == len(paths) else Exit.UNKNOWN
    for found in done.differences[:SHOWN]:
        _show(console, found)
    if len(done.differences) > SHOWN:
        line(console, f"  and {len(done.differences) - SHOWN} more")
    for reason, count in done.reasons.most_common():
        if reason.split(":")[0] in JUDGES:
            line(console, f"  uncovered {count:>6,}  {reason}")
    line(console, f"{plural(done.files, 'file')}, {plural(done.steps, 'step')}: {done.modelled:,} judged, "
         f"{len(done.differences)} diverged, {done.assumed:,} of them decided something unknown")  # fmt: skip
    for words, part in (
        ("calls on mounts and names", MOUNT_FAMILY),
        ("calls on credentials and ids", CREDENTIAL_FAMILY),
        ("other calls of tasks", JUDGES.keys() - MOUNT_FAMILY - CREDENTIAL_FAMILY),
    ):
        total, judged = _share(done, part)
        line(console, f"  {total:,} {words}, {judged:.1%} judged")
    line(
        console,
        f"  {done.tables_compared:,} changed mount tables compared at five levels, {done.tables_equal:,} equal; state "
        f"read back {plural(done.resynced, 'time')}; {watch.seconds:.1f} s; exit {status:d}",
    )
    if json_file:
        write(_output(done, status, watch.seconds), json_file)
    return status


def recordings_in(names: tuple[str, ...]) -> list[Path]:
    """The recordings that a person names: files, or folders with all that is in them. Raises :class:`Problem`."""
    out: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            found = sorted(p for p in path.rglob("*.json") if p.name != "index.json")
            if not found:
                raise Problem("no recordings in this folder", place=name, fix="name a folder with .json recordings")
            out += found
        else:
            out.append(path)
    return out


def _show(console: Console, found: Difference) -> None:
    """A divergence; rows of tables are put side by side, the model's and the recorded one."""
    line(console, (f"{found.trace}: step {found.step}, {found.operation}", "bold red"))
    line(console, f"  {found.what}")
    ours, theirs = found.expected.split("; "), found.got.split("; ")
    for i in range(max(len(ours), len(theirs))):
        line(console, f"    model     {ours[i] if i < len(ours) else '-'}")
        line(console, f"    recorded  {theirs[i] if i < len(theirs) else '-'}")


def _share(done: Judgement, operations: Set[str]) -> tuple[int, float]:
    """Steps of some operations, and which part of them was judged."""
    total = uncovered = 0
    for cell, counts in done.cells.items():
        if cell.split("|")[0] in operations:
            total += sum(counts.values())
            uncovered += counts["uncovered"]
    return total, (total - uncovered) / total if total else 1.0


def _output(done: Judgement, status: Exit, seconds: float) -> ValidateOutput:
    return ValidateOutput(
        command="validate",
        exit=status,
        seconds=seconds,
        files=done.files,
        steps=done.steps,
        modelled=done.modelled,
        uncovered=done.steps - done.modelled,
        diverged=len(done.differences),
        tables_compared=done.tables_compared,
        tables_equal=done.tables_equal,
        resynced=done.resynced,
        assumed=done.assumed,
        cells={
            name: Cell(agreed=c["agreed"], diverged=c["diverged"], uncovered=c["uncovered"])
            for name, c in sorted(done.cells.items())
        },
        divergences=[
            DivergenceInfo(
                trace=d.trace, step=d.step, operation=d.operation, expected=d.expected, got=d.got, what=d.what
            )
            for d in done.differences
        ],
        uncovered_operations=dict(sorted(done.uncovered.items())),
    )
