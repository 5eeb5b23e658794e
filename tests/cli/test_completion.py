"""`nsmodel completion`: what shells are told, by click's protocol and in bash itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from nsmodel.cli.main import cli
from tests.cli.commands import ROOT, nsmodel

Capture = pytest.CaptureFixture[str]


def completed(*words: str) -> dict[str, str | None]:
    """What the last word may become, with what each is."""
    shell = ShellComplete(cli, {}, "nsmodel", "_NSMODEL_COMPLETE")
    return {item.value: item.help for item in shell.get_completions(list(words[:-1]), words[-1])}


@pytest.mark.parametrize(
    ("words", "some", "none"),
    [
        (("c",), {"check", "conform", "completion"}, {"show"}),
        (("check", "pid_"), {"pid_lifetime", "pid_fork_race"}, {"orphans"}),
        (("check", "pid_lifetime", "--scope", ""), {"default", "small", "deep"}, {"complete"}),
        (("check", "pid_lifetime", "--property", "REA"), {"REAPER_ALIVE"}, {"REF_EXACT"}),
        (("check", "bench_pidns", "--mutant", ""), {"PD04", "bench_fd_not_counted"}, {"bench_mount_beside"}),
        (("simulate", "--kernel", ""), {"fixed", "6.18"}, set()),
        (("check", "--engine", ""), {"explicit", "bmc", "all"}, set()),
        (("mutants", "pid_lifetime", "--id", "PD0"), {"PD04", "PD08"}, {"MP01"}),
        (("check", "--sa"), {"--sarif"}, {"--junit"}),
    ],
)
def test_what_a_word_may_become(words: tuple[str, ...], some: set[str], none: set[str]) -> None:
    found = completed(*words).keys()
    assert found >= some
    assert not found & none


def test_helps() -> None:
    assert completed("check", "pid_lifetime", "--mutant", "PD04")["PD04"] == (
        "fork into a pid namespace whose init died"
    )


def test_a_folder_without_specs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert completed("check", "./sp") == {"./sp": None}  # the shell looks for files
    assert completed("check", "--scope", "") == {}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(capfd: Capture, shell: str) -> None:
    done = nsmodel(capfd, "completion", shell)
    assert done.status == 0
    assert f"_NSMODEL_COMPLETE={shell}_complete" in done.out


def test_another_shell(capfd: Capture) -> None:
    assert "tcsh" in nsmodel(capfd, "completion", "tcsh").message


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash(capfd: Capture, tmp_path: Path) -> None:
    program = tmp_path / "nsmodel"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nsmodel "$@"\n')
    program.chmod(0o755)
    script = nsmodel(capfd, "completion", "bash").out
    script += 'COMP_WORDS=(nsmodel check pid_li) COMP_CWORD=2\n_nsmodel_completion nsmodel\necho "${COMPREPLY[@]}"\n'
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "pid_lifetime\n"
