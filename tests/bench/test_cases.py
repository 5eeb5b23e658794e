"""The cases: what they are, and how they are named on a command line."""

from __future__ import annotations

import pytest

from nsmodel.bench.cases import CASES, chosen
from nsmodel.bench.tlc import FOLDER, INVARIANTS, configuration
from nsmodel.system.problem import Problem
from tests.cli.commands import ROOT


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_a_system(case: object) -> None:
    assert case in CASES
    system = next(c for c in CASES if c is case).system()
    assert system.depth is None  # every state


def test_bounds_are_those_of_the_name() -> None:
    for case in CASES:
        digits = case.name.split("-")[1]
        assert "".join(str(value) for value in case.bounds.values()) == digits
        assert set(case.bounds.items()) <= set(case.system().bounds)


def test_quick_takes_the_small_ones() -> None:
    assert [case.name for case in chosen([], quick=True)] == ["pidns-322", "pidns-333", "mounts-312", "mounts-323"]
    assert chosen([], quick=False) == list(CASES)


def test_names() -> None:
    assert [case.name for case in chosen(["mounts-312", "pidns-322"], quick=False)] == ["pidns-322", "mounts-312"]
    with pytest.raises(Problem, match=r"did you mean .*pidns-422"):
        chosen(["pidns-42"], quick=False)
    with pytest.raises(Problem, match="fewer than 100,000 states"):
        chosen(["pidns-432"], quick=True)


@pytest.mark.parametrize("spec", INVARIANTS)
def test_the_models_for_tlc_have_what_the_configuration_names(spec: str) -> None:
    module, invariants = INVARIANTS[spec]
    text = (FOLDER / f"{module}.tla").read_text(encoding="utf-8")
    case = next(c for c in CASES if c.spec == spec)
    constants = next(line for line in text.splitlines() if line.startswith("CONSTANTS"))
    for line in configuration(case).splitlines():
        if line.startswith("CONSTANT "):
            assert line.split()[1] in constants
    for name in (*invariants, "Spec"):
        assert f"\n{name} ==" in text
