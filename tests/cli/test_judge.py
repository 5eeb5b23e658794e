"""Expectations, disagreements of engines, and exit statuses."""

from collections import Counter
from typing import Any

import pytest

from nsmodel.cli.judge import disagreements, exit_status, results_of, vacuous
from nsmodel.engines.interface import Search
from nsmodel.report.output import Result, ScopeInfo
from nsmodel.system.verdict import Exit
from nsmodel.traces.trace import Trace, Violates
from tests.traces.runs import system_of

INFO = ScopeInfo("default", {}, 7)


def result(verdict: str, *, engine: str = "reference", length: int | None = None, **more: Any) -> Result:
    trace = None
    if length is not None:
        steps: Any = [None] * length
        trace = Trace("s", "fixed", None, [], {}, steps, Violates("P", "c", [], length, more.pop("minimal", True)))
    given: dict[str, Any] = {
        "spec": "s", "property": "P", "verdict": verdict, "expected": "HOLDS",
        "as_expected": verdict in ("HOLDS", "PROVED"),
        "engine": engine, "kernel": "fixed", "mutant": None, "scope": INFO, "depth": 5, "complete": False, "states": 0,
        "transitions": 0, "seconds": 0.0, "compile_seconds": 0.0, "trace": trace,
    }  # fmt: skip
    return Result(**(given | more))


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        (result("HOLDS"), result("HOLDS", depth=9), False),
        (result("VIOLATED", length=4), result("VIOLATED", length=4), False),
        (result("VIOLATED", length=4), result("VIOLATED", length=5), True),
        (result("VIOLATED", length=4), result("VIOLATED", length=5, minimal=False), False),
        (result("VIOLATED", length=5), result("HOLDS"), True),
        (result("VIOLATED", length=6), result("HOLDS"), False),
        (result("VIOLATED", length=6), result("HOLDS", complete=True), True),
        (result("VIOLATED", length=6), result("PROVED", depth=None), True),
        (result("VIOLATED", length=6), result("HOLDS", depth=None), False),
        (result("VIOLATED", length=4), result("UNKNOWN"), False),
    ],
)
def test_disagreements(one: Result, other: Result, differ: bool) -> None:
    other.engine = "other"
    assert bool(disagreements([one, other])) == differ
    assert bool(disagreements([other, one])) == differ
    other.property = "Q"
    assert not disagreements([one, other])


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ([], Exit.MET),
        (["HOLDS", "PROVED"], Exit.MET),
        (["HOLDS", "VIOLATED", "UNKNOWN", "VACUOUS"], Exit.NOT_MET),
        (["HOLDS", "UNKNOWN", "VACUOUS"], Exit.UNKNOWN),
        (["HOLDS", "VACUOUS"], Exit.VACUOUS),
    ],
)
def test_exit_status(verdicts: list[str], status: Exit) -> None:
    results = [result(v) for v in verdicts]
    assert exit_status(results) == status
    assert exit_status(results, interrupted=True) == Exit.UNKNOWN
    differing = disagreements([result("VIOLATED", length=1), result("HOLDS", engine="other")])
    assert exit_status(results, differing, interrupted=True) == Exit.DISAGREE


def test_expected_violation_counts_as_met() -> None:
    assert exit_status([result("VIOLATED", expected="VIOLATED", as_expected=True)]) == Exit.MET


def test_unknown_is_never_holds() -> None:
    system = system_of("pid_lifetime")
    search = Search("bmc", depth=3, unknown={"REF_EXACT": "an obligation is not met"})
    by_name = {r.property: r for r in results_of(system, search, INFO)}
    assert by_name["REF_EXACT"].verdict == "UNKNOWN"
    assert by_name["REF_EXACT"].reason == "an obligation is not met"
    assert by_name["NO_LEAK"].verdict == "HOLDS"
    search.stopped = "interrupted"
    assert {r.verdict for r in results_of(system, search, INFO)} == {"UNKNOWN"}


def test_vacuous_only_in_a_whole_scope() -> None:
    system = system_of("pid_lifetime")
    coverage = Counter({(o.name, "ok"): 1 for o in system.operations if o.name != "wait4"})
    coverage["wait4", "ECHILD"] = 3
    search = Search("reference", complete=True, coverage=coverage)
    assert vacuous(system, search) == ["wait4"]
    assert results_of(system, search, INFO)[-1].property == "operation wait4"
    search.complete = False
    assert vacuous(system, search) == []
    assert vacuous(system_of("pid_lifetime", "PD04"), Search("reference", complete=True, coverage=coverage)) == []
