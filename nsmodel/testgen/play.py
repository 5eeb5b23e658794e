"""A trace as a play, and where a release with known bugs departs from the kernel as it should be."""

from __future__ import annotations

from collections.abc import Iterator

from nsmodel.kernel.versions import versions
from nsmodel.testgen.case import Case
from nsmodel.testgen.expected import Seen
from nsmodel.testgen.performance import Performance
from nsmodel.traces.observable import visible
from nsmodel.traces.trace import Trace

OLDEST = "6.18"
"""The release whose rules the model has."""


class Play:
    """One trace with everything that a program needs of it. Raises
    :class:`nsmodel.testgen.performance.Unperformable`."""

    def __init__(self, trace: Trace) -> None:
        performance = Performance(trace)
        self.trace = trace
        self.beginning = performance.beginning
        self.acts = list(performance.acts())
        self.finds = list(performance.finds())
        self.everybody = performance.observer.everybody

    @property
    def seen(self) -> Iterator[Seen]:
        """Everything that can be seen, state by state."""
        yield self.beginning
        yield from (act.seen for act in self.acts)


def known_at(trace: Trace, case: Case) -> dict[int, tuple[str, ...]]:
    """The steps, counted with the prelude from 0, at which a variant's trace departs from the case's, with the bugs."""
    bugs = next((v.bugs for v in case.variants if v.trace is trace), None)
    if bugs is None:
        return {}
    right = [*case.trace.prelude, *case.trace.steps]
    out = {}
    for number, step in enumerate((*trace.prelude, *trace.steps)):
        there = right[number] if number < len(right) else None
        same = there is not None and step.result == there.result
        if not same or there is None or visible(step.state or {}) != visible(there.state or {}):
            out[number] = bugs
    return out


def version_code(version: str) -> int:
    """A version as one number that grows with it."""
    major, minor = version.split(".")[:2]
    return int(major) * 1000 + int(minor)


def next_version(version: str) -> str:
    """The first version that is not this one any more; of the latest none comes near."""
    return min((v for v in versions()[1:] if version_code(v) > version_code(version)), key=version_code, default="1000.0")
