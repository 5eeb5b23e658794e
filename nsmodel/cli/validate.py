"""`nsmodel validate`: recordings of real programs, judged by the rules."""

from __future__ import annotations

from pathlib import Path

import click

from nsmodel.cli.options import Stopwatch, json_option, writable
from nsmodel.oracle.validate import JUDGES, Judgement, validate
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
    paths = _files(files)
    done = validate(paths)
    status = Exit.NOT_MET if done.differences else Exit.MET if done.files == len(paths) else Exit.UNKNOWN
    for found in done.differences[:SHOWN]:
        line(console, (f"{found.trace}: step {found.step}, {found.operation}", "bold red"))
        line(console, f"  {found.what}: the model says {found.expected}, the recording {found.got}")
    if len(done.differences) > SHOWN:
        line(console, f"  and {len(done.differences) - SHOWN} more")
    for reason, count in done.reasons.most_common():
        if reason.split(":")[0] in JUDGES:
            line(console, f"  uncovered {count:>6,}  {reason}")
    of_tasks, judged = _share(done)
    line(
        console,
        f"{plural(done.files, 'file')}, {plural(done.steps, 'step')}: {done.modelled:,} judged, "
        f"{len(done.differences)} diverged; of {of_tasks:,} steps of tasks and pid namespaces {judged:.1%} judged; "
        f"{watch.seconds:.1f} s; exit {status:d}",
    )
    if json_file:
        write(_output(done, status, watch.seconds), json_file)
    return status


def _files(names: tuple[str, ...]) -> list[Path]:
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


def _share(done: Judgement) -> tuple[int, float]:
    """Steps of the operations that are judged at all, and which part of them was."""
    total = uncovered = 0
    for cell, counts in done.cells.items():
        if cell.split("|")[0] in JUDGES:
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
        tables_compared=0,
        tables_equal=0,
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
