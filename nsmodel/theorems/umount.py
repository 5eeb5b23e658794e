"""The theorem of unmounting: on every forest the rule's unmount set and what it moves are what the kernel's algorithm
makes of them, in every order of rings, slave lists and children.

The rules that are run are `receivers`, `candidates` and `counterparts` on every forest, `victims` and `slide` once for
each tree, set of candidates and set of locks: `victims` reads nothing else of how mounts propagate, so running it again
would be to compute the same. Locks are set on candidates alone in one run, and on all but them as well in a second one:
those of what is no candidate do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product

from nsmodel.theorems.forests import Places, Shape, children, orbits, places, subtree, symmetries
from nsmodel.theorems.groups import Groups, all_groups
from nsmodel.theorems.lists import LoopError, Walk, layouts
from nsmodel.theorems.model import Hung, Model
from nsmodel.theorems.share import Tally, Told
from nsmodel.theorems.tree import MountTree
from nsmodel.theorems.umount_new import gather, settle

FIXED: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Forest:
    """A forest with what propagates to what, and a mount that is unmounted."""

    shape: Shape
    where: Places
    groups: Groups
    locked: int
    target: int


@dataclass(frozen=True)
class Umounted:
    """What went, and where everything else hangs."""

    gone: frozenset[int]
    hung: Hung


@dataclass(frozen=True)
class Difference:
    """A forest on which rule and algorithm part; `kind` is the same for those that part for one reason."""

    forest: Forest
    rule: Umounted
    algorithm: Umounted
    what: str
    kind: str = ""


@dataclass(frozen=True)
class Gathered:
    """What one unmount propagates to: by the rule, what of that it unlocks, and every list of candidates that the
    walks give, with an order of the original mounts that gives it."""

    target: int
    ruled: int
    unlocked: int
    lists: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]


@dataclass(frozen=True)
class Part:
    """A share of the work: of one shape, every `of`-th propagation from `index`."""

    shape: Shape
    index: int = 0
    of: int = 1


def subsets(mask: int) -> Iterator[int]:
    """Every subset of some bits, the empty one first."""
    some = 0
    while True:
        yield some
        some = (some - mask) & mask
        if not some:
            return


def preorders(shape: Shape, top: int) -> tuple[tuple[int, ...], ...]:
    """Every order that lists of children can give a tree: each mount before what is on it, tree after tree."""
    on = children(shape)

    def orders(m: int) -> list[tuple[int, ...]]:
        out: list[tuple[int, ...]] = []
        for siblings in permutations(on[m]):
            for below in product(*(orders(c) for c in siblings)):
                out.append((m, *(x for tree in below for x in tree)))
        return out

    return tuple(orders(top))


class Prover:
    """Goes through the forests of one shape."""

    def __init__(self, part: Part, told: Told, *, reparent_all: bool = False, switches: frozenset[str] = FIXED) -> None:
        self.part = part
        self.shape = part.shape
        self.told = told
        self.reparent_all = reparent_all
        self.model = Model(len(part.shape), switches)
        self.tally: Tally[Difference] = Tally()
        self.settled: set[tuple[int, int, int, tuple[int, ...], tuple[int, ...]]] = set()
        """Trees, targets, what they unlock and lists of candidates that are settled for all locks."""
        on = children(self.shape)
        self.below = [m for m, above in enumerate(on) if above]
        """Mounts that something is on."""
        self.targets = [m for m, under in enumerate(self.shape) if under >= 0]
        self.going = {t: subtree(self.shape, t) for t in self.targets}
        self.orders = {t: preorders(self.shape, t) for t in self.targets}

    def run(self) -> Tally[Difference]:
        """All of them, up to the first difference."""
        group = symmetries(self.shape)
        for number, (groups, stable) in enumerate(orbits(all_groups(len(self.shape)), group, Groups.moved)):
            if number % self.part.of == self.part.index:
                found = self.propagation(groups, stable)
                self.told(self.tally.forests, self.tally.cases)
                if found is not None:
                    self.tally.differences.append(found)
                    break
        return self.tally

    def propagation(self, groups: Groups, stable: Sequence[tuple[int, ...]]) -> Difference | None:
        """All names under one propagation, up to its symmetries."""
        hears = groups.receivers()
        self.model.put_groups(groups)
        for m in range(len(self.shape)):
            ruled = self.model.receivers(m)
            assert ruled == hears[m], f"the rule and the fast reading of receivers differ on {groups}"
        walks = walk_tables(groups, self.below, hears)
        if isinstance(walks, str):
            forest = Forest(self.shape, Places((-1,) * len(self.shape), 0), groups, 0, self.targets[0])
            nothing = Umounted(frozenset(), ())
            return Difference(forest, nothing, nothing, walks)

        related = related_among(self.below, hears)
        met: dict[tuple[int, ...], list[Gathered]] = {}
        for where, _ in orbits(places(self.shape, related), stable, Places.moved):
            self.tally.forests += 1
            gathered = met.get(where.at)
            if gathered is None:
                self.model.put_tree(self.shape, where)
                gathered = met[where.at] = [self.gather(where, target, walks) for target in self.targets]
            for one in gathered:
                found = self.target(groups, where, one)
                if found is not None:
                    return found
        return None

    def gather(self, where: Places, target: int, walks: Sequence[dict[int, Walk]]) -> Gathered:
        """What an unmount propagates to, by the rules and in every order of the lists: what is on roots plays no
        part."""
        going = self.going[target]
        ruled = self.model.candidates(going)
        unlocked = self.model.counterparts(target)
        there = {(under, where.at[m]): m for m, under in enumerate(self.shape)}
        lists: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
        for walk in walks:
            for ordered in self.orders[target]:
                candidates = gather(ordered, self.shape, where.at, there, walk)
                lists.add((candidates, ordered if candidates else going))
        return Gathered(target, ruled, unlocked, tuple(lists))

    def target(self, groups: Groups, where: Places, met: Gathered) -> Difference | None:
        """One unmount, with every set of locks, in every order of the lists."""
        locks = met.ruled & ~met.unlocked
        for candidates, ordered in met.lists:
            self.tally.cases += 1 << locks.bit_count()
            key = (where.over, met.target, met.unlocked, candidates, ordered)
            if key not in self.settled:
                if sum(1 << m for m in candidates) != met.ruled:
                    return self.other_candidates(groups, where, met, candidates)
                self.model.put_tree(self.shape, where)
                found = self.settle(groups, where, met, candidates, ordered)
                if found is not None:
                    return found
                self.settled.add(key)
        return None

    def settle(
        self,
        groups: Groups,
        where: Places,
        met: Gathered,
        candidates: tuple[int, ...],
        ordered: Sequence[int],
    ) -> Difference | None:
        """What becomes of a list of candidates, for every set of locks."""
        target, heeded = met.target, met.ruled & ~met.unlocked
        others = sum(1 << m for m in self.targets if m != target) & ~heeded
        for locked in subsets(heeded):
            tree = MountTree.of(self.shape, where, locked)
            gone = settle(tree, ordered, candidates, reparent_all=self.reparent_all)
            algorithm = Umounted(gone, hung(tree, gone))
            for locks in dict.fromkeys((locked, locked | others)):
                self.model.put_locks(locks)
                rule = Umounted(*self.model.umount(self.going[target], target))
                forest = Forest(self.shape, where, groups, locks, target)
                if rule != algorithm:
                    return Difference(forest, rule, algorithm, "other mounts go, or what stays hangs elsewhere")
            broken = stale_overmount(tree, gone)
            if broken is not None:
                forest = Forest(self.shape, where, groups, locked, target)
                return Difference(forest, rule, algorithm, broken)
        return None

    def other_candidates(self, groups: Groups, where: Places, met: Gathered, candidates: tuple[int, ...]) -> Difference:
        """The walks meet something else than what the rule says."""
        forest = Forest(self.shape, where, groups, 0, met.target)
        rule = Umounted(frozenset(m for m in self.targets if met.ruled >> m & 1), ())
        return Difference(forest, rule, Umounted(frozenset(candidates), ()), "the candidates differ")


def hung(tree: MountTree, gone: frozenset[int]) -> Hung:
    """Where what stays hangs."""
    return tuple(
        (-1, -1) if m in gone or tree.parent[m] < 0 else (tree.parent[m], tree.at[m]) for m in range(len(tree.parent))
    )


def stale_overmount(tree: MountTree, gone: frozenset[int]) -> str | None:
    """What is wrong with the field that says what is on a root, of a mount that stays."""
    for m in range(len(tree.parent)):
        if m not in gone and tree.overmount[m] != tree.lookup(m, tree.root[m]):
            return f"the field `overmount` of mount {m + 1} does not name what is on its root"
    return None


def related_among(mounts: Sequence[int], hears: Sequence[int]) -> frozenset[tuple[int, int]]:
    """Pairs of which one receives from the other."""
    both = ((p, q) for p in mounts for q in mounts if p < q)
    return frozenset((p, q) for p, q in both if hears[p] >> q & 1 or hears[q] >> p & 1)


def walk_tables(
    groups: Groups, below: Sequence[int], hears: Sequence[int], *, old: bool = False
) -> list[dict[int, Walk]] | str:
    """The walks from mounts that something is on, over those alone, in every order; each once. A text says what is
    wrong with them."""
    chosen = sum(1 << m for m in below)
    out: dict[tuple[Walk, ...], dict[int, Walk]] = {}
    for lists in layouts(groups):
        table = {}
        for m in below:
            try:
                walk = lists.walk(m, old=old)
            except LoopError:
                return "a walk does not end"
            if len(walk.mounts) != hears[m].bit_count() or sum(1 << r for r in walk.mounts) != hears[m]:
                return "a walk does not meet the receivers"
            table[m] = walk.among(chosen)
        out[tuple(table.values())] = table
    return list(out.values())
