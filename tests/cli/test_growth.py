"""`growth`."""

import pytest

from tests.cli.commands import nsmodel


def test_table(capfd: pytest.CaptureFixture[str]) -> None:
    done = nsmodel(capfd, "growth", "--calls", "5", "--every", "1", "--no-kernel", "--json", "-")
    assert done.status == 0
    rows = done.json["rows"]
    assert [r["mounts"] for r in rows] == [2, 4, 8, 42, 1806]
    assert [r["how"] for r in rows] == ["searched", *["bound"] * 4]
    assert rows[4]["script"] == ["mount --make-shared /", *["mount --rbind / /"] * 4]
    assert done.json["kernel"] is None
    assert "mount --rbind / / (4 times)" in done.err


def test_from_a_shared_mount(capfd: pytest.CaptureFixture[str]) -> None:
    done = nsmodel(capfd, "growth", "--calls", "3", "--every", "0", "--shared")
    assert done.status == 0
    assert "⌊E^(2^4) + 1/2⌋ - 1" in done.out


def test_too_many(capfd: pytest.CaptureFixture[str]) -> None:
    assert "fix: --calls 5" in nsmodel(capfd, "growth", "--shared", "--calls", "6").message
