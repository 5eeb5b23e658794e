"""Makes the calls of a case again where something else holds: another kernel, a known bug, a check too few."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from dataclasses import dataclass

from nsmodel.ir.language import ScopeCut
from nsmodel.system.operation import Call, OperationError
from nsmodel.system.transition import Runner, TransitionSystem
from nsmodel.traces.observable import difference
from nsmodel.traces.record import step_of
from nsmodel.traces.trace import Step

ROOM = 8
"""Slots of each collection that calls have more than in the scope, when they are made again."""


def roomy(system: TransitionSystem) -> TransitionSystem:
    """The system with more room: what a mutant makes besides must not end its run."""
    collections = {info.collection for info in system.sizes.schema.entities}
    bounds = ((name, most + ROOM * (name in collections)) for name, most in system.bounds)
    return dataclasses.replace(system, bounds=tuple(bounds))


class End(enum.Enum):
    """Why calls ended."""

    DONE = enum.auto()
    """They did not: all were made."""
    NO_CALL = enum.auto()
    """The next one cannot be made there."""
    NO_ROOM = enum.auto()
    """The next one needs more objects than there is room for: what it does cannot be told."""
    BROKEN = enum.auto()
    """The next one breaks its rule: it is not refused, and more cannot be told."""


@dataclass(frozen=True)
class Again:
    """The steps of calls as far as they go, and why they end."""

    steps: list[Step]
    end: End


def made_again(system: TransitionSystem, calls: Sequence[Call]) -> Again:
    """Make calls in a system; raises :class:`SpecError` where its prelude cannot be made."""
    out: list[Step] = []
    frozen = system.initial
    for call in calls:
        try:
            done = Runner(system, frozen).run(call)
        except ScopeCut:
            return Again(out, End.NO_ROOM)
        except OperationError:
            return Again(out, End.NO_CALL)
        if done is None:
            return Again(out, End.NO_CALL)
        if done.state is None:
            return Again(out, End.BROKEN)
        out.append(step_of(system, frozen, call, done))
        frozen = done.state
    return Again(out, End.DONE)


def told_apart(right: Sequence[Step], other: Again) -> bool:
    """Whether a process could tell that calls went otherwise than they should: by a result, by a state, by a call that
    it cannot make, or by one that should be refused and goes on into what no rule may do."""
    if difference(other.steps, right[: len(other.steps)]) is not None:
        return True
    if other.end is End.BROKEN:
        return right[len(other.steps)].errno is not None
    return other.end is End.NO_CALL
