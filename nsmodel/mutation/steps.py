"""Runs mutants over judged steps: one dies where a process can tell it from the kernel, or where a property breaks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Literal

from nsmodel.ir.language import ScopeCut
from nsmodel.ir.state import Frozen
from nsmodel.kernel.properties import ALL, CONTAINED, HOST_PROP
from nsmodel.mutation.corpus import Corpus, Trace
from nsmodel.mutation.install import installed
from nsmodel.mutation.kill import Kill
from nsmodel.mutation.mutants import Mutant
from nsmodel.mutation.shown import Shown
from nsmodel.oracle.live.translate import AUTO_BASE
from nsmodel.system.operation import OperationError
from nsmodel.system.spec import STEP_TOTAL
from nsmodel.system.transition import Outcome, Runner, TransitionSystem

STEPS = 40
"""Steps of a corpus that a mutant is tried on, at most."""
PROPERTIES = tuple(p for p in ALL if p not in (HOST_PROP, CONTAINED))
"""Properties of every state; those left out speak of the containers of one spec."""


class Judge:
    """Judges mutants by the steps of a corpus."""

    def __init__(self, system: TransitionSystem, corpus: Corpus) -> None:
        self.system = system
        self.corpus = corpus
        self.shown = Shown(system.sizes.schema)
        self._broken: dict[Frozen, frozenset[str]] = {}

    def comes_to(self, mutant: Mutant) -> bool:
        """Some step reaches the changed place."""
        return mutant.place in self.corpus.reached

    def kill(self, mutant: Mutant) -> Kill | None:
        """What kills a mutant, None when it survives."""
        with installed(mutant):
            for number, step in self._steps(mutant):
                trace = self.corpus.traces[number]
                found = self._follow(mutant, trace, step)
                if found is not None:
                    return found
        return None

    def _steps(self, mutant: Mutant) -> Iterator[tuple[int, int]]:
        """The steps that reach the changed place, those of different kinds first."""
        reached = self.corpus.reached.get(mutant.place, [])
        if mutant.kind == "checks swapped":
            reached = [(t, i) for t, i in reached if self.corpus.traces[t].outcomes[i].result < 0]
        pick = random.Random(mutant.id)
        by_kind: dict[tuple[str, str | None], list[tuple[int, int]]] = {}
        for t, i in pick.sample(reached, len(reached)):
            trace = self.corpus.traces[t]
            by_kind.setdefault((trace.calls[i].operation, trace.outcomes[i].reason), []).append((t, i))
        left, kinds = STEPS, list(by_kind.values())
        while left > 0 and kinds:
            for steps in kinds[:left]:
                yield steps.pop()
            left -= len(kinds)
            kinds = [steps for steps in kinds if steps]

    def _follow(self, mutant: Mutant, trace: Trace, start: int) -> Kill | None:
        """Run the mutant from a step on, until it is told apart or the states are the same again."""
        frozen = trace.states[start]
        for i in range(start, len(trace.calls)):
            call, right = trace.calls[i], trace.outcomes[i]

            def kill(by: Literal["campaign", "property"], what: str, step: int = i) -> Kill:
                return Kill(mutant.id, by, f"{what}; {trace.name}, step {step + 1}, {trace.calls[step].operation}")

            try:
                done = Runner(self.system, frozen).run(call)
            except ScopeCut:
                return None
            except OperationError:
                return kill("campaign", "the call names what is not there")
            except Exception as error:  # whatever a rule that was cut open trips over
                return kill("property", f"{STEP_TOTAL.name}: {type(error).__name__}")
            if done is None:
                return kill("campaign", "the call cannot be made")
            new = {v.property for v in done.violations} - {v.property for v in right.violations}
            if new:
                return kill("property", ", ".join(sorted(new)))
            if not _alike(done, right, first=i == start):
                return kill("campaign", f"{done.errno or done.result}, not {right.errno or right.result}")
            assert done.state is not None and right.state is not None
            if done.state == right.state:
                return None
            broken = self._violated(done.state, kept=False)
            if broken:
                broken -= self._violated(right.state, kept=True)
            if broken:
                return kill("property", ", ".join(sorted(broken)))
            if not self.shown.same(done.state, right.state):
                return kill("campaign", "what is seen after the call")
            frozen = done.state
        return None

    def _violated(self, state: Frozen, *, kept: bool) -> frozenset[str]:
        if not kept:
            return frozenset(v.property for v in self.system.violations(state, PROPERTIES))
        if state not in self._broken:
            self._broken[state] = frozenset(v.property for v in self.system.violations(state, PROPERTIES))
        return self._broken[state]


def _alike(done: Outcome, right: Outcome, *, first: bool) -> bool:
    """The results are the same, numbers that the allocator chose up to renaming."""
    if done.result == right.result:
        return True
    return not first and min(done.result, right.result) >= AUTO_BASE
