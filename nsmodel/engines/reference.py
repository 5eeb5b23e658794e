"""The reference engine: breadth-first search over canonical states in plain Python. It judges the other engines."""

from __future__ import annotations

from collections.abc import Callable

from nsmodel.engines.interface import Clock, Found, Limits, Progress, Report, Search
from nsmodel.ir.language import ScopeCut
from nsmodel.ir.state import Frozen
from nsmodel.system.operation import Call
from nsmodel.system.transition import Outcome, Runner, TransitionSystem, Violation


class Reference:
    """Breadth-first, level by level; the trace shown is run again from the initial state, so it is a real run."""

    name = "reference"

    def unfit(self, system: TransitionSystem) -> str | None:
        """Everything fits."""
        return None

    def search(self, system: TransitionSystem, limits: Limits, report: Report, *, symmetry: bool = True) -> Search:
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
        """Walk back to the initial state, then forward again, each time by the call that leads to the next form."""
        path = [state]
        while (before := self.parents[path[-1]]) is not None:
            path.append(before)
        path.reverse()
        here = self.system.initial
        calls: list[Call] = []
        for target in path[1:]:
            call, here = self._forward(here, target)
            calls.append(call)
        if last is None:
            shown = self.system.violations(here, self.system.spec.properties)
        else:
            call, done = self._breaking(here, last.operation, violation)
            calls.append(call)
            shown = list(done.violations)
        exact = next(v for v in shown if v.property == violation.property)
        return Found(exact, tuple(calls))

    def _forward(self, here: Frozen, target: Frozen) -> tuple[Call, Frozen]:
        successors = self._successors(here)
        forms: tuple[Callable[[Frozen], Frozen], ...] = (self.form, self.system.canonical.exact)
        for form in forms:
            wanted = form(target)
            for call, done in successors:
                if done.state is not None and form(done.state) == wanted:
                    return call, done.state
        raise AssertionError("a canonical successor has no real one: some rule treats slots unlike")

    def _breaking(self, here: Frozen, operation: str, violation: Violation) -> tuple[Call, Outcome]:
        for call, done in self._successors(here):
            if call.operation == operation and any(v.property == violation.property for v in done.violations):
                return call, done
        raise AssertionError("a canonical violation has no real one: some rule treats slots unlike")

    def _successors(self, here: Frozen) -> list[tuple[Call, Outcome]]:
        runner = Runner(self.system, here)
        out = []
        for call in runner.calls():
            try:
                done = runner.run(call)
            except ScopeCut:
                continue
            if done is not None:
                out.append((call, done))
        return out


def _same(state: Frozen) -> Frozen:
    return state
