"""Traces are made by running calls, and can be run again from what they say."""

import msgspec
import pytest

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.system.operation import Call, OperationError
from nsmodel.traces.record import RecordError, calls_of, record
from nsmodel.traces.trace import Trace, encode
from tests.traces.runs import found, run, system_of

FORK = {"task": 1, "flags": CloneFlags(), "tids": SetTid()}


def test_steps() -> None:
    trace = run("pid_lifetime", ("clone3", FORK), ("wait4", {"task": 1, "who": _pid(), "child": 2}))
    first, second = trace.steps
    assert (first.task, first.operation, first.result, first.errno) == (1, "clone3", 1002, None)
    assert {c.kind for c in first.changes} == {"created", "changed"}
    assert first.arguments == {"task": 1, "flags": {}, "tids": {}}
    assert second.changes == []
    assert second.state == first.state
    assert trace.base == trace.initial
    assert trace.bounds is not None
    assert trace.bounds["tasks"] == 3
    assert trace.references["tasks"]["parent"] == "tasks"
    assert trace.references["pids"]["numbers"] == "pid_namespaces"
    assert trace.parameters["wait4"] == {"task": "tasks", "child": "tasks"}


def _pid() -> object:
    from nsmodel.kernel.exit import WaitFor

    return WaitFor.PID


def test_refused_call_changes_nothing() -> None:
    trace = run("pid_lifetime", ("wait4", {"task": 1, "who": _pid(), "child": 1}))
    assert trace.steps[0].errno == "ECHILD"
    assert trace.steps[0].result == -10
    assert trace.steps[0].reason
    assert trace.steps[0].state == trace.initial


def test_counterexample_and_again() -> None:
    trace = found("pid_fork_race", "PD04i", "DEAD_NS_EMPTY", 4)
    assert trace.violates is not None
    assert trace.violates.step == len(trace.steps)
    assert {o.collection for o in trace.violates.objects} == {"tasks", "pid_namespaces"}
    assert len(trace.prelude) == 3
    assert trace.base != trace.initial
    assert all(step.task is not None for step in trace.steps)
    system = system_of("pid_fork_race", "PD04i")
    operations = {o.name: o for o in (*system.spec.operations, *system.spec.prelude_operations)}
    assert calls_of(trace.prelude, operations) == list(system.spec.prelude)
    again = record(system, calls_of(trace.steps, operations))
    assert again.steps == trace.steps
    assert msgspec.json.decode(encode(trace), type=Trace) == trace
    assert encode(trace) == encode(found("pid_fork_race", "PD04i", "DEAD_NS_EMPTY", 4))


def test_trapped_step_keeps_what_it_left() -> None:
    trace = found("namespace_lifetime", "nsfs_fd_no_pin", "NO_UAF", 2)
    assert trace.violates is not None
    assert "freed" in trace.violates.clause
    assert trace.steps[-1].state is not None


def test_calls_that_do_not_fit() -> None:
    system = system_of("pid_lifetime")
    with pytest.raises(RecordError, match="not enabled"):
        record(system, [Call("clone3", (("task", 1), ("flags", CloneFlags(files=True)), ("tids", SetTid())))])
    with pytest.raises(RecordError, match="needs more"):
        record(system, [Call("clone3", tuple(FORK.items()))] * 3)
    trace = run("pid_lifetime", ("clone3", FORK))
    with pytest.raises(OperationError, match="unknown operation"):
        calls_of(trace.steps, {})
    del trace.steps[0].arguments["tids"]
    with pytest.raises(OperationError, match="tids is missing"):
        calls_of(trace.steps, {o.name: o for o in system.operations})
