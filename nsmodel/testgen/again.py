"""Makes the calls of a case again where something else holds: another kernel, a known bug, a check too few."""

from __future__ import annotations

from collections.abc import Sequence

from nsmodel.ir.language import ScopeCut
from nsmodel.system.operation import Call, OperationError
from nsmodel.system.transition import Runner, TransitionSystem
from nsmodel.traces.observable import difference
from nsmodel.traces.record import step_of
from nsmodel.traces.trace import Step


def steps_of(system: TransitionSystem, calls: Sequence[Call]) -> tuple[list[Step], bool]:
    """The steps as far as they go, and whether they end because the next call cannot be made there. They end as well
    behind a step that breaks a rule, or needs more objects than the scope has: what comes then cannot be told."""
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
