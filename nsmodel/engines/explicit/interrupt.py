"""Ctrl-C in a search: noted at once, answered where nothing is half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class Interrupt:
    """Whether Ctrl-C came."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.came = True


@contextmanager
def deferred() -> Iterator[Interrupt]:
    """Note Ctrl-C instead of raising it; whoever handled it before is told at the end. Only the main thread can."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
        if interrupt.came and callable(before):
            with suppress(KeyboardInterrupt):
                before(signal.SIGINT, None)
