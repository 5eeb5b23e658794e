"""Runs generated programs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from nsmodel.testgen.c_program import C
from nsmodel.testgen.case import Case
from nsmodel.testgen.form import Form
from nsmodel.testgen.pytest_module import PYTEST
from nsmodel.testgen.shell import SHELL

FORMS: tuple[Form, ...] = (SHELL, C, PYTEST)
WARNINGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror")


@dataclass(frozen=True)
class Program:
    """A program that is ready to run: the words that start it, the last of which is its file."""

    words: tuple[str, ...]

    def run(self, *prefix: str) -> subprocess.CompletedProcess[str]:
        """Run it, through another program if words for that are given."""
        return subprocess.run([*prefix, *self.words], capture_output=True, text=True, timeout=100, check=False)


def built(form: Form, case: Case, folder: Path, optimise: str = "-O0") -> Program:
    """Write a case's program, and compile it, if it is in C, without a warning."""
    assert form.cannot(case) is None
    text = form.write(case)
    path = folder / f"{case.name}{form.suffix}"
    path.write_text(text, encoding="utf-8")
    if form is SHELL:
        return Program(("sh", str(path)))
    if form is PYTEST:
        return Program((sys.executable, str(path)))
    static = ["-static"] if " -static " in text else []
    target = path.with_suffix("")
    subprocess.run(["gcc", *WARNINGS, optimise, *static, "-o", str(target), str(path)], check=True)
    return Program((str(target),))
