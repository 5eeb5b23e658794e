"""`nsmodel show`: a trace in other forms."""

from pathlib import Path

import msgspec
import pytest

from nsmodel.cli.again import system_of, violation_of
from nsmodel.system.operation import Call
from nsmodel.traces.read import load_trace
from nsmodel.traces.record import record
from nsmodel.traces.trace import encode
from tests.cli.commands import nsmodel

Capture = pytest.CaptureFixture[str]
KEPT = Path("counterexamples/PD04/trace.json")


def test_itf(capfd: Capture, tmp_path: Path) -> None:
    file = tmp_path / "trace.itf.json"
    first = nsmodel(capfd, "show", KEPT, "--itf", file)
    assert load_trace(file) == load_trace(KEPT)
    assert nsmodel(capfd, "show", file).out == first.out


def test_shrink(capfd: Capture, tmp_path: Path) -> None:
    trace = load_trace(KEPT)
    file, smaller = tmp_path / "long.json", tmp_path / "short.json"
    system, calls = system_of(trace, str(KEPT))
    assert trace.violates is not None
    longer = record(system, [Call("set_child_subreaper", (("task", 1), ("on", True))), *calls], violation_of(trace))
    file.write_bytes(encode(longer))
    assert len(longer.steps) == 5
    done = nsmodel(capfd, "show", file, "--shrink", "--trace-out", smaller)
    assert done.status == 0
    short = load_trace(smaller)
    assert short.violates is not None
    assert (len(short.steps), short.violates.clause) == (4, trace.violates.clause)
    assert nsmodel(capfd, "show", smaller).out == done.out


def test_shrink_says_what_it_cannot(capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = load_trace(KEPT)
    file = tmp_path / "trace.json"
    file.write_bytes(encode(msgspec.structs.replace(trace, violates=None)))
    assert "breaks nothing" in nsmodel(capfd, "show", file, "--shrink").message
    file.write_bytes(encode(msgspec.structs.replace(trace, mutant=None)))
    assert "run again, it does not break" in nsmodel(capfd, "show", file, "--shrink").message
    file.write_bytes(encode(msgspec.structs.replace(trace, initial={"tasks": []})))
    assert "another state" in nsmodel(capfd, "show", file, "--shrink").message
    monkeypatch.chdir(tmp_path)
    assert "there is no spec pid_lifetime" in nsmodel(capfd, "show", file, "--shrink").message
