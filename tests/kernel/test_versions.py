"""Kernel versions and switches by name."""

import pytest

from nsmodel.ir.language import Switch
from nsmodel.kernel import mutants
from nsmodel.kernel.versions import all_switches, find_switch, running, switches_of, version_of, versions
from nsmodel.system.problem import Problem


def test_switches_by_name_and_toggle() -> None:
    assert find_switch("PD04") is mutants.PD04
    assert find_switch("fork_no_adding_check") is mutants.PD04
    own = Switch("X1", "x_one", "a spec's own", "")
    assert find_switch("X1", [own]) is own
    assert len({s.name for s in all_switches()}) == len(all_switches())


@pytest.mark.parametrize("name", ["pd04", "PD044", "nothing"])
def test_unknown_switch(name: str) -> None:
    with pytest.raises(Problem, match="unknown mutant") as caught:
        find_switch(name)
    assert "PD04" in str(caught.value)


def test_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert versions()[0] == "fixed"
    assert switches_of("fixed") == frozenset()
    old = Switch("OLD", "old", "a live bug", "", kernels=("5.10", "6.18"))
    monkeypatch.setattr(mutants, "OLD", old, raising=False)
    assert versions() == ("fixed", "5.10", "6.18")
    assert "OLD" in switches_of("6.18")
    assert version_of("6.18.5-generic") == "6.18"
    assert version_of("6.1.0") == "5.10"
    assert version_of("4.4.0") == "5.10"
    assert running() in versions()
    with pytest.raises(Problem, match="no kernel release"):
        version_of("generic")
    with pytest.raises(Problem, match="unknown kernel"):
        switches_of("6.99")
