"""Where a counterexample was decided.

With known bugs on, the same calls are made by the kernel without them. The bugs that count are those without which,
each alone taken away, the calls do not break the clause; all of them where no single one decides. The kernels part at
the first step whose result or state differs: there the other kernel has a check that refuses the call, or leaves
something else. Inevitable is the violation from the first step on after which a repair comes too late: the rest of the
calls, made by the kernel without the bugs, breaks the clause all the same (what can be called no more is left out).

With no bug on, it is inevitable from the first step on after which every way on of as many more calls that change
something breaks it. That is the step that breaks it itself, unless nothing else could be done any more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from nsmodel.ir.language import ScopeCut
from nsmodel.ir.state import Frozen
from nsmodel.system.operation import Call
from nsmodel.system.precedence import Check, Site, asking, refusals
from nsmodel.system.snapshot import snapshot
from nsmodel.system.transition import Outcome, Runner, TransitionSystem, Violation
from nsmodel.traces.broken import Broken
from nsmodel.traces.diff import changes
from nsmodel.traces.script import Performer, Repaired, Run
from nsmodel.traces.trace import Blame, Refusal, Rule

LOOKED_AT = 5000
"""Calls tried at most to tell whether other ways were open; what was not looked at counts as open."""


def blame(system: TransitionSystem, calls: Sequence[Call], violation: Violation) -> Blame:
    """Where some calls from the initial state were decided, the last of which breaks a clause."""
    broken = Broken(system, violation)
    if not system.switches:
        return Blame(step=_no_other_way(system, calls, broken))
    performer = Performer(system)
    run = performer.written(calls)

    def still(bugs: set[str], after: int) -> bool:
        return _still_broken(broken, performer, run, _without(system, bugs), after)

    bugs = sorted(bug for bug in system.switches if not still({bug}, 0)) or sorted(system.switches)
    too_late = len(run.lines)
    while too_late > 0 and still(set(bugs), too_late - 1):
        too_late -= 1
    out = Blame(step=too_late, bugs=bugs)
    _part(out, run, system, _without(system, set(bugs)))
    return out


def _without(system: TransitionSystem, bugs: set[str]) -> TransitionSystem:
    return dataclasses.replace(system, switches=system.switches - bugs)


def _still_broken(broken: Broken, performer: Performer, run: Run, right: TransitionSystem, after: int) -> bool:
    """The clause is broken all the same where the right kernel makes the calls after so many; all of them for 0."""
    start = performer.system.initial if after else right.initial
    if start == performer.system.initial:
        repaired = performer.perform(run.lines, Repaired(after, right))
    else:
        repaired = Performer(right).written(run.calls)
    return any(map(broken.same, broken.of_state(start))) or broken.by(repaired)


def _part(out: Blame, run: Run, wrong: TransitionSystem, right: TransitionSystem) -> None:
    """Find where the kernels part, and what the right one does there."""
    here = wrong.initial
    if right.initial != here:
        out.parted = 0
        return
    for number, (call, done) in enumerate(zip(run.calls, run.outcomes, strict=True), 1):
        other = _outcome(right, here, call)
        if other is None or (other.result, other.errno, other.state) != (done.result, done.errno, done.state):
            out.parted = number
            operation = wrong.operation(call.operation)
            out.asked = list(dict.fromkeys(map(_rule, asking(operation, wrong.thaw(here), call, frozenset(out.bugs)))))
            if other is not None and other.errno not in (None, done.errno):
                out.check = _check(right, here, call)
            elif other is not None:
                _otherwise(out, done, other, wrong)
            return
        assert done.state is not None  # the other kernel left the same
        here = done.state


def _otherwise(out: Blame, done: Outcome, other: Outcome, system: TransitionSystem) -> None:
    left = done.state if done.state is not None else done.wreck
    if other.state is not None and left is not None:
        schema = system.sizes.schema
        out.instead = changes(snapshot(schema, other.state), snapshot(schema, left))


def _check(system: TransitionSystem, here: Frozen, call: Call) -> Refusal | None:
    """The first check that refuses a call."""
    told = refusals(system.operation(call.operation), lambda: system.thaw(here), call).checks
    return Refusal(told[0].errno, told[0].reason, _rule(told[0])) if told else None


def _outcome(system: TransitionSystem, here: Frozen, call: Call) -> Outcome | None:
    try:
        return Runner(system, here).run(call)
    except ScopeCut:
        return None


def _rule(told: Site | Check) -> Rule:
    """A line of a rule by its function and file: numbers of lines change with every edit."""
    return Rule(told.function, told.place.rpartition(":")[0], told.source)


def _no_other_way(system: TransitionSystem, calls: Sequence[Call], broken: Broken) -> int:
    """The first step after which every way on breaks the clause."""
    states = [system.initial]
    for call in calls[:-1]:
        done = _outcome(system, states[-1], call)
        assert done is not None and done.state is not None
        states.append(done.state)
    ways = _Ways(system, broken)
    step = len(calls)
    while step > 0 and ways.doomed(states[step - 1], len(calls) - step + 1):
        step -= 1
    return step


class _Ways:
    """Looks at ways on from states, as far as the budget goes."""

    def __init__(self, system: TransitionSystem, broken: Broken) -> None:
        self.system, self.broken = system, broken
        self.left = LOOKED_AT

    def doomed(self, here: Frozen, calls: int) -> bool:
        """Every way on from a state of so many calls that change something breaks the clause."""
        if any(map(self.broken.same, self.broken.of_state(here))):
            return True
        runner, moved = Runner(self.system, here), False
        for call in runner.calls() if calls else ():
            self.left -= 1
            if self.left < 0:
                return False
            try:
                done = runner.run(call)
            except ScopeCut:
                continue
            if done is None or done.state == here:
                continue
            moved = True
            if any(map(self.broken.same, self.broken.of_call(done))):
                continue
            if done.state is None or not self.doomed(done.state, calls - 1):
                return False
        return moved
