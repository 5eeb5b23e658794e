"""Mutants under which the program of a case would fail: known bugs, checks that are not there, effects left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from nsmodel.kernel.versions import all_switches
from nsmodel.system.checks import checks_of
from nsmodel.system.operation import Call
from nsmodel.system.precedence import passing, place_of
from nsmodel.system.spec import SpecError
from nsmodel.system.transition import TransitionSystem
from nsmodel.testgen.again import made_again, roomy, told_apart
from nsmodel.testgen.seen import along
from nsmodel.traces.observable import visible
from nsmodel.traces.trace import Step, Trace


class _Asked(frozenset[str]):
    """Switches that remember which of them a rule asked for."""

    def __new__(cls, on: frozenset[str]) -> _Asked:
        made = super().__new__(cls, on)
        made.names = set()
        return made

    names: set[str]

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)


class Killers:
    """Looks for the mutants that kill a case of one system."""

    def __init__(self, system: TransitionSystem) -> None:
        self.system = roomy(system)
        self._mutants: dict[str, TransitionSystem | None] = {}
        places = {check.place for o in (*system.spec.operations, *system.spec.edges) for check in checks_of(o)}
        self._places = {place_of(*place): place for place in places}

    def of(self, calls: tuple[Call, ...], trace: Trace) -> tuple[str, ...]:
        """Known bugs by name, then checks by place. Only where none of them is one, a step without its effect."""
        right = trace.steps
        return tuple([*self._bugs(calls, right), *self._checks(calls, right)] or _effects(trace))

    def _bugs(self, calls: tuple[Call, ...], right: Sequence[Step]) -> list[str]:
        """The known bugs: of those that no rule asks for, none can make a difference."""
        asked = _Asked(self.system.switches)
        made_again(dataclasses.replace(self.system, switches=asked), calls)
        out = []
        for switch in all_switches():
            if switch.name in asked.names and switch.name not in self.system.switches:
                mutant = self._mutant(switch.name)
                if mutant is not None and told_apart(right, made_again(mutant, calls)):
                    out.append(switch.name)
        return out

    def _mutant(self, name: str) -> TransitionSystem | None:
        """The system with a known bug; None where its prelude cannot be made then."""
        if name not in self._mutants:
            mutant: TransitionSystem | None = dataclasses.replace(
                self.system, mutant=name, switches=self.system.switches | {name}
            )
            try:
                mutant.initial  # type: ignore[union-attr] # noqa: B018
            except SpecError:
                mutant = None
            self._mutants[name] = mutant
        return self._mutants[name]

    def _checks(self, calls: tuple[Call, ...], right: Sequence[Step]) -> list[str]:
        """The checks that refuse a call of the case, each as if it were not there."""
        out = []
        decided = [seen.check for seen in along(self.system, calls)]
        for check in dict.fromkeys(check for check in decided if check is not None):
            with passing() as passed:
                passed.add(self._places[check.place])
                again = made_again(self.system, calls)
            if told_apart(right, again):
                out.append(f"no check at {check.place}")
        return out


def _effects(trace: Trace) -> list[str]:
    """The last call as if it did nothing."""
    *before, last = trace.steps
    earlier = before[-1].state if before else trace.initial
    if last.result >= 0 and last.state is not None and earlier is not None and visible(earlier) != visible(last.state):
        return [f"{last.operation} without its effect"]
    return []
