"""Makes traces as short and plain as they can be made while they still show the same.

As in Hypothesis, a few passes each propose smaller scripts, and a predicate says of each whether it still shows what is
to be shown; passes run in turn until none gets any further. That is quick and works with a predicate that asks a
running kernel, but the end is a trace of which nothing can be taken, not always the shortest that there is.
"""

from __future__ import annotations

import dataclasses
import enum
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any

from nsmodel.ir.language import Flags
from nsmodel.ir.types import RefType
from nsmodel.system.operation import Call
from nsmodel.system.transition import TransitionSystem, Violation
from nsmodel.traces.broken import Broken
from nsmodel.traces.script import Line, Origin, Performer, Run

Shows = Callable[[Run], int | None]
"""The number of the step at which a run shows what is to be shown, None where it does not."""
ATTEMPTS = 4000
"""Scripts tried at most, where nothing else is said."""
PAIRED = 14
"""Calls of a trace at most, for pairs of them to be tried."""


def shrink(
    performer: Performer,
    calls: Sequence[Call],
    shows: Shows,
    *,
    attempts: int = ATTEMPTS,
    passes: Sequence[Pass] | None = None,
) -> Run | None:
    """The smallest run found that shows the same as some calls from the initial state; None where these show nothing.

    Runs are compared by the number of their calls, then by how plain the arguments are. `passes` are all that there are
    where nothing else is said. Ctrl-C is raised, nothing is kept.
    """
    best = performer.written(calls)
    step = shows(best)
    if step is None:
        return None
    return _Shrinker(performer, best.cut(step), shows, attempts).shrunk(PASSES if passes is None else passes)


def smaller_counterexample(
    system: TransitionSystem, calls: Sequence[Call], violation: Violation
) -> tuple[tuple[Call, ...], Violation] | None:
    """The smallest counterexample found to the same clause, and how it breaks that; None where the calls break it
    not, or only after another property."""
    broken = Broken(system, violation)
    run = shrink(Performer(system), calls, broken.first)
    if run is None:
        return None
    last = broken.of_call(run.outcomes[-1]) if run.outcomes else broken.of_state(system.initial)
    return run.calls, next(v for v in last if broken.same(v))


class _Shrinker:
    """One trace on its way."""

    def __init__(self, performer: Performer, best: Run, shows: Shows, attempts: int) -> None:
        self.performer, self.best, self.shows, self.attempts = performer, best, shows, attempts
        self._tried: set[tuple[Line, ...]] = {best.lines}

    def shrunk(self, passes: Sequence[Pass]) -> Run:
        """The end of all passes."""
        progress = True
        while progress and self.attempts > 0:
            progress = any([self._through(one) for one in passes])  # a list: every pass has its turn
        return self.best

    def _through(self, one: Pass) -> bool:
        """Run a pass to its end; tells whether it got anywhere. After a success it goes on where it was."""
        at, progress, going = 0, False, True
        while going:
            going = False
            for number, proposed in enumerate(one.smaller(self.performer, self.best)):
                if self.attempts <= 0:
                    return progress
                if number >= at and self._accept(proposed):
                    at, progress, going = number, True, True
                    break
        return progress

    def _accept(self, proposed: tuple[Line, ...]) -> bool:
        if proposed in self._tried:
            return False
        self._tried.add(proposed)
        run = self.performer.perform(proposed)
        if len(run.lines) > len(self.best.lines):
            return False
        self.attempts -= 1
        step = self.shows(run)
        if step is None or size(run.cut(step)) >= size(self.best):
            return False
        self.best = run.cut(step)
        return True


def size(run: Run) -> tuple[int, int, tuple[int, ...]]:
    """What runs are compared by: the number of calls, how plain they are in all, how plain each is."""
    weights = tuple(sum(_heaviness(value) for _, value in line.arguments) for line in run.lines)
    return len(run.lines), sum(weights), weights


# -- passes -----------------------------------------------------------------------------------------------------------


class Pass(ABC):
    """A way to make scripts smaller. What a script loses, it loses with all that depends on it."""

    @abstractmethod
    def smaller(self, performer: Performer, run: Run) -> Iterator[tuple[Line, ...]]:
        """Smaller scripts than that of a run, those first that promise most."""


class DropBlocks(Pass):
    """Leaves out many calls in a row: halves, quarters, and so on, the last ones first."""

    def smaller(self, performer: Performer, run: Run) -> Iterator[tuple[Line, ...]]:
        length = len(run.lines) // 2
        while length > 1:
            for start in range(len(run.lines) - length, -1, -length):
                yield run.lines[:start] + run.lines[start + length :]
            length //= 2


class DropTasks(Pass):
    """Leaves out what one task does, and the call that made it."""

    def smaller(self, performer: Performer, run: Run) -> Iterator[tuple[Line, ...]]:
        callers = dict.fromkeys(line.arguments[0][1] for line in run.lines if line.arguments)
        for caller in reversed(callers):
            if isinstance(caller, Origin):
                yield tuple(x for x in run.lines if x.arguments[0][1] != caller and x.number != caller.line)


class StandIn(Pass):
    """Lets an older object, the oldest first, stand in for one wherever that is named."""

    def smaller(self, performer: Performer, run: Run) -> Iterator[tuple[Line, ...]]:
        named = sorted({v for x in run.lines for _, v in x.arguments if isinstance(v, Origin)}, key=_heaviness)
        for newer in reversed(named):
            for older in named[: named.index(newer)]:
                if older.entity is newer.entity:
                    yield _renamed(run.lines, {newer: older})


class DropCalls(Pass):
    """Leaves out single calls, the last one first."""

    def smaller(self, performer: Performer, run: Run) -> Iterator[tuple[Line, ...]]:
        for at in reversed(range(len(run.lines))):
            yield run.lines[:at] + run.lines[at + 1 :]


class DropPairs(Pass):
    """Leaves out two calls that are not side by side, such as one that takes back what the other did."""

    def smaller(self, performer: Performer, run: Run) -> Iterator[tuple[Line, ...]]:
        if len(run.lines) <= PAIRED:
            for one, other in itertools.combinations(reversed(range(len(run.lines))), 2):
                yield tuple(line for at, line in enumerate(run.lines) if at not in (one, other))


class Plainer(Pass):
    """Makes one argument plainer: flags less, enumerations and numbers smaller, objects older or none."""

    def smaller(self, performer: Performer, run: Run) -> Iterator[tuple[Line, ...]]:
        for at, line in enumerate(run.lines):
            for name, value in line.arguments:
                for other in _plainer(performer, line.operation, name, value, run.lines[:at]):
                    given = tuple((n, other if n == name else v) for n, v in line.arguments)
                    yield (*run.lines[:at], dataclasses.replace(line, arguments=given), *run.lines[at + 1 :])


class Shortcut(Pass):
    """Makes one call, any that the spec offers there, instead of several in a row; it makes what these made."""

    def smaller(self, performer: Performer, run: Run) -> Iterator[tuple[Line, ...]]:
        for length in (3, 2):
            for at in reversed(range(len(run.lines) - length + 1)):
                after = run.lines[at + length :]
                made = _made_by(run.lines[at].number, {x.number for x in run.lines[at : at + length]}, after)
                for line in performer.offered(run, at, run.lines[at].number):
                    yield (*run.lines[:at], line, *_renamed(after, made))


class OtherWay(Pass):
    """Makes two calls, any that the spec offers, instead of more in a row; one of them makes what these made."""

    def smaller(self, performer: Performer, run: Run) -> Iterator[tuple[Line, ...]]:
        for length in (4, 3):
            for at in reversed(range(len(run.lines) - length + 1)):
                before, after = run.lines[:at], run.lines[at + length :]
                numbers = [line.number for line in run.lines[at : at + length]]
                renamings = [_made_by(number, numbers, after) for number in numbers[1::-1]]
                for first in performer.offered(run, at, numbers[0]):
                    begun = performer.perform((*before, first))
                    for second in performer.offered(begun, at + 1, numbers[1]):
                        for renaming in renamings if renamings[0] else renamings[:1]:
                            yield (*before, first, second, *_renamed(after, renaming))


class OtherEnd(Pass):
    """Leaves out a call, or has an older object stand in for what it made, and looks for another last call."""

    def smaller(self, performer: Performer, run: Run) -> Iterator[tuple[Line, ...]]:
        lines = run.lines[:-1]
        for at, line in enumerate(lines):
            rest = (*lines[:at], *lines[at + 1 :])
            made = {v for x in rest for _, v in x.arguments if isinstance(v, Origin) and v.line == line.number}
            for chosen in itertools.product(*(_older(performer, origin, lines[:at]) for origin in made)):
                shorter = _renamed(rest, dict(zip(made, chosen, strict=True)))
                yield from _ends(performer, shorter, run.lines[-1].number)


def _ends(performer: Performer, lines: tuple[Line, ...], number: int) -> Iterator[tuple[Line, ...]]:
    """Lines with every last line that the spec offers; none where some cannot be performed."""
    run = performer.perform(lines)
    if len(run.lines) == len(lines):
        for line in performer.offered(run, len(lines), number):
            yield (*lines, line)


def _made_by(one: int, several: Container[int], after: Sequence[Line]) -> dict[Origin, Origin]:
    """What several lines made and lines after them name, as made by one line in the same order."""
    named = {v for line in after for _, v in line.arguments if isinstance(v, Origin) and v.line in several}
    new: dict[Origin, Origin] = {}
    for origin in sorted(named, key=lambda o: (o.line, o.nth)):
        new[origin] = Origin(one, origin.entity, 1 + sum(o.entity is origin.entity for o in new))
    return new


def _renamed(lines: Sequence[Line], new: Mapping[Any, Origin]) -> tuple[Line, ...]:
    """Lines with other objects named."""
    return tuple(
        dataclasses.replace(line, arguments=tuple((n, new.get(v, v)) for n, v in line.arguments)) for line in lines
    )


DROPPING: tuple[Pass, ...] = (DropBlocks(), DropTasks(), DropCalls(), DropPairs(), StandIn(), Plainer())
"""Passes that make calls of a trace only: few attempts, for a predicate that takes long."""
PASSES: tuple[Pass, ...] = (*DROPPING, Shortcut(), OtherEnd(), OtherWay())
"""All passes, those too that make calls that the spec offers and the trace has not."""


# -- how plain --------------------------------------------------------------------------------------------------------


def _heaviness(value: Any) -> int:
    if isinstance(value, Origin):
        return 1 + 2 * value.line + value.nth
    if isinstance(value, Flags):
        fields = {f.name: f.default for f in dataclasses.fields(value)}  # type: ignore[arg-type]
        return sum(1 + _heaviness(getattr(value, f)) for f, plain in fields.items() if getattr(value, f) != plain)
    if isinstance(value, enum.Enum):
        return list(type(value)).index(value)
    return abs(value) if isinstance(value, int) else 0


def _older(performer: Performer, origin: Origin, before: Sequence[Line]) -> Iterator[Origin]:
    """Objects that were there before one: those from the start, then what earlier lines made, as far as can be told."""
    yield from (o for o in performer.born if o.entity is origin.entity and o != origin)
    yield from (Origin(line.number, origin.entity, 1) for line in before)


def _plainer(performer: Performer, operation: str, name: str, value: Any, before: Sequence[Line]) -> Iterator[Any]:
    """Plainer values of an argument, the plainest first: of those that the spec offers, where it offers this one."""
    known = performer.system.operation(operation)
    at = [n for n, _ in known.parameters].index(name)
    kind, offered = known.parameters[at][1], known.values[at]
    if offered is not None and value in offered:
        found: Iterator[Any] = iter(offered)
    elif isinstance(value, Origin) and isinstance(kind, RefType):
        found = itertools.chain([None] * kind.optional, _older(performer, value, before))
    else:
        found = _less(value)
    yield from sorted((v for v in found if _heaviness(v) < _heaviness(value)), key=_heaviness)


def _less(value: Any) -> Iterator[Any]:
    if isinstance(value, Flags):
        for f in dataclasses.fields(value):  # type: ignore[arg-type]
            if getattr(value, f.name) != f.default:
                yield dataclasses.replace(value, **{f.name: f.default})  # type: ignore[type-var]
    elif isinstance(value, bool):
        yield False
    elif isinstance(value, enum.Enum):
        yield from type(value)
    elif isinstance(value, int):
        yield from (0, 1, value // 2)
