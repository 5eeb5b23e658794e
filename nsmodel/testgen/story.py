"""What a program says of itself, in plain lines: what it covers, which checks decide, whom it would kill."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from functools import cache

from nsmodel.oracle.live.whole import WHOLE
from nsmodel.report.calls import arguments
from nsmodel.testgen.case import Case
from nsmodel.traces.names import Names
from nsmodel.traces.trace import Step, Trace

WIDTH = 110
NO_KILLER = "No mutant of the model would fail it: kept for coverage."


def story(case: Case, form: str) -> list[str]:
    """The lines of the comment that a program begins with, without the marks of its language."""
    out = [f"{case.name}: {case.title}", ""]
    out += [f"Covers: {cell}" for cell in case.cells]
    out.append("")
    out += [f"Decides: {line}" for line in dict.fromkeys(deciding(case.trace))] or ["Decides: every call succeeds."]
    for variant in case.variants:
        out.append(f"Known bugs: {', '.join(variant.bugs)} in Linux {variant.kernel}, where it goes wrong (TODO).")
    out.append(f"Killed by it: {', '.join(case.killers)}." if case.killers else NO_KILLER)
    out += ["", f"Start it as root: {form}. It makes a sandbox of its own first, and leaves nothing behind."]
    out.append("Exit status: 0 passed, or failed as expected of this release; 1 failed; 4 it cannot run here.")
    return out


def wrapped(text: str) -> list[str]:
    """A line of a comment as lines that are not too long."""
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False, subsequent_indent="  ") or [""]


def deciding(trace: Trace) -> Iterator[str]:
    """The check that refuses each call that fails, with its source."""
    for step in trace.steps:
        if step.errno is not None:
            source = _sources().get(step.operation)
            yield f"{step.operation} {step.errno}: {step.reason}" + (f" ({source})" if source else "")


@cache
def _sources() -> dict[str, str]:
    return {operation.name: operation.function.source for operation in WHOLE.operations}


class Calls:
    """The calls of a trace as people read them, in their order."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.names = Names()
        self._state = trace.start
        self.names.see(trace.start)

    def text(self, step: Step) -> str:
        """`P1 umount2(at=1:/a) = EBUSY: in use`."""
        table = dict(self.names.table)
        caller = table.get(("tasks", step.task or 0), "")
        given = ", ".join(arguments(self.trace, step, table, self._state))
        result = f"{step.errno}: {step.reason}" if step.errno else str(step.result)
        if step.state is not None:
            self._state = step.state
            self.names.see(step.state)
        return f"{caller} {step.operation}({given}) = {result}".strip()
