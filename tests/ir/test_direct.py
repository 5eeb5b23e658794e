"""The direct reading: sets are values, loops are snapshots in slot order, freed objects tell who touches them."""

from __future__ import annotations

import pytest

from nsmodel.ir.language import Entity, Live, ScopeCut, Trap, UseAfterFree, helper
from nsmodel.ir.state import State, freeze, thaw


class Leaf(Entity):
    friends: set[Leaf]
    next: Leaf | None


class Garden(State):
    leaves: Live[Leaf]


@helper
def grow(k: Garden, seen: set[Leaf], leaf: Leaf) -> set[Leaf]:
    more = seen
    more.add(leaf)
    more |= {leaf}
    return more


@helper
def prune(k: Garden) -> int:
    visited = 0
    for leaf in k.leaves:
        visited += 1
        k.free(leaf)
    return visited


@helper
def circle(k: Garden, start: Leaf) -> None:
    here: Leaf | None = start
    while here is not None:
        here = here.next


def garden(size: int) -> tuple[Garden, list[Leaf]]:
    k = Garden({"leaves": size})
    return k, [k.new(Leaf) for _ in range(size)]


def test_sets_are_values() -> None:
    k, (a, b) = garden(2)
    kept: set[Leaf] = frozenset({a})  # type: ignore[assignment]
    assert grow(k, kept, b) == {a, b}
    assert kept == {a}


def test_a_loop_runs_over_a_snapshot() -> None:
    k, _ = garden(3)
    assert prune(k) == 3
    assert k.live(Leaf) == []


def test_the_smallest_free_slot_is_given_first() -> None:
    k, (a, _b) = garden(2)
    k.free(a)
    assert k.new(Leaf).slot == 1
    with pytest.raises(ScopeCut):
        k.new(Leaf)


def test_freed_objects_are_found_out() -> None:
    k, (a, b) = garden(2)
    b.next = a
    k.free(a)
    with pytest.raises(UseAfterFree, match=r"Leaf#2.next still names a freed Leaf"):
        freeze(k)
    with pytest.raises(UseAfterFree):
        a.next  # noqa: B018
    with pytest.raises(UseAfterFree):
        k.free(a)


def test_an_endless_loop_is_a_trap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nsmodel.ir.direct.ROUNDS", 50)
    k, (a, b) = garden(2)
    a.next, b.next = b, a
    with pytest.raises(Trap, match="does not end"):
        circle(k, a)


def test_freezing_and_thawing() -> None:
    k, (a, b) = garden(2)
    a.next, a.friends = b, frozenset({a, b})  # type: ignore[assignment]
    frozen = freeze(k)
    assert freeze(thaw(Garden, frozen)) == frozen
