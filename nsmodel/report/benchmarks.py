"""The table of measurements: ours beside each peer, and the command that measures a row again."""

from __future__ import annotations

from rich.console import Console

from nsmodel.report.console import line, plural, seconds
from nsmodel.report.output import BenchCase, BenchOutput

HEADINGS = (
    "case", "engine", "threads", "states", "seconds", "compile s", "states/s", "bytes/state", "peak MiB",
    "peer", "its threads", "its seconds", "its compile s", "ratio",
)  # fmt: skip
WORDS = frozenset({"case", "engine", "peer"})
"""Columns of words, aligned to the left; the others hold numbers."""


def show(console: Console, output: BenchOutput) -> None:
    """The table, what was left out, what differs, and the sum."""
    machine = output.machine
    where = f"{machine.cpu}, {plural(machine.cores, 'core')}, load {machine.load:.2f}; {machine.system}"
    line(console, (where, "dim"))
    for name, version in output.peers.items():
        line(console, (f"{name}: {version}", "dim"))
    if output.cases:
        _table(console, output.cases)
    for left in output.left_out:
        line(console, ("left out", "yellow"), f"  {left.name or 'every case'}  {left.peer}: {left.why}")
    for difference in output.differences:
        line(console, ("DISAGREE", "bold red"), f"  {difference.name}  {difference.what}")
    counts = f"{len(output.differences)} DIFFERENT" if output.differences else "no count of states differs"
    early = "; interrupted" if output.interrupted else ""
    line(
        console,
        f"{plural(len(output.cases), 'row')}, median of {plural(output.repeat, 'run')}: {counts}{early};"
        f" {seconds(output.seconds)}; exit {output.exit}",
    )


def _table(console: Console, cases: list[BenchCase]) -> None:
    rows = [HEADINGS, *(_cells(case) for case in cases)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    texts = []
    for row in rows:
        columns = zip(row, widths, HEADINGS, strict=True)
        texts.append("  ".join(c.ljust(w) if h in WORDS else c.rjust(w) for c, w, h in columns))
    line(console, "")
    line(console, (texts[0], "bold"))
    for case, text in zip(cases, texts[1:], strict=True):
        line(console, text)
        line(console, (f"    {case.again}", "dim"))
    line(console, "")
    line(
        console,
        ("ratio: the peer's seconds over ours, both without compilation. Peers check what `nsmodel export`", "dim"),
    )
    line(console, ("prints (TLC: nsmodel/bench/tla), which nobody tuned for them.", "dim"))


def _cells(case: BenchCase) -> tuple[str, ...]:
    return (
        case.name,
        case.engine,
        str(case.threads),
        f"{case.states:,}",
        f"{case.seconds:.3f}",
        f"{case.compile_seconds:.2f}",
        f"{case.states_per_second:,.0f}",
        f"{case.bytes_per_state:.1f}",
        f"{case.peak_rss_mib:.0f}",
        case.peer or "-",
        str(case.peer_threads) if case.peer_threads is not None else "-",
        f"{case.peer_seconds:.2f}" if case.peer_seconds is not None else "-",
        f"{case.peer_compile_seconds:.1f}" if case.peer_compile_seconds is not None else "-",
        f"{case.ratio:.2f}" if case.ratio is not None else "-",
    )
