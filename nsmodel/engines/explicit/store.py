"""The states of a search in memory: arena, links, table, and the level that is being expanded."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from nsmodel.engines.explicit.checkpoint import Content
from nsmodel.engines.explicit.memory import Room, machine_memory, words_apart
from nsmodel.engines.native import context
from nsmodel.engines.native.library import Library
from nsmodel.engines.native.program import SEEN
from nsmodel.engines.native.store import CHUNK, QUEUE

ROOT = (1 << 32) - 1
"""Link of the initial state."""
MOST_STATES = (1 << 32) - 2
FIRST_TABLE = 1 << 16
"""Entries of a new table."""
LOAD = 0.75
"""The most of a table that may be full."""
NEVER = (1 << 64) - 1


class NoRoom(Exception):
    """The budget of memory is spent."""


@dataclass
class Worker:
    """What one thread has of its own."""

    context: ctypes.Array[ctypes.c_uint64]
    counts: ctypes.Array[ctypes.c_uint64]
    first: ctypes.Array[ctypes.c_uint64]
    seen: Room
    queue: Room

    @property
    def address(self) -> int:
        """The address of the context."""
        return ctypes.addressof(self.context)

    def get(self, name: str) -> int:
        """A word of the context."""
        return int(self.context[context.NAMES.index(name)])

    def put(self, name: str, value: int) -> None:
        """Store a word of the context."""
        self.context[context.NAMES.index(name)] = value


class Store:
    """States by number, in the order in which they were stored; `budget` is the most bytes for all of it."""

    def __init__(self, library: Library, threads: int, budget: int | None) -> None:
        self.library = library
        self.words = library.program.layout.words
        self.budget = budget if budget is not None else machine_memory()
        self.capacity = min(MOST_STATES, self.budget // self._state_bytes + 1)
        self.arena = Room(self.capacity * 8 * self.words)
        self.links = Room(self.capacity * 4)
        program = library.program
        self.slack = threads * (program.calls.most_calls() + 2 * CHUNK + QUEUE)
        """Places that may be taken after a thread has looked whether there is room."""
        self.entries = max(FIRST_TABLE, 1 << (8 * self.slack).bit_length())
        self.table = Room(8 * self.entries)
        self._next = ctypes.c_uint64(0)
        self.disordered = False
        """A level that several threads began is gone on with: its ranks may not come in order."""
        self.level = 0
        """Number of the first state of the level that is being found."""
        self.frontier = Room(4)
        self.width = 0
        """States in the frontier."""
        self.workers = [self._worker() for _ in range(threads)]
        self.aim()

    @property
    def _state_bytes(self) -> int:
        return 8 * self.words + 4

    def _worker(self) -> Worker:
        program = self.library.program
        counts = words_apart(len(program.calls.rules) * program.counters)
        first = words_apart(max(1, len(program.functions.properties)))
        seen = Room(8 * (self.words + 1) * SEEN)
        queue = Room(program.store.entry_bytes * QUEUE)
        worker = Worker(words_apart(context.SIZE), counts, first, seen, queue)
        worker.put("queue", queue.address)
        worker.put("counts", ctypes.addressof(counts))
        worker.put("first", ctypes.addressof(first))
        worker.put("seen", seen.address)
        return worker

    # -- what the threads are told ------------------------------------------------------------------------------------

    def aim(self) -> None:
        """Tell every thread where everything is, and how far it may go."""
        limit = max(0, self._limit() - self.slack)
        for worker in self.workers:
            worker.put("arena", self.arena.address)
            worker.put("links", self.links.address)
            worker.put("table", self.table.address)
            worker.put("mask", self.entries - 1)
            worker.put("next", ctypes.addressof(self._next))
            worker.put("limit", limit)
            worker.put("level", self.level)
            worker.put("shared", int(len(self.workers) > 1 or self.disordered))

    def _limit(self, entries: int | None = None) -> int:
        entries = entries or self.entries
        return min(self.capacity, int(entries * LOAD), self._affordable(entries))

    def _affordable(self, entries: int) -> int:
        """How many states the budget has room for besides a table of some entries and the lists of two levels."""
        left = self.budget - 8 * entries - 8 * self.width + 4 * self.level
        return max(0, left // (self._state_bytes + 4))

    def grow(self) -> None:
        """Make the table twice as large; raises :class:`NoRoom` when that makes no room for more states."""
        twice = 2 * self.entries
        if self._limit(twice) <= max(self._limit(), self.used + self.slack):
            raise NoRoom
        self.resize(twice)

    def resize(self, entries: int) -> None:
        """Make a table of some entries, and enter every state."""
        self.table.free()
        self.entries = entries
        self.table = Room(8 * entries)
        self.aim()
        self.library.rebuild(self.workers[0].address, 0, self.used)

    # -- states -------------------------------------------------------------------------------------------------------

    @property
    def used(self) -> int:
        """Places taken in the arena; some of them may be empty."""
        return min(int(self._next.value), self.capacity)

    @used.setter
    def used(self, value: int) -> None:
        self._next.value = value

    @property
    def found(self) -> int:
        """States that are stored."""
        return sum(worker.get("found") for worker in self.workers)

    @property
    def memory(self) -> int:
        """Bytes of arena, links, table and the level."""
        return self.used * self._state_bytes + 8 * self.entries + 4 * self.width

    def words_of(self, number: int) -> tuple[int, ...]:
        """A stored state."""
        return tuple(self.arena.number(number * self.words + i, 8) for i in range(self.words))

    def parent(self, number: int) -> int | None:
        """The state that led to a state of a sealed level; None for the initial one."""
        link = self.links.number(number, 4)
        return None if link == ROOT else link - 1

    def start(self, words: tuple[int, ...]) -> None:
        """Store the initial state."""
        given = (ctypes.c_uint64 * self.words)(*words)
        worker = self.workers[0]
        worker.put("rank", ROOT)
        self.library.queue(ctypes.addressof(given), worker.address)
        self.library.flush(worker.address)
        self.settle()
        self.frontier.put(0, 4, 0)
        self.width = 1
        self.level = self.used
        self.aim()

    def start_with(self, states: bytes) -> None:
        """Store many initial states, given by their words; none comes twice."""
        count = len(states) // (8 * self.words)
        numbers = b"".join(i.to_bytes(4, "little") for i in range(count))
        self._put_back(count, count, count, states, ROOT.to_bytes(4, "little") * count, numbers)

    def restore(self, used: int, level: int, width: int, content: Content) -> None:
        """Put the states of a checkpoint back."""
        self.disordered = True
        self._put_back(used, level, width, content.states, content.links, content.current)

    def _put_back(self, used: int, level: int, width: int, states: bytes, links: bytes, current: bytes) -> None:
        if used > self.capacity:
            self.capacity = used + self.slack
            self.arena.free()
            self.links.free()
            self.arena, self.links = Room(self.capacity * 8 * self.words), Room(self.capacity * 4)
        self.arena.write(0, states)
        self.links.write(0, links)
        self.links.write(4 * level, current[4 * width :])
        self.frontier.free()
        self.frontier = Room(4 * max(1, width))
        self.frontier.write(0, current[: 4 * width])
        self.level, self.width = level, width
        self.used = used
        entries = self.entries
        while entries * LOAD < used + 2 * self.slack:
            entries *= 2
        self.resize(entries)

    def settle(self) -> None:
        """Take back the places that threads have not used: no state is stored in any of them."""
        for worker in self.workers:
            if worker.get("own_end") == self._next.value:
                self._next.value = worker.get("own")
            worker.put("own", 0)
            worker.put("own_end", 0)

    def seal(self) -> None:
        """The level is found: order it, and make it the one to be expanded."""
        self.settle()
        fresh = self.used - self.level
        counts, out = Room(4 * (self.width + 2)), Room(4 * max(1, fresh))
        self.library.seal(
            self.workers[0].address,
            self.frontier.address,
            self.width,
            counts.address,
            out.address,
            self.level,
            self.used,
        )
        sealed = counts.number(self.width, 4)
        counts.free()
        self.frontier.free()
        self.frontier, self.width = out, sealed
        self.level = self.used
        self.aim()

    def free(self) -> None:
        """Give all memory back."""
        for room in (self.arena, self.links, self.table, self.frontier, *self._own_rooms()):
            room.free()

    def _own_rooms(self) -> list[Room]:
        return [room for worker in self.workers for room in (worker.seen, worker.queue)]
