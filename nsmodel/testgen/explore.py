"""The states of a scope, level by level, in the machine code of the explicit engine; and what each call came to.

A state's calls come to events: success, or the check that refused. The engine counts them, so that what a level meets
for the first time is found by looking at its counters after a few states. `edges` of a spec are calls that are only
tried: nothing is looked for behind them, so the states are those of `nsmodel check`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from nsmodel.engines.explicit.search import Explicit
from nsmodel.engines.explicit.store import NoRoom, Store
from nsmodel.engines.interface import Clock, Limits
from nsmodel.engines.native import sites
from nsmodel.engines.native.library import Library, compiled
from nsmodel.engines.native.offers import Offers
from nsmodel.engines.native.program import Program
from nsmodel.engines.native.reading import NativeForms
from nsmodel.engines.native.sites import Refusal
from nsmodel.engines.retrace import Retrace
from nsmodel.ir.state import Frozen
from nsmodel.system.checks import checks_of
from nsmodel.system.operation import Call, Operation
from nsmodel.system.precedence import place_of
from nsmodel.system.problem import Problem
from nsmodel.system.transition import Runner, TransitionSystem
from nsmodel.testgen.cells import OK
from nsmodel.testgen.seen import Event, Seen

PIECE = 16
"""States that are expanded between two looks at the counters."""
BATCH = 1 << 14
"""States whose edges are tried at a time."""


@dataclass(frozen=True)
class Met:
    """An event, and the number of the first state in which a call of the operation comes to it."""

    event: Event
    operation: Operation
    state: int


class Counted:
    """Expands states with one library, and tells which events it had not counted before."""

    def __init__(self, system: TransitionSystem) -> None:
        self.system = system
        self.library: Library = compiled(Program(system, symmetry=True, listing=True))
        self.events = self._events()
        self.left = dict(self.events)
        """Events that are still to be met."""
        self._offers = Offers(self.library)

    def _events(self) -> dict[int, Event]:
        """Every event that the rules can come to, by counter."""
        program = self.library.program
        table = program.functions.sites
        out: dict[int, Event] = {}
        for number, rule in enumerate(program.calls.rules):
            operation = rule.operation
            name = operation.name
            start = number * program.counters
            out[start + sites.OK] = Event(name, OK, changes=True)
            out[start + sites.UNCHANGED] = Event(name, OK)
            own = {place_of(*check.place) for check in checks_of(operation, self.system.switches)}
            for status in range(sites.FIRST, len(table)):
                site = table.site(status)
                place = place_of(site.place.file, site.place.line) if isinstance(site, Refusal) else None
                if isinstance(site, Refusal) and place in own:
                    out[start + status] = Event(name, site.errno.name, place)
            for error in operation.function.keeps:
                out[start + len(table) + error] = Event(name, error.name)
        return out

    def met(self, event: Event, state: int) -> Met:
        """An event with its operation as the library's system has it."""
        return Met(event, self.system.operation(event.operation), state)

    def seen(self, runner: Runner) -> Iterator[Seen]:
        """The calls of a state that come to an event."""
        program = self.library.program
        table = len(program.functions.sites)
        for offer in self._offers.of(runner.frozen):
            kept = offer.status <= sites.UNCHANGED and offer.result < 0
            counter = table - offer.result if kept else offer.status
            event = self.events.get(offer.operation * program.counters + counter)
            if event is not None:
                yield Seen(runner, program.calls.rules[offer.operation].operation, offer.call, event)

    def expand(self, store: Store, start: int, end: int) -> list[tuple[Event, int]]:
        """Expand the states at some ranks; events that are met for the first time, each with the first rank."""
        if not self._expand(store, start, end):
            return []
        worker = store.workers[0]
        out: list[tuple[Event, int]] = []
        for rank in range(start, end):  # again, one by one: nothing is stored twice
            for index in self.left:
                worker.counts[index] = 0
            fresh = self._expand(store, rank, rank + 1)
            out += [(event, rank) for event in fresh]
            self.left = {index: event for index, event in self.left.items() if event not in fresh}
        return out

    def _expand(self, store: Store, start: int, end: int) -> list[Event]:
        """The events at some ranks that are still to be met."""
        worker = store.workers[0]
        while start < end:
            start = int(self.library.expand(worker.address, store.frontier.address, start, end))
            if start < end:
                store.grow()
        counts = worker.counts
        return list(dict.fromkeys(event for index, event in self.left.items() if counts[index]))


class Exploration:
    """A search that stops after each level. Raises :class:`Problem` for a scope that the engine cannot hold."""

    def __init__(self, system: TransitionSystem, limits: Limits) -> None:
        self.system = explorable(system)
        self.limit = limits.depth if limits.depth is not None else system.depth
        self.clock = Clock(limits)
        self.calls = Counted(self.system)
        self.edges = Counted(_edges(self.system)) if system.spec.edges else None
        self.forms = NativeForms(self.calls.library, symmetry=True)
        self.retrace = Retrace(self.system, self.forms.form)
        self.store = Store(self.calls.library, 1, limits.memory_mb * 1_000_000 if limits.memory_mb else None)
        self.store.start(self.forms.form(self.system.initial))
        self.depth = 0
        self.stopped: str | None = None
        """Why it ended before the scope did."""
        self._real: dict[int, tuple[tuple[Call, ...], Frozen]] = {}

    # -- levels -------------------------------------------------------------------------------------------------------

    @property
    def states(self) -> int:
        """States that were found."""
        return self.store.found

    @property
    def complete(self) -> bool:
        """Whether no state of the scope is left to be expanded."""
        return not self.store.width and self.stopped is None

    def numbers(self) -> list[int]:
        """The numbers of the states of this level."""
        frontier = self.store.frontier
        return [frontier.number(rank, 4) for rank in range(self.store.width)]

    def levels(self) -> Iterator[list[Met]]:
        """What each level meets for the first time, the initial state's first. When it is asked for the next one, the
        search goes a step deeper; it ends where the scope does, or a budget is spent (see `stopped`)."""
        while self.store.width:
            found = self._expand()
            found += self._try_edges()
            yield found
            if self.stopped or self._deepest():
                return
            self.store.seal()
            self.depth += bool(self.store.width)

    def _deepest(self) -> bool:
        """Whether the scope ends here: a level's calls are the steps to the next one."""
        return self.limit is not None and self.depth + 1 >= self.limit

    def _expand(self) -> list[Met]:
        out = []
        width = self.store.width
        for start in range(0, width, PIECE):
            try:
                fresh = self.calls.expand(self.store, start, min(start + PIECE, width))
            except NoRoom:
                self.stopped = "the limit of memory is reached"
                break
            out += [self.calls.met(event, self.store.frontier.number(rank, 4)) for event, rank in fresh]
            self.stopped = self.clock.spent(self.states)
            if self.stopped:
                break
        return out

    def _try_edges(self) -> list[Met]:
        """Try the edges in the states of this level."""
        if self.edges is None:
            return []
        out = []
        numbers = self.numbers()
        words = 8 * self.store.words
        for first in range(0, len(numbers), BATCH):
            batch = numbers[first : first + BATCH]
            trial = Store(self.edges.library, 1, None)
            trial.start_with(b"".join(self.store.arena.read(i * words, (i + 1) * words) for i in batch))
            for start in range(0, len(batch), PIECE):
                fresh = self.edges.expand(trial, start, min(start + PIECE, len(batch)))
                out += [self.edges.met(event, batch[rank]) for event, rank in fresh]
                self.stopped = self.stopped or self.clock.spent(self.states)
                if self.stopped:
                    break
            trial.free()
        return out

    # -- states -------------------------------------------------------------------------------------------------------

    def stored(self, number: int) -> Frozen:
        """A state as it is stored: one that stands for all that differ by a renaming."""
        return self.calls.library.program.layout.unpack(self.store.words_of(number))

    def real(self, number: int) -> tuple[tuple[Call, ...], Frozen]:
        """A shortest run to a state: its calls, and the state that they lead to."""
        known = self._real.get(number)
        if known is None:
            before = self.store.parent(number)
            if before is None:
                known = (), self.system.initial
            else:
                calls, state = self.real(before)
                call, after = self.retrace.forward(state, self.stored(number))
                known = (*calls, call), after
            self._real[number] = known
        return known

    def calls_of(self, state: Frozen) -> Iterator[Seen]:
        """Every call of a state that comes to an event, those of the spec before the edges."""
        yield from self.calls.seen(Runner(self.system, state))
        if self.edges is not None:
            yield from self.edges.seen(Runner(self.edges.system, state))

    def close(self) -> None:
        """Give the memory back."""
        self.store.free()


def explorable(system: TransitionSystem) -> TransitionSystem:
    """The system without its properties, which nobody judges here. Raises :class:`Problem` for one that the engine
    cannot hold."""
    why = Explicit().unfit(system)
    if why is not None:
        raise Problem("the scope cannot be explored", place=system.spec.name, cause=why, fix="give smaller bounds")
    bare = dataclasses.replace(system.spec, properties=(), expect={}, kills={})
    return dataclasses.replace(system, spec=bare)


def _edges(system: TransitionSystem) -> TransitionSystem:
    """The same states with the edges as calls."""
    spec = system.spec
    prelude = (*spec.prelude_operations, *spec.operations)
    return dataclasses.replace(
        system, spec=dataclasses.replace(spec, operations=spec.edges, edges=(), prelude_operations=prelude)
    )
