"""Our engine, in a process of its own, so that its memory is its own too."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import resource
import statistics
from dataclasses import dataclass

from nsmodel.bench.cases import Case
from nsmodel.engines.explicit.search import Explicit
from nsmodel.engines.interface import Limits, Resources
from nsmodel.system.problem import Problem


@dataclass(frozen=True)
class Measured:
    """One measurement: seconds of search, and of compilation before it (0 when the code was there)."""

    states: int
    transitions: int
    seconds: float
    compile_seconds: float
    bytes_per_state: float
    peak_rss_mib: float


def measure(case: Case, threads: int, repeat: int) -> Measured:
    """The median of some runs; compile time is that of the first."""
    runs = [_apart(case, threads) for _ in range(repeat)]
    middle = statistics.median_low([run.seconds for run in runs])
    run = next(r for r in runs if r.seconds == middle)
    return Measured(run.states, run.transitions, middle, runs[0].compile_seconds, run.bytes_per_state, run.peak_rss_mib)


def _apart(case: Case, threads: int) -> Measured:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(case, threads, theirs))
    process.start()
    theirs.close()
    try:
        found: Measured = ours.recv()
    except EOFError:
        raise Problem(f"the search of {case.name} ended without a result", place="bench") from None
    finally:
        process.join()
    return found


def _work(case: Case, threads: int, out: multiprocessing.connection.Connection) -> None:
    found = Explicit().search(
        case.system(), Limits(), lambda _: None, symmetry=case.symmetry, resources=Resources(threads)
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out.send(
        Measured(
            found.states,
            found.transitions,
            found.seconds,
            found.compile_seconds,
            found.memory / found.states,
            peak,
        )
    )
