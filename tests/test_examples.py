"""The example for GitHub Actions: its commands run, and write what its other steps take."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = yaml.safe_load((ROOT / "docs" / "examples" / "github-actions.yml").read_text(encoding="utf-8"))
PROGRAMS = {"nsmodel": "nsmodel", "pytest": "pytest -p no:xdist -p no:cacheprovider"}


def project(folder: Path) -> dict[str, str]:
    """A project with a small spec, and an environment that finds the programs of this one."""
    (folder / "specs").mkdir()
    text = (ROOT / "tests" / "export" / "lamps.py").read_text(encoding="utf-8")
    (folder / "specs" / "lamps.py").write_text(text, encoding="utf-8")
    (folder / "bin").mkdir()
    for name, module in PROGRAMS.items():
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        program.chmod(0o755)
    return {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def steps() -> list[dict[str, Any]]:
    return [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_its_commands_run(tmp_path: Path) -> None:
    environment = project(tmp_path)
    ran = [step["run"] for step in steps() if "run" in step and not step["run"].startswith("pip install")]
    assert [line.split()[0] for line in ran] == ["nsmodel", "pytest"]
    for line in ran:
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", line],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    taken = [step["with"][key] for step in steps() for key in ("sarif_file", "path") if key in step.get("with", {})]
    assert sorted(taken) == ["verdicts.sarif", "verdicts.xml"]
    assert all((tmp_path / name).is_file() for name in taken)
