"""`python -m nsmodel.bench.child TASK`: one search by our engine in a process of its own, told as JSON.

A process of its own: its peak of memory is that of the search, and not of what the caller did before.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import msgspec

from nsmodel.bench.cases import Case
from nsmodel.engines.explicit.search import Explicit
from nsmodel.engines.interface import Limits, Resources


class Task(msgspec.Struct, frozen=True):
    """What to search; `depth` 0 is for compiling alone."""

    case: Case
    threads: int
    depth: int | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What a search gave: `memory` is bytes of arena, table and parent links, `violated` names properties."""

    states: int
    transitions: int
    seconds: float
    compile_seconds: float
    memory: int
    peak_rss_mib: float
    complete: bool
    violated: list[str] = []


def outcome(task: Task) -> Outcome:
    """Search."""
    case = task.case
    found = Explicit().search(
        case.system(),
        Limits(task.depth),
        lambda _: None,
        symmetry=case.symmetry,
        resources=Resources(threads=task.threads),
    )
    return Outcome(
        found.states,
        found.transitions,
        found.seconds,
        found.compile_seconds,
        found.memory,
        peak_rss_mib(),
        found.complete,
        list(found.found),
    )


def peak_rss_mib() -> float:
    """The most memory that this process held, in MiB.

    The kernel's figure of the address space, since getrusage counts what the parent held before the program started.
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(outcome(msgspec.json.decode(sys.argv[1], type=Task))))
