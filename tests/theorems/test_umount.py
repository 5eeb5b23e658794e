"""Unmounting: rule and algorithms agree, and the theorem finds what is broken in either."""

import pytest

from nsmodel.kernel.mount import victims
from nsmodel.theorems import umount
from nsmodel.theorems.forests import Places, Shape, shapes
from nsmodel.theorems.groups import Groups
from nsmodel.theorems.tree import MountTree
from nsmodel.theorems.umount import Difference, Forest, Part, Prover
from nsmodel.theorems.umount_history import OldProver, shapes_with_targets, witnesses
from nsmodel.theorems.umount_new import Settling


def quiet(forests: int, cases: int) -> None:
    pass


def prove(mounts: int, switches: frozenset[str] = frozenset()) -> list[Difference]:
    out: list[Difference] = []
    for shape in shapes_with_targets(shapes(mounts)):
        out += Prover(Part(shape), quiet, switches=switches).run().differences
    return out


def one(shape: Shape, where: Places, groups: Groups, target: int, *, reparent_all: bool = False) -> Difference | None:
    """The theorem on one forest."""
    prover = Prover(Part(shape), quiet, reparent_all=reparent_all)
    hears = groups.receivers()
    walks = umount.walk_tables(groups, prover.below, hears)
    assert not isinstance(walks, str)
    prover.model.put_groups(groups)
    prover.model.put_tree(shape, where)
    return prover.target(groups, where, prover.gather(where, target, walks))


@pytest.mark.parametrize("mounts", [2, 3])
def test_holds(mounts: int) -> None:
    assert prove(mounts) == []


def test_counts() -> None:
    tallies = [Prover(Part(shape), quiet).run() for shape in shapes_with_targets(shapes(3))]
    assert sum(t.forests for t in tallies) == 706


def test_shares_are_all_of_it() -> None:
    whole = Prover(Part((-1, 0, 1)), quiet).run()
    shares = [Prover(Part((-1, 0, 1), i, 3), quiet).run() for i in range(3)]
    assert sum(s.forests for s in shares) == whole.forests


def test_fails_without_trimming_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settling, "climb", lambda self, m: None)
    chain = (-1, 0, 1, 2, 3)  # what is slid out of mount 2 by Linux 4.13
    found = one(chain, Places((-1, 0, 0, 1, 0), 8), Groups((-1, -1, -1, 0, -1), (0, 0, -1, -1, -1)), 4)
    assert found is not None


def test_fails_when_locks_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MountTree, "is_locked", lambda self, m: False)
    assert any(prove(n) for n in (2, 3, 4))


def test_fails_with_a_rule_that_shifts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(victims.victims.__globals__, "keeps_inside", lambda k, m, carrying: False)
    assert any(prove(n) for n in (2, 3, 4))


STACK = (-1, 0, 1, 2, -1, 4)
"""Q with c1, c2 and T on each other's roots, and A with M."""
WHERE = Places((-1, 0, 0, 1, -1, 0), 0b001110)
HEARS = Groups((-1, -1, -1, -1, 0, -1), (0, 0, -1, -1, -1, -1))


def test_reparenting_all_overmounts_is_found() -> None:
    assert one(STACK, WHERE, HEARS, 5) is None
    found = one(STACK, WHERE, HEARS, 5, reparent_all=True)
    assert found is not None
    assert "overmount" in found.what


@pytest.mark.parametrize("mounts", [2, 3])
def test_old_algorithm_agrees_on_small_forests(mounts: int) -> None:
    for shape in shapes_with_targets(shapes(mounts)):
        assert OldProver(Part(shape), quiet).run().differences == []


OLD = [
    ("slides out", Places((-1, 0, 0, 1, 0), 0b01000), 4, 0),
    ("slides out of an overmount", Places((-1, 0, 0, 1, 0), 0b01010), 4, 0),
    ("leaves a locked overmount", Places((-1, 0, 0, 1, 0), 0b00100), 3, 0b00100),
]


@pytest.mark.parametrize(("kind", "where", "target", "locked"), OLD)
def test_old_algorithm_differs(kind: str, where: Places, target: int, locked: int) -> None:
    chain = (-1, 0, 1, 2, 3)
    groups = Groups((-1, -1, -1, 0, -1), (0, 0, -1, -1, -1))
    prover = OldProver(Part(chain), quiet)
    hears = groups.receivers()
    walks = umount.walk_tables(groups, prover.below, hears, old=True)
    assert not isinstance(walks, str)
    for met in prover.meetings(where, target, walks):
        prover.target(groups, where, met)
    (found,) = [d for d in prover.tally.differences if d.kind == kind]
    assert found.forest == Forest(chain, where, groups, locked, target)
    assert one(chain, where, groups, target) is None


def test_a_lock_is_broken_by_the_old_algorithm() -> None:
    (found,) = witnesses()
    assert found.kind == "takes what a lock keeps"
    assert found.algorithm.gone - found.rule.gone == {1, 4}
    forest = found.forest
    assert one(forest.shape, forest.where, forest.groups, forest.target) is None
