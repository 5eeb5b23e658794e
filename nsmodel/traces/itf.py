"""Traces in the Informal Trace Format of Apalache and Quint (ADR-015 of Apalache), and back.

A variable for each collection, a map from slots to records; integers are `#bigint` and sets `#set`, as Apalache writes
them. The format has no null: a reference that names nothing is 0, which is no slot. The variable `action` says which
call led to a state, `initial` for none. What the format has no place for (prelude, violation, bounds) is in `#meta`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from nsmodel.system.problem import Problem
from nsmodel.traces.diff import changes
from nsmodel.traces.trace import State, Step, Trace

DESCRIPTION = "https://apalache-mc.org/docs/adr/015adr-trace.html"
ACTION = "action"
INITIAL = "initial"
"""The operation of the initial state."""
SUFFIX = ".itf.json"
STATELESS = ("initial", "steps")
"""What of a trace is told by the states of the format, and not kept beside them."""


def to_itf(trace: Trace) -> dict[str, Any]:
    """A trace as a JSON object of the format. A trapped step, which leaves no state, is in `#meta` alone."""
    states = trace.states()
    collections = _merged(states)
    kept = {name: value for name, value in msgspec.to_builtins(trace).items() if name not in STATELESS}
    kept["trapped"] = [msgspec.to_builtins(s) for s in trace.steps if s.state is None]
    about = f"violates {trace.violates.property}" if trace.violates is not None else "violates nothing"
    return {
        "#meta": {
            "format": "ITF",
            "format-description": DESCRIPTION,
            "source": trace.spec,
            "description": f"{len(trace.steps)} steps of nsmodel's spec {trace.spec}; {about}",
            "nsmodel": kept,
        },
        "vars": [ACTION, *collections],
        "states": [
            {"#meta": {"index": index, "reason": step.reason if step is not None else None}}
            | {ACTION: _action(step)}
            | {name: _objects(state.get(name, [])) for name in collections}
            for index, (step, state) in enumerate(zip((None, *trace.steps), states, strict=False))
        ],
    }


def _merged(states: Iterable[State]) -> list[str]:
    """The collections of all states, in the order that each state has them in: an empty one is left out of a state."""
    out: list[str] = []
    for state in states:
        at = 0
        for name in state:
            if name not in out:
                out.insert(at, name)
            at = out.index(name) + 1
    return out


def encode(trace: Trace) -> bytes:
    """A trace as an indented JSON file of the format; the same bytes for the same trace."""
    return msgspec.json.format(msgspec.json.encode(to_itf(trace)), indent=1) + b"\n"


def from_itf(data: Any, place: str) -> Trace:
    """The trace that :func:`to_itf` wrote. Raises :class:`Problem` for another tool's, which has no calls, or a torn
    one."""
    try:
        kept = dict(data["#meta"]["nsmodel"])
    except (KeyError, TypeError):
        cause = "it is not one that nsmodel wrote: calls and their arguments are not told"
        raise Problem("the file holds no trace of ours", place=place, cause=cause) from None
    try:
        trapped = kept.pop("trapped")
        references = kept["references"]
        initial, *later = [
            {name: _rows(state[name], references.get(name, {})) for name in data["vars"] if name != ACTION}
            for state in data["states"]
        ]
        states = [{name: rows for name, rows in state.items() if rows} for state in (initial, *later)]
        steps = list(_steps(data["states"], states, kept["parameters"]))
        return msgspec.convert(kept | {"initial": states[0], "steps": [*steps, *trapped]}, Trace)
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as wrong:
        cause = f"{type(wrong).__name__}: {wrong}"
        raise Problem("the file holds no trace", place=place, cause=cause) from None


# -- to the format ----------------------------------------------------------------------------------------------------


def _action(step: Step | None) -> dict[str, Any]:
    if step is None:
        return {"operation": INITIAL, "task": _value(0), "arguments": {}, "result": _value(0), "errno": ""}
    return {
        "operation": step.operation,
        "task": _value(step.task),
        "arguments": {name: _value(value, record=True) for name, value in step.arguments.items()},
        "result": _value(step.result),
        "errno": step.errno or "",
    }


def _objects(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"#map": [[_value(row["id"]), {k: _value(v) for k, v in row.items() if k != "id"}] for row in rows]}


def _value(value: Any, *, record: bool = False) -> Any:
    """A field; `record`: an object is a record (flags of a call), not a map from slots."""
    if isinstance(value, bool | str):
        return value
    if value is None or isinstance(value, int):
        return {"#bigint": str(value or 0)}
    if isinstance(value, list):
        return {"#set": [_value(v) for v in value]}
    if record:
        return {k: _value(v, record=True) for k, v in value.items()}
    return {"#map": [[_value(int(k)), _value(v)] for k, v in value.items()]}


# -- and back ---------------------------------------------------------------------------------------------------------


def _steps(
    given: list[dict[str, Any]], states: list[State], parameters: dict[str, dict[str, str]]
) -> Iterable[dict[str, Any]]:
    for number in range(1, len(given)):
        action = given[number][ACTION]
        yield {
            "task": _plain(action["task"]) or None,
            "operation": action["operation"],
            "arguments": _record(action["arguments"], parameters[action["operation"]]),
            "result": _plain(action["result"]),
            "errno": action["errno"] or None,
            "reason": given[number]["#meta"]["reason"],
            "changes": msgspec.to_builtins(changes(states[number - 1], states[number])),
            "state": states[number],
        }


def _rows(objects: dict[str, Any], references: dict[str, str]) -> list[dict[str, Any]]:
    return [{"id": _plain(slot)} | _record(record, references) for slot, record in objects["#map"]]


def _record(record: dict[str, Any], references: dict[str, str]) -> dict[str, Any]:
    """The fields of a record; `references` are those that name objects, of which 0 is none."""
    plain = {name: _plain(value) for name, value in record.items()}
    return {name: None if name in references and value == 0 else value for name, value in plain.items()}


def _plain(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "#bigint" in value:
        return int(value["#bigint"])
    if "#set" in value:
        return [_plain(v) for v in value["#set"]]
    if "#map" in value:
        return {str(_plain(k)): _plain(v) for k, v in value["#map"]}
    return {k: _plain(v) for k, v in value.items()}
