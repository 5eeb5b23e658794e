"""Where counterexamples were decided: the check that is missing, the effect that is wrong, and when it was too late."""

import dataclasses
from collections.abc import Callable
from typing import Annotated

from nsmodel.engines.interface import Limits
from nsmodel.engines.reference import Reference
from nsmodel.ir.language import Entity, Live, Range, Switch, invariant, require, syscall
from nsmodel.ir.state import State
from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.mutants import INIT_NO_WAIT_INJECTED, NEWPID_TWICE, PD04, PD08
from nsmodel.system.operation import Call, op
from nsmodel.system.spec import Spec, prop
from nsmodel.system.transition import TransitionSystem, make_system
from nsmodel.traces.blame import blame
from nsmodel.traces.script import Performer
from nsmodel.traces.trace import Blame, Refusal, Rule
from tests.traces.runs import system_of


def fork(task: int) -> Call:
    return Call("clone3", (("task", task), ("flags", CloneFlags()), ("tids", SetTid())))


def unshare(task: int) -> Call:
    return Call("unshare", (("task", task), ("flags", CloneFlags(newpid=True))))


def exit_of(task: int) -> Call:
    return Call("exit_group", (("task", task), ("code", 0)))


DEAD_INIT = (unshare(1), fork(1), exit_of(2), fork(1))
"""The counterexample to PD04."""
INIT_GOES_FIRST = (unshare(1), fork(1), fork(1), exit_of(2))
"""The counterexample to PD08."""


def decided(system: TransitionSystem, name: str, *calls: Call) -> Blame:
    done = Performer(system).written(calls).outcomes[-1]
    assert done.state is not None
    broken = (*done.violations, *system.violations(done.state, system.spec.properties))
    return blame(system, calls, next(v for v in broken if v.property == name))


def with_bugs(*bugs: Switch) -> TransitionSystem:
    return dataclasses.replace(system_of("pid_lifetime"), switches=frozenset(bug.name for bug in bugs))


ALLOC_PID = Rule("check_alloc_pid", "nsmodel/kernel/pid.py", "kernel/pid.c: alloc_pid, v6.18")


def test_the_check_that_would_have_prevented_it() -> None:
    told = decided(system_of("pid_lifetime", "PD04"), "DEAD_NS_EMPTY", *DEAD_INIT)
    assert (told.step, told.bugs, told.parted) == (4, ["PD04"], 4)
    reason = "the init of the pid namespace is dead or dying: no numbers are given out"
    assert told.check == Refusal("ENOMEM", reason, ALLOC_PID)
    assert (told.instead, told.asked) == ([], [ALLOC_PID])


def test_of_several_bugs_those_that_it_takes() -> None:
    assert decided(with_bugs(PD04, NEWPID_TWICE), "DEAD_NS_EMPTY", *DEAD_INIT).bugs == ["PD04"]


def test_bugs_of_which_each_is_enough() -> None:
    both = with_bugs(PD08, INIT_NO_WAIT_INJECTED)
    assert decided(both, "INIT_LAST", *INIT_GOES_FIRST).bugs == ["PD08", "init_no_wait_injected"]


def test_the_effect_that_is_wrong() -> None:
    told = decided(system_of("pid_lifetime", "PD08"), "INIT_LAST", *INIT_GOES_FIRST)
    assert told.check is None
    assert [(c.collection, c.field, c.old, c.new) for c in told.instead] == [("tasks", "state", "EXITING", "ZOMBIE")]
    assert [rule.function for rule in told.asked] == ["zap_is_over"]


def test_too_late_before_it_shows() -> None:
    """A descriptor that does not hold its namespace: the second step touches what the first one left to be freed."""
    system = system_of("namespace_lifetime", "nsfs_fd_no_pin")
    one = Reference().search(system, Limits(depth=2), lambda progress: None).found["NO_UAF"]
    told = blame(system, one.calls, one.violation)
    assert (told.step, told.parted) == (1, 1)
    assert [(c.collection, c.field, c.old, c.new) for c in told.instead] == [("uts_namespaces", "count", 2, 1)]


def test_what_was_wrong_before_the_first_step() -> None:
    wrong = dataclasses.replace(system_of("container_launch", "MP01"), switches=frozenset({"MP01", "PD04"}))
    broken = wrong.violations(wrong.initial, wrong.spec.properties)
    assert blame(wrong, (), broken[0]) == Blame(step=0, bugs=["MP01"], parted=0)


# -- without a bug ----------------------------------------------------------------------------------------------------


class Clock(Entity):
    """A clock that runs."""

    hour: Annotated[int, Range(0, 5)]


class Shelf(State):
    """The state."""

    clocks: Live[Clock]


@syscall(source="a toy")
def tick(k: Shelf, clock: Clock) -> None:
    clock.hour += 1


@syscall(source="a toy")
def wind_back(k: Shelf, clock: Clock) -> None:
    clock.hour = 0


@invariant("BEFORE_THREE")
def before_three(k: Shelf) -> None:
    for clock in k.clocks:
        require(clock.hour < 3, "it strikes three", clock)


def base(k: Shelf) -> None:
    k.new(Clock).hour = 1


def clocks(*rules: Callable[..., None]) -> TransitionSystem:
    early = prop("BEFORE_THREE", "before three", before_three)
    spec = Spec("clock", "", Shelf, base, {"clocks": 1}, tuple(op(rule) for rule in rules), (early,))
    return make_system(spec, spec.scope(None))


def test_without_a_bug_until_no_other_way_is_left() -> None:
    twice = (Call("tick", (("clock", 1),)),) * 2
    assert decided(clocks(tick), "BEFORE_THREE", *twice) == Blame(step=0)
    assert decided(clocks(tick, wind_back), "BEFORE_THREE", *twice) == Blame(step=2)
