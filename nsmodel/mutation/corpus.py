"""Traces that judge mutants.

A campaign of `nsmodel conform` with the same seed and area performs the same traces on the running kernel, and finds no
difference. So the model's own word stands for the kernel's, and a mutant that says something else dies. What a spec
allows comes besides: there the kernel was not asked, and properties alone kill.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from nsmodel.engines.walks import walk
from nsmodel.ir.state import Frozen
from nsmodel.kernel.versions import KNOWN, switches_of
from nsmodel.mutation.mutants import Place, module_of
from nsmodel.mutation.probes import Probes
from nsmodel.oracle.live import conform
from nsmodel.oracle.live.whole import whole_system
from nsmodel.system.operation import Call
from nsmodel.system.transition import Outcome, Runner, TransitionSystem


@dataclass(frozen=True)
class Trace:
    """A drawn trace: `states[i]` is the state before `calls[i]`, and `outcomes[i]` what came of it."""

    name: str
    calls: tuple[Call, ...]
    outcomes: tuple[Outcome, ...]
    states: tuple[Frozen, ...]


@dataclass
class Corpus:
    """Traces, and which steps of them reach a place: the number of the trace, and of the step from 0."""

    traces: list[Trace] = field(default_factory=list)
    reached: dict[Place, list[tuple[int, int]]] = field(default_factory=dict)

    def add(self, system: TransitionSystem, trace: Trace, probes: Probes) -> None:
        """Take in a trace: run it once more, with probes."""
        number = len(self.traces)
        self.traces.append(trace)
        with probes.on():
            for i, call in enumerate(trace.calls):
                probes.seen.clear()
                Runner(system, trace.states[i]).run(call)
                rule = system.operation(call.operation).function
                if rule.interleaved:
                    probes.seen.add((module_of(rule), rule.title, ()))
                for place in probes.seen:
                    self.reached.setdefault(place, []).append((number, i))


WALKS, STEPS = 40, 12
"""Random walks of a spec, and their steps."""


def judged_system() -> TransitionSystem:
    """The whole model as the kernel that campaigns are run on, its known bugs included."""
    return whole_system(KNOWN[-1], switches_of(KNOWN[-1]))


def campaign(
    system: TransitionSystem, plan: conform.Plan, indices: range, probes: Probes, tell: Callable[[Corpus], None]
) -> Corpus:
    """The traces of a block of a campaign."""
    out = Corpus()
    cells: conform.Cells = Counter()
    for index in indices:
        name = f"{plan.seed}/{index}"
        length = plan.length or random.Random(f"length {name}").randint(5, 40)
        drawn = conform.draw(system, name, length, plan, cells)
        before = [system.initial]
        for done in drawn.outcomes:
            assert done.state is not None
            before.append(done.state)
        where = f"{plan.area or 'whole'} {name}"
        out.add(system, Trace(where, tuple(drawn.calls), tuple(drawn.outcomes), tuple(before[:-1])), probes)
        tell(out)
    return out


def walks(system: TransitionSystem, probes: Probes) -> Corpus:
    """Random walks among the states of a spec."""
    out = Corpus()
    for number in range(WALKS):
        taken = list(walk(system, random.Random(number), STEPS))
        if taken and taken[-1][2].state is None:
            taken.pop()
        states, calls, outcomes = zip(*taken, strict=True) if taken else ((), (), ())
        out.add(system, Trace(f"spec {system.spec.name}, walk {number}", calls, outcomes, states), probes)
    return out
