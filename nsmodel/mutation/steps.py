"""Runs mutants over judged steps: one dies where a process can tell it from the kernel, or where a property breaks."""

from __future__ import annotations

import random
from collections.abc import Iterator

from nsmodel.ir.language import ScopeCut
from nsmodel.ir.state import Frozen
from nsmodel.kernel.properties import ALL, CONTAINED, HOST_PROP
from nsmodel.mutation.corpus import Corpus, Trace
from nsmodel.mutation.install import installed
from nsmodel.mutation.kill import Kill
from nsmodel.mutation.mutants import Mutant
from nsmodel.mutation.shown import Shown
from nsmodel.oracle.live.translate import AUTO_BASE
from nsmodel.system.operation import Call, OperationError
from nsmodel.system.spec import STEP_TOTAL, Property
from nsmodel.system.transition import Outcome, Runner, TransitionSystem

STEPS = 30
"""Steps of a corpus that a mutant is tried on, at most."""
EVERYWHERE = tuple(p for p in ALL if p not in (HOST_PROP, CONTAINED))
"""Properties of every state; those left out speak of the containers of one spec."""


class Judge:
    """Judges mutants by the steps of a corpus: by `properties`, and where the corpus is `judged` by what is seen."""

    def __init__(
        self,
        system: TransitionSystem,
        corpus: Corpus,
        properties: tuple[Property, ...] = EVERYWHERE,
        *,
        judged: bool = True,
    ) -> None:
        self.system = system
        self.corpus = corpus
        self.properties = properties
        self.judged = judged
        self.shown = Shown(system.sizes.schema)
        self._known: dict[Frozen, frozenset[str]] = {}

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
            where = f"{trace.name}, step {i + 1}, {call.operation}"
            try:
                done = Runner(self.system, frozen).run(call)
            except ScopeCut:
                return None
            except OperationError:
                return (
                    Kill(mutant.id, "campaign", f"the call names what is not there; {where}") if self.judged else None
                )
            except Exception as error:  # whatever a rule that was cut open trips over
                return Kill(mutant.id, "property", f"{STEP_TOTAL.name}: {type(error).__name__}; {where}")
            broken = self._broken(done, right)
            if broken:
                return Kill(mutant.id, "property", f"{', '.join(sorted(broken))}; {where}")
            seen = self._seen(frozen, trace.states[i], call, done, right) if self.judged else None
            if seen is not None:
                return Kill(mutant.id, "campaign", f"{seen}; {where}")
            if done is None or done.state is None or done.state == right.state:
                return None
            frozen = done.state
        return None

    def _broken(self, done: Outcome | None, right: Outcome) -> frozenset[str]:
        """The properties that the mutant breaks with a call, and the rules do not."""
        if done is None:
            return frozenset()
        new = frozenset(v.property for v in done.violations) - {v.property for v in right.violations}
        if new or done.state is None or done.state == right.state:
            return new
        found = self._violated(done.state)
        if found and right.state is not None:
            if right.state not in self._known:
                self._known[right.state] = self._violated(right.state)
            found -= self._known[right.state]
        return found

    def _seen(
        self, before: Frozen, right_before: Frozen, call: Call, done: Outcome | None, right: Outcome
    ) -> str | None:
        """What a replay sees of the difference."""
        if done is None:
            return "the call cannot be made"
        allocated = before is not right_before and min(done.result, right.result) >= AUTO_BASE
        if done.result != right.result and not allocated:
            return f"{done.errno or done.result}, not {right.errno or right.result}"
        assert done.state is not None and right.state is not None
        if call.operation == "wait4" and self._ended(before, call) != self._ended(right_before, call):
            return "how the child ended"
        return None if self.shown.same(done.state, right.state) else "what is seen after the call"

    def _ended(self, state: Frozen, call: Call) -> tuple[int, ...]:
        """How the child ended that a wait reports."""
        child = call.by_name["child"]
        return () if child is None else self.shown.values(state, "tasks", child, ("exit_code", "exit_signal"))

    def _violated(self, state: Frozen) -> frozenset[str]:
        return frozenset(v.property for v in self.system.violations(state, self.properties))
