"""Finds a shortest run into each cell that can be reached in a scope."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nsmodel.engines.interface import Limits
from nsmodel.engines.retrace import ReadingsDiffer
from nsmodel.system.operation import Call, Operation
from nsmodel.system.transition import Runner, TransitionSystem
from nsmodel.testgen.cells import OK, Cell
from nsmodel.testgen.covers.cover import Cover
from nsmodel.testgen.explore import Event, Exploration, Met
from nsmodel.testgen.seen import Seen, calls_in

Tell = Callable[[str], None]


@dataclass
class Found:
    """What was found: the calls of a shortest run into each cell, the shortest first, and how far the search went.

    `looked` says for each cover that looks at calls one by one up to which step it looked at all of them. `missing`
    are the cells that the text of the rules shows and no run came to.
    """

    runs: dict[Cell, tuple[Call, ...]] = field(default_factory=dict)
    missing: list[Cell] = field(default_factory=list)
    depth: int = 0
    states: int = 0
    complete: bool = False
    stopped: str | None = None
    interrupted: bool = False
    looked: dict[str, int] = field(default_factory=dict)


def find(system: TransitionSystem, covers: Sequence[Cover], limits: Limits, look: float, tell: Tell) -> Found:
    """Search the scope of a system; `look` is the seconds that each cover may take to look at calls one by one.

    Ctrl-C and a spent budget end the search early, with what was found.
    """
    search = _Finder(system, covers, limits, look, tell)
    try:
        search.run()
    except KeyboardInterrupt:
        search.found.interrupted = True
    search.finish()
    return search.found


class _Finder:
    """One search."""

    def __init__(
        self, system: TransitionSystem, covers: Sequence[Cover], limits: Limits, look: float, tell: Tell
    ) -> None:
        self.system = system
        self.covers = covers
        self.tell = tell
        self.found = Found()
        self.states = Exploration(system, limits)
        self.operations: tuple[Operation, ...] = (*system.spec.operations, *system.spec.edges)
        self.left = {cover.name: look for cover in covers if cover.by_looking}
        """Seconds that each cover may still look at calls."""

    def run(self) -> None:
        """Level by level."""
        for level in self.states.levels():
            for met in level:
                self._take(met)
            for cover in self.covers:
                self._look(cover)
            self.found.depth = self.states.depth + 1
            self.found.stopped = self.states.stopped
            self.tell(f"{self.found.depth} calls, {self.states.states:,} states, {len(self.found.runs)} cells")
            if not any(cover.by_events or self.left[cover.name] > 0 for cover in self.covers):
                break

    def finish(self) -> None:
        """What is left to be said."""
        found = self.found
        found.states, found.complete = self.states.states, self.states.complete and not found.interrupted
        missing = (cell for o in self.operations for cover in self.covers for cell in cover.known(self.system, o))
        found.missing = [cell for cell in dict.fromkeys(missing) if cell not in found.runs]
        self.states.close()

    # -- runs ---------------------------------------------------------------------------------------------------------

    def _take(self, met: Met) -> None:
        """The cells of the first call that comes to an event."""
        calls, state = self.states.real(met.state)
        runner = Runner(self.system, state)
        for seen in calls_in(runner, met.operation):
            if _comes_to(seen, met.event):
                self._note(calls, seen)
                return
        raise ReadingsDiffer(f"no call of {met.operation.name} comes to {met.event.result} as the engine says")

    def _note(self, calls: tuple[Call, ...], seen: Seen) -> None:
        for cover in self.covers:
            for cell in cover.of(seen):
                self.found.runs.setdefault(cell, (*calls, seen.call))

    def _look(self, cover: Cover) -> None:
        """Look at every call of this level, as long as the cover may."""
        if self.left.get(cover.name, 0) <= 0:
            return
        end = time.perf_counter() + self.left[cover.name]
        for number in self.states.numbers():
            self._look_at(cover, number)
            if time.perf_counter() > end:
                self.left[cover.name] = 0
                return
        self.left[cover.name] = end - time.perf_counter()
        self.found.looked[cover.name] = self.states.depth + 1

    def _look_at(self, cover: Cover, number: int) -> None:
        """Look at every call of a state; where one is in a new cell, find its like in the state that a run leads to."""
        runner = Runner(self.system, self.states.stored(number))
        for operation in self.operations:
            fresh: set[Cell] = set()
            for seen in calls_in(runner, operation):
                if cover.worth(seen, self.found.runs):
                    fresh |= {cell for cell in cover.of(seen) if cell not in self.found.runs}
            if fresh:
                calls, state = self.states.real(number)
                for seen in calls_in(Runner(self.system, state), operation):
                    if fresh & set(cover.of(seen)):
                        self._note(calls, seen)


def _comes_to(seen: Seen, event: Event) -> bool:
    if seen.result != event.result:
        return False
    if event.place is None:
        return event.result == OK or not seen.refused
    return seen.check is not None and seen.check.place == event.place
