"""Which check decided a call of a trace: the call is made again in the direct reading, in the state that it was made
in."""

from __future__ import annotations

from collections.abc import Callable

from nsmodel.ir.schema import schema_of
from nsmodel.ir.state import Frozen, thaw
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.versions import find_switch, switches_of
from nsmodel.oracle.live.whole import WHOLE
from nsmodel.report.html.judged import Decision
from nsmodel.system.operation import Operation, OperationError
from nsmodel.system.precedence import Refusals, place_of, refusals
from nsmodel.system.problem import Problem
from nsmodel.system.snapshot import restored
from nsmodel.traces.record import calls_of
from nsmodel.traces.trace import State, Trace

OPERATIONS: dict[str, Operation] = {o.name: o for o in WHOLE.operations}
"""The calls of the kernel model."""


def state_maker(trace: Trace, state: State) -> Callable[[], Kernel]:
    """Makes a state of a trace anew, with the bugs on that the trace was made with. Raises ValueError where it is no
    state of the kernel model, :class:`Problem` for a bug that the model does not know."""
    frozen: Frozen = restored(schema_of(Kernel), state)
    switches = switches_of(trace.kernel)
    if trace.mutant is not None:
        switches |= {find_switch(trace.mutant).name}
    return lambda: thaw(Kernel, frozen, None, switches)


def decisions(trace: Trace) -> dict[int, Decision]:
    """Of each step of a trace that is a call of the kernel model, by number: why it came out as it did."""
    out = {}
    before = trace.initial
    for number, step in enumerate(trace.steps, 1):
        operation = OPERATIONS.get(step.operation)
        if operation is not None:
            rule, told = operation.function, Refusals((), "")
            try:
                if step.errno is not None:
                    told = refusals(operation, state_maker(trace, before), calls_of([step], OPERATIONS)[0])
            except (ValueError, OperationError, Problem):
                pass  # a spec's own model, or a bug that only it knows: the trace says what it says
            out[number] = Decision(rule.name, place_of(rule.file, rule.line), rule.source, told.checks, told.end)
        before = step.state if step.state is not None else before
    return out
