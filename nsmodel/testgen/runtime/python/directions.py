"""What the case says: by the one that runs it, a task or the watcher, it is performed or compared."""

import os
from collections.abc import Callable
from pathlib import Path

from nsmodel.testgen.runtime.python.people import Failed, Impossible, channels, me, perform
from nsmodel.testgen.runtime.python.tasks import keep
from nsmodel.testgen.runtime.python.watcher import watcher


def step(task: str, text: str, gives: Callable[[], int], made: Callable[[], int]) -> None:
    """One call: who makes it, and what it gives, a negative error number where it fails."""
    if me.task == task:
        perform(task, made, gives)
    elif not me.task:
        watcher.step(task, gives, text)


def last(task: str, text: str, made: Callable[[], int]) -> None:
    """The same, when the task does not come back from it."""
    if me.task == task:
        perform(task, made, lambda: 0)
    elif not me.task:
        watcher.begin(text)
        channels[task].watcher.send(b"go")


def setup(task: str, made: Callable[[], int]) -> None:
    """What is done before the case begins; it must succeed."""
    if me.task == task:
        perform(task, made, lambda: 0)
    elif not me.task and (result := watcher.turn(task)) < 0:
        raise Impossible(f"the beginning: {os.strerror(-result)}")


def now(task: str, **facets: str) -> None:
    """From here on a task is so, until something else is said."""
    if not me.task:
        watcher.wanted.setdefault(task, {}).update(facets)


def names(task: str, fs: str, all_: str) -> None:
    """The files of the sandbox's root, by their names in the beginning, as make_names has them."""
    if not me.task:
        watcher.learn(task, fs, "", all_)


def known(bugs: str) -> None:
    """On the release that is told of here, the step before goes wrong: it is reported as a known failure."""
    if not me.task:
        watcher.known = bugs


def status(wanted: int) -> None:
    """What the wait before told of how the child ended."""
    if not me.task and watcher.status != wanted:
        raise Failed(f"expected status {wanted:#x}, got {watcher.status:#x}")


def still(text: str) -> None:
    """What is compared in the end."""
    if not me.task:
        watcher.begin(text)


def opened(task: str, handle: int, place: str) -> None:
    """Where a new descriptor of a task leads."""
    if not me.task:
        watcher.fresh()
        watcher.look_place(task, place, f"fd/{watcher.handles[task][handle]}")


def opened_ns(task: str, handle: int, namespace: str) -> None:
    """Which namespace a new descriptor of a task is of."""
    if not me.task:
        watcher.fresh()
        seen = Path(watcher.folder(task), "fd", str(watcher.handles[task][handle])).stat().st_ino
        watcher.need(watcher.agrees(namespace, seen), "the namespace of the descriptor", seen, namespace)


def finds(task: str, place: str, made: Callable[[], int]) -> None:
    """Where a path of a task leads."""
    if me.task == task:
        perform(task, lambda: keep(63, made()), lambda: 0)
    elif not me.task:
        result = watcher.turn(task)
        watcher.need(result == 0, "a path to it", result, 0)
        opened(task, 63, place)
