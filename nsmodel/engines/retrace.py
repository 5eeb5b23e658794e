"""From the states of a search back to a run: a search that stores canonical states knows neither calls nor slots."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from nsmodel.engines.interface import Found
from nsmodel.ir.language import ScopeCut
from nsmodel.ir.state import Frozen
from nsmodel.system.operation import Call
from nsmodel.system.transition import Outcome, Runner, TransitionSystem, Violation


class ReadingsDiffer(AssertionError):
    """What an engine found does not happen in the direct reading."""


class Retrace:
    """Runs forward from the initial state, each time by the first call that leads to the next state's form."""

    def __init__(self, system: TransitionSystem, form: Callable[[Frozen], Hashable]) -> None:
        self.system = system
        self.form = form

    def found(self, path: Sequence[Frozen], prop: str, *, in_step: bool) -> Found:
        """The counterexample at the end of a path of stored states, the first of them the initial one's form.

        `in_step`: a step from the last state breaks the property, not the state. Raises :class:`ReadingsDiffer`.
        """
        here = self.system.initial
        calls: list[Call] = []
        for target in path[1:]:
            call, here = self.forward(here, target)
            calls.append(call)
        if in_step:
            call, shown = self._breaking(here, prop)
            calls.append(call)
        else:
            broken = self.system.violations(here, self.system.spec.properties)
            matching = [v for v in broken if v.property == prop]
            if not matching:
                raise ReadingsDiffer(f"{prop} holds in the direct reading after {len(calls)} steps")
            shown = matching[0]
        return Found(shown, tuple(calls))

    def forward(self, here: Frozen, target: Frozen) -> tuple[Call, Frozen]:
        """The first call that leads from a state to one of a form, and the state that it leads to."""
        successors = self._successors(here)
        forms: tuple[Callable[[Frozen], Hashable], ...] = (self.form, self.system.canonical.exact)
        for form in forms:
            wanted = form(target)
            for call, done in successors:
                if done.state is not None and form(done.state) == wanted:
                    return call, done.state
        raise ReadingsDiffer("a stored successor has no real one: some rule treats slots unlike")

    def _breaking(self, here: Frozen, prop: str) -> tuple[Call, Violation]:
        for call, done in self._successors(here):
            for violation in done.violations:
                if violation.property == prop:
                    return call, violation
        raise ReadingsDiffer(f"no real step breaks {prop}: some rule treats slots unlike")

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
