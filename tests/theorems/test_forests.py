"""Forests and propagations: each once, none left out."""

from itertools import product

import pytest

from nsmodel.theorems.forests import Places, orbits, order, places, shapes, subtree, symmetries
from nsmodel.theorems.groups import Groups, all_groups

FORESTS = (1, 2, 4, 9, 20, 48, 115)
"""Rooted forests of so many nodes: OEIS A000081, shifted."""
LABELLED = (1, 3, 16, 125, 1296)
"""The same with labels: (n + 1) ^ (n - 1)."""


@pytest.mark.parametrize(("mounts", "count"), list(enumerate(FORESTS, 1)))
def test_shapes(mounts: int, count: int) -> None:
    found = shapes(mounts)
    assert len(found) == len(set(found)) == count
    assert all(under < m for shape in found for m, under in enumerate(shape))


@pytest.mark.parametrize(("mounts", "count"), list(enumerate(LABELLED, 1)))
def test_symmetries_account_for_all_labels(mounts: int, count: int) -> None:
    factorial = 1
    for n in range(2, mounts + 1):
        factorial *= n
    assert sum(factorial // len(symmetries(shape)) for shape in shapes(mounts)) == count


def by_filtering(mounts: int) -> set[Groups]:
    """Well-formed propagations, from all that there are."""
    out = set()
    for group, master in product(product(range(-1, mounts), repeat=mounts), repeat=2):
        firsts = list(dict.fromkeys(g for g in group if g >= 0))
        if firsts != list(range(len(firsts))) or not set(master) <= {-1, *firsts}:
            continue
        if any(len({m for m, h in zip(master, group, strict=True) if h == g}) > 1 for g in firsts):
            continue
        above = {g: master[group.index(g)] for g in firsts}
        here = list(firsts)
        for _ in firsts:
            here = [above[g] for g in here if above.get(g, -1) >= 0]
        if not here:
            out.add(Groups(group, master))
    return out


@pytest.mark.parametrize("mounts", [1, 2, 3])
def test_groups(mounts: int) -> None:
    found = all_groups(mounts)
    assert len(found) == len(set(found))
    assert set(found) == by_filtering(mounts)


def test_counts_of_groups() -> None:
    assert [len(all_groups(n)) for n in range(1, 6)] == [2, 9, 72, 834, 12743]


def test_orbits_take_each_once() -> None:
    shape = (-1, -1, -1)
    found = list(orbits(all_groups(3), symmetries(shape), Groups.moved))
    assert sum(6 // len(stable) for _, stable in found) == len(all_groups(3))


def test_receivers_are_transitive() -> None:
    for groups in all_groups(4):
        hears = groups.receivers()
        for m in range(4):
            for r in range(4):
                if hears[m] >> r & 1 and groups.group[r] >= 0:
                    assert hears[r] & ~(1 << m) & ~hears[m] == 0


def test_places_of_unrelated_mounts_are_told_apart() -> None:
    chain = (-1, 0, 1)
    assert {where.at for where in places(chain, frozenset())} == {(-1, 0, 1)}
    assert {where.at for where in places(chain, frozenset({(0, 1)}))} == {(-1, 0, 1), (-1, 0, 0)}
    assert len(places(chain, frozenset({(0, 1)}))) == 8


def test_names_that_would_be_above_themselves_are_no_forest() -> None:
    crossed = (-1, 0, 0, -1, 3, 3)
    where = Places((-1, 0, 1, -1, 0, 1), 0b010010)  # each name is the root of one and inside of the other
    assert order(crossed, where) is not None  # both on roots of their own: name 0
    crossed_over = Places((-1, 0, 1, -1, 0, 1), 0b100010)
    assert order(crossed, crossed_over) is None


def test_subtree() -> None:
    assert subtree((-1, 0, 1, 0, -1), 0) == (0, 1, 2, 3)
