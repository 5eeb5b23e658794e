"""Where text for people goes: standard output, or standard error when that carries JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import IO

from rich.console import Console
from rich.text import Text

FOLD = 80
"""Columns of a terminal that traces are written for."""
STYLES = {"PROVED": "bold green", "HOLDS": "green", "VIOLATED": "bold red", "VACUOUS": "yellow", "UNKNOWN": "yellow"}


def people(json_file: str | None) -> Console:
    """The console for people's text; colour only on a terminal, and not with NO_COLOR."""
    return console_on(sys.stderr if json_file == "-" else sys.stdout)


def console_on(file: IO[str]) -> Console:
    """A console on a file; nothing in a text is taken for markup."""
    return Console(file=file, markup=False, highlight=False, emoji=False)


def line(console: Console, *parts: str | tuple[str, str]) -> None:
    """One line, never wrapped or cut: a terminal wraps it itself. A part is a text, or a text with a style."""
    text = Text()
    for part in parts:
        text.append(part) if isinstance(part, str) else text.append(*part)
    text.rstrip()
    console.print(text, soft_wrap=True, crop=False, overflow="ignore")


def folded(console: Console, hang: int, *parts: str | tuple[str, str]) -> None:
    """One line folded at 80 columns, between words; what follows is indented by `hang`."""
    text = Text()
    for part in parts:
        text.append(part) if isinstance(part, str) else text.append(*part)
    text.rstrip()
    first, *rest = text.wrap(console, FOLD) or [text]
    following = list(Text(" ").join(rest).wrap(console, FOLD - hang)) if rest else []
    for row in (first, *(Text(" " * hang).append_text(r) for r in following)):
        row.rstrip()
        console.print(row, soft_wrap=True, crop=False, overflow="ignore")


def columns(rows: Iterable[list[str]]) -> list[list[str]]:
    """Cells padded to the width of their column."""
    table = [list(row) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in table]


def seconds(value: float) -> str:
    """A time for people."""
    if value >= 120:
        return f"{value / 60:.1f} min"
    return f"{value:.1f} s" if value >= 0.1 else f"{value * 1000:.0f} ms"


def plural(number: int, what: str) -> str:
    """`1 step`, `5,435 states`."""
    if number == 1:
        return f"1 {what}"
    many = what[:-1] + "ies" if what.endswith("ty") else what + "s"
    return f"{number:,} {many}"
