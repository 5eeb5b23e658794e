"""`report`: a page from a trace, with the kernel's word where it is asked for."""

from pathlib import Path

import pytest

from nsmodel.oracle.errors import OracleUnavailable
from nsmodel.oracle.live.driver import Sandbox
from tests.cli.commands import ROOT, nsmodel

Capture = pytest.CaptureFixture[str]
KEPT = ROOT / "counterexamples"


def test_a_page_and_its_summary(tmp_path: Path, capfd: Capture) -> None:
    out = tmp_path / "report.html"
    done = nsmodel(capfd, "report", KEPT / "PD04" / "trace.json", "--out", out, "--json", "-")
    assert done.status == 0
    assert (done.json["steps"], done.json["replay"], done.json["kernel"]) == (4, None, None)
    assert f"{out}: 4 steps" in done.err
    page = out.read_text(encoding="utf-8")
    assert "fork into a pid namespace whose init died" in page, "the known bug in words"
    assert "Not replayed on a kernel." in page


def test_a_page_on_standard_output(capfd: Capture) -> None:
    done = nsmodel(capfd, "report", KEPT / "PD04" / "trace.json", "--out", "-")
    assert done.out.startswith("<!doctype html>") and done.out.rstrip().endswith("</html>")
    assert "4 steps" in done.err


@pytest.mark.kernel
@pytest.mark.parametrize(("name", "status", "word"), [("MP19", 0, "agrees"), ("PD04", 1, "diverges")])
def test_the_kernels_word(tmp_path: Path, capfd: Capture, name: str, status: int, word: str) -> None:
    try:
        with Sandbox():
            pass
    except OracleUnavailable as why:
        pytest.skip(reason=f"the kernel cannot be asked: {why.what}: {why.cause}")
    out = tmp_path / "report.html"
    trace = KEPT / name / "trace.json"
    done = nsmodel(capfd, "report", trace, "--out", out, "--replay", "--json", "-")
    assert (done.status, done.json["replay"]) == (status, word)
    said = "does the same at every step" if status == 0 else "differs at step 4: result; the trace says success"
    assert said in out.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "{", '{"spec": "x"}'])
def test_a_trace_that_cannot_be_read(capfd: Capture, tmp_path: Path, text: str) -> None:
    path = tmp_path / "trace.json"
    path.write_text(text)
    assert str(path) in nsmodel(capfd, "report", path, "--out", tmp_path / "x.html").message
    assert not (tmp_path / "x.html").exists()


def test_what_cannot_be_written(capfd: Capture) -> None:
    trace = KEPT / "PD04" / "trace.json"
    assert "there is no folder" in nsmodel(capfd, "report", trace, "--out", "/nowhere/at/all.html").message
    assert "standard output" in nsmodel(capfd, "report", trace, "--out", "-", "--json", "-").message
    assert "--out" in nsmodel(capfd, "report", trace).message
