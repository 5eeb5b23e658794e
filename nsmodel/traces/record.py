"""Makes a trace by running calls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from nsmodel.ir.language import ScopeCut
from nsmodel.ir.schema import Schema
from nsmodel.ir.state import Frozen
from nsmodel.ir.types import MapType, RefType, SetType
from nsmodel.system.operation import Call, Operation, OperationError, from_json, to_json
from nsmodel.system.snapshot import snapshot
from nsmodel.system.transition import Outcome, Runner, TransitionSystem, Violation
from nsmodel.traces.diff import changes
from nsmodel.traces.names import Names
from nsmodel.traces.trace import ObjectRef, State, Step, Trace, Violates


class RecordError(ValueError):
    """A call of a trace is not enabled, or needs more objects than the scope has."""


def record(
    system: TransitionSystem, calls: Sequence[Call], violation: Violation | None = None, *, minimal: bool = True
) -> Trace:
    """The trace of some calls from the initial state of a system; `violation` is what the last one breaks.

    Raises :class:`RecordError` for a call that cannot be run where it stands.
    """
    schema = system.sizes.schema
    prelude, _ = _steps(system, system.base, system.spec.prelude)
    steps, _ = _steps(system, system.initial, calls)
    used = {c.operation for c in (*system.spec.prelude, *calls)}
    trace = Trace(
        spec=system.spec.name,
        kernel=system.kernel,
        mutant=system.mutant,
        prelude=prelude,
        initial=snapshot(schema, system.initial),
        steps=steps,
        bounds=dict(system.bounds),
        base=snapshot(schema, system.base),
        replayable=system.spec.replayable,
        references=references(schema),
        parameters={name: _parameters(system.operation(name), schema) for name in sorted(used)},
    )
    if violation is not None:
        trace.violates = Violates(
            violation.property, violation.clause, _objects(violation, trace, schema), len(steps), minimal
        )
    return trace


def _steps(system: TransitionSystem, start: Frozen, calls: Iterable[Call]) -> tuple[list[Step], Frozen]:
    frozen = start
    out: list[Step] = []
    for number, call in enumerate(calls, 1):
        runner = Runner(system, frozen)
        try:
            done = runner.run(call)
        except ScopeCut as cut:
            raise RecordError(f"step {number}, {call}: needs more {cut.entity} than the scope has") from None
        if done is None:
            raise RecordError(f"step {number}, {call}: not enabled")
        out.append(step_of(system, frozen, call, done))
        if done.state is None:
            break
        frozen = done.state
    return out, frozen


def step_of(system: TransitionSystem, before: Frozen, call: Call, done: Outcome) -> Step:
    """One call as a step of a trace."""
    schema = system.sizes.schema
    old = snapshot(schema, before)
    after = done.state if done.state is not None else done.wreck
    new = old if after is before else None if after is None else snapshot(schema, after)
    return Step(
        task=caller(system.operation(call.operation), call, old, schema),
        operation=call.operation,
        arguments={name: to_json(value) for name, value in call.arguments},
        result=done.result,
        errno=done.errno,
        reason=done.reason,
        changes=[] if new is None else changes(old, new),
        state=new,
    )


def caller(operation: Operation, call: Call, state: State, schema: Schema) -> int | None:
    """The slot of the task that calls: the first parameter, or the caller that a frame of an interleaved call names.
    None in a model where nobody does."""
    name, kind = operation.parameters[0]
    value = call.by_name[name]
    if operation.function.interleaved and isinstance(kind, RefType) and name == "frame":
        for row in state.get(f"{operation.function.title}_frames", []):
            if row["id"] == value:
                task = row["caller"]
                return int(task) if task is not None else None
    if not isinstance(kind, RefType) or schema.by_class[kind.entity].collection != "tasks":
        return None
    return int(value) if value is not None else None


def references(schema: Schema) -> dict[str, dict[str, str]]:
    """Which collection each reference field of each collection names; `FIELD[]` stands for the values of a map."""
    out: dict[str, dict[str, str]] = {}
    for info in schema.entities:
        found = {}
        for f in info.fields:
            if isinstance(f.type, RefType | SetType | MapType):
                found[f.name] = schema.by_class[f.type.entity].collection
            if isinstance(f.type, MapType) and isinstance(f.type.value, RefType):
                found[f"{f.name}[]"] = schema.by_class[f.type.value.entity].collection
        if found:
            out[info.collection] = found
    return out


def _parameters(operation: Operation, schema: Schema) -> dict[str, str]:
    return {
        name: schema.by_class[kind.entity].collection
        for name, kind in operation.parameters
        if isinstance(kind, RefType)
    }


def _objects(violation: Violation, trace: Trace, schema: Schema) -> list[ObjectRef]:
    names = Names()
    table: dict[tuple[str, int], str] = {}
    for state in trace.states():
        table |= names.see(state)
    by_name = {info.name: info.collection for info in schema.entities}
    out = []
    for text in violation.objects:
        match = re.fullmatch(r"(\w+)#(\d+)", text)
        if match is not None and match[1] in by_name:
            collection, slot = by_name[match[1]], int(match[2])
            out.append(ObjectRef(collection, slot, table.get((collection, slot), text)))
    return out


def calls_of(steps: Iterable[Step], operations: Mapping[str, Operation]) -> list[Call]:
    """The calls of some steps, to be run again; raises :class:`OperationError` for what does not fit the operations."""
    out = []
    for number, step in enumerate(steps, 1):
        operation = operations.get(step.operation)
        if operation is None:
            raise OperationError(f"step {number}: unknown operation {step.operation}")
        given = []
        for name, kind in operation.parameters:
            if name not in step.arguments:
                raise OperationError(f"step {number}: {step.operation}: argument {name} is missing")
            given.append((name, from_json(kind, step.arguments[name])))
        out.append(Call(step.operation, tuple(given)))
    return out
