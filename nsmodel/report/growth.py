"""The table of `nsmodel growth` for people."""

from __future__ import annotations

from rich.console import Console

from nsmodel.report.console import columns, folded, line
from nsmodel.report.output import GrowthOutput, GrowthRow

HOW = {"searched": "every run was looked at", "bound": "no run can make more: the bound is met"}


def show(console: Console, output: GrowthOutput) -> None:
    """The table, the scripts, and the well-known series."""
    line(console, ("the most mounts after so many calls", "bold"), f", from {output.tree}")
    folded(console, 2, f"  one call: {', '.join(output.operations)}")
    heads = ["calls", "mounts", "closed form", "how"]
    if output.kernel is not None:
        heads.insert(3, f"Linux {output.kernel}")
    rows = [_row(output, row) for row in output.rows]
    for cells in columns([heads, *rows]):
        line(console, "  ", "  ".join(cells))
    line(console, "  E = 1.26408473530530…: Sylvester's sequence less one, each number n(n + 1) of the last")
    line(console, ("scripts", "bold"))
    for row in output.rows:
        line(console, f"  {row.calls}  {_short(row.script)}")
    for series in output.series:
        line(console, (_short([*series.script, "…"]), "bold"), f"  after n binds: {series.closed_form}")
        line(console, f"  model  {' '.join(f'{n:,}' for n in series.mounts)}")
        if series.measured is not None:
            line(console, f"  Linux  {' '.join(f'{n:,}' for n in series.measured)}")


def _row(output: GrowthOutput, row: GrowthRow) -> list[str]:
    cells = [str(row.calls), f"{row.mounts:,}", row.closed_form, HOW[row.how]]
    if output.kernel is not None:
        limit = f" (mount-max {output.mount_max:,})" if row.errno == "ENOSPC" and output.mount_max else ""
        cells.insert(3, f"{row.measured:,}" if row.measured is not None else f"{row.errno}{limit}")
    return cells


def _short(script: list[str]) -> str:
    """A script with what is repeated told once."""
    out: list[tuple[str, int]] = []
    for text in script:
        if out and out[-1][0] == text:
            out[-1] = (text, out[-1][1] + 1)
        else:
            out.append((text, 1))
    return "; ".join(text + (f" ({times} times)" if times > 1 else "") for text, times in out)
