"""`show --svg` and `propagation`."""

from pathlib import Path

import pytest

from nsmodel.traces.trace import encode
from tests.cli.commands import ROOT, nsmodel
from tests.traces.runs import run

KEPT = ROOT / "counterexamples" / "PD04" / "trace.json"
CALLS = (
    ("mount_change_type", {"task": 1, "target": 2, "root": 2, "to": 0, "rec": False}),
    ("mount_bind", {"task": 1, "source": 2, "root": 2, "at": 2, "dentry": 3, "rec": False}),
)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Two peers."""
    from nsmodel.kernel.mount.type import Propagation

    calls = [(name, {k: Propagation(v) if k == "to" else v for k, v in told.items()}) for name, told in CALLS]
    path = tmp_path / "trace.json"
    path.write_bytes(encode(run("mount_propagation", *calls)))
    return path


def test_show_draws(tmp_path: Path, trace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "trace.svg"
    done = nsmodel(capfd, "show", trace, "--svg", picture)
    assert done.status == 0
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    assert nsmodel(capfd, "show", KEPT, "--svg", picture).status == 0
    assert "processes" in picture.read_text(encoding="utf-8")


def test_a_picture_on_standard_output(trace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for command in ("show", "propagation"):
        done = nsmodel(capfd, command, trace, "--svg", "-")
        assert done.out.startswith("<svg") and done.out.endswith("</svg>\n")
        assert "mount_propagation" in done.err


def test_show_says_where_nothing_can_be_written(trace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "there is no folder" in nsmodel(capfd, "show", trace, "--svg", "/nowhere/at/all.svg").message


def test_propagation(tmp_path: Path, trace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "graph.svg"
    done = nsmodel(capfd, "propagation", trace, "--json", "-", "--svg", picture)
    assert [(g["members"], g["slaves"]) for g in done.json["groups"]] == [(["1:/", "1:/a"], [])]
    assert done.json["step"] == 2
    assert "after step 2: 3 mounts, 1 peer group" in done.err
    assert "peer group 1" in picture.read_text(encoding="utf-8")
    first = nsmodel(capfd, "propagation", trace, "--step", "0")
    assert "initial state: 2 mounts, 0 peer groups" in first.out


def test_propagation_of_one_mount(trace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    done = nsmodel(capfd, "propagation", trace, "--mount", "1:/a")
    assert "to 1:/, a peer, through group 1" in done.out
    assert "the others" not in done.out


def test_what_cannot_be_asked(trace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "there is no state after step 3" in nsmodel(capfd, "propagation", trace, "--step", "3").message
    assert "there is no mount 9:/" in nsmodel(capfd, "propagation", trace, "--mount", "9:/").message
    assert "nothing propagates" in nsmodel(capfd, "propagation", KEPT).message
