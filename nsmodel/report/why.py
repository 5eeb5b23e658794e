"""Checks that refuse a call, and pairs of them, as text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console

from nsmodel.report.console import folded, line, plural
from nsmodel.report.output import CheckInfo, PairInfo


def show_checks(console: Console, call: str, when: str, checks: Sequence[CheckInfo], end: str) -> None:
    """What refuses a call in its order, and what would come without."""
    line(console, (f"{call}, {when}", "bold"))
    for number, check in enumerate(checks, 1):
        folded(console, 15, (f"  {number}  {check.errno:<8}  ", "bold"), check.reason)
        folded(console, 15, f"               {check.function}, {check.place}; {check.source}")
    if checks:
        past = "without that check" if len(checks) == 1 else f"without these {len(checks)} checks"
        folded(console, 2, f"  {past}: {end}")
    else:
        line(console, f"  no check refuses it: {end}")


def show_pairs(console: Console, pairs: Sequence[PairInfo]) -> None:
    """Pairs by call: the winner, what it comes before, and the trace that shows it."""
    for operation, some in groupby(pairs, key=lambda p: p.operation):
        own = list(some)
        line(console, (f"{operation}: {plural(len(own), 'pair')}", "bold"))
        for pair in own:
            told = f"  {pair.replay}" if pair.replay else ""
            where = f"  {pair.file}" if pair.file else ""
            winner, loser = pair.winner, pair.loser
            folded(
                console,
                4,
                (f"  {winner.errno}", "bold"),
                f" {winner.reason}, before {loser.errno} {loser.reason}  {plural(pair.steps, 'step')}{told}{where}",
            )
            if pair.why:
                folded(console, 6, f"      {pair.why}")
