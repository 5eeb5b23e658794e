"""Our engine: the same search as `nsmodel check --engine explicit`, measured in a process of its own."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from nsmodel.bench.cases import Case
from nsmodel.bench.child import Outcome, Task
from nsmodel.bench.processes import Failed, run

ENGINE = "explicit"


@dataclass(frozen=True)
class Measured:
    """Our search of a case: the median of its seconds, the most memory of all runs. `states` are those of each run."""

    states: tuple[int, ...]
    transitions: int
    seconds: float
    bytes_per_state: float
    peak_rss_mib: float


def compile_seconds(case: Case, cache: Path) -> float:
    """Seconds that LLVM takes for a case whose machine code is not in the cache yet. Raises :class:`Failed`."""
    return _searched(Task(case, 1, depth=0), cache).compile_seconds


def measured(case: Case, threads: int, repeat: int, cache: Path) -> Measured:
    """Search a case so many times, with machine code from the cache. Raises :class:`Failed`."""
    runs = [_searched(Task(case, threads), cache) for _ in range(repeat)]
    for one in runs:
        if one.violated:
            raise Failed(f"properties are violated: {', '.join(one.violated)}")
        if not one.complete:
            raise Failed("the search ended early")
    last = runs[-1]
    return Measured(
        states=tuple(one.states for one in runs),
        transitions=last.transitions,
        seconds=statistics.median(one.seconds for one in runs),
        bytes_per_state=last.memory / last.states,
        peak_rss_mib=max(one.peak_rss_mib for one in runs),
    )


def _searched(task: Task, cache: Path) -> Outcome:
    argument = msgspec.json.encode(task).decode()
    command = [sys.executable, "-m", "nsmodel.bench.child", argument]
    done = run(command, environment={"NSMODEL_CACHE": str(cache)}).succeeded("our search")
    return msgspec.json.decode(done.out, type=Outcome)
