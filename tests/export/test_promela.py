"""Promela models: what they say, and that Spin counts the states that we count."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nsmodel.export.program import program_of
from nsmodel.export.promela import promela
from nsmodel.system.spec import Scope
from nsmodel.system.transition import make_system
from tests.cli.commands import nsmodel
from tests.export.lamps import FORGETFUL, GLARING, SPEC
from tests.export.peers import KNOWN, lamps, needs, ours, spin, toy
from tests.golden import same


def test_golden() -> None:
    small = make_system(SPEC, Scope({"floors": 2, "lamps": 1, "rooms": 2, "lightings": 1}))
    same("lamps.pml", promela(program_of(small, packed=True)))


def test_only_the_state_is_in_the_state_vector() -> None:
    text = promela(program_of(lamps(), packed=True))
    declared = re.findall(r"^(hidden )?(\w+) (\w+)(\[\d+\])?;", text, re.M)
    assert {name for hidden, _, name, _ in declared if not hidden} == set(
        program_of(lamps(), packed=True).cells.declared
    ) - {"floors_below"}
    assert "byte lamps_lit;" in text  # a bit for each lamp
    assert text.count("{") == text.count("}")


def test_what_no_rule_reads_is_read() -> None:
    """Spin leaves variables that are only stored to out of the state, unless something reads them."""
    assert "assert(lamps_colour[0] >= 0)" in promela(program_of(lamps(), packed=True))


@needs("spin", "gcc")
@pytest.mark.parametrize("model", ["lamps", "pidns", "mounts"])
def test_spin_counts_as_many_states(model: str, tmp_path: Path) -> None:
    system = lamps() if model == "lamps" else toy(model)
    before_the_first_step = 1
    expected = KNOWN.get(model) or ours(system)
    assert spin(system, tmp_path) == (expected + before_the_first_step, "")


@needs("spin", "gcc")
def test_spin_finds_the_same_bug(tmp_path: Path) -> None:
    assert "ONE_LIT_holds" in spin(lamps(GLARING), tmp_path)[1]


@needs("spin", "gcc")
def test_spin_finds_a_reference_to_a_freed_object(tmp_path: Path) -> None:
    assert spin(lamps(FORGETFUL), tmp_path)[1]


def test_command(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "model.pml"
    arguments = ("export", "tests/export/lamps.py", "--bound", "lamps=1", "--to", "promela")
    done = nsmodel(capfd, *arguments)
    assert done.status == 0
    assert done.out.startswith("/* lamps: floors=2, lamps=1, lightings=2, rooms=2")
    assert nsmodel(capfd, *arguments, "--out", str(file)).out == ""
    assert file.read_text() == done.out


def test_unknown_format(capfd: pytest.CaptureFixture[str]) -> None:
    message = nsmodel(capfd, "export", "tests/export/lamps.py", "--to", "promla").message
    assert message.splitlines()[0] == "error: unknown format promla"
    assert "did you mean promela?" in message
