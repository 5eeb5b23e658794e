"""Finds a shortest run into each cell that can be reached in a scope."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nsmodel.engines.interface import Limits
from nsmodel.engines.retrace import ReadingsDiffer
from nsmodel.system.operation import Call, Operation
from nsmodel.system.transition import TransitionSystem
from nsmodel.testgen.cells import Cell
from nsmodel.testgen.covers.cover import Cover
from nsmodel.testgen.explore import Exploration, Met
from nsmodel.testgen.seen import Seen

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
    """Search the scope of a system; `look` is the seconds of processor time that each cover may take to look at calls
    one by one.

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
        self._changing: set[Cell] = set()
        """Cells with a run whose last call leaves another state behind: of runs of one length, it tells more."""
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
        found = next((seen for seen in self.states.calls_of(state) if seen.event == met.event), None)
        if found is None:
            raise ReadingsDiffer(f"no call of {met.event.operation} comes to {met.event.result} in the state itself")
        self._note(calls, found)

    def _note(self, calls: tuple[Call, ...], seen: Seen) -> None:
        """Keep a run for the cells that nobody came to before."""
        if seen.event is not None and Seen(seen.runner, seen.operation, seen.call).result != seen.event.result:
            raise ReadingsDiffer(f"{seen.call} does not come to {seen.event.result} in the direct reading")
        run = (*calls, seen.call)
        changes = seen.event is not None and seen.event.changes
        for cover in self.covers:
            for cell in cover.of(seen):
                known = self.found.runs.setdefault(cell, run)
                if changes and cell not in self._changing and len(known) == len(run):
                    self.found.runs[cell] = run
                if changes and self.found.runs[cell] is run:
                    self._changing.add(cell)

    def _look(self, cover: Cover) -> None:
        """Look at every call of this level, as long as the cover may."""
        if self.left.get(cover.name, 0) <= 0:
            return
        end = time.process_time() + self.left[cover.name]
        for number in self.states.numbers():
            self._look_at(cover, number)
            if time.process_time() > end:
                self.left[cover.name] = 0
                return
        self.left[cover.name] = end - time.process_time()
        self.found.looked[cover.name] = self.states.depth + 1

    def _look_at(self, cover: Cover, number: int) -> None:
        """Look at every call of a state; where one is in a new cell, find its like in the state that a run leads to."""
        runs = self.found.runs
        fresh: set[Cell] = set()
        for seen in self.states.calls_of(self.states.stored(number)):
            if cover.worth(seen, runs):
                fresh |= {cell for cell in cover.of(seen) if cell not in runs}
        if not fresh:
            return
        calls, state = self.states.real(number)
        operations = {cell.operation for cell in fresh}
        for seen in self.states.calls_of(state):
            if seen.operation.name in operations and cover.worth(seen, runs):
                if any(cell not in runs for cell in cover.of(seen)):
                    self._note(calls, seen)
