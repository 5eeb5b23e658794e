"""The guide's commands run, and print what stands below them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_readme import kernel_can_be_asked

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```\n+```text\n(.*?)^```$", TEXT, re.M | re.S)
ASKS = ("growth", "./case")
"""Commands that ask the running kernel."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the guide is followed: what it reads is there, and what it writes stays there."""
    made = tmp_path_factory.mktemp("guide")
    for name in ("docs", "counterexamples", "specs"):
        (made / name).symlink_to(ROOT / name)
    (made / "nsmodel").write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m nsmodel "$@"\n')
    (made / "nsmodel").chmod(0o755)
    return made


@pytest.mark.kernel
def test_the_guide_is_followed(folder: Path) -> None:
    """From top to bottom: later commands use what earlier ones wrote."""
    assert len(BLOCKS) == TEXT.count("```sh\n")
    missing = kernel_can_be_asked()
    for command, expected in BLOCKS:
        if missing and any(word in command for word in ASKS):
            continue
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        )
        assert done.returncode == 0, command + done.stdout + done.stderr
        pattern = ".*".join(re.escape(line).replace("…", ".*") for line in expected.splitlines())
        assert re.search(pattern, done.stdout, re.S), f"{command}\nprints\n{done.stdout}\nnot\n{expected}"


def test_the_example_in_the_text_is_the_file() -> None:
    (shown,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S)
    assert shown in (ROOT / "docs" / "examples" / "init_runs.py").read_text(encoding="utf-8")
