"""The reference engine: breadth-first search over canonical states in plain Python. It judges the other engines."""

from __future__ import annotations

from collections.abc import Callable

from nsmodel.engines.interface import ALONE, Clock, Found, Limits, Progress, Report, Resources, Search
from nsmodel.engines.retrace import Retrace
from nsmodel.ir.language import ScopeCut
from nsmodel.ir.state import Frozen
from nsmodel.system.operation import Call
from nsmodel.system.transition import Runner, TransitionSystem, Violation


class Reference:
    """Breadth-first, level by level; the trace shown is run again from the initial state, so it is a real run."""

    name = "reference"

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
        """Every state within the bounds and the depth, until all are seen or a budget is spent."""
        return _Run(system, limits, report, symmetry).search()


class _Run:
    """One search; it goes on behind a state that breaks one property, for the others, until all are broken."""

    def __init__(self, system: TransitionSystem, limits: Limits, report: Report, symmetry: bool) -> None:
        self.system = system
        self.report = report
        self.clock = Clock(limits)
        self.depth = limits.depth if limits.depth is not None else system.depth
        self.form: Callable[[Frozen], Frozen] = system.canonical.form if symmetry else _same
        self.out = Search(Reference.name)
        self.wanted = {p.name for p in system.spec.properties}
        self.parents: dict[Frozen, Frozen | None] = {}
        self.raw: set[Frozen] = set()

    def search(self) -> Search:
        """Level by level."""
        out = self.out
        start = self.form(self.system.initial)
        self.parents[start] = None
        frontier = [start]
        self._judge(start)
        try:
            while frontier and not self._over() and (self.depth is None or out.depth < self.depth):
                following: list[Frozen] = []
                for state in frontier:
                    out.stopped = self.clock.spent(len(self.parents))
                    if self._over():
                        break
                    self._expand(state, following)
                    self.report(Progress(out.depth, len(self.parents), len(following), out.transitions))
                frontier = following
                out.depth += bool(following)
        except KeyboardInterrupt:
            out.stopped = "interrupted"
        out.complete = not frontier and not self._over()
        out.states = len(self.parents)
        out.seconds = self.clock.seconds
        return out

    def _over(self) -> bool:
        return bool(self.out.stopped) or self.out.found.keys() >= self.wanted

    def _expand(self, state: Frozen, following: list[Frozen]) -> None:
        runner = Runner(self.system, state)
        for call in runner.calls():
            try:
                done = runner.run(call)
            except ScopeCut as cut:
                self.out.cuts[cut.entity] += 1
                continue
            if done is None:
                continue
            self.out.coverage[call.operation, done.errno or "ok"] += 1
            self.out.transitions += 1
            if done.violations:
                self._record(state, [v for v in done.violations if v.property in self.wanted], call)
            if done.state is None or done.state is state or done.state in self.raw:
                continue
            self.raw.add(done.state)
            after = self.form(done.state)
            if after not in self.parents:
                self.parents[after] = state
                self._judge(after)
                following.append(after)

    def _judge(self, state: Frozen) -> None:
        left = tuple(p for p in self.system.spec.properties if p.name not in self.out.found)
        self._record(state, self.system.violations(state, left), None)

    def _record(self, state: Frozen, broken: list[Violation], last: Call | None) -> None:
        for violation in broken:
            if violation.property not in self.out.found:
                self.out.found[violation.property] = self._trace(state, violation, last)

    def _trace(self, state: Frozen, violation: Violation, last: Call | None) -> Found:
        path = [state]
        while (before := self.parents[path[-1]]) is not None:
            path.append(before)
        path.reverse()
        return Retrace(self.system, self.form).found(path, violation.property, in_step=last is not None)


def _same(state: Frozen) -> Frozen:
    return state
