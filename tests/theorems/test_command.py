"""`nsmodel theorem` as a person and a script see it."""

import json
from pathlib import Path

import jsonschema
import pytest

from nsmodel.cli.main import run
from nsmodel.schema import schema


def answer(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    file = tmp_path / "out.json"
    status = run(["theorem", *arguments, "--json", str(file)])
    told = json.loads(file.read_text())
    jsonschema.validate(told, schema("theorem"))
    return status, told


@pytest.mark.parametrize("name", ["umount", "attach", "invariants"])
def test_holds(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, told = answer(tmp_path, name, "--mounts", "2")
    assert status == 0
    assert told["holds"] is True
    assert "HOLDS" in capsys.readouterr().out


def test_fails_with_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, told = answer(tmp_path, "attach", "--mounts", "3", "--mutant", "MP05", "--processes", "1")
    assert status == 1
    assert told["holds"] is False
    found = told["found"]
    assert isinstance(found, list)
    assert found[0]["mounts"] == 3
    assert found[0]["picture"][0].startswith("mount")
    assert "a smallest forest, 3 mounts" in capsys.readouterr().out


def test_unknown_algorithm(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["theorem", "umount", "--algorithm", "3.15"]) == 2
    assert "unknown algorithm 3.15" in capsys.readouterr().err


def test_interrupted_keeps_what_was_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nsmodel.theorems.umount import Prover

    def interrupted(self: Prover, *rest: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Prover, "propagation", interrupted)
    status, told = answer(tmp_path, "umount", "--mounts", "2", "--processes", "1")
    assert status == 3
    assert told["holds"] is None
