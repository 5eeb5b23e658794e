"""Trace files: read back as written; anything else is one clear message with its place."""

import json
from pathlib import Path

import pytest

from nsmodel.system.problem import LINES, Problem
from nsmodel.traces.read import load_trace
from nsmodel.traces.trace import encode
from tests.traces.runs import found


@pytest.fixture(scope="module")
def text() -> bytes:
    return encode(found("pid_lifetime", "newpid_twice", "GROUP_NS", 2))


def refused(path: Path) -> str:
    with pytest.raises(Problem) as caught:
        load_trace(path)
    message = str(caught.value)
    assert str(path) in message
    assert "fix:" in message
    assert len(message.splitlines()) < LINES
    return message


def test_round_trip(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(text)
    assert encode(load_trace(path)) == text


def test_missing_empty_torn(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "t.json"
    assert "No such file" in refused(path)
    assert "directory" in refused(tmp_path)
    path.write_bytes(b" \n")
    assert "empty" in refused(path)
    for cut in (1, 17, len(text) // 2, len(text) - 3):
        path.write_bytes(text[:cut])
        assert "torn" in refused(path)
    path.write_bytes(b"\xff\xfe\x00")
    refused(path)


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 3},
        {"initial": {"tasks": [{"state": "RUNNING"}]}},
        {"initial": {"tasks": [{"id": 0}]}},
        {"initial": None},
        {"violates": {"property": "X", "clause": "y", "objects": [], "step": 9}},
        {"steps": [{"operation": "clone3"}]},
    ],
)
def test_wrong_shape(tmp_path: Path, text: bytes, change: dict[str, object]) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps(json.loads(text) | change))
    assert "`$." in refused(path)


def test_other_json(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    for other in ("[]", "{}", "3", '"x"'):
        path.write_text(other)
        assert "no trace" in refused(path)


def test_step_without_state(tmp_path: Path, text: bytes) -> None:
    data = json.loads(text)
    data["steps"][0]["state"] = None
    path = tmp_path / "t.json"
    path.write_text(json.dumps(data))
    assert "only the last step" in refused(path)
