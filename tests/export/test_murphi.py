"""Murphi models: what they say, and that Rumur counts the states that we count."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsmodel.export.murphi import murphi
from nsmodel.export.program import program_of
from nsmodel.system.spec import Scope
from nsmodel.system.transition import make_system
from tests.export.lamps import FORGETFUL, GLARING, SPEC
from tests.export.peers import KNOWN, lamps, needs, ours, rumur, toy
from tests.golden import same


def test_golden() -> None:
    small = make_system(SPEC, Scope({"floors": 2, "lamps": 1, "rooms": 2, "lightings": 1}))
    same("lamps.m", murphi(program_of(small, packed=False)))


def test_a_rule_for_each_choice_of_options() -> None:
    text = murphi(program_of(lamps(), packed=False))
    assert 'rule "buy colour=WHITE"' in text and 'rule "buy colour=RED"' in text
    assert text.count("ruleset") == sum(len(r.parameters) for r in program_of(lamps(), packed=False).rules)
    assert "ruleset to_1: 0..2 do" in text  # may be None


@needs("rumur", "gcc")
@pytest.mark.parametrize("model", ["lamps", "pidns"])
def test_rumur_counts_as_many_states(model: str, tmp_path: Path) -> None:
    system = lamps() if model == "lamps" else toy(model)
    assert rumur(system, tmp_path) == (KNOWN.get(model) or ours(system), "")


@needs("rumur", "gcc")
def test_rumur_finds_the_same_bug(tmp_path: Path) -> None:
    assert "ONE_LIT" in rumur(lamps(GLARING), tmp_path)[1]


@needs("rumur", "gcc")
def test_rumur_finds_a_reference_to_a_freed_object(tmp_path: Path) -> None:
    assert rumur(lamps(FORGETFUL), tmp_path)[1]
