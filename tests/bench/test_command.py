"""`nsmodel bench`: ours alone, beside a peer, and what is said when something is not as it should be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from nsmodel.bench import cases, ours, run
from nsmodel.bench.cases import CASES, Case
from nsmodel.bench.ours import Measured
from nsmodel.bench.peer import Built, Counted
from nsmodel.bench.processes import Failed
from nsmodel.bench.run import Bench, Plan
from nsmodel.bench.spin import Spin
from nsmodel.schema import schema
from tests.cli.commands import ROOT, nsmodel

MISSING = Spin().missing()
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


class Stub:
    """A peer that says what it is told to say."""

    def __init__(self, *answers: Counted, missing: str | None = None) -> None:
        self.name = "stub"
        self.answers = list(answers)
        self.why = missing

    def missing(self) -> str | None:
        return self.why

    def version(self) -> str:
        return "stub 1"

    def threads(self, ours: int) -> int:
        return 1

    def refuses(self, case: Case) -> str | None:
        return None

    def build(self, case: Case, threads: int, folder: Path) -> Built:
        if not self.answers:
            raise Failed("the stub has nothing to say")
        return Built(0.5, lambda: self.answers.pop(0))


def fake(monkeypatch: pytest.MonkeyPatch, states: int = 5198) -> None:
    """Our engine without a search: 0.5 s on every case."""
    monkeypatch.setattr(ours, "compile_seconds", lambda case, cache: 0.25)
    monkeypatch.setattr(
        ours, "measured", lambda case, threads, repeat, cache: Measured((states,), 41_771, 0.5, 32.0, 80.0)
    )


def bench(*answers: Counted, missing: str | None = None, repeat: int = 1) -> tuple[Bench, list[str]]:
    said: list[str] = []
    out = Bench(Plan(CASES[:1], [Stub(*answers, missing=missing)], [1], repeat), said.append)
    out.run()
    return out, said


def test_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch)
    done, said = bench(Counted(5198, 1.0), Counted(5198, 5.0), Counted(5198, 2.0), repeat=3)
    (row,) = done.rows()
    assert (row.peer, row.peer_seconds, row.peer_compile_seconds, row.ratio) == ("stub", 2.0, 0.5, 4.0)
    assert (row.states_per_second, row.compile_seconds) == (5198 / 0.5, 0.25)
    assert row.again == "nsmodel bench pidns-322 --threads 1 --peer stub --repeat 3"
    assert not done.differences and not done.failed
    assert said == ["[1/1] pidns-322: nsmodel with 1 thread", "[1/1] pidns-322: stub with 1 thread"]


def test_every_run_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch)
    done, said = bench(Counted(5197, 1.0), Counted(5198, 1.0), repeat=2)
    assert [d.what for d in done.differences] == ["stub counts 5,197 states, nsmodel counts 5,198"]
    assert said[-1].startswith("DISAGREE pidns-322")
    assert done.rows()[0].ratio is None


def test_an_error_that_a_peer_finds_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch)
    done, _ = bench(Counted(5198, 1.0, "TREE is violated"))
    assert [d.what for d in done.differences] == ["stub: TREE is violated; nsmodel finds nothing wrong"]


def test_a_peer_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch)
    done, _ = bench()
    assert done.failed
    assert [(left.name, left.why) for left in done.left_out] == [("pidns-322", "the stub has nothing to say")]
    assert [row.peer for row in done.rows()] == [None]


def test_a_peer_that_is_missing_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch)
    done, _ = bench(missing="not installed: stub (apt-get install stub)")
    assert [(left.name, left.peer) for left in done.left_out] == [(None, "stub")]
    assert not done.failed


def test_too_fast_for_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch)
    (row,) = bench(Counted(5198, 0.0))[0].rows()
    assert (row.peer_seconds, row.ratio) == (0.0, None)


def test_a_wrong_count_of_ours(capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, 5199)
    done = nsmodel(capfd, "bench", "pidns-322", "--peer", "none")
    assert done.status == 70
    assert "DISAGREE  pidns-322  nsmodel with 1 thread counts 5,199 states, known are 5,198" in done.out
    assert "DISAGREE pidns-322" in done.err


def test_ours_that_fails_is_unknown(capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> float:
        raise Failed("our search ended with signal 9")

    monkeypatch.setattr(ours, "compile_seconds", fail)
    done = nsmodel(capfd, "bench", "pidns-322", "--peer", "none", "--json", "-")
    assert done.status == 3
    assert done.json["cases"] == []
    assert {left["peer"] for left in done.json["left_out"]} == {run.OURS}


def test_ours_alone(capfd: Capture) -> None:
    done = nsmodel(capfd, "bench", "pidns-322", "--quick", "--peer", "none", "--threads", "2", "--json", "-")
    assert done.status == 0
    (row,) = done.json["cases"]
    assert (row["states"], row["transitions"], row["peer"], row["ratio"]) == (5198, 41_771, None, None)
    assert row["threads"] == 2
    assert row["compile_seconds"] > 0
    assert row["bytes_per_state"] >= 8
    assert 10 < row["peak_rss_mib"] < 1000


@pytest.mark.skipif(MISSING is not None, reason=f"spin: {MISSING}")
def test_beside_spin(capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = Case("tiny", "bench_pidns", {"tasks": 2, "namespaces": 1, "levels": 1}, 12)
    monkeypatch.setattr(cases, "CASES", (tiny,))
    done = nsmodel(capfd, "bench", "tiny", "--quick", "--peer", "spin", "--threads", "1", "--json", "-")
    assert done.status == 0
    (row,) = done.json["cases"]
    assert (row["states"], row["peer"], row["peer_states"], row["peer_threads"]) == (12, "spin", 12, 1)
    assert done.json["peers"]["spin"].startswith("Spin Version")


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (("pidns-42",), "error: unknown case pidns-42"),
        (("--peer", "spinn"), "error: unknown peer spinn"),
        (("--peer", "none", "--peer", "spin"), "error: no peer and a peer at once"),
        (("pidns-432", "--quick"), "error: no case is left"),
        (("--repeat", "0"), "error: Invalid value for '--repeat'"),
    ],
)
def test_bad_input(capfd: Capture, arguments: tuple[str, ...], first: str) -> None:
    assert nsmodel(capfd, "bench", *arguments).message.startswith(first)


def test_without_specs(capfd: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert "there is no spec bench_pidns" in nsmodel(capfd, "bench", "pidns-322").message


def test_ctrl_c(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "nsmodel", "bench", "pidns-432", "--peer", "none", "--json", str(file)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert "pidns-432" in process.stderr.readline()
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 3
    assert "interrupted" in out
    data = json.loads(file.read_text())
    jsonschema.validate(data, schema("bench"))
    assert data["interrupted"] and data["cases"] == []
