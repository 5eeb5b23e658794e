"""`nsmodel check --checkpoint DIR --resume`: killed at any moment and started again, it ends with the same report."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import ROOT, nsmodel

Capture = pytest.CaptureFixture[str]
LONG = ("check", "bench_pidns", "--no-symmetry", "--bound", "tasks=4", "--bound", "namespaces=3", "--depth", "14")
SMALL = ("check", "bench_pidns", "--bound", "tasks=3")
TIMES = {"seconds", "states_per_second", "compile_seconds"}


def timeless(value: Any) -> Any:
    """A report without the times in it."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k not in TIMES}
    return [timeless(v) for v in value] if isinstance(value, list) else value


def report(folder: Path, name: str, *arguments: str) -> tuple[subprocess.Popen[str], Path]:
    """Start a run in a process group of its own."""
    out = folder / name
    command = [sys.executable, "-m", "nsmodel", *arguments, "--json", str(out)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    return process, out


def test_killed_and_resumed(tmp_path: Path) -> None:
    """Kills at random moments, with one thread and with two."""
    rng = random.Random(7)
    whole, expected = report(tmp_path, "whole.json", *LONG)
    assert whole.wait(120) == 0
    kept = ("--checkpoint", str(tmp_path / "kept"), "--resume")
    for _ in range(2):
        process, _ = report(tmp_path, "killed.json", *LONG, *kept, "--threads", rng.choice("12"))
        time.sleep(rng.uniform(0.8, 2.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    again, out = report(tmp_path, "again.json", *LONG, *kept)
    assert again.wait(120) == 0
    assert timeless(json.loads(out.read_text())) == timeless(json.loads(expected.read_text()))


def test_interrupted_with_a_trace(tmp_path: Path) -> None:
    """Ctrl-C leaves a checkpoint, and going on from it ends with the report of one run."""
    arguments = (*LONG, "--checkpoint", str(tmp_path / "kept"))
    process, out = report(tmp_path, "one.json", *arguments)
    time.sleep(1.8)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 3
    first = json.loads(out.read_text())["results"][0]
    assert first["reason"] == "interrupted"
    process, out = report(tmp_path, "two.json", *arguments, "--resume")
    assert process.wait(120) == 0
    second = json.loads(out.read_text())["results"][0]
    assert (second["states"], second["depth"]) == (2_440_473, 14)
    assert 0 < first["states"] < second["states"]


def test_finished_run_gives_its_report_again(capfd: Capture, tmp_path: Path) -> None:
    kept = ("--checkpoint", tmp_path, "--json", "-", "--mutant", "bench_orphan_kept")
    first = nsmodel(capfd, *SMALL, *kept)
    again = nsmodel(capfd, *SMALL, *kept, "--resume")
    assert (first.status, again.status) == (1, 1)
    assert timeless(first.json) == timeless(again.json)
    assert "VIOLATED" in {r["verdict"] for r in again.json["results"]}


def test_nothing_there_is_said(capfd: Capture, tmp_path: Path) -> None:
    done = nsmodel(capfd, *SMALL, "--checkpoint", tmp_path / "new", "--resume")
    assert done.status == 0
    assert done.out.count("starting from the beginning") == 1


def test_without_resume_what_is_there_is_put_aside(capfd: Capture, tmp_path: Path) -> None:
    assert nsmodel(capfd, *SMALL, "--checkpoint", tmp_path).status == 0
    done = nsmodel(capfd, *SMALL, "--checkpoint", tmp_path)
    assert done.status == 0
    assert str(tmp_path / "bench_pidns.before") in done.out.replace("\n", "")
    assert list((tmp_path / "bench_pidns.before").glob("*.json"))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (("--bound", "levels=3"), "bounds"),
        (("--depth", "3"), "depth"),
        (("--no-symmetry",), "symmetry"),
        (("--mutant", "bench_orphan_kept"), "mutant"),
        (("--kernel", "6.18"), "kernel"),
    ],
)
def test_another_search_is_refused(capfd: Capture, tmp_path: Path, changed: tuple[str, ...], says: str) -> None:
    assert nsmodel(capfd, *SMALL, "--checkpoint", tmp_path).status == 0
    message = nsmodel(capfd, *SMALL, *changed, "--checkpoint", tmp_path, "--resume").message
    assert says in message
    assert "another folder" in message


def test_a_changed_spec_is_refused(capfd: Capture, tmp_path: Path) -> None:
    spec = tmp_path / "mine.py"
    text = Path("specs/bench_pidns.py").read_text()
    spec.write_text(text)
    kept = ("--checkpoint", tmp_path / "kept")
    assert nsmodel(capfd, "check", spec, *kept).status == 0
    changed = text.replace("and p.fd is None and not q.zombie", "and p.fd is None")
    assert changed != text
    spec.write_text(changed)
    assert "have changed" in nsmodel(capfd, "check", spec, *kept, "--resume").message


@pytest.mark.parametrize("torn", ["manifest", "level"])
def test_a_torn_checkpoint_falls_back(capfd: Capture, tmp_path: Path, torn: str) -> None:
    """The newest checkpoint of a run that was stopped is torn: the one before counts, or the beginning."""
    limited = (*LONG, "--checkpoint", tmp_path, "--state-limit")
    for limit in ("20000", "60000"):
        resume = ("--resume",) if limit != "20000" else ()
        assert nsmodel(capfd, *limited, limit, *resume).status == 3
    folder = tmp_path / "bench_pidns"
    newest = max(int(path.stem) for path in folder.glob("*.json"))
    file = folder / f"{newest}.{'json' if torn == 'manifest' else 'level'}"
    file.write_bytes(file.read_bytes()[:-7])
    again = nsmodel(capfd, *limited, "100000", "--resume", "--json", "-")
    assert again.status == 3
    assert "torn" in again.err
    assert again.json["results"][0]["states"] >= 100_000
