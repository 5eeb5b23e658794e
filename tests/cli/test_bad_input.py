"""Whatever is wrong with a command line or a file: one clear message on standard error, exit 2, never a stack trace."""

from pathlib import Path

import pytest

from tests.cli.commands import nsmodel

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", "missing.py"), "there is no spec missing.py"),
        (("check", "pid_lifetme"), "did you mean pid_lifetime"),
        (("check", "--engine", "explicitt"), "did you mean explicit"),
        (("check", "pid_lifetime", "--resume"), "--checkpoint DIR"),
        (("check", "pid_lifetime", "--engine", "bmc", "--checkpoint", "x"), "--engine explicit"),
        (("check", "pid_lifetime", "--checkpoint", "README.md"), "it is no folder"),
        (("check", "--engine", "spin"), "unknown engine spin"),
        (("check", "pid_lifetime", "--mutant", "PD044"), "PD04"),
        (("check", "pid_lifetime", "--mutant", "nothing_like_it"), "unknown mutant"),
        (("check", "pid_lifetime", "--bound", "taks=4"), "did you mean tasks?"),
        (("check", "pid_lifetime", "--bound", "tasks"), "tasks=4"),
        (("check", "pid_lifetime", "--bound", "tasks=many"), "whole number"),
        (("check", "pid_lifetime", "--bound", "tasks=-1"), "negative"),
        (("check", "pid_lifetime", "--bound", "tasks=0"), "no initial state"),
        (("check", "pid_lifetime", "--scope", "huge"), "unknown scope huge"),
        (("check", "pid_lifetime", "--kernel", "5.99"), "6.18"),
        (("check", "pid_lifetime", "--depth", "-1"), "--depth"),
        (("check", "pid_lifetime", "--depth", "x"), "--depth"),
        (("check", "pid_lifetime", "--threads", "0"), "--threads"),
        (("check", "pid_lifetime", "--no-such-flag"), "--no-such-flag"),
        (("check", "pid_lifetime", "--json", "no/such/folder/out.json"), "no/such/folder"),
        (("check", "pid_lifetime", "--trace-out", "specs"), "it is a folder"),
        (("chek",), "chek"),
        (("simulate", "pid_lifetime", "--seed", "x"), "--seed"),
        (("simulate", "pid_lifetime", "--walks", "0"), "--walks"),
        (("show",), "TRACE"),
        (("show", "missing.json"), "missing.json"),
        (("mutants", "pid_lifetime", "--id", "PD01"), "no spec is meant to find PD01"),
        (("mutants", "--id", "nothing"), "unknown mutant nothing"),
        (("mutants", "--engine", "spin"), "unknown engine spin"),
    ],
)
def test_refused(capfd: Capture, arguments: tuple[str, ...], says: str) -> None:
    assert says in nsmodel(capfd, *arguments).message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SPEC = (\n", ":1"),
        ("x = 1\n", "defines no spec"),
        ("import nothing_like_it\n", ":1"),
        ("from nsmodel.ir.language import helper\n\n\n@helper\ndef f(k):\n    return [k]\n", ":6"),
        ("\0", "spec.py"),
    ],
)
def test_broken_spec(capfd: Capture, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "spec.py"
    path.write_text(text)
    message = nsmodel(capfd, "check", path).message
    assert says in message
    assert str(path) in message


@pytest.mark.parametrize("text", ["", "{", "[]", '{"spec": "x"}', "\0\1"])
def test_broken_trace(capfd: Capture, tmp_path: Path, text: str) -> None:
    path = tmp_path / "trace.json"
    path.write_text(text)
    assert str(path) in nsmodel(capfd, "show", path).message


def test_no_specs_here(capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "specs/" in nsmodel(capfd, "check").message


def test_what_nobody_foresaw_is_no_stack_trace(capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr("nsmodel.engines.explicit.search.Explicit.search", fails)
    assert "out of order" in nsmodel(capfd, "check", "pid_lifetime").message
    message = nsmodel(capfd, "check", "pid_lifetime", "nsproxy_access", "--threads", "2").message
    assert "out of order" in message


def test_help_and_version(capfd: Capture) -> None:
    assert "check" in nsmodel(capfd, "--help").out
    assert nsmodel(capfd, "check", "--help").status == 0
    assert nsmodel(capfd, "--version").out.startswith("nsmodel")
    bare = nsmodel(capfd)
    assert bare.status == 2
    assert "Usage" in bare.err
