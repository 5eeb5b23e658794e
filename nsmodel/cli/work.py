"""Runs jobs in parallel processes, with their progress, and ends them in order on Ctrl-C.

A job is a function of a report that gives back what can be pickled. Processes are forked, so a job needs no pickling
itself. Ctrl-C reaches every job as one KeyboardInterrupt, which an engine answers with what it reached so far.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import Any, Generic, TypeVar

from nsmodel.engines.interface import Progress, Report, resident_mb
from nsmodel.system.problem import Problem

T = TypeVar("T")
Job = Callable[[Report], T]
Tell = Callable[[int, Progress, float], None]
"""Told of a job's number, its progress and its memory in MB."""

EVERY = 0.2
"""Seconds between two reports of a job."""
GRACE = 15.0
"""Seconds that a job has to end after Ctrl-C."""


class Crew(Generic[T]):
    """Runs jobs, at most `processes` at a time; one process means this one."""

    def __init__(self, jobs: Sequence[Job[T]], processes: int, tell: Tell) -> None:
        self.jobs = jobs
        self.processes = max(1, min(processes, len(jobs)))
        self.tell = tell
        self.interrupted = False

    def run(self) -> Iterator[tuple[int, T]]:
        """Number and result of each job as they end; after Ctrl-C no job begins any more. Raises what a job raised."""
        if self.processes == 1:
            yield from self._here()
        else:
            yield from self._forked()

    def _here(self) -> Iterator[tuple[int, T]]:
        with _interrupts() as interrupts:
            for number, job in enumerate(self.jobs):
                try:
                    interrupts.arm()
                    result = job(_throttled(lambda p, n=number: self.tell(n, p, resident_mb())))  # type: ignore[misc]
                except KeyboardInterrupt:
                    self.interrupted = True
                    return
                finally:
                    interrupts.armed = False
                self.interrupted = interrupts.hit
                yield number, result
                self.interrupted |= interrupts.hit
                if self.interrupted:
                    return

    def _forked(self) -> Iterator[tuple[int, T]]:
        context = multiprocessing.get_context("fork")
        waiting = list(enumerate(self.jobs))
        running: dict[Connection, tuple[int, ForkProcess]] = {}
        hits: list[float] = []
        before = signal.signal(signal.SIGINT, lambda *_: hits.append(time.monotonic()))
        try:
            while waiting or running:
                if hits and not self.interrupted:
                    self.interrupted = True
                    waiting.clear()
                    for _, process in running.values():
                        with suppress(ProcessLookupError):
                            os.kill(process.pid or 0, signal.SIGINT)
                if hits and time.monotonic() - hits[0] > GRACE:
                    return
                while waiting and len(running) < self.processes:
                    number, job = waiting.pop(0)
                    ours, theirs = context.Pipe(duplex=False)
                    process = context.Process(target=_work, args=(job, theirs), daemon=True)
                    process.start()
                    theirs.close()
                    running[ours] = (number, process)
                for ready in wait(list(running), timeout=EVERY):
                    assert isinstance(ready, Connection)
                    number, process = running[ready]
                    try:
                        kind, value = ready.recv()
                    except EOFError:
                        kind, value = "died", None
                    if kind == "progress":
                        self.tell(number, *value)
                        continue
                    del running[ready]
                    process.join()
                    if kind == "done":
                        yield number, value
                    elif kind == "failed":
                        raise value
                    elif kind == "died" and not self.interrupted:
                        cause = f"it ended with status {process.exitcode}"
                        raise Problem(
                            "a search ended without a result",
                            cause=cause,
                            fix="is there enough memory? try --memory-limit",
                        )
        finally:
            signal.signal(signal.SIGINT, before)
            for _, process in running.values():
                process.kill()


def _work(job: Job[Any], out: Connection) -> None:
    """What a process does."""

    def say(progress: Progress) -> None:
        out.send(("progress", (progress, resident_mb())))

    with _interrupts() as interrupts:
        try:
            interrupts.arm()
            message: tuple[str, Any] = ("done", job(_throttled(say)))
        except KeyboardInterrupt:
            message = ("interrupted", None)
        except Exception as error:
            message = ("failed", error)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(BrokenPipeError):  # whoever waited is gone
        try:
            out.send(message)
        except (TypeError, AttributeError, pickle.PicklingError):
            out.send(("failed", RuntimeError(f"{type(message[1]).__name__}: {message[1]}")))


class Interrupts:
    """SIGINT as one KeyboardInterrupt, and only while a job is under way: a terminal and a parent may both send one."""

    def __init__(self) -> None:
        self.hit = False
        self.armed = False

    def arm(self) -> None:
        """A job begins; raises KeyboardInterrupt when SIGINT came before."""
        if self.hit:
            raise KeyboardInterrupt
        self.armed = True

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        again, self.hit = self.hit, True
        if self.armed and not again:
            raise KeyboardInterrupt


@contextmanager
def _interrupts() -> Iterator[Interrupts]:
    interrupts = Interrupts()
    before = signal.signal(signal.SIGINT, interrupts.handle)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)


def _throttled(say: Callable[[Progress], None]) -> Report:
    """Reports now and then, but always the last one of a level: it tells how large the next level is."""
    said = 0.0
    held: Progress | None = None

    def report(progress: Progress) -> None:
        nonlocal said, held
        now = time.monotonic()
        if held is not None and held.depth != progress.depth:
            say(held)
        held = progress
        if now - said >= EVERY:
            said, held = now, None
            say(progress)

    return report


def default_processes() -> int:
    """Processes when nobody says how many: the cores, at most two."""
    return min(len(os.sched_getaffinity(0)), 2)
