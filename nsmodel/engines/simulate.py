"""Random walks: no exhaustive search, but deep ones; the same seed gives the same walks."""

from __future__ import annotations

import random

from nsmodel.engines.interface import ALONE, Clock, Found, Limits, Progress, Report, Resources, Search
from nsmodel.ir.language import ScopeCut
from nsmodel.ir.state import Frozen
from nsmodel.system.operation import Call
from nsmodel.system.transition import Outcome, Runner, TransitionSystem, Violation


class Simulate:
    """`walks` walks of at most `steps` steps each; a walk ends where a property breaks. Never complete.

    Each step takes an operation at random, then one of its enabled calls. The counterexample is the shortest one met.
    """

    name = "simulate"

    def __init__(self, walks: int = 200, steps: int = 40, seed: int = 1) -> None:
        self.walks = walks
        self.steps = steps
        self.seed = seed

    def unfit(self, system: TransitionSystem) -> str | None:
        """Everything fits."""
        return None

    def search(
        self,
        system: TransitionSystem,
        limits: Limits,
        report: Report,
        *,
        symmetry: bool = True,
        resources: Resources = ALONE,
    ) -> Search:
        """Walk; `limits.depth` makes walks shorter. `symmetry` makes no difference."""
        out = Search(self.name)
        clock = Clock(limits)
        steps = self.steps if limits.depth is None else min(self.steps, limits.depth)
        walker = _Walker(system, out)
        try:
            for walk in range(self.walks):
                out.stopped = clock.spent(len(walker.judged))
                if out.stopped:
                    break
                walker.walk(random.Random(f"{self.seed}:{walk}"), steps)
                report(Progress(walk + 1, len(walker.judged), 0, out.transitions))
        except KeyboardInterrupt:
            out.stopped = "interrupted"
        out.states = len(walker.judged)
        out.seconds = clock.seconds
        return out


class _Walker:
    """Walks of one search; remembers what it judged of each state."""

    def __init__(self, system: TransitionSystem, out: Search) -> None:
        self.system = system
        self.out = out
        self.wanted = {p.name for p in system.spec.properties}
        self.judged: dict[Frozen, list[Violation]] = {}

    def walk(self, dice: random.Random, steps: int) -> None:
        """One walk from the initial state."""
        here = self.system.initial
        calls: list[Call] = []
        if self._note(self._judge(here), calls):
            return
        for _ in range(steps):
            taken = self._step(here, dice)
            if taken is None:
                return
            call, done = taken
            calls.append(call)
            self.out.depth = max(self.out.depth, len(calls))
            broken = [v for v in done.violations if v.property in self.wanted]
            if done.state is not None:
                broken += self._judge(done.state)
            if self._note(broken, calls) or done.state is None:
                return
            here = done.state

    def _judge(self, state: Frozen) -> list[Violation]:
        if state not in self.judged:
            self.judged[state] = self.system.violations(state, self.system.spec.properties)
        return self.judged[state]

    def _note(self, broken: list[Violation], calls: list[Call]) -> bool:
        for violation in broken:
            known = self.out.found.get(violation.property)
            if known is None or len(calls) < len(known.calls):
                self.out.found[violation.property] = Found(violation, tuple(calls), minimal=False)
        return bool(broken)

    def _step(self, here: Frozen, dice: random.Random) -> tuple[Call, Outcome] | None:
        runner = Runner(self.system, here)
        operations = list(self.system.operations)
        dice.shuffle(operations)
        for operation in operations:
            calls = list(operation.calls(runner.state))
            dice.shuffle(calls)
            for call in calls:
                try:
                    done = runner.run(call)
                except ScopeCut as cut:
                    self.out.cuts[cut.entity] += 1
                    continue
                if done is not None:
                    self.out.transitions += 1
                    self.out.coverage[call.operation, done.errno or "ok"] += 1
                    return call, done
        return None
