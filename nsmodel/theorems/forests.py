"""Forests of mounts up to isomorphism: their shapes, and what sits on what.

A mount is a number from 0, a shape the tuple of their parents (-1 for the bottom of a tree). Names matter to an unmount
only as far as lookups tell them apart: which mounts are at equal names of parents that propagate to each other, and
which are on the root of what they lie on. Everything is generated once in each orbit of the symmetries.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import TypeVar

Shape = tuple[int, ...]
Permutation = tuple[int, ...]
T = TypeVar("T", bound=Hashable)


@functools.cache
def _trees(size: int) -> tuple[tuple[object, ...], ...]:
    """Unordered rooted trees of a size, each as the sorted tuple of the trees on its root."""
    return tuple(_bundles(size - 1, size - 1))


@functools.cache
def _bundles(size: int, largest: int) -> tuple[tuple[object, ...], ...]:
    """Multisets of trees with `size` mounts in all, none larger than `largest`."""
    if size == 0:
        return ((),)
    out: list[tuple[object, ...]] = []
    for first in range(min(size, largest), 0, -1):
        for count in range(1, size // first + 1):
            rest = _bundles(size - count * first, first - 1)
            for same in _multisets(_trees(first), count):
                out += [(*same, *others) for others in rest]
    return tuple(out)


def _multisets(items: Sequence[T], count: int) -> Iterator[tuple[T, ...]]:
    if count == 0:
        yield ()
        return
    for i, item in enumerate(items):
        for others in _multisets(items[i:], count - 1):
            yield (item, *others)


@functools.cache
def shapes(mounts: int) -> tuple[Shape, ...]:
    """Every forest of so many mounts, once (OEIS A000081 of mounts + 1: 1, 2, 4, 9, 20, 48, …); parents come before
    what is on them."""
    out = []
    for bundle in _bundles(mounts, mounts):
        parents: list[int] = []

        def grow(tree: Iterable[object], on: int, parents: list[int] = parents) -> None:
            number = len(parents)
            parents.append(on)
            for branch in tree:
                assert isinstance(branch, tuple)
                grow(branch, number)

        for tree in bundle:
            assert isinstance(tree, tuple)
            grow(tree, -1)
        out.append(tuple(parents))
    return tuple(out)


@functools.cache
def symmetries(shape: Shape) -> tuple[Permutation, ...]:
    """The permutations of its mounts that leave a shape as it is."""
    numbers = range(len(shape))
    return tuple(
        p for p in permutations(numbers) if all((p[shape[i]] if shape[i] >= 0 else -1) == shape[p[i]] for i in numbers)
    )


def orbits(
    items: Iterable[T], group: Sequence[Permutation], moved: Callable[[T, Permutation], T]
) -> Iterator[tuple[T, tuple[Permutation, ...]]]:
    """The first item of each orbit, with the symmetries that leave it as it is."""
    if len(group) == 1:
        for item in items:
            yield item, tuple(group)
        return
    seen: set[T] = set()
    for item in items:
        if item in seen:
            continue
        images = [(moved(item, p), p) for p in group]
        seen.update(image for image, _ in images)
        yield item, tuple(p for image, p in images if image == item)


def children(shape: Shape) -> tuple[tuple[int, ...], ...]:
    """What is mounted on each mount."""
    out: list[list[int]] = [[] for _ in shape]
    for m, on in enumerate(shape):
        if on >= 0:
            out[on].append(m)
    return tuple(tuple(c) for c in out)


def subtree(shape: Shape, top: int) -> tuple[int, ...]:
    """A mount and all above it, each before what is on it."""
    on = children(shape)
    out = [top]
    for m in out:
        out.extend(on[m])
    return tuple(sorted(out))


@dataclass(frozen=True)
class Places:
    """Where the mounts of a shape are: `at` numbers the names by first appearance (-1 for the bottom of a tree), `over`
    is the set of mounts on the root of what they lie on, a bit for each."""

    at: tuple[int, ...]
    over: int

    def moved(self, p: Permutation) -> Places:
        """The same after a permutation of the mounts."""
        at = [-1] * len(self.at)
        over = 0
        for i, name in enumerate(self.at):
            at[p[i]] = name
            over |= (self.over >> i & 1) << p[i]
        return Places(renumbered(at), over)

    @property
    def names(self) -> int:
        """How many names there are to mount on."""
        return max(self.at, default=-1) + 1

    def roots(self, shape: Shape) -> tuple[int, ...]:
        """The root of each mount: the name of what is on it, or a number of its own above all names."""
        out = [self.names + m for m in range(len(shape))]
        for m, on in enumerate(shape):
            if self.over >> m & 1:
                out[on] = self.at[m]
        return tuple(out)


def renumbered(numbers: Sequence[int]) -> tuple[int, ...]:
    """Numbers by first appearance; what is negative stays."""
    known: dict[int, int] = {}
    return tuple(known.setdefault(n, len(known)) if n >= 0 else n for n in numbers)


def circular(following: Sequence[int]) -> bool:
    """Some number leads back to itself, each to the one at its place; -1 leads nowhere."""
    for start in range(len(following)):
        here, steps = start, 0
        while here >= 0:
            here, steps = following[here], steps + 1
            if steps > len(following):
                return True
    return False


@functools.cache
def places(shape: Shape, related: frozenset[tuple[int, int]]) -> tuple[Places, ...]:
    """Every way to put the mounts on names that lookups can tell apart.

    Two mounts can be at one name only if that is seen: a chain of `related` parents (the smaller number first) leads
    from one to the other.
    """
    upper = [m for m, on in enumerate(shape) if on >= 0]
    over = _overmounts(shape)
    found = (Places(at, on_root) for at in _namings(shape, upper, related) for on_root in over)
    return tuple(where for where in found if realisable(shape, where))


@functools.cache
def _overmounts(shape: Shape) -> tuple[int, ...]:
    """Every choice of what is on roots: at most one mount on each."""
    choices = [(0, *(1 << c for c in on)) for on in children(shape)]
    return tuple(sum(choice) for choice in product(*choices))


def _namings(shape: Shape, upper: Sequence[int], related: frozenset[tuple[int, int]]) -> Iterator[tuple[int, ...]]:
    at = [-1] * len(shape)

    def name(i: int, used: int) -> Iterator[tuple[int, ...]]:
        if i == len(upper):
            if _seen(shape, upper, at, related):
                yield tuple(at)
            return
        m = upper[i]
        taken = {at[c] for c in upper[:i] if shape[c] == shape[m]}
        for number in range(used + 1):
            if number not in taken:
                at[m] = number
                yield from name(i + 1, max(used, number + 1))
        at[m] = -1

    yield from name(0, 0)


def _seen(shape: Shape, upper: Sequence[int], at: Sequence[int], related: frozenset[tuple[int, int]]) -> bool:
    """Mounts at one name hang together by related parents."""
    for number in range(max(at) + 1):
        same = [m for m in upper if at[m] == number]
        reached, waiting = {same[0]}, [same[0]]
        while waiting:
            m = waiting.pop()
            new = [c for c in same if c not in reached and tuple(sorted((shape[m], shape[c]))) in related]
            reached.update(new)
            waiting += new
        if len(reached) < len(same):
            return False
    return True


@functools.cache
def realisable(shape: Shape, where: Places) -> bool:
    """There are names like that: a mount's root is above all that is inside of it."""
    return order(shape, where) is not None


def order(shape: Shape, where: Places) -> list[int] | None:
    """The names and roots (as :meth:`Places.roots` numbers them) so that what is above comes before, or None."""
    roots = where.roots(shape)
    below: dict[int, set[int]] = {n: set() for n in (*range(where.names), *roots)}
    for m, on in enumerate(shape):
        if on >= 0 and not where.over >> m & 1:
            below[roots[on]].add(where.at[m])
    out: list[int] = []
    waiting = dict.fromkeys(below)
    while waiting:
        free = [n for n in waiting if not any(n in below[o] for o in waiting)]
        if not free:
            return None
        out += free
        for n in free:
            del waiting[n]
    return out
