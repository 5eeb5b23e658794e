"""Traces in the format of Apalache: what its author's reader makes of them, and nothing is lost on the way back."""

import json
from pathlib import Path

import itf_py
import pytest

from nsmodel.system.problem import Problem
from nsmodel.traces.itf import encode, from_itf, to_itf
from nsmodel.traces.read import load_trace
from nsmodel.traces.trace import Trace
from tests.traces.runs import found

KEPT = Path(__file__).parents[2] / "counterexamples"
TRACES = sorted(KEPT.glob("*/trace.json"))


def trapped() -> Trace:
    trace = found("namespace_lifetime", "nsfs_fd_no_pin", "NO_UAF", 2)
    trace.steps[-1].state, trace.steps[-1].changes = None, []
    return trace


def in_order(trace: Trace) -> Trace:
    """With the changes of a step in one order: that of collections of which no state has two is not kept."""
    for step in (*trace.prelude, *trace.steps):
        step.changes.sort(key=repr)
    return trace


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.parent.name)
def test_there_and_back(path: Path) -> None:
    trace = load_trace(path)
    assert in_order(from_itf(json.loads(encode(trace)), "trace.itf.json")) == in_order(trace)


def test_a_trapped_step_has_no_state() -> None:
    trace = trapped()
    assert len(to_itf(trace)["states"]) == len(trace.steps)
    assert from_itf(to_itf(trace), "trace.itf.json") == trace


def test_a_reader_of_others() -> None:
    trace = load_trace(KEPT / "PD04" / "trace.json")
    read = itf_py.trace_from_json(json.loads(encode(trace)))
    assert read.vars[0] == "action"
    assert all(state.values.keys() == set(read.vars) for state in read.states)
    assert [state.values["action"].operation for state in read.states] == [
        "initial",
        *(s.operation for s in trace.steps),
    ]
    for state, ours in zip(read.states, trace.states(), strict=True):
        assert {name: sorted(objects) for name, objects in state.values.items() if name != "action" and objects} == {
            name: [row["id"] for row in rows] for name, rows in ours.items()
        }
    last = trace.states()[-1]
    task = next(row for row in last["tasks"] if row["parent"] is not None)
    record = read.states[-1].values["tasks"][task["id"]]
    assert (record.parent, record.nsproxy) == (task["parent"], task["nsproxy"] or 0)
    assert record.effective == frozenset(task["effective"])
    number = last["pids"][0]
    assert read.states[-1].values["pids"][number["id"]].numbers == {int(k): v for k, v in number["numbers"].items()}


def test_every_value_is_one_of_the_format() -> None:
    """ADR-015: strings, booleans, integers as big ones, records, sets, maps; no null, no bare list."""

    def check(value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "#bigint":
                    assert isinstance(inner, str) and str(int(inner)) == inner
                elif key == "#set":
                    assert all(check(v) is None for v in inner)
                elif key == "#map":
                    assert all(len(pair) == 2 and check(pair[0]) is None and check(pair[1]) is None for pair in inner)
                else:
                    assert not key.startswith("#")
                    check(inner)
        else:
            assert isinstance(value, str | bool)

    for state in to_itf(load_trace(KEPT / "MP19" / "trace.json"))["states"]:
        for name, value in state.items():
            if name != "#meta":
                check(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"#meta": {"source": "Other.tla"}, "vars": ["x"], "states": [{"x": 1}]}', "no trace of ours"),
        ('{"#meta": {"nsmodel": {}}, "vars": []}', "holds no trace"),
        ('{"#meta": {"nsmodel": {"trapped": [], "references": {}}}, "vars": [], "states": [{}]}', "parameters"),
        ("[1]", "no trace of ours"),
        ('{"#meta"', "torn"),
    ],
)
def test_what_is_no_trace_of_ours(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "trace.itf.json"
    path.write_text(text)
    with pytest.raises(Problem, match="trace") as problem:
        load_trace(path)
    assert said in str(problem.value)
