"""The theorem of attaching: on every forest, with every tree and destination, the rule's `attach` makes the copies that
the kernel's propagate_mnt makes, linked in the same way up to names, whatever the order of rings and slave lists.

A case has standing mounts, the first of them the shared destination, and a tree that is attached. Of names only this
counts: whether a mount shows the mountpoint, whether something is there already (which the copy is tucked beneath),
and for the mounts of the tree, which can be receivers themselves, whether the mountpoint is their root and what of the
tree is on their root or on the mountpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

from nsmodel.theorems.attach_case import ABOVE, EQUAL, HIDDEN, OWN, ROOT, SPOT, Case
from nsmodel.theorems.attach_lists import Copies, attachment, hang, linked
from nsmodel.theorems.attach_rule import AttachModel
from nsmodel.theorems.forests import Permutation, Shape, children, circular, orbits, shapes, symmetries
from nsmodel.theorems.groups import Groups, all_groups
from nsmodel.theorems.lists import Lists, layouts
from nsmodel.theorems.propagate import Propagate, RanOff
from nsmodel.theorems.share import Tally, Told
from nsmodel.theorems.tree import NOTHING

TOGETHER = 4
"""Up to so many mounts, everything is tried with everything. With more, every propagation and set of receivers is tried
with plain names and nothing on the mountpoint, and every choice of names and occupants once with each order of copies:
those are read by nobody but who hangs copies on their places."""


@dataclass(frozen=True)
class Difference:
    """A case on which rule and algorithm part, with how each links the mounts, where that is it."""

    case: Case
    rule: tuple[int, ...] | None
    algorithm: tuple[int, ...] | None
    what: str


@dataclass(frozen=True)
class Part:
    """A share of the work: so many standing mounts, a tree, and every `of`-th propagation from `index`."""

    standing: int
    tree: Shape
    index: int = 0
    of: int = 1


def parts(mounts: int, of: int = 1) -> Iterator[Part]:
    """All of the work for so many mounts."""
    for size in range(1, mounts):
        for tree in shapes(size):
            if tree.count(-1) == 1:
                for index in range(of):
                    yield Part(mounts - size, tree, index, of)


class Prover:
    """Goes through the cases of one part."""

    def __init__(
        self,
        part: Part,
        algorithm: Propagate,
        told: Told,
        *,
        switches: frozenset[str] = frozenset(),
        orders: Callable[[Groups], Iterable[Lists]] = layouts,
    ) -> None:
        self.part = part
        self.algorithm = algorithm
        self.orders = orders
        self.told = told
        self.tally: Tally[Difference] = Tally()
        self.size = part.standing + len(part.tree)
        self.model = AttachModel(self.size, switches)
        self.hung: set[tuple[object, ...]] = set()
        """Names, occupants and copies whose hanging is settled."""

    def run(self) -> Tally[Difference]:
        """All of them, up to the first difference."""
        for groups, stable, new in propagations(self.part):
            found = self.propagation(groups, stable, new)
            self.told(self.tally.forests, self.tally.cases)
            if found is not None:
                self.tally.differences.append(found)
                break
        return self.tally

    def propagation(self, groups: Groups, stable: Sequence[Permutation], new: bool) -> Difference | None:
        """All cases under one propagation, up to its symmetries."""
        tree = range(self.part.standing, self.size)
        orders = [lists for lists in self.orders(groups) if not new or not any(lists.slaves[m] for m in tree)]
        by_takers: dict[int, set[tuple[Copies, tuple[int, ...]]]] = {}
        for case in without_occupants(self.part, groups, stable, new):
            made = by_takers.get(case.takes)  # propagate_mnt asks of names only who shows the mountpoint
            if made is None:
                made = by_takers[case.takes] = set()
                for lists in orders:
                    outcome = self.order(case, lists)
                    if isinstance(outcome, str):
                        return self.difference(case, None, outcome)
                    made.add(outcome)
            for occupants in all_occupants(self.part, case.takes):
                self.tally.forests += 1
                self.tally.cases += len(orders)
                found = self.hang(replace(case, occupants=occupants), made)
                if found is not None:
                    return found
        return None

    def order(self, case: Case, lists: Lists) -> tuple[Copies, tuple[int, ...]] | str:
        """One order of the lists: the copies that are made, and how all is linked; a text says what went wrong."""
        a = attachment(case, lists.copy())
        try:
            self.algorithm(a)
        except RanOff as error:
            return str(error)
        receivers = [receiver for receiver, _ in a.copies]
        if sorted(receivers) != list(case.takers()):
            return "a receiver gets no copy, or two, or one that shows nothing of the place gets one"
        return tuple((receiver, tuple(copy)) for receiver, copy in a.copies), linked(case, a)

    def hang(self, case: Case, made: Iterable[tuple[Copies, tuple[int, ...]]]) -> Difference | None:
        """Rule and algorithm on one case: beyond `TOGETHER` mounts, names and occupants only if they were not hung with
        the same copies before, under another propagation."""
        orders = {copies for copies, _ in made}
        plain = max(case.occupants) < 0 and EQUAL not in case.kinds and not any(case.spots)
        if self.size > TOGETHER and not plain:
            keys = {(case.new, case.takes, case.kinds, case.spots, case.occupants, copies) for copies in orders}
            if keys <= self.hung:
                return None
            self.hung |= keys
        ruled = self.model.attach(case)
        if isinstance(ruled, str):
            return self.difference(case, None, f"the rule breaks {ruled}")
        links, hanging = ruled
        for _, linking in made:
            if linking != links:
                return self.difference(case, linking, "the copies are linked in another way")
        for copies in orders:
            if hang(case, copies) != hanging:
                return self.difference(case, None, "the copies are hung in another way")
        return None

    def difference(self, case: Case, links: tuple[int, ...] | None, what: str) -> Difference:
        """A case that rule and algorithm part on."""
        ruled = self.model.attach(case)
        return Difference(case, ruled[0] if not isinstance(ruled, str) else None, links, what)


def propagations(part: Part) -> Iterator[tuple[Groups, tuple[Permutation, ...], bool]]:
    """Every propagation of a part up to isomorphism, with its symmetries; `new` is whether the tree is just made."""
    standing, size = part.standing, part.standing + len(part.tree)
    group = tuple(
        (0, *others, *(standing + m for m in within))
        for others in permutations(range(1, standing))
        for within in symmetries(part.tree)
    )
    tree = range(standing, size)
    shared = (g for g in all_groups(size) if g.group[0] >= 0)
    for number, (groups, stable) in enumerate(orbits(shared, group, Groups.moved)):
        if number % part.of == part.index:
            yield groups, stable, False
            alone = [m for m in tree if groups.group[m] >= 0 and min(groups.members(groups.group[m])) >= standing]
            if not alone:  # a fresh clone has a peer that is none, or is in no group
                yield groups, stable, True


def without_occupants(part: Part, groups: Groups, stable: Sequence[Permutation], new: bool) -> Iterator[Case]:
    """Every case of one propagation up to its symmetries, with nothing on the mountpoint before."""
    for takes, kinds, spots in _names(part, groups.receivers()[0], new):
        if len(stable) == 1 or not _seen(part, takes, kinds, spots, stable):
            yield Case(part.standing, part.tree, new, groups, takes, kinds, spots, (NOTHING,) * part.standing)


def cases(part: Part) -> Iterator[Case]:
    """Every case of a part, occupants and all."""
    for groups, stable, new in propagations(part):
        for case in without_occupants(part, groups, stable, new):
            for occupants in all_occupants(part, case.takes):
                yield replace(case, occupants=occupants)


def _names(part: Part, hears: int, new: bool) -> Iterator[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    """Who shows the mountpoint, and what is where in the tree."""
    standing, tree = part.standing, part.tree
    receivers = [m for m in range(standing) if hears >> m & 1]
    on = children(tree)
    kinds_of = [
        (HIDDEN, ABOVE, EQUAL) if not new and hears >> standing + i & 1 else (HIDDEN,) for i in range(len(tree))
    ]
    for kinds in product(*kinds_of):
        choices: list[list[dict[int, int]]] = []
        for i, above in enumerate(on):
            ways: list[dict[int, int]] = [{}, *({c: ROOT} for c in above)]
            if kinds[i] == ABOVE:
                ways += [{**way, c: SPOT} for way in tuple(ways) for c in above if c not in way]
            choices.append(ways)
        for chosen in product(*choices):
            placed = {c: spot for way in chosen for c, spot in way.items()}
            spots = tuple(placed.get(i, OWN) for i in range(len(tree)))
            inner = sum(1 << standing + i for i, kind in enumerate(kinds) if kind != HIDDEN)
            for shown in product((0, 1), repeat=len(receivers)):
                takes = inner | sum(1 << m for m, bit in zip(receivers, shown, strict=True) if bit)
                yield takes, kinds, spots


def _seen(
    part: Part, takes: int, kinds: tuple[int, ...], spots: tuple[int, ...], stable: Sequence[Permutation]
) -> bool:
    """A symmetric choice comes before this one."""
    standing, size = part.standing, part.standing + len(part.tree)
    own = (takes, kinds, spots)
    for p in stable:
        moved_takes = sum(1 << p[m] for m in range(size) if takes >> m & 1)
        within = [p[standing + i] - standing for i in range(size - standing)]
        moved_kinds, moved_spots = [0] * len(kinds), [0] * len(spots)
        for i, j in enumerate(within):
            moved_kinds[j], moved_spots[j] = kinds[i], spots[i]
        if (moved_takes, tuple(moved_kinds), tuple(moved_spots)) < own:
            return True
    return False


def all_occupants(part: Part, takes: int) -> Iterator[tuple[int, ...]]:
    """What can be on the mountpoint already: at the destination (when something is put beneath it) and at every
    receiver that shows it; each mount is in one place, and none below itself."""
    standing = part.standing
    places = [m for m in range(standing) if m == 0 or takes >> m & 1]
    for chosen in product(range(-1, standing), repeat=len(places)):
        used = [q for q in chosen if q >= 0]
        if len(set(used)) < len(used):
            continue
        out = [NOTHING] * standing
        for m, q in zip(places, chosen, strict=True):
            out[m] = q
        if not circular(out):
            yield tuple(out)
