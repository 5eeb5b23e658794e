"""Where a counterexample was decided, in words."""

import msgspec
import pytest

from nsmodel.report.written import plain
from nsmodel.traces.trace import Blame, Change, Refusal, Rule, Trace
from tests.traces.runs import found

RULE = Rule("zap_pid_ns_processes", "nsmodel/kernel/pid.py", "kernel/pid_namespace.c: zap_pid_ns_processes, v6.18")
WHERE = "    zap_pid_ns_processes, nsmodel/kernel/pid.py; kernel/pid_namespace.c:\n    zap_pid_ns_processes, v6.18"


@pytest.fixture(scope="module")
def trace() -> Trace:
    return found("nsproxy_refcount", "PD02", "REAPER_ALIVE", 2)


def told(trace: Trace, blame: Blame | None) -> str:
    assert trace.violates is not None
    return plain(msgspec.structs.replace(trace, violates=msgspec.structs.replace(trace.violates, blame=blame)))


def test_where_nobody_asked(trace: Trace) -> None:
    assert "inevitable" not in told(trace, None)


def test_a_check(trace: Trace) -> None:
    check = Refusal("ENOMEM", "the init is dead", RULE)
    text = told(trace, Blame(step=2, bugs=["PD02"], parted=2, check=check))
    assert f"inevitable from step 2 on\n  without PD02, step 2 fails with ENOMEM: the init is dead\n{WHERE}\n" in text


def test_effects(trace: Trace) -> None:
    instead = [Change("changed", "pid_namespaces", 1, "child_reaper", slot, 1) for slot in range(3)]
    instead += [Change("freed", "tasks", slot, old={}) for slot in range(3, 11)]
    text = told(trace, Blame(step=1, bugs=["PD02", "PD04"], parted=2, instead=instead, asked=[RULE]))
    assert "inevitable from step 1 on  PD02 and PD04 repaired later, the rest of the calls breaks it too\n" in text
    assert "  without PD02 and PD04, step 2 leaves something else; what the bug makes of that:\n" in text
    assert f"    - 8  freed\n    and 3 more\n{WHERE}\n" in text


def test_other_ways_to_part(trace: Trace) -> None:
    assert "without PD02, step 1 gives another result" in told(trace, Blame(step=2, bugs=["PD02"], parted=1))
    before = told(trace, Blame(step=0, bugs=["PD02"], parted=0))
    assert "inevitable from the start" in before
    assert "without PD02, the calls before the first step leave another state" in before


def test_without_a_bug(trace: Trace) -> None:
    assert "inevitable from step 2 on  until then, another call avoids it\n" in told(trace, Blame(step=2))
    assert "inevitable from step 1 on  whatever is called\n" in told(trace, Blame(step=1))
