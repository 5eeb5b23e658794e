"""What every engine is: asked for the properties of a transition system within limits, it tells what it found."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from nsmodel.system.operation import Call
from nsmodel.system.transition import TransitionSystem, Violation


@dataclass(frozen=True)
class Limits:
    """Budgets of a search; None is no limit. `depth` is part of the scope, the others stop with exit status 3."""

    depth: int | None = None
    seconds: float | None = None
    states: int | None = None
    memory_mb: int | None = None


@dataclass
class Progress:
    """What a running search tells."""

    depth: int = 0
    states: int = 0
    frontier: int = 0
    transitions: int = 0


Report = Callable[[Progress], None]


@dataclass
class Found:
    """A counterexample: the calls from the initial state, the last of which breaks the clause."""

    violation: Violation
    calls: tuple[Call, ...]
    minimal: bool = True


@dataclass
class Search:
    """What a search found.

    `found` has the shortest counterexample of each violated property. `complete`: no state of the scope was left
    out. `stopped`: why the search ended early, None when it did not. `unknown`: properties that the engine could not
    decide, with the reason.
    """

    engine: str
    depth: int = 0
    states: int = 0
    transitions: int = 0
    complete: bool = False
    stopped: str | None = None
    seconds: float = 0.0
    compile_seconds: float = 0.0
    cuts: Counter[str] = field(default_factory=Counter)
    coverage: Counter[tuple[str, str]] = field(default_factory=Counter)
    found: dict[str, Found] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    memory: int = 0
    """Bytes of the stored states and of what finds them, 0 where an engine does not tell."""


@dataclass(frozen=True)
class Resources:
    """What a search may use besides its budgets: threads, and a folder to keep itself in.

    `resume`: go on from what the folder holds. An engine that has no use for them leaves them alone.
    """

    threads: int = 1
    checkpoint: Path | None = None
    resume: bool = False
    say: Callable[[str], None] = print
    """Tells people one line, at once."""


ALONE = Resources()
"""One thread, and nothing kept."""


class Engine(Protocol):
    """An engine."""

    name: str

    def unfit(self, system: TransitionSystem) -> str | None:
        """Why the engine cannot check the system, or None."""
        ...

    def search(
        self,
        system: TransitionSystem,
        limits: Limits,
        report: Report,
        *,
        symmetry: bool = True,
        resources: Resources = ALONE,
    ) -> Search:
        """Look for a shortest counterexample of every property of the system's spec.

        Ctrl-C and a spent budget end the search early, with what was reached.
        """
        ...


class Clock:
    """Watches the budgets of a search."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.start

    def spent(self, states: int) -> str | None:
        """Which budget is spent, or None."""
        if self.limits.seconds is not None and self.seconds > self.limits.seconds:
            return f"the time limit of {self.limits.seconds:g} s is spent"
        if self.limits.states is not None and states >= self.limits.states:
            return f"the limit of {self.limits.states} states is reached"
        if self.limits.memory_mb is not None and resident_mb() > self.limits.memory_mb:
            return f"the memory limit of {self.limits.memory_mb} MB is reached"
        return None


def resident_mb() -> float:
    """Resident memory of this process in MB; 0 where /proc does not tell."""
    try:
        with Path("/proc/self/statm").open(encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096 / 1e6
    except OSError:
        return 0.0
