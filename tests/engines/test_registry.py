"""Engines by name."""

import sys

import pytest

from nsmodel.engines import registry
from nsmodel.system.problem import Problem


def test_names() -> None:
    assert "reference" in registry.names()
    assert registry.engine("reference").name == "reference"
    assert registry.chosen("all") == registry.names()
    assert registry.chosen("reference") == ("reference",)


def test_unknown_engine_says_which_exist() -> None:
    with pytest.raises(Problem, match="unknown engine spin") as caught:
        registry.chosen("spin")
    assert "reference" in str(caught.value)


def test_missing_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    if "bmc" not in registry.names():
        pytest.skip(reason="this checkout has no bmc engine")
    monkeypatch.setitem(sys.modules, "z3", None)
    for name in [m for m in sys.modules if m.startswith(("nsmodel.engines.bmc", "nsmodel.engines.z3"))]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(Problem, match="cannot be used") as caught:
        registry.engine("bmc")
    assert "pip install z3-solver" in str(caught.value)
