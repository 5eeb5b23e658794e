"""Reads a trace from a file, and says clearly what is wrong with a file that holds none."""

from __future__ import annotations

from pathlib import Path

import msgspec

from nsmodel.system.problem import Problem
from nsmodel.traces import itf
from nsmodel.traces.names import Names
from nsmodel.traces.trace import State, Trace

FIX = "write one with `nsmodel check SPEC --trace-out FILE`"


def load_trace(path: str | Path) -> Trace:
    """The trace in a file, in the format of Apalache where its name ends so; raises :class:`Problem` for a missing,
    empty, torn or misshapen one."""
    place = str(path)
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise Problem("the trace cannot be read", place=place, cause=error.strerror or str(error), fix=FIX) from None
    if not raw.strip():
        raise Problem("the trace is empty", place=place, fix=FIX)
    try:
        if place.endswith(itf.SUFFIX):
            trace = itf.from_itf(msgspec.json.decode(raw), place)
        else:
            trace = msgspec.json.decode(raw, type=Trace)
    except msgspec.ValidationError as wrong:
        raise Problem("the file holds no trace", place=place, cause=str(wrong), fix=FIX) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as torn:
        raise Problem(
            "the trace is torn: no complete JSON", place=_where(place, raw, str(torn)), cause=str(torn), fix=FIX
        ) from None
    _check(trace, place)
    return trace


def state_after(trace: Trace, step: int | None, file: str) -> tuple[int, State, Names]:
    """The number of a step (the last one for None), the state after it, and the names that it is shown with there.

    Raises :class:`Problem` where the trace of `file` has no such step.
    """
    names = Names()
    for before in (trace.start, *(s.state for s in trace.prelude if s.state is not None)):
        names.see(before)
    states = trace.states()
    if step is not None and step >= len(states):
        cause = f"the trace has {len(states) - 1} step{'s' * (len(states) != 2)} with a state after it"
        raise Problem(f"there is no state after step {step}", place=file, cause=cause)
    number = len(states) - 1 if step is None else step
    for state in states[: number + 1]:
        names.see(state)
    return number, states[number], names


def _where(place: str, raw: bytes, message: str) -> str:
    """File and line of a decoder's message that names a byte."""
    digits = message.rpartition("byte ")[2].rstrip(")")
    at = int(digits) if digits.isdigit() else len(raw)
    line = raw[:at].count(b"\n") + 1
    return f"{place}:{line}"


def _check(trace: Trace, place: str) -> None:
    """What types alone do not say."""
    states: list[tuple[str, State | None]] = [("base", trace.base), ("initial", trace.initial)]
    for name, steps in (("prelude", trace.prelude), ("steps", trace.steps)):
        states += [(f"{name}[{i}].state", step.state) for i, step in enumerate(steps)]
    for where, state in states:
        for collection, rows in (state or {}).items():
            for i, row in enumerate(rows):
                if not isinstance(row.get("id"), int) or row["id"] < 1:
                    cause = f"an object without a slot as its id - at `$.{where}.{collection}[{i}]`"
                    raise Problem("the file holds no trace", place=place, cause=cause, fix=FIX)
    for name, steps in (("prelude", trace.prelude), ("steps", trace.steps)):
        for i, step in enumerate(steps):
            if step.state is None and not (name == "steps" and i == len(steps) - 1):
                cause = f"only the last step may be without a state - at `$.{name}[{i}]`"
                raise Problem("the file holds no trace", place=place, cause=cause, fix=FIX)
    if trace.violates is not None and not 0 <= trace.violates.step <= len(trace.steps):
        cause = f"there is no step {trace.violates.step} - at `$.violates.step`"
        raise Problem("the file holds no trace", place=place, cause=cause, fix=FIX)
