"""Makes the calls of a case again where something else holds: another kernel, a known bug, a check too few."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

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
    return dataclasses.replace(system, bounds=tuple((name, slots + ROOM) for name, slots in system.bounds))


def steps_of(system: TransitionSystem, calls: Sequence[Call]) -> tuple[list[Step], bool]:
    """The steps as far as they go, and whether they end because the next call cannot be made there. They end as well
    behind a step that breaks a rule, or needs more objects than there is room for: what comes then cannot be told."""
    out: list[Step] = []
    frozen = system.initial
    for call in calls:
        try:
            done = Runner(system, frozen).run(call)
        except ScopeCut:
            return out, False
        except OperationError:
            return out, True
        if done is None:
            return out, True
        if done.state is None:
            return out, False
        out.append(step_of(system, frozen, call, done))
        frozen = done.state
    return out, False


def told_apart(right: Sequence[Step], other: Sequence[Step], ended: bool) -> bool:
    """Whether a process could tell that calls went otherwise than they should: by a result, by a state, or by a call
    that it cannot make."""
    return difference(other, right[: len(other)]) is not None or (ended and len(other) < len(right))
