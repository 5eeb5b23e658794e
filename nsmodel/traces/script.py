"""Calls whose objects are told by where they come from, so that other calls can be left out and these mean the same.

In a run an object is a slot, and the smallest free one is taken: without the call that forked P1.1, what was P1.2 is in
its slot. In a script an object is the call that made it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nsmodel.ir.language import Entity, ScopeCut
from nsmodel.ir.schema import schema_of
from nsmodel.ir.state import Frozen
from nsmodel.ir.types import RefType
from nsmodel.system.operation import Call, OperationError
from nsmodel.system.transition import Outcome, Runner, TransitionSystem

Slots = dict["Origin", int]


@dataclass(frozen=True)
class Origin:
    """Where an object comes from: the `line` that made it and which of its entity's it is of those that the line made,
    in the order of their slots. Line 0 made what is there from the start."""

    line: int
    entity: type[Entity]
    nth: int


@dataclass(frozen=True)
class Line:
    """A call of a script: `number` is its own for good, whatever is left out. Objects are origins, None stays None."""

    number: int
    operation: str
    arguments: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Run:
    """A script performed: the lines that could be, with their calls and outcomes."""

    lines: tuple[Line, ...]
    calls: tuple[Call, ...]
    outcomes: tuple[Outcome, ...]

    def cut(self, steps: int) -> Run:
        """Its first steps."""
        return Run(self.lines[:steps], self.calls[:steps], self.outcomes[:steps])


@dataclass(frozen=True)
class Repaired:
    """From the line after `after` on, another kernel: a system of the same spec with other known bugs."""

    after: int
    system: TransitionSystem


class Performer:
    """Performs scripts in one system, again and again: what a call does in a state is found once.

    `leaves_out`: calls that are not to be made in a state, although they could be.
    """

    def __init__(
        self, system: TransitionSystem, leaves_out: Callable[[Any, Call], bool] = lambda state, call: False
    ) -> None:
        self.system, self.leaves_out = system, leaves_out
        self._entities = [info.cls for info in schema_of(system.spec.state).entities]
        self._numbers: dict[Frozen, int] = {}
        self._known: dict[tuple[int, Call, frozenset[str]], tuple[int, Outcome] | None] = {}

    def written(self, calls: Sequence[Call]) -> Run:
        """A run of calls as a script. Calls that cannot be made where they stand are left out."""
        return self._perform(enumerate(calls, 1))

    def perform(self, lines: Iterable[Line], repaired: Repaired | None = None) -> Run:
        """Perform a script. A line is left out that cannot be performed, or that names an object that is not there."""
        return self._perform(((line.number, line) for line in lines), repaired)

    def offered(self, run: Run, at: int, number: int) -> Iterator[Line]:
        """Every call that the spec offers after `at` lines of a run, and that changes something there, as line
        `number`."""
        here, slots = self.system.initial, dict(self.born)
        for line, done in zip(run.lines[:at], run.outcomes[:at], strict=True):
            if done.state is None:
                return
            self._notice(slots, line.number, here, done.state)
            here = done.state
        state = self._number(here)
        for call in Runner(self.system, here).calls():
            found = self._run(state, here, call, self.system)
            if found is not None and found[0] != state:
                yield self._line(number, call, slots)

    def _perform(self, wanted: Iterable[tuple[int, Line | Call]], repaired: Repaired | None = None) -> Run:
        here, slots = self.system.initial, dict(self.born)
        at = self._number(here)
        lines: list[Line] = []
        calls: list[Call] = []
        outcomes: list[Outcome] = []
        for number, one in wanted:
            system = repaired.system if repaired is not None and number > repaired.after else self.system
            call = one if isinstance(one, Call) else self._call(one, slots)
            found = self._run(at, here, call, system) if call is not None else None
            if call is None or found is None:
                continue
            lines.append(one if isinstance(one, Line) else self._line(number, one, slots))
            calls.append(call)
            at, done = found
            outcomes.append(done)
            if done.state is None:
                break
            self._notice(slots, number, here, done.state)
            here = done.state
        return Run(tuple(lines), tuple(calls), tuple(outcomes))

    @functools.cached_property
    def born(self) -> Slots:
        """The objects of the initial state."""
        slots: Slots = {}
        self._notice(slots, 0, None, self.system.initial)
        return slots

    def _number(self, state: Frozen | None) -> int:
        """A state's number, so that it is hashed once; 0 for none."""
        return 0 if state is None else self._numbers.setdefault(state, len(self._numbers) + 1)

    def _run(self, number: int, here: Frozen, call: Call, system: TransitionSystem) -> tuple[int, Outcome] | None:
        """The number of the state after a call, and what the call did; None where it cannot be made."""
        key = number, call, system.switches
        if key not in self._known:
            runner = Runner(system, here)
            try:
                done = runner.run(call)
                if done is not None and self.leaves_out(runner.state, call):
                    done = None
            except (ScopeCut, OperationError):
                done = None
            after = number if done is not None and done.state is here else self._number(done.state if done else None)
            self._known[key] = (after, done) if done is not None else None
        return self._known[key]

    def _notice(self, slots: Slots, line: int, before: Frozen | None, after: Frozen) -> None:
        """Forget what a line freed, note what it made. A slot freed and taken again in one call tells no difference."""
        if before is after:
            return
        for i, entity in enumerate(self._entities):
            old, new = before[i] if before is not None else (), after[i]
            if old is new:
                continue
            live = {slot for slot, row in enumerate(new, 1) if row is not None}
            had = {slot for slot, row in enumerate(old, 1) if row is not None}
            if gone := had - live:
                for origin in [o for o, slot in slots.items() if o.entity is entity and slot in gone]:
                    del slots[origin]
            for nth, slot in enumerate(sorted(live - had), 1):
                slots[Origin(line, entity, nth)] = slot

    def _line(self, number: int, call: Call, slots: Slots) -> Line:
        origins = {(origin.entity, slot): origin for origin, slot in slots.items()}
        kinds = dict(self.system.operation(call.operation).parameters)
        given = []
        for name, value in call.arguments:
            kind = kinds[name]
            if isinstance(kind, RefType) and value is not None:
                value = origins[kind.entity, value]
            given.append((name, value))
        return Line(number, call.operation, tuple(given))

    def _call(self, line: Line, slots: Slots) -> Call | None:
        given = []
        for name, value in line.arguments:
            if isinstance(value, Origin):
                if value not in slots:
                    return None
                value = slots[value]
            given.append((name, value))
        return Call(line.operation, tuple(given))
