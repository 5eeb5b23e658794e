"""Attaching: rule and list-walking agree, and what was wrong with the lists in some release is found."""

import pytest

from nsmodel.kernel.mutants import COPY_STAYS_PEER, MP05
from nsmodel.theorems.attach import Difference, Part, Prover, parts
from nsmodel.theorems.groups import Groups
from nsmodel.theorems.lists import layouts, split_layouts
from nsmodel.theorems.propagate import ALGORITHMS, PAST_SOURCE, Attachment, Propagate, RanOff, propagate_new


def quiet(forests: int, cases: int) -> None:
    pass


def prove(mounts: int, algorithm: Propagate, switches: frozenset[str] = frozenset()) -> list[Difference]:
    out: list[Difference] = []
    for part in parts(mounts):
        out += Prover(part, algorithm, quiet, switches=switches).run().differences
    return out


@pytest.mark.parametrize("release", ["6.17", "6.2"])
def test_holds(release: str) -> None:
    assert prove(2, ALGORITHMS[release][1]) == []
    assert prove(3, ALGORITHMS[release][1]) == []


@pytest.mark.parametrize("switch", [MP05, COPY_STAYS_PEER], ids=lambda s: s.name)
def test_a_wrong_rule_is_found(switch: object) -> None:
    name = switch.name  # type: ignore[attr-defined]
    assert any(prove(n, propagate_new, frozenset((name,))) for n in (2, 3))


def on_one(part: Part, groups: Groups, algorithm: Propagate) -> Difference | None:
    return Prover(part, algorithm, quiet).propagation(groups, (tuple(range(len(groups.group))),), False)


SINGLE = Part(3, (-1,))


def test_two_slaves_in_no_group_are_no_peers() -> None:
    groups = Groups((0, -1, -1, -1), (-1, 0, 0, -1))
    assert on_one(SINGLE, groups, ALGORITHMS["4.11"][1]) is None
    found = on_one(SINGLE, groups, ALGORITHMS["4.7"][1])
    assert found is not None
    assert found.algorithm is not None


def test_climbing_past_the_source_runs_off() -> None:
    groups = Groups((0, -1, -1, 1), (-1, 0, 1, 0))
    assert on_one(SINGLE, groups, ALGORITHMS["6.2"][1]) is None
    found = on_one(SINGLE, groups, PAST_SOURCE)
    assert found is not None
    assert found.algorithm is None


def test_split_peers_are_found() -> None:
    groups = Groups((0, -1, 1, 1), (-1, 0, 0, 0))
    right = Prover(SINGLE, propagate_new, quiet, orders=layouts)
    wrong = Prover(SINGLE, propagate_new, quiet, orders=split_layouts)
    stable = ((0, 1, 2, 3),)
    assert right.propagation(groups, stable, False) is None
    assert wrong.propagation(groups, stable, False) is not None


def test_a_tree_that_receives_itself() -> None:
    """A moved tree whose mounts are slaves of the destination: copies are made before any is hung."""
    part = Part(1, (-1, 0))
    assert on_one(part, Groups((0, -1, -1), (-1, 0, 0)), propagate_new) is None


def test_copies_know_their_parents() -> None:
    lists = next(iter(layouts(Groups((0, 0, -1), (-1, -1, -1)))))
    a = Attachment(lists, [2], 0, 0b010, {2})
    a.invent_group_ids()
    propagate_new(a)
    ((receiver, copy),) = a.copies
    assert receiver == 1
    assert a.parent(copy[0]) == 1
    assert a.lists.peers(copy[0], 2)
    with pytest.raises(RanOff):
        a.parent(2)
    with pytest.raises(RanOff):
        a.master(0)
    with pytest.raises(RanOff):
        a.copy_of(0)
