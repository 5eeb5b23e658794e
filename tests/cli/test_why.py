"""`nsmodel why` as a person and a script see it."""

import json
from pathlib import Path

import jsonschema
import pytest

from nsmodel.cli.main import run
from nsmodel.schema import schema
from tests.cli.commands import ROOT

KEPT = str(ROOT / "counterexamples" / "MP19" / "trace.json")


def answer(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    file = tmp_path / "out.json"
    status = run(["why", *arguments, "--json", str(file)])
    told = json.loads(file.read_text())
    jsonschema.validate(told, schema("why"))
    return status, told


def test_every_check_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, told = answer(tmp_path, "umount2(at=1:/a, force, expire)", "--state", KEPT, "--step", "0")
    out = capsys.readouterr().out
    assert status == 0
    assert [c["errno"] for c in told["checks"]] == ["EINVAL", "EINVAL"]  # type: ignore[attr-defined, index]
    assert "not the root of a mount" in out and "MNT_EXPIRE" in out
    assert "fs/namespace.c" in out and "nsmodel/kernel/mount/umount.py:" in out
    assert told["step"] == 0


def test_a_call_that_succeeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, told = answer(tmp_path, "P1 getpid()", "--state", KEPT)
    assert (status, told["checks"], told["end"]) == (0, [], "it succeeds")
    assert "no check refuses it" in capsys.readouterr().out


def test_pairs_of_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, told = answer(tmp_path, "--pairs", "--traces", "8", "--out", str(tmp_path / "kept"))
    pairs = told["pairs"]
    assert status == 0 and told["traces"] == 8 and isinstance(pairs, list) and len(pairs) > 5
    for pair in pairs:
        trace = json.loads(Path(pair["file"]).read_text())
        assert trace["steps"][-1]["errno"] == pair["winner"]["errno"]
        assert trace["steps"][-1]["reason"] == pair["winner"]["reason"]
        assert len(trace["steps"]) == pair["steps"]
    assert "pairs of checks" in capsys.readouterr().out
    status, one = answer(tmp_path, "--pairs", "--traces", "8", "--only", pairs[0]["operation"])
    assert {p["operation"] for p in one["pairs"]} == {pairs[0]["operation"]}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("umount2(at=1:/)",),
        ("--pairs", "umount2(at=1:/)"),
        ("--pairs", "--only", "umount"),
        ("umount2(at=9:/)", "--state", KEPT),
        ("umount2(at=1:/)", "--state", KEPT, "--step", "99"),
        ("umount2(at=1:/)", "--state", "/nowhere.json"),
    ],
)
def test_bad_questions(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", *arguments]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nsmodel.oracle.live import pairs

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pairs, "draw", interrupted)
    status, told = answer(tmp_path, "--pairs", "--traces", "3")
    assert (status, told["interrupted"]) == (3, True)
