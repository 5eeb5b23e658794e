"""A call in a state, and what can be said of it: result, the check that decided, those that would have."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from nsmodel.ir.language import ScopeCut
from nsmodel.system.operation import Call, Operation
from nsmodel.system.precedence import Check, decided, refusals
from nsmodel.system.transition import Outcome, Runner, TransitionSystem
from nsmodel.testgen.cells import OK


@dataclass(frozen=True)
class Event:
    """What a call came to: the name of an error or `ok`; `place` is that of the check that refused, None for a call
    that succeeded, or failed and kept what it did."""

    operation: str
    result: str
    place: str | None = None
    changes: bool = False
    """The call left another state behind."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One call of an operation in a runner's state; `event` is what it comes to, where that is known already."""

    runner: Runner
    operation: Operation
    call: Call
    event: Event | None = None

    @functools.cached_property
    def outcome(self) -> Outcome | None:
        """What it does; None where it is no call, breaks a rule, or goes beyond the scope."""
        try:
            done = self.runner.run(self.call)
        except ScopeCut:
            return None
        return done if done is not None and done.state is not None else None

    @property
    def refused(self) -> bool:
        """Whether a check refuses it."""
        if self.event is not None:
            return self.event.place is not None
        return self.outcome is not None and self.outcome.reason is not None

    @property
    def result(self) -> str | None:
        """The name of its error, or `ok`."""
        if self.event is not None:
            return self.event.result
        return None if self.outcome is None else self.outcome.errno or OK

    @functools.cached_property
    def check(self) -> Check | None:
        """The check that refuses it."""
        return decided(self.operation, self.runner.state, self.call) if self.refused else None

    @property
    def place(self) -> str | None:
        """The place of the check that refuses it."""
        if self.event is not None:
            return self.event.place
        return self.check.place if self.check is not None else None

    @functools.cached_property
    def checks(self) -> tuple[Check, ...]:
        """Every check that would refuse it, in order: each is told as if those before had passed."""
        if not self.refused:
            return ()
        found = refusals(self.operation, lambda: self.runner.state, self.call).checks
        self.runner.forget()
        return found


def along(system: TransitionSystem, calls: tuple[Call, ...]) -> list[Seen]:
    """The calls of a run from the initial state, each in the state that it is made in."""
    out: list[Seen] = []
    state = system.initial
    for call in calls:
        seen = Seen(Runner(system, state), system.operation(call.operation), call)
        out.append(seen)
        if seen.outcome is None or seen.outcome.state is None:
            break
        state = seen.outcome.state
    return out
