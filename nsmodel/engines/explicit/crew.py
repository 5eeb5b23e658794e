"""Threads that work through the ranks of a level together, in pieces small enough to stop after any of them."""

from __future__ import annotations

import threading
from collections.abc import Callable

PIECE = 1024
"""Ranks that a thread takes at a time."""
FEW = 512
"""A level with fewer ranks is not worth a second thread."""

Work = Callable[[int, int, int], int]
"""Of a thread's number, works through ranks from … to …; gives back the first that it had no room for."""


class Level:
    """The ranks that are left to do. `left` are ranges that were begun, from `position` on nothing was."""

    def __init__(self, width: int, left: list[tuple[int, int]] | None = None) -> None:
        self.left = [(0, width)] if left is None else list(left)
        self._lock = threading.Lock()
        self._stop = False
        self.full = False
        """Whether a thread had no room when it was last at work."""

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return not self.left

    def _take(self) -> tuple[int, int] | None:
        with self._lock:
            if self._stop or not self.left:
                return None
            start, end = self.left.pop()
            if end - start > PIECE:
                self.left.append((start + PIECE, end))
                end = start + PIECE
            return start, end

    def _give_back(self, start: int, end: int) -> None:
        with self._lock:
            self._stop = self.full = True
            self.left.append((start, end))

    def work(self, threads: int, work: Work, pause: Callable[[], bool]) -> None:
        """Work until nothing is left, a thread has no room, or `pause` (asked after each piece of the first thread)
        says so; every piece that was begun is then done, or its rest is left."""
        self._stop = self.full = False
        ranks = sum(end - start for start, end in self.left)
        failures: list[BaseException] = []

        def others(number: int) -> None:
            try:
                self._go(number, work)
            except BaseException as error:
                failures.append(error)
                self._stop = True

        helpers = [threading.Thread(target=others, args=(i,)) for i in range(1, threads if ranks >= FEW else 1)]
        for helper in helpers:
            helper.start()
        try:
            self._go(0, work, pause)
        finally:
            for helper in helpers:
                helper.join()
        if failures:
            raise failures[0]

    def _go(self, number: int, work: Work, pause: Callable[[], bool] | None = None) -> None:
        while (piece := self._take()) is not None:
            start, end = piece
            reached = work(number, start, end)
            if reached < end:
                self._give_back(reached, end)
                return
            if pause is not None and pause():
                self._stop = True
                return
