"""Runs the counterexample of a known bug on this machine's kernel, which has not got the bug."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nsmodel.system.operation import Call, OperationError
from nsmodel.system.transition import TransitionSystem
from nsmodel.traces.observable import difference, visible
from nsmodel.traces.record import RecordError, record
from nsmodel.traces.trace import Trace


@dataclass(frozen=True)
class Verified:
    """What the machine says: it `diverges` as it should, nothing is observable, or it `agrees` where it should not.

    None where the machine was not asked; `why` tells.
    """

    replay: Literal["diverges", "agrees", "not observable"] | None
    why: str | None = None


def without_bug(right: TransitionSystem, calls: tuple[Call, ...]) -> Trace | None:
    """The same calls without the bug, as far as they can be made; None where the initial state differs already."""
    for number in range(len(calls), -1, -1):
        try:
            return record(right, calls[:number])
        except (RecordError, OperationError):
            continue
    return None


def told_apart(trace: Trace, right: Trace | None) -> str | None:
    """What a process sees of the bug: the first difference to the same calls without it, None when there is none."""
    if right is None or visible(right.initial) != visible(trace.initial):
        return "the initial state"
    return difference(trace.steps, right.steps)


def verify(trace: Trace, apart: str | None) -> Verified:
    """Replay a counterexample; `apart` is what a process can see of the bug."""
    from nsmodel.oracle.errors import OracleUnavailable
    from nsmodel.oracle.live.replay import replay_trace

    if not trace.replayable:
        return Verified(None, "no calls lead to its initial state")
    try:
        found = replay_trace(trace).divergence
    except OracleUnavailable as missing:
        return Verified(None, f"{missing.what}: {missing.cause}")
    if found is not None:
        return Verified("diverges", f"at step {found.step}: {found.what}: {found.expected}, here {found.got}")
    if apart is None:
        return Verified("not observable", "no process can see a difference to the kernel without the bug")
    return Verified("agrees", f"a process could see it ({apart}), but this kernel does the same")
