"""Theorems over every forest for people: a line for each number of mounts, then the forests on which one fails."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from nsmodel.report.console import line, plural, seconds
from nsmodel.report.output import TheoremOutput, TheoremSize


class TheoremProgress:
    """One line on a terminal's standard error; silent in a pipe. Use it as a context."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stderr)
        self.live: Live | None = None
        self.start = time.monotonic()
        self.parts = 0
        self.done = 0
        self.mounts = 0
        self.forests: dict[int, int] = {}

    def __enter__(self) -> TheoremProgress:
        if self.console.is_terminal:
            self.live = Live(console=self.console, auto_refresh=False, transient=True)
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.stop()

    def begin(self, mounts: int, parts: int) -> None:
        """So many mounts come now, in so many shares."""
        self.start, self.mounts, self.parts, self.done = time.monotonic(), mounts, parts, 0
        self.forests = {}

    def told(self, part: int, forests: int) -> None:
        """A share tells how far it is."""
        self.forests[part] = forests
        if self.live is not None:
            self.live.update(Text(self.text()), refresh=True)

    def end(self, part: int, forests: int) -> None:
        """A share is through."""
        self.done += 1
        self.told(part, forests)

    def text(self) -> str:
        """How far it is."""
        forests = sum(self.forests.values())
        spent = max(time.monotonic() - self.start, 0.001)
        return (
            f"{plural(self.mounts, 'mount')}  {forests:,} forests  {forests / spent:,.0f}/s  "
            f"{self.done} of {plural(self.parts, 'share')} done  {seconds(spent)}"
        )


def show_size(console: Console, size: TheoremSize) -> None:
    """What came out for so many mounts."""
    if size.differences:
        verdict = ("FAILS", "bold red")
    else:
        verdict = ("HOLDS", "green") if size.complete else ("UNKNOWN", "yellow")
    what = f"{plural(size.forests, 'forest')}, {plural(size.cases, 'case')}, {seconds(size.seconds)}"
    rest = "" if size.complete else ", not all" if size.differences else ", interrupted"
    line(console, "  ", verdict, f"  {plural(size.mounts, 'mount')}: {what}{rest}")


def show_end(console: Console, output: TheoremOutput) -> None:
    """The forests on which it fails."""
    for number, forest in enumerate(output.found, 1):
        line(console, "")
        line(console, (f"{number}. a smallest forest, {plural(forest.mounts, 'mount')}: {forest.what}", "bold"))
        for text in forest.picture:
            line(console, "   ", text)
