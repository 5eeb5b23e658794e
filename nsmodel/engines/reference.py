"""The reference engine: breadth-first search over canonical states in plain Python. It judges the other engines."""

from __future__ import annotations

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
        out = Search(self.name)
        clock = Clock(limits)
        wanted = {p.name for p in system.spec.properties}
        form = system.canonical.form if symmetry else _same
        start = form(system.initial)
        parents: dict[Frozen, Frozen | None] = {start: None}
        frontier = [start]
        self._judge(system, out, wanted, parents, start, ())
        depth = limits.depth if limits.depth is not None else system.depth
        try:
            while frontier and not out.stopped and (depth is None or out.depth < depth):
                following: list[Frozen] = []
                for state in frontier:
                    out.stopped = clock.spent(len(parents))
                    if out.stopped:
                        break
                    self._expand(system, state, form, parents, following, out, wanted)
                    report(Progress(out.depth, len(parents), len(frontier) + len(following), out.transitions))
                frontier = following
                out.depth += bool(following)
        except KeyboardInterrupt:
            out.stopped = "interrupted"
        out.complete = not frontier and not out.stopped
        out.states = len(parents)
        out.seconds = clock.seconds
        return out

    def _expand(self, system, state, form, parents, following, out, wanted) -> None:  # type: ignore[no-untyped-def]
        runner = Runner(system, state)
        for call in runner.calls():
            try:
                done = runner.run(call)
            except ScopeCut as cut:
                out.cuts[cut.entity] += 1
                continue
            if done is None:
                continue
            out.coverage[call.operation, done.errno or "ok"] += 1
            out.transitions += 1
            broken = [v for v in done.violations if v.property in wanted]
            if broken:
                self._record(system, out, parents, state, broken, call, form)
            if done.violations or done.state is None:
                continue
            after = form(done.state)
            if after not in parents:
                parents[after] = state
                if not self._judge(system, out, wanted, parents, after, ()):
                    following.append(after)

    def _judge(self, system, out, wanted, parents, state, extra) -> bool:  # type: ignore[no-untyped-def]
        broken = system.violations(state, system.spec.properties)
        if broken:
            self._record(system, out, parents, state, broken, None, system.canonical.form)
        return bool(broken)

    def _record(self, system, out, parents, state, broken, last: Call | None, form) -> None:  # type: ignore[no-untyped-def]
        for violation in broken:
            if violation.property not in out.found:
                out.found[violation.property] = self._trace(system, parents, state, violation, last, form)

    def _trace(self, system, parents, state, violation: Violation, last, form) -> Found:  # type: ignore[no-untyped-def]
        """Walk back to the initial state, then forward again: at each step the call whose canonical successor is next."""
        path = [state]
        while (before := parents[path[-1]]) is not None:
            path.append(before)
        path.reverse()
        here = system.initial
        calls: list[Call] = []
        for target in path[1:]:
            here, call = _forward(system, here, target, form)
            calls.append(call)
        if last is None:
            shown = system.violations(here, system.spec.properties)
        else:
            call, done = _breaking(system, here, last.operation, violation)
            calls.append(call)
            shown = list(done.violations)
        exact = next(v for v in shown if v.property == violation.property)
        return Found(exact, tuple(calls))


def _same(state: Frozen) -> Frozen:
    return state


def _forward(system, here: Frozen, target: Frozen, form) -> tuple[Frozen, Call]:  # type: ignore[no-untyped-def]
    runner = Runner(system, here)
    for call in runner.calls():
        try:
            done = runner.run(call)
        except ScopeCut:
            continue
        if done is not None and done.state is not None and not done.violations and form(done.state) == target:
            return done.state, call
    raise AssertionError("a canonical successor has no real one: some rule treats slots unlike")


def _breaking(system, here: Frozen, operation: str, violation: Violation) -> tuple[Call, Outcome]:  # type: ignore[no-untyped-def]
    runner = Runner(system, here)
    for call in runner.calls():
        if call.operation != operation:
            continue
        try:
            done = runner.run(call)
        except ScopeCut:
            continue
        if done is not None and any(v.property == violation.property for v in done.violations):
            return call, done
    raise AssertionError("a canonical violation has no real one: some rule treats slots unlike")
