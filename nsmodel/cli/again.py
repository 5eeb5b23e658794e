"""Runs a trace from a file again: the system that it was made in, and its calls."""

from __future__ import annotations

from nsmodel.kernel.versions import find_switch, switches_of
from nsmodel.system.load import load_specs
from nsmodel.system.operation import Call, OperationError
from nsmodel.system.problem import Problem
from nsmodel.system.snapshot import snapshot
from nsmodel.system.spec import Scope
from nsmodel.system.transition import TransitionSystem, Violation, make_system
from nsmodel.traces.record import calls_of
from nsmodel.traces.trace import Trace

FIX = "run it where its spec is in specs/, as it was when the trace was made"


def system_of(trace: Trace, file: str) -> tuple[TransitionSystem, list[Call]]:
    """The system that a trace of `file` is a run of, and its calls.

    Raises :class:`Problem` where its spec is not in specs/, or has become another one since.
    """
    try:
        spec = load_specs([trace.spec])[0].spec
    except Problem as missing:
        cause = f"its spec cannot be loaded: {missing.what}"
        raise Problem("the trace cannot be run again", place=file, cause=cause, fix=FIX) from None
    mutant = find_switch(trace.mutant, spec.kills) if trace.mutant is not None else None
    scope = spec.scope(None) if trace.bounds is None else Scope(trace.bounds)
    system = make_system(spec, scope, kernel=trace.kernel, switches=switches_of(trace.kernel), mutant=mutant)
    operations = {o.name: o for o in (*spec.operations, *spec.prelude_operations)}
    try:
        calls = calls_of(trace.steps, operations)
    except OperationError as wrong:
        raise Problem("the trace cannot be run again", place=file, cause=str(wrong), fix=FIX) from None
    if snapshot(system.sizes.schema, system.initial) != trace.initial:
        cause = f"the spec {trace.spec} begins with another state now"
        raise Problem("the trace cannot be run again", place=file, cause=cause, fix=FIX)
    return system, calls


def violation_of(trace: Trace) -> Violation | None:
    """What a trace says that it breaks."""
    broken = trace.violates
    if broken is None:
        return None
    return Violation(broken.property, broken.clause, tuple(o.name for o in broken.objects))
