"""Canonical forms: equal for renamed states, and as many as brute force finds."""

from __future__ import annotations

import itertools
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nsmodel.engines.interface import Limits
from nsmodel.engines.reference import Reference
from nsmodel.ir.state import Frozen
from nsmodel.system.load import load_file
from nsmodel.system.transition import TransitionSystem, make_system

SPECS = Path(__file__).parents[2] / "specs"


def system(name: str) -> TransitionSystem:
    spec = load_file(SPECS / f"{name}.py").spec
    return make_system(spec, spec.scope("small"))


def states(made: TransitionSystem, depth: int) -> list[Frozen]:
    """Every state within a few steps, as it is."""
    from nsmodel.engines.reference import _Run

    run = _Run(made, Limits(depth=depth), lambda _: None, False)
    run.search()
    return list(run.parents)


PID = system("pid_lifetime")
REACHED = states(PID, 3)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(REACHED) - 1), st.randoms(use_true_random=False))
def test_renamed_states_have_one_exact_form(index: int, chance: object) -> None:
    state = REACHED[index]
    order = []
    for rows in state:
        slots = list(range(1, len(rows) + 1))
        chance.shuffle(slots)  # type: ignore[attr-defined]
        order.append([0, *slots])
    renamed = PID.canonical.rename(state, order)
    assert PID.canonical.exact(renamed) == PID.canonical.exact(state)
    assert PID.canonical.form(renamed) == PID.canonical.form(state)


def test_as_many_forms_as_orbits() -> None:
    def orbit(state: Frozen) -> Frozen:
        choices = [list(itertools.permutations(range(1, len(rows) + 1))) for rows in state]
        return min(
            (PID.canonical.rename(state, [[0, *p] for p in chosen]) for chosen in itertools.product(*choices)), key=repr
        )

    some = REACHED[:60]
    assert len({PID.canonical.form(s) for s in some}) == len({orbit(s) for s in some})


def test_symmetry_changes_no_verdict() -> None:
    with_it = Reference().search(PID, Limits(depth=3), lambda _: None)
    without = Reference().search(PID, Limits(depth=3), lambda _: None, symmetry=False)
    assert with_it.found == without.found == {}
    assert with_it.states <= without.states
