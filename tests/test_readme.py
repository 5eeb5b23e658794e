"""README shows commands that run, and the picture of a counterexample that is in the project."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from nsmodel.oracle.errors import OracleUnavailable
from nsmodel.oracle.live.driver import Sandbox

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.M | re.S)
COMMANDS = [line for block in BLOCKS[2:] for line in block.splitlines()]
DIVERGE = {"replay", "--mutant", "--kernel"}
"""Commands of which README says that they exit with 1."""


NEED = {"replay", "conform", "--replay"}
"""Commands that need a kernel to ask."""
ASK = NEED | {"mutants", "growth"}
"""Those, and what asks it where there is one."""
WRITTEN = {"trace.json", "picture.svg", "kept", "pidns.pml", "report.html", "trace.itf.json", "suite"}
"""What commands of README write: not here."""


def kernel_can_be_asked() -> str | None:
    try:
        with Sandbox():
            return None
    except OracleUnavailable as why:
        return why.what


def test_the_first_two_blocks_are_one_command_line_each() -> None:
    assert [block.count("\n") for block in BLOCKS[:2]] == [1, 1]
    assert BLOCKS[0].endswith("nsmodel check\n") and BLOCKS[1].endswith("python -m pytest\n")


@pytest.mark.parametrize(
    "line", [pytest.param(line, marks=pytest.mark.kernel) if ASK & set(line.split()) else line for line in COMMANDS]
)
def test_every_command_runs(line: str, tmp_path: Path) -> None:
    words = shlex.split(line)
    assert words[0] == "nsmodel"
    if (NEED & set(words)) and (missing := kernel_can_be_asked()):
        pytest.skip(reason=f"the kernel cannot be asked: {missing}")
    words = [str(tmp_path / w) if w in WRITTEN else w for w in words]
    done = subprocess.run(
        [sys.executable, "-m", "nsmodel", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == (1 if DIVERGE & set(words) else 0), done.stdout + done.stderr


def test_the_picture_is_the_counterexample() -> None:
    kept = (ROOT / "counterexamples" / "PD04" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^```\n(.*?)^```$", TEXT, re.M | re.S)[0] in kept
