"""Forests as initial states of a transition system, in the stored form of the explicit engine.

What a forest adds to the stored words is put together from parts that many forests share: where the mounts are, and how
they propagate.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from nsmodel.engines.native.layout import Layout
from nsmodel.kernel.mount.type import Propagation
from nsmodel.kernel.mount.victims import Leaving
from nsmodel.kernel.objects import (
    Dentry,
    Descriptor,
    FileSystem,
    Kernel,
    MntNamespace,
    Mount,
    PeerGroup,
    UserNamespace,
)
from nsmodel.system.operation import op
from nsmodel.system.spec import NO_UAF, STEP_TOTAL, Spec, prop
from nsmodel.system.transition import TransitionSystem, make_system
from nsmodel.theorems.attach_case import ABOVE, EQUAL, HIDDEN, OWN, ROOT, Case
from nsmodel.theorems.forests import Places, Shape, order
from nsmodel.theorems.groups import Groups
from nsmodel.theorems.invariants import JUDGES, Forest, Part
from nsmodel.theorems.operations import change, leave, put

TYPES = [to for to in Propagation if to != Propagation.SEVERAL]
OPERATIONS = {"change": op(change, to=TYPES), "leave": op(leave, how=[Leaving.LAZY, Leaving.SYNC]), "put": op(put)}
WHOLE, SPOT, HIDES = 1, 2, 3
"""Names of what is attached: a root above the mountpoint, the mountpoint, a root from which it is not seen."""
ROOTS = {HIDDEN: HIDES, ABOVE: WHOLE, EQUAL: SPOT}


class Standing:
    """Forests whose mounts change their type, or are taken off."""

    def __init__(self, part: Part) -> None:
        self.mounts = len(part.shape)
        self.slots = dict.fromkeys(("mounts", "peer_groups", "mnt_namespaces"), self.mounts)
        self.slots["dentries"] = 2 * self.mounts

    def names(self, k: Kernel) -> None:
        """A chain: what is above can be any name of a forest, and what is below any other."""
        above: Dentry | None = None
        for _ in range(self.slots["dentries"]):
            above = directory(k, above)

    def encoder(self, layout: Layout) -> Callable[[Forest], int]:
        """A function that gives the stored form of a forest."""
        add = layout.stored
        fixed = there_from_the_start(layout, self.mounts)
        groups = groups_encoder(layout)

        @functools.cache
        def placed(shape: Shape, where: Places) -> int:
            chained = order(shape, where)
            assert chained is not None
            name = {number: slot for slot, number in enumerate(chained, 1)}
            roots = where.roots(shape)
            out, spaces = fixed, 0
            space: list[int] = []
            for m, on in enumerate(shape):
                out += add(Mount, "root", m + 1, name[roots[m]])
                if on >= 0:
                    space.append(space[on])
                    out += add(Mount, "parent", m + 1, on + 1) + add(Mount, "mountpoint", m + 1, name[where.at[m]])
                else:
                    spaces += 1
                    space.append(spaces)
                    out += add(MntNamespace, "owner", spaces, 1) + add(MntNamespace, "root", spaces, m + 1)
                out += add(Mount, "ns", m + 1, space[m])
            return out + add(MntNamespace, None, 0, live(spaces))

        def encode(forest: Forest) -> int:
            out = placed(forest.shape, forest.where) + groups(forest.groups)
            for m in range(self.mounts if forest.unbindable else 0):
                out += add(Mount, "unbindable", m + 1, forest.unbindable >> m & 1)
            return out

        return encode


class Attached:
    """Trees and what they are put on. Two descriptors say which is which."""

    def __init__(self, part: Part) -> None:
        self.standing, self.tree = part.standing, part.shape
        self.mounts = self.standing + len(self.tree)
        most = self.mounts + (self.mounts - 1) * len(self.tree)
        self.slots = {"mounts": most, "peer_groups": most, "mnt_namespaces": self.mounts, "descriptors": 2}
        self.slots["dentries"] = 3 + 3 * self.mounts

    def names(self, k: Kernel) -> None:
        """The mountpoint, roots that show it or do not, and on each root a name for each mount of the tree."""
        whole = directory(k, None)
        spot, hides = directory(k, whole), directory(k, whole)
        for root in (hides, whole, spot):
            for _ in range(self.mounts):
                directory(k, root)

    def own(self, kind: int, i: int) -> int:
        """The name of a mount of the tree on what shows so much of the mountpoint."""
        return 4 + (HIDDEN, ABOVE, EQUAL).index(kind) * self.mounts + i

    def encoder(self, layout: Layout) -> Callable[[Case], int]:
        """A function that gives the stored form of a case."""
        add = layout.stored
        top = self.standing + 1
        fixed = there_from_the_start(layout, self.mounts)
        fixed += add(Descriptor, None, 0, live(2)) + add(Descriptor, "tree", 1, 1) + add(Descriptor, "mount", 1, top)
        fixed += add(Descriptor, "mount", 2, 1) + add(Descriptor, "dentry", 2, SPOT)
        groups = groups_encoder(layout)

        @functools.cache
        def stands(takes: int, occupants: tuple[int, ...]) -> int:
            on = {q: m for m, q in enumerate(occupants) if q >= 0}

            def bottom(m: int) -> int:
                while m in on:
                    m = on[m]
                return m

            bottoms = [bottom(0)]
            out = fixed
            for m in range(self.standing):
                if bottom(m) not in bottoms:
                    bottoms.append(bottom(m))
                out += add(Mount, "root", m + 1, WHOLE if m == 0 or takes >> m & 1 else HIDES)
                out += add(Mount, "ns", m + 1, bottoms.index(bottom(m)) + 1)
                if m in on:
                    out += add(Mount, "parent", m + 1, on[m] + 1) + add(Mount, "mountpoint", m + 1, SPOT)
            for number, m in enumerate(bottoms, 1):
                out += add(MntNamespace, "owner", number, 1) + add(MntNamespace, "root", number, m + 1)
            return out + add(MntNamespace, None, 0, live(len(bottoms)))

        @functools.cache
        def hangs(new: bool, kinds: tuple[int, ...], spots: tuple[int, ...]) -> int:
            out = 0
            for i, kind in enumerate(kinds):
                slot = top + i
                out += add(Mount, "root", slot, ROOTS[kind])
                out += 0 if new else add(Mount, "ns", slot, 1)
                if i:
                    under = kinds[self.tree[i]]
                    name = {OWN: self.own(under, i), ROOT: ROOTS[under]}.get(spots[i], SPOT)
                    out += add(Mount, "parent", slot, top + self.tree[i]) + add(Mount, "mountpoint", slot, name)
            return out

        shown = (1 << self.standing) - 1

        def encode(case: Case) -> int:
            there = stands(case.takes & shown, case.occupants)
            return there + hangs(case.new, case.kinds, case.spots) + groups(case.groups)

        return encode


def there_from_the_start(layout: Layout, mounts: int) -> int:
    """The stored form of one user namespace, and of so many mounts that nothing is known of."""
    out = layout.stored(UserNamespace, None, 0, live(1)) + layout.stored(Mount, None, 0, live(mounts))
    return out + sum(layout.stored(Mount, "count", m, 1) for m in range(1, mounts + 1))


def groups_encoder(layout: Layout) -> Callable[[Groups], int]:
    """A function that gives what a propagation adds to a stored form."""
    add = layout.stored

    @functools.cache
    def member(m: int, group: int, master: int) -> int:
        return add(Mount, "group", m + 1, group + 1) + add(Mount, "master", m + 1, master + 1)

    @functools.cache
    def there(number: int) -> int:
        return add(PeerGroup, None, 0, live(number))

    @functools.lru_cache(maxsize=1)
    def encode(groups: Groups) -> int:
        out = there(groups.number)
        for m, (group, master) in enumerate(zip(groups.group, groups.master, strict=True)):
            out += member(m, group, master)
        return out

    return encode


def live(count: int) -> int:
    """The mask of the first slots."""
    return (1 << count) - 1 << 1


def directory(k: Kernel, above: Dentry | None) -> Dentry:
    """One more name."""
    made = k.new(Dentry)
    made.fs, made.parent, made.directory = k.live(FileSystem)[0], above, True
    return made


def system_of(part: Part, switches: frozenset[str]) -> tuple[TransitionSystem, Standing | Attached]:
    """The transition system of one operation on the forests of a part, and what encodes those."""
    forests = Attached(part) if part.operation == "put" else Standing(part)

    def base(k: Kernel) -> None:
        k.new(FileSystem)
        forests.names(k)
        k.new(UserNamespace)

    spec = Spec(
        name=f"theorem-{part.operation}",
        title=__doc__ or "",
        state=Kernel,
        base=base,
        bounds={"user_namespaces": 1, "file_systems": 1, **forests.slots},
        operations=(OPERATIONS[part.operation],),
        properties=(
            *(prop(name, "", judge) for name, judge in JUDGES.items()),
            *(prop(name, "", in_steps=True) for name in ("PROP_EXACT", "UMOUNT_EXACT", "LOCK_COVER")),
            NO_UAF,
            STEP_TOTAL,
        ),
        depth=1,
    )
    return make_system(spec, spec.scope(None), switches=switches), forests
