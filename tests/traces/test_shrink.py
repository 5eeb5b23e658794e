"""How small traces become: known bugs from long random walks to the length of their shortest counterexample."""

import dataclasses

import pytest

from nsmodel.engines.interface import Limits
from nsmodel.engines.simulate import Simulate
from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.base import base_state
from nsmodel.kernel.objects import Task
from nsmodel.system.operation import Call
from nsmodel.system.transition import TransitionSystem, Violation
from nsmodel.traces.record import record
from nsmodel.traces.script import Origin, Performer, Run
from nsmodel.traces.shrink import DROPPING, shrink, smaller_counterexample
from tests.traces.runs import system_of

WALKS = [
    ("pid_lifetime", "PD04", "DEAD_NS_EMPTY", 96, 4),
    ("pid_lifetime", "setns_pid_ancestor", "PID_VIS", 83, 3),
    ("mount_propagation", "umount_keeps_type", "PROP_WF", 7, 2),
    ("user_maps", "US05", "OPENER_CRED", 16, 3),
    ("mount_writers", "writer_counts_late", "WRITERS_BAL", 2, 6),
]
"""Spec, known bug, property that a walk breaks, seed of the walk, length of the shortest counterexample."""


def fork(task: int, **flags: bool) -> Call:
    return Call("clone3", (("task", task), ("flags", CloneFlags(**flags)), ("tids", SetTid())))


def exit_of(task: int) -> Call:
    return Call("exit_group", (("task", task), ("code", 0)))


@pytest.mark.parametrize(("spec", "bug", "prop", "seed", "shortest"), WALKS, ids=[w[1] for w in WALKS])
def test_long_walks_become_shortest(spec: str, bug: str, prop: str, seed: int, shortest: int) -> None:
    system = system_of(spec, bug)
    found = Simulate(1, 40, seed).search(system, Limits(), lambda progress: None).found[prop]
    assert len(found.calls) > 14
    smaller = smaller_counterexample(system, found.calls, found.violation)
    assert smaller is not None
    calls, violation = smaller
    assert len(calls) == shortest
    assert (violation.property, violation.clause) == (prop, found.violation.clause)
    record(system, calls, violation)  # each call can be made where it stands
    again = smaller_counterexample(system, calls, violation)
    assert again == smaller


def test_what_breaks_nothing_is_not_made_smaller() -> None:
    system = system_of("pid_lifetime")
    wanted = Violation("DEAD_NS_EMPTY", "a task lives in a pid namespace whose init died", ())
    assert smaller_counterexample(system, (fork(1),), wanted) is None


def test_an_initial_state_that_is_broken_needs_no_call() -> None:
    system = system_of("pid_lifetime")
    spec = dataclasses.replace(system.spec, base=lambda k: setattr(base_state(k), "nsproxy", None))
    broken = dataclasses.replace(system, spec=spec)
    wanted = broken.violations(broken.initial, spec.properties)[0]
    assert smaller_counterexample(broken, (fork(1), fork(1)), wanted) == ((), wanted)


# -- scripts ----------------------------------------------------------------------------------------------------------


def dies(run: Run) -> int | None:
    """Shows that a child of a child died."""
    for number, line in enumerate(run.lines, 1):
        caller = line.arguments[0][1]
        if line.operation == "exit_group" and isinstance(caller, Origin) and caller.line:
            return number
    return None


@pytest.fixture(scope="module")
def system() -> TransitionSystem:
    return system_of("pid_lifetime")


def test_an_object_keeps_its_meaning_in_another_slot(system: TransitionSystem) -> None:
    performer = Performer(system)
    run = performer.written([fork(1), fork(1), exit_of(3)])
    second = Origin(2, Task, 1)
    assert run.lines[2].arguments[0][1] == second
    without = performer.perform(run.lines[1:])
    assert without.calls == (fork(1), exit_of(2))
    assert without.lines == run.lines[1:]
    assert performer.perform((run.lines[0], run.lines[2])).calls == (fork(1),), "its maker is gone: nothing can be said"


def test_dropping_makes_no_call_of_its_own(system: TransitionSystem) -> None:
    calls = [fork(1, newpid=True), exit_of(2), fork(1)]
    smaller = shrink(Performer(system), calls, dies, passes=DROPPING)
    assert smaller is not None
    assert smaller.calls == (fork(1), exit_of(2))


def test_calls_are_left_out_that_may_not_be_made(system: TransitionSystem) -> None:
    performer = Performer(system, lambda state, call: call.operation == "exit_group")
    assert performer.written([fork(1), exit_of(2)]).calls == (fork(1),)


def test_attempts_are_an_end(system: TransitionSystem) -> None:
    calls = [fork(1), fork(1), exit_of(2), exit_of(3)]
    asked: list[Run] = []

    def shows(run: Run) -> int | None:
        asked.append(run)
        return dies(run)

    shrink(Performer(system), calls, shows, attempts=2)
    assert len(asked) == 3  # the trace itself, and two smaller ones
