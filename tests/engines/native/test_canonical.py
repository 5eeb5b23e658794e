"""Canonical forms in native code: equal for renamed states, as many as there are orbits, and rules do not see slots."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as over
from hypothesis import strategies as st

from nsmodel.engines.interface import Limits
from nsmodel.ir.state import Frozen
from nsmodel.system.transition import Runner
from tests.models.searches import explicit, reached, shared_code
from tests.models.threefold import NAMES, Threefold, forms, library, system, threefold

pytestmark = pytest.mark.agreement
SOME = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
HONEST = [name for name in NAMES if name not in ("traps", "loops")]
"""Systems whose rules are honest."""


def renamed(made: Threefold, chance: random.Random, state: Frozen) -> Frozen:
    """The state with its objects in any slots of the scope, holes included."""
    orders = []
    for info, rows in zip(made.schema.entities, state, strict=True):
        slots = list(range(1, (len(rows) if info.static else made.system.sizes.slots(info.cls)) + 1))
        if not info.static:
            chance.shuffle(slots)
        orders.append([0, *slots])
    return made.system.canonical.rename(state, orders)


def drawn(made: Threefold, chance: random.Random, mutations: int) -> Frozen:
    """A reachable state, perhaps changed: canonical forms are for any state."""
    state = chance.choice(made.pool)
    for _ in range(chance.randrange(mutations + 1)):
        state = made.mutated(chance.randrange, state)
    return state


@pytest.mark.parametrize("name", NAMES)
def test_renamed_states_have_one_form(name: str) -> None:
    made = threefold(name)
    different: list[Frozen] = []

    @SOME
    @over(st.randoms(use_true_random=True))
    def every(chance: random.Random) -> None:
        for _ in range(12):
            state = drawn(made, chance, 4)
            other = renamed(made, chance, state)
            assert forms(made.library, [other]) == forms(made.library, [state]), state
            if other != state:
                different.append(other)

    every()
    assert len(different) > 30


def successors(made: Threefold, state: Frozen) -> Counter[Any]:
    """How each call that is offered ends, and the form of what it leads to. Numbers that processes see are left out:
    they may be those of slots."""
    out: Counter[Any] = Counter()
    for call in Runner(made.system, state).calls():
        told = made.natively(state, call)
        form = tuple(forms(made.library, [told.state])) if told.state is not None else None
        out[call.operation, told.kind, told.what if told.kind != "ok" else None, form, told.broken] += 1
    return out


@pytest.mark.parametrize("name", ["pidns", "mounts", "bench_pidns", "bench_mounts", "nsproxy_access"])
def test_rules_commute_with_renaming(name: str) -> None:
    made = threefold(name)
    compared: Counter[str] = Counter()

    @SOME
    @over(st.randoms(use_true_random=True))
    def every(chance: random.Random) -> None:
        state = drawn(made, chance, 1)
        found = successors(made, state)
        assert successors(made, renamed(made, chance, state)) == found, state
        compared.update(kind for _, kind, *_ in found)

    every()
    assert compared["ok"]


@pytest.mark.parametrize("name", HONEST)
def test_renamed_states_are_expanded_alike(name: str) -> None:
    made = threefold(name)
    further: list[int] = []

    @SOME
    @over(st.randoms(use_true_random=True))
    def every(chance: random.Random) -> None:
        for _ in range(4):
            state = drawn(made, chance, 1)
            other = renamed(made, chance, state)
            one, two = made.expanded(state), made.expanded(other)
            assert one[:2] == two[:2], state
            own = set(forms(made.library, [state]))
            own |= set(forms(made.library, [state, other], symmetry=False))
            assert one[2] - own == two[2] - own, state
            further.append(len(one[2]))

    every()
    assert max(further) > 2


@pytest.mark.parametrize("name", NAMES)
def test_forms_tell_states_apart_like_exact_ones(name: str) -> None:
    """Two states have one form if and only if one is a renaming of the other."""
    made, chance = threefold(name), random.Random(3)
    exact = made.system.canonical.exact
    states = [drawn(made, chance, 3) for _ in range(60)]
    states += [renamed(made, chance, state) for state in states]
    pairs = set(zip(forms(made.library, states), map(exact, states), strict=True))
    assert len({form for form, _ in pairs}) == len({least for _, least in pairs}) == len(pairs)
    assert len(pairs) < len(states)


# -- orbits -----------------------------------------------------------------------------------------------------------


def test_as_many_states_as_brute_force_finds() -> None:
    """The least of a state's renamings stands for its orbit."""
    made = system("bench_pidns")
    states = reached(made, 40)
    rename = made.canonical.rename
    choices = [
        [[0, *p] for p in itertools.permutations(range(1, made.sizes.slots(e.cls) + 1))]
        for e in made.sizes.schema.entities
    ]
    orbits: set[Frozen] = set()
    known: set[Frozen] = set()
    for state in states:
        if state not in known:
            known.update(rename(state, list(order)) for order in itertools.product(*choices))
            orbits.add(state)
    with shared_code():
        found = explicit(made, Limits(depth=40))
    assert (len(states), len(orbits), found.states, found.depth, found.complete) == (5198, 2650, 2650, 16, True)
    assert len(set(forms(library("bench_pidns"), states))) == 2650


@pytest.mark.parametrize(("name", "depth"), [("bench_mounts", 4), ("nsproxy_access", 6)])
def test_as_many_states_as_orbits(name: str, depth: int) -> None:
    made = system(name)
    states = reached(made, depth)
    orbits = {made.canonical.exact(state) for state in states}
    with shared_code():
        found = explicit(made, Limits(depth=depth))
    assert found.states == len(orbits) == len(set(forms(library(name), states)))
    assert len(orbits) < len(states)
