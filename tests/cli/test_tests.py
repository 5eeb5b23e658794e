"""`nsmodel tests` as a person and a script see it."""

import json
import re
from pathlib import Path

import pytest

from nsmodel.testgen import forms
from nsmodel.testgen.case import Case
from nsmodel.traces.read import load_trace
from tests.cli.commands import nsmodel

Capture = pytest.CaptureFixture[str]


class Lines:
    """A form that names each step, and has no word for getppid."""

    name = "lines"
    suffix = ".txt"

    def cannot(self, case: Case) -> str | None:
        return "no word for getppid" if any(s.operation == "getppid" for s in case.trace.steps) else None

    def write(self, case: Case) -> str:
        steps = [f"{s.operation} = {s.errno or s.result}" for s in case.trace.steps]
        return "\n".join(["#!/bin/sh", f"# {case.title}", *steps, ""])


LINES = Lines()


@pytest.fixture(autouse=True)
def _with_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(forms.FORMS, "lines", (__name__, "LINES"))


def test_programs_table_and_json(capfd: Capture, tmp_path: Path) -> None:
    out = tmp_path / "suite"
    asked = (
        "tests",
        "orphans",
        "--scope",
        "small",
        "--cover",
        "errnos,checks",
        "--format",
        "lines",
        "--format",
        "trace",
    )
    done = nsmodel(capfd, *asked, "--out", out, "--json", "-")
    data = done.json
    assert (done.status, data["covers"], data["forms"]) == (0, ["errnos", "checks"], ["lines", "trace"])
    assert "errnos: " in done.err and "cells reached" in done.err
    cases = {case["name"]: case for case in data["cases"]}
    files = {file for case in cases.values() for file in case["files"].values()}
    assert files | {"TABLE.md"} == {path.name for path in out.iterdir()}
    errnos = [cell for cell in data["cells"] if cell["cover"] == "errnos" and cell["case"]]
    assert {re.sub(r"^errnos |\|", lambda m: "-" if m[0] == "|" else "", c["cell"]) for c in errnos} <= set(cases)
    wait = cases["wait4-ECHILD"]
    assert wait["files"] == {"lines": "wait4-ECHILD.txt", "trace": "wait4-ECHILD.json"}
    program = out / "wait4-ECHILD.txt"
    assert program.read_text().startswith("#!/bin/sh\n# wait4 fails with ECHILD: no such child\nwait4 = ECHILD")
    assert program.stat().st_mode & 0o111
    assert load_trace(out / "wait4-ECHILD.json").steps[-1].errno == "ECHILD"
    assert cases["getppid-ok"]["cannot"] == {"lines": "no word for getppid"}
    table = (out / "TABLE.md").read_text()
    assert "| errnos getppid\\|ok | 1 of 1 | getppid-ok | no word for getppid | yes |" in table
    assert "errnos clone3\\|ENOSPC | not reached in depth 2" in table


def test_sequences_of_a_length(capfd: Capture, tmp_path: Path) -> None:
    done = nsmodel(
        capfd, "tests", "orphans", "--scope", "small", "--cover", "sequences", "--length", "1", "--format", "trace",
        "--out", tmp_path, "--json", tmp_path / "out.json",
    )  # fmt: skip
    data = json.loads((tmp_path / "out.json").read_text())
    assert done.status == 0 and len(data["cases"]) == len(data["cells"]) > 10
    assert {case["steps"] for case in data["cases"]} == {1}


def test_a_spent_budget(capfd: Capture, tmp_path: Path) -> None:
    asked = ("tests", "orphans", "--scope", "small", "--format", "trace", "--time-limit", "0", "--out", tmp_path)
    done = nsmodel(capfd, *asked)
    assert done.status == 3 and "the time limit of 0 s is spent" in done.out
    assert "The search was stopped early" in (tmp_path / "TABLE.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("tests", "orphans", "--cover", "errno", "--out", "x"), "did you mean errnos?"),
        (("tests", "orphans", "--format", "perl", "--out", "x"), "'perl' is not known"),
        (("tests", "orphan", "--out", "x"), "there is no spec orphan"),
        (("tests", "specs", "--out", "x"), "one spec at a time"),
        (("tests", "bench_pidns", "--format", "trace", "--out", "x"), "no calls lead to its initial state"),
        (("tests", "orphans", "--format", "trace", "--out", "README.md"), "it is no folder"),
        (("tests", "orphans"), "Missing option '--out'"),
    ],
)
def test_what_cannot_be_asked(capfd: Capture, arguments: tuple[str, ...], told: str) -> None:
    assert told in nsmodel(capfd, *arguments).message
    assert not Path("x").exists()
