"""`nsmodel score`: counts that add up, a page, a measurement that goes on where it was, clear refusals."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import nsmodel

Capture = pytest.CaptureFixture[str]
QUICK = ("score", "--module", "session", "--traces", "6", "--no-specs", "--processes", "1", "--json", "-")


def test_counts_page_and_going_on(capfd: Capture, tmp_path: Path) -> None:
    kept, page = tmp_path / "kept.json", tmp_path / "page.md"
    first = nsmodel(capfd, *QUICK, "--keep", kept, "--write", page).json
    (module,) = first["modules"]
    assert module["module"] == "session"
    assert module["campaign"] > 0
    assert module["mutants"] == first["mutants"] == first["killed"] + len(first["survivors"])
    assert module["campaign"] + module["property"] + module["recording"] == first["killed"]
    assert all(s["would_kill"] for s in first["survivors"])
    text = page.read_text()
    assert f"**{100 * first['killed'] / first['mutants']:.1f} %**" in text
    assert all(f"`{s['id']}`" in text for s in first["survivors"])
    done = json.loads(kept.read_text())["done"]
    assert done == ["campaign process 0-5", "campaign mount 0-5", "campaign user 0-5"]
    again = nsmodel(capfd, *QUICK, "--keep", kept).json
    assert again | {"seconds": 0} == first | {"seconds": 0}


def test_a_measurement_of_other_mutants_is_begun_anew(capfd: Capture, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps({"digest": "another", "done": ["campaign process 0-0"], "kills": []}))
    done = nsmodel(capfd, "score", "--sample", "5", "--traces", "1", "--no-specs", "--keep", kept, "--json", "-").json
    assert done["sample"] == 5
    assert done["mutants"] + done["refused"] == 5
    assert json.loads(kept.read_text())["digest"] != "another"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--module", "sesion"), "did you mean session?"),
        (("--recording", "nowhere"), "nowhere"),
        (("--keep", "pyproject.toml", "--no-specs"), "no measurement"),
    ],
)
def test_refused(capfd: Capture, arguments: tuple[str, ...], says: str) -> None:
    assert says in nsmodel(capfd, "score", *arguments).message
