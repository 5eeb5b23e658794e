"""The theorem of invariants: from every forest that has them, no operation leaves the invariants of mounts.

The operations are what system calls do once their checks are passed: `change_type`, `umount_tree` (lazily, and where
nothing is on the mount at once), and `attach` of every tree to every place. Each tree of a forest is in a namespace of
its own; on forests that no sequence of calls makes, more is asked of the rules than a kernel ever sees.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations

from nsmodel.ir.language import BROKEN, Broken, Trap
from nsmodel.kernel.mount import invariants
from nsmodel.kernel.mount.type import Propagation
from nsmodel.kernel.mount.victims import Leaving
from nsmodel.kernel.objects import FileSystem, Kernel, MntNamespace, Mount, PeerGroup, UserNamespace
from nsmodel.theorems import attach as attaching
from nsmodel.theorems.attach_case import Case
from nsmodel.theorems.attach_rule import AttachModel
from nsmodel.theorems.forests import Places, Shape, children, orbits, places, shapes, symmetries
from nsmodel.theorems.groups import Groups, all_groups
from nsmodel.theorems.model import named
from nsmodel.theorems.operations import change, leave
from nsmodel.theorems.share import Tally, Told
from nsmodel.theorems.umount import related_among

JUDGES: dict[str, Callable[[Kernel], None]] = {
    "TREE_ACYCLIC": invariants.tree_acyclic,
    "ONE_PER_MP": invariants.one_per_place,
    "MP_CONTAINED": invariants.contained,
    "PROP_WF": invariants.propagation_well_formed,
    "NS_MEMBER": invariants.members,
    "DETACHED_QUIET": invariants.detached_quiet,
}
"""The invariants of mounts that speak of forests."""


@dataclass(frozen=True)
class Forest:
    """A forest that things are done to; `unbindable` has a bit for each mount."""

    shape: Shape
    where: Places
    groups: Groups
    unbindable: int = 0


@dataclass(frozen=True)
class Start:
    """A forest, and what is done to it: `operation` names the call and its mount."""

    forest: Forest
    locked: int
    operation: str
    mount: int
    run: Callable[[Kernel, Sequence[Mount]], object] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Difference:
    """A forest and an operation that leaves an invariant."""

    start: Start | Case
    what: str


@dataclass(frozen=True)
class Part:
    """A share of the work: one operation on the forests of one shape (for `attach`, on so many standing mounts with a
    tree of that shape), every `of`-th propagation from `index`."""

    operation: str
    shape: Shape
    standing: int = 0
    index: int = 0
    of: int = 1


def parts(mounts: int, of: int = 1) -> Iterator[Part]:
    """All of the work for so many mounts."""
    yield Part("change", (-1,) * mounts)
    for shape in shapes(mounts):
        if max(shape) >= 0:
            yield from (Part("leave", shape, 0, index, of) for index in range(of))
    for part in attaching.parts(mounts, of):
        yield Part("put", part.tree, part.standing, part.index, part.of)


def seeds(part: Part) -> Iterator[Forest | Case]:
    """The forests of a part."""
    kinds: dict[str, Callable[[Part], Iterator[Forest | Case]]] = {
        "change": _flat,
        "leave": _standing,
        "put": _attached,
    }
    return kinds[part.operation](part)


def _flat(part: Part) -> Iterator[Forest]:
    """For changes of type: where mounts are plays no part in them."""
    shape = part.shape
    flat = Places((-1,) * len(shape), 0)
    every = tuple(permutations(range(len(shape)))) if len(shape) < 6 else (tuple(range(len(shape))),)
    for groups, _ in orbits(all_groups(len(shape)), every, Groups.moved):
        plain = [m for m in range(len(shape)) if groups.group[m] < 0 and groups.master[m] < 0]
        for unbindable in (0, *(1 << m for m in plain)):
            yield Forest(shape, flat, groups, unbindable)


def _standing(part: Part) -> Iterator[Forest]:
    """For unmounts, names as far as those can tell them apart."""
    shape = part.shape
    below = [m for m, above in enumerate(children(shape)) if above]
    for number, (groups, stable) in enumerate(orbits(all_groups(len(shape)), symmetries(shape), Groups.moved)):
        if number % part.of == part.index:
            for where, _ in orbits(places(shape, related_among(below, groups.receivers())), stable, Places.moved):
                yield Forest(shape, where, groups)


def _attached(part: Part) -> Iterator[Case]:
    """Every tree to every place, with every occupant, as the theorem of attaching has them."""
    return attaching.cases(attaching.Part(part.standing, part.shape, part.index, part.of))


def starts(operation: str, forest: Forest) -> Iterator[Start]:
    """What is done to a forest: every change of type of every mount; every unmount, with nothing else locked and with
    everything else locked, lazily, and where nothing is on the mount at once."""
    shape = forest.shape
    if operation == "change":
        for m in range(len(shape)):
            for to in Propagation:
                if to != Propagation.SEVERAL:
                    yield Start(forest, 0, f"make-{to.name.lower()}", m, _change(m, to))
        return
    for m in (m for m, on in enumerate(shape) if on >= 0):
        others = sum(1 << x for x, on in enumerate(shape) if on >= 0 and x != m)
        for locked in dict.fromkeys((0, others)):
            for how in (Leaving.LAZY,) if m in shape else (Leaving.LAZY, Leaving.SYNC):
                yield Start(forest, locked, f"umount ({how.name.lower()})", m, _leave(m, how, bool(locked)))


class Direct:
    """Goes through one part in the direct reading of the rules."""

    def __init__(self, part: Part, told: Told, switches: frozenset[str] = frozenset()) -> None:
        self.part, self.told, self.switches = part, told, switches
        self.tally: Tally[Difference] = Tally()

    def run(self) -> Tally[Difference]:
        """All of it, up to the first difference."""
        for seed in seeds(self.part):
            self.tally.forests += 1
            self.told(self.tally.forests, self.tally.cases)
            found = self.seed(seed)
            if found is not None:
                self.tally.differences.append(found)
                break
        return self.tally

    def seed(self, seed: Forest | Case) -> Difference | None:
        """All that is done to one forest, up to the first difference."""
        for start in (seed,) if isinstance(seed, Case) else starts(self.part.operation, seed):
            self.tally.cases += 1
            what = self.attach(start) if isinstance(start, Case) else self.start(start)
            if what is not None:
                return Difference(start, what)
        return None

    def start(self, start: Start) -> str | None:
        """Run one operation on a state that has the invariants, and judge what it leaves."""
        k, mounts = state(start, self.switches)
        BROKEN.clear()
        try:
            start.run(k, mounts)
        except Trap as trap:
            return str(trap)
        return broken(k)

    def attach(self, case: Case) -> str | None:
        """Attach one tree, and judge what that leaves."""
        model = self._model
        model.put(case)
        model.part_trees(case)
        what = model.run(case)
        return what if what is not None else broken(model.k)

    @functools.cached_property
    def _model(self) -> AttachModel:
        return AttachModel(self.part.standing + len(self.part.shape), self.switches)


def _leave(m: int, how: Leaving, locks: bool) -> Callable[[Kernel, Sequence[Mount]], object]:
    return lambda k, mounts: leave(k, mounts[m], how, locks)


def _change(m: int, to: Propagation) -> Callable[[Kernel, Sequence[Mount]], object]:
    return lambda k, mounts: change(k, mounts[m], to)


def broken(k: Kernel) -> str | None:
    """The first invariant that does not hold, or what a rule broke on its way."""
    if BROKEN:
        return f"{BROKEN[0].property}: {BROKEN[0].clause}"
    groups = frozenset(k.peer_groups)
    if any(g is not None and g not in groups for m in k.mounts for g in (m.group, m.master)):
        return "PROP_WF: a mount is a peer or a slave of a group that is gone"
    for name, judge in JUDGES.items():
        try:
            judge(k)
        except Broken as clause:
            return f"{name}: {clause.clause}"
    return None


def state(start: Start, switches: frozenset[str] = frozenset()) -> tuple[Kernel, list[Mount]]:
    """A forest as a state of the model, with a namespace for each tree."""
    forest = start.forest
    k = Kernel(switches=switches)
    owner, fs = k.new(UserNamespace), k.new(FileSystem)
    groups = [k.new(PeerGroup) for _ in range(forest.groups.number)]
    names = named(k, fs, forest.shape, forest.where)
    roots = forest.where.roots(forest.shape)
    mounts: list[Mount] = []
    for m, on in enumerate(forest.shape):
        mount = k.new(Mount)
        mounts.append(mount)
        mount.count, mount.root = 1, names[roots[m]]
        mount.locked, mount.unbindable = bool(start.locked >> m & 1), bool(forest.unbindable >> m & 1)
        g, master = forest.groups.group[m], forest.groups.master[m]
        mount.group = groups[g] if g >= 0 else None
        mount.master = groups[master] if master >= 0 else None
        if on >= 0:
            mount.parent, mount.mountpoint, mount.ns = mounts[on], names[forest.where.at[m]], mounts[on].ns
        else:
            mount.ns = k.new(MntNamespace)
            mount.ns.owner, mount.ns.root = owner, mount
    return k, mounts
