"""`nsmodel show`: a trace in other forms."""

from pathlib import Path

import pytest

from nsmodel.traces.read import load_trace
from tests.cli.commands import nsmodel

Capture = pytest.CaptureFixture[str]
KEPT = Path("counterexamples/PD04/trace.json")


def test_itf(capfd: Capture, tmp_path: Path) -> None:
    file = tmp_path / "trace.itf.json"
    first = nsmodel(capfd, "show", KEPT, "--itf", file)
    assert load_trace(file) == load_trace(KEPT)
    assert nsmodel(capfd, "show", file).out == first.out
