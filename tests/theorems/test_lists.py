"""Rings and slave lists: every order of them, and the walks over them."""

import pytest

from nsmodel.theorems.groups import Groups, all_groups
from nsmodel.theorems.lists import Lists, LoopError, layouts, split_layouts


def key(lists: Lists) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    return tuple(lists.ring), tuple(map(tuple, lists.slaves))


def test_layouts_are_different() -> None:
    for groups in all_groups(4):
        found = [key(lists) for lists in layouts(groups)]
        assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("groups", "count"),
    [
        (Groups((0, 0, 0, 0), (-1, -1, -1, -1)), 6),  # a ring of four
        (Groups((0, -1, -1, -1), (-1, 0, 0, 0)), 6),  # three slaves on one list
        (Groups((0, 0, -1, -1), (-1, -1, 0, 0)), 6),  # two slaves on two lists
        (Groups((0, 1, 1, -1), (-1, 0, 0, 0)), 4),  # a group of two, side by side, and a slave
    ],
)
def test_layouts_are_all(groups: Groups, count: int) -> None:
    assert len(list(layouts(groups))) == count


@pytest.mark.parametrize("old", [False, True])
def test_walks_meet_the_receivers_once(old: bool) -> None:
    for groups in all_groups(4):
        hears = groups.receivers()
        for lists in layouts(groups):
            for m in range(4):
                met = lists.walk(m, old=old).mounts
                assert len(set(met)) == len(met)
                assert sum(1 << r for r in met) == hears[m]


def test_what_is_left_out_receives_from_what_was_met() -> None:
    for groups in all_groups(4):
        hears = groups.receivers()
        for lists in layouts(groups):
            for m in range(4):
                walk = lists.walk(m)
                for i, past in enumerate(walk.past):
                    assert all(hears[walk.mounts[i]] >> r & 1 for r in walk.mounts[i + 1 : past])


def test_walk_among_some() -> None:
    lists = next(iter(layouts(Groups((0, 0, 1, -1), (-1, -1, 0, 1)))))
    whole = lists.walk(0)
    some = whole.among(0b1010)
    assert some.mounts == tuple(m for m in whole.mounts if m in (1, 3))
    assert all(0 <= past <= len(some.mounts) for past in some.past)


def test_clones_stand_behind_their_originals() -> None:
    lists = Lists([0, 2, 1], [-1, 0, 0], [[1, 2], [], []], [0, 1, 1])
    new = lists.clone(1, slave=False, shared=True, fresh=9)
    assert lists.slaves[0] == [1, new, 2]
    assert lists.ring == [0, new, 1, 2]
    slave = lists.clone(1, slave=True, shared=True, fresh=9)
    assert (lists.master[slave], lists.group[slave], lists.ring[slave]) == (1, 9, slave)


def test_set_group_at_the_head_parts_peers() -> None:
    lists = Lists([0, 1, 2, 3], [-1, 0, 0, -1], [[2, 1], [], [], []], [0, 1, 2, -1])
    right, wrong = lists.copy(), lists.copy()
    right.set_group(1, 3)
    wrong.set_group(1, 3, at_head=True)
    assert right.slaves[0] == [2, 1, 3]
    assert wrong.slaves[0] == [3, 2, 1]
    assert any(lists.slaves[0] == [3, 2, 1] for lists in split_layouts(Groups((0, 1, 2, 1), (-1, 0, 0, 0))))


def test_a_walk_that_does_not_end_is_told() -> None:
    lists = Lists([0, 2, 1, 1], [-1] * 4, [[] for _ in range(4)], [0, 0, 0, 0])
    with pytest.raises(LoopError):
        lists.walk(3)
