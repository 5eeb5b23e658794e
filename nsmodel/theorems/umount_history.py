"""Where the unmounting of Linux 4.13 to 6.16 differs from the rule: the first forest of each kind, with the reason.

Both run once for each tree, set of locks and order in which the walks meet what is mounted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nsmodel.theorems.forests import Places, Shape, children, orbits, places, subtree, symmetries
from nsmodel.theorems.groups import Groups, all_groups
from nsmodel.theorems.lists import Walk
from nsmodel.theorems.model import Model
from nsmodel.theorems.share import Tally, Told
from nsmodel.theorems.tree import MountTree
from nsmodel.theorems.umount import (
    Difference,
    Forest,
    Part,
    Umounted,
    hung,
    preorders,
    related_among,
    subsets,
    walk_tables,
)
from nsmodel.theorems.umount_old import umount

OLD = "Linux 4.13 to 6.16"


class Met(NamedTuple):
    """What an unmount meets: its mounts in order, what is at the place of each at the receivers of its parent, the
    candidates, and what of that is at the place of the first, which is unlocked."""

    target: int
    ordered: tuple[int, ...]
    walked: tuple[Walk, ...]
    candidates: int
    unlocked: int


class OldProver:
    """Goes through the forests of one shape, and keeps the first difference of each kind."""

    def __init__(self, part: Part, told: Told) -> None:
        self.part, self.shape, self.told = part, part.shape, told
        self.model = Model(len(part.shape))
        self.tally: Tally[Difference] = Tally()
        self.kinds: set[str] = set()
        self.below = [m for m, above in enumerate(children(self.shape)) if above]
        self.targets = [m for m, under in enumerate(self.shape) if under >= 0]
        self.going = {t: subtree(self.shape, t) for t in self.targets}
        self.orders = {t: preorders(self.shape, t) for t in self.targets}
        self.settled: set[tuple[int, int, int, tuple[int, ...], tuple[Walk, ...]]] = set()
        """What is on roots, targets, locks and what the walks meet, as far as these were compared: nothing else of how
        mounts propagate is read."""

    def run(self) -> Tally[Difference]:
        """All of them."""
        group = symmetries(self.shape)
        for number, (groups, stable) in enumerate(orbits(all_groups(len(self.shape)), group, Groups.moved)):
            if number % self.part.of == self.part.index:
                self.propagation(groups, stable)
                self.told(self.tally.forests, self.tally.cases)
        return self.tally

    def propagation(self, groups: Groups, stable: Sequence[tuple[int, ...]]) -> None:
        """All names under one propagation, up to its symmetries."""
        hears = groups.receivers()
        related = related_among(self.below, hears)
        if not related:
            self.tally.forests += sum(1 for _ in orbits(places(self.shape, related), stable, Places.moved))
            return  # nothing is at one name of two mounts that propagate: there are no candidates
        walks = walk_tables(groups, self.below, hears, old=True)
        assert not isinstance(walks, str), walks
        met: dict[tuple[int, ...], list[Met]] = {}
        for where, _ in orbits(places(self.shape, related), stable, Places.moved):
            self.tally.forests += 1
            if where.at not in met:
                met[where.at] = [one for t in self.targets for one in self.meetings(where, t, walks)]
            for one in met[where.at]:
                self.target(groups, where, one)

    def meetings(self, where: Places, target: int, walks: Sequence[dict[int, Walk]]) -> list[Met]:
        """What one unmount meets, in every order of the lists; nothing where there are no candidates."""
        there = {(under, where.at[m]): m for m, under in enumerate(self.shape)}
        found: set[tuple[tuple[int, ...], tuple[Walk, ...]]] = set()
        for walk in walks:
            by_mount = {m: walk[self.shape[m]].meets(there, where.at[m]) for m in self.going[target]}
            for ordered in self.orders[target]:
                found.add((ordered, tuple(by_mount[m] for m in ordered)))
        out = []
        for ordered, walked in found:
            candidates = sum(1 << c for c in {c for w in walked for c in w.mounts} if c not in ordered)
            if candidates:
                out.append(Met(target, ordered, walked, candidates, sum(1 << c for c in walked[0].mounts)))
        return out

    def target(self, groups: Groups, where: Places, met: Met) -> None:
        """One unmount, with every set of locks."""
        for locked in subsets(met.candidates & ~met.unlocked):
            self.tally.cases += 1
            key = (where.over, met.target, locked, met.ordered, met.walked)
            if key not in self.settled:
                self.settled.add(key)
                forest = Forest(self.shape, where, groups, locked, met.target)
                self.compare(forest, met.candidates, met.ordered, met.walked)

    def compare(self, forest: Forest, candidates: int, ordered: tuple[int, ...], meetings: tuple[Walk, ...]) -> None:
        """Rule and algorithm on one forest."""
        self.model.put_groups(forest.groups)
        self.model.put_tree(self.shape, forest.where)
        self.model.put_locks(forest.locked)
        assert self.model.candidates(ordered) == candidates, "the walks do not meet the candidates"
        rule = Umounted(*self.model.umount(self.going[forest.target], forest.target))
        tree = MountTree.of(self.shape, forest.where, forest.locked)
        gone = umount(tree, ordered, meetings)
        algorithm = Umounted(gone, hung(tree, gone))
        if algorithm != rule:
            self.keep(forest, rule, algorithm)

    def keep(self, forest: Forest, rule: Umounted, algorithm: Umounted) -> None:
        """A difference, unless one of its kind is known."""
        kind, why = reason(forest, rule, algorithm)
        if kind not in self.kinds:
            self.kinds.add(kind)
            self.tally.differences.append(Difference(forest, rule, algorithm, why, kind))


def reason(forest: Forest, rule: Umounted, algorithm: Umounted) -> tuple[str, str]:
    """The kind of a difference and a sentence that explains it."""
    shape, over, locked = forest.shape, forest.where.over, forest.locked
    more = sorted(algorithm.gone - rule.gone)
    less = sorted(rule.gone - algorithm.gone)
    kept = [m for m in range(len(shape)) if m not in algorithm.gone | rule.gone]
    moved = _names([m for m in kept if algorithm.hung[m] != rule.hung[m]])
    if more and not less:
        outer = _name(more[0])
        inside = f" with {_names(more[1:])}" if more[1:] else ""
        held = [m for m in more if locked >> m & 1]
        if held:
            return "takes what a lock keeps", (
                f"{OLD} takes {outer}{inside} too, though {_names(held)} is locked on something that has to stay: "
                f"{moved}, which is inside of it and stays, is slid out of {outer}."
            )
        return "slides out" + (" of an overmount" if over >> more[0] & 1 else ""), (
            f"{OLD} takes {outer}{inside} too, because what is inside of it was taken already: but {moved}, which lay "
            f"on that and stays, is slid out of {outer}, and shows at another place than before."
        )
    if less and not more:
        first = less[0]
        if locked >> first & 1 and over >> first & 1:
            also = f" with {_names(less[1:])}" if less[1:] else ""
            return f"leaves a locked overmount{also and ' and more'}", (
                f"{_name(first)} is locked on the root of {_name(shape[first])}, which goes: it would hide nothing, "
                f"and goes too. {OLD} takes it{also} for an overmount that stays, and slides it down."
            )
        return "leaves other mounts", f"{OLD} leaves {_names(less)}, though nothing keeps that."
    if more and less:
        return "takes and leaves", f"{OLD} takes {_names(more)} and leaves {_names(less)}."
    return "moves", f"The same mounts go, but {OLD} hangs {moved} elsewhere."


def _name(m: int) -> str:
    return f"mount {m + 1}"


def _names(mounts: Sequence[int]) -> str:
    if len(mounts) == 1:
        return _name(mounts[0])
    return "mounts " + ", ".join(str(m + 1) for m in mounts)


def shapes_with_targets(of: Sequence[Shape]) -> list[Shape]:
    """Forests in which something can be unmounted."""
    return [shape for shape in of if max(shape) >= 0]


WITNESSES = (
    Forest(
        (-1, 0, 1, 2, 1, 4),
        Places((-1, 0, 1, 0, 0, 2), 0b100110),
        Groups((-1, 0, 0, -1, -1, -1), (0, -1, -1, -1, -1, -1)),
        0b010000,
        2,
    ),
)
"""Forests of kinds that no smaller forest has, where going through all of their size takes too long."""


def witnesses() -> list[Difference]:
    """The differences on the witnesses."""
    out: list[Difference] = []
    for forest in WITNESSES:
        prover = OldProver(Part(forest.shape), lambda forests, cases: None)
        walks = walk_tables(forest.groups, prover.below, forest.groups.receivers(), old=True)
        assert not isinstance(walks, str), walks
        for met in prover.meetings(forest.where, forest.target, walks):
            prover.target(forest.groups, forest.where, met)
        out += [d for d in prover.tally.differences if d.forest.locked == forest.locked]
    return out
