"""What forms can express, and the text of programs."""

from __future__ import annotations

import re

import pytest

from nsmodel.testgen.case import Case
from nsmodel.testgen.expected import Telling
from nsmodel.testgen.form import Form
from nsmodel.testgen.play import Play
from nsmodel.testgen.runtime_text import FOLDER, pieces, used
from nsmodel.traces.read import load_trace
from tests.golden import same
from tests.testgen.cases import KEPT, busy_copy, kept
from tests.testgen.run import FORMS

SHELL, C, PYTEST = FORMS


RUNTIME_FROM = {"c": "/* ---- The play", "pytest": "# ---- System calls"}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_program_reads_like_this(form: Form) -> None:
    """The runtime, which is a file of the package, is left out where it would hide the case."""
    text = form.write(busy_copy())
    if form.name in RUNTIME_FROM:
        text = text[: text.index(RUNTIME_FROM[form.name])] + text[text.index("---- The case") :]
    same(f"program_busy_copy{form.suffix}.txt", text)


def test_a_program_says_what_it_covers_which_check_decides_and_whom_it_kills() -> None:
    case = kept("PD04")
    for form in (C, PYTEST):
        text = form.write(case)
        assert "Covers: clone3, PD04" in text and "Killed by it: PD04." in text
        assert re.search(r"Decides: clone3 ENOMEM: the init .+\s+.*\(kernel/fork.c", text)
    alone = Case(case.name, case.title, case.cells, case.trace)
    assert "kept for coverage" in C.write(alone)


def test_what_a_form_cannot_express_it_says() -> None:
    process = kept("PD01")
    assert C.cannot(process) is None and PYTEST.cannot(process) is None
    assert "util-linux" in str(SHELL.cannot(process))
    torn = Case("torn", "a race", (), load_trace(KEPT / "PD04i" / "trace.json"))
    assert all("part of a call" in str(form.cannot(torn)) for form in FORMS)
    assert "more than one task" in str(SHELL.cannot(kept("rbind_mntns_loop")))


def test_only_what_differs_is_told() -> None:
    play = Play(busy_copy().trace)
    telling = Telling(play.seen)
    assert telling.facets == ("STATE", "NUMBERS", "MOUNT_TABLE")
    assert set(telling.of(play.beginning)["P1"]) == set(telling.facets)
    two = Telling(Play(kept("PD01").trace).seen)
    assert "PARENT" in two.facets and "STATUS" not in two.facets


def test_of_the_runtime_a_program_has_what_it_uses() -> None:
    whole = tuple(path.name for path in sorted((FOLDER / "c").glob("*.c")) if path.name != "head.c")
    names = [name for file in whole for piece in pieces(file) for name in piece.defines]
    assert len(names) == len(set(names)) and {"STEP", "spawn", "bound", "shared", "WATCHER", "row"} <= set(names)
    text = used(whole, "wait_for(1)")
    assert "static long wait_for(" in text and "static struct shared" in text and "wait_id" not in text
    assert used(whole, "nothing") == "\n"
