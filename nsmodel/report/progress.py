"""Progress of long searches on a terminal's standard error; silent in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from nsmodel.report.console import seconds


class Told(Protocol):
    """What a search tells of itself."""

    depth: int
    states: int
    frontier: int
    transitions: int


class Meter:
    """One search: its rate, and how its frontier grows from level to level."""

    def __init__(self, now: float) -> None:
        self.start = now
        self.levels: dict[int, int] = {}
        self.last: Told | None = None
        self.memory = 0.0
        self.now = now

    def update(self, told: Told, memory: float, now: float) -> None:
        """Take in a report; `frontier` is the number of states found so far that wait for the next level."""
        self.levels[told.depth + 1] = told.frontier
        self.last, self.memory, self.now = told, memory, now

    @property
    def rate(self) -> float:
        """States per second since the start."""
        spent = self.now - self.start
        return self.last.states / spent if self.last is not None and spent > 0 else 0.0

    @property
    def growth(self) -> float | None:
        """How much larger the last whole level is than the one before; None until there are two."""
        depth = self.last.depth if self.last is not None else 0
        newer, older = self.levels.get(depth), self.levels.get(depth - 1)
        return newer / older if newer and older else None

    def estimate(self) -> str:
        """How long it may still take: an estimate only when the frontier shrinks."""
        growth = self.growth
        if self.last is None or growth is None or growth >= 1 or not self.rate:
            return "no estimate: still growing" if growth is not None and growth >= 1 else "no estimate yet"
        left = self.levels[self.last.depth] * growth / (1 - growth) / self.rate
        return f"about {seconds(left)} left"

    def text(self) -> str:
        """One line."""
        if self.last is None:
            return "starting"
        grown = f" (×{self.growth:.1f})" if self.growth is not None else ""
        return (
            f"depth {self.last.depth}  {self.last.states:,} states  {self.rate:,.0f}/s  "
            f"next level {self.last.frontier:,}{grown}  {self.memory:,.0f} MB  {self.estimate()}"
        )


class ProgressView:
    """A line for each running job. Use it as a context."""

    def __init__(self, names: Sequence[str], console: Console | None = None) -> None:
        self.names = names
        self.console = console or Console(file=sys.stderr)
        self.meters: dict[int, Meter] = {}
        self.done = 0
        self.live: Live | None = None

    def __enter__(self) -> ProgressView:
        if self.console.is_terminal:
            self.live = Live(console=self.console, auto_refresh=False, transient=True)
            self.live.start()
        return self

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Out of the way while something is printed."""
        if self.live is None:
            yield
            return
        self.live.stop()
        try:
            yield
        finally:
            self.__enter__()
            self._draw()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.stop()

    def update(self, number: int, told: Told, memory: float) -> None:
        """A job's report; `memory` in MB."""
        if self.live is None:
            return
        now = time.monotonic()
        self.meters.setdefault(number, Meter(now)).update(told, memory, now)
        self._draw()

    def finish(self, number: int) -> None:
        """A job is done: its line goes."""
        self.done += 1
        self.meters.pop(number, None)
        if self.live is not None:
            self._draw()

    def _draw(self) -> None:
        assert self.live is not None
        lines = [f"{self.names[n]}  {meter.text()}" for n, meter in sorted(self.meters.items())]
        lines.append(f"{self.done} of {len(self.names)} done")
        self.live.update(Text("\n".join(lines)), refresh=True)


@contextmanager
def counting(title: str) -> Iterator[Callable[[str], None]]:
    """A line on a terminal's standard error that says how far something is; silent in a pipe."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda text: None
        return
    with console.status(title) as shown:
        yield lambda text: shown.update(f"{title}: {text}")
