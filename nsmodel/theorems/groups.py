"""Peer groups and masters of so many mounts: every one that is well-formed (PROP_WF of the invariants).

Peers share one master, masters form no circle; what is private or unbindable is in no group and has no master, and
neither sends nor receives, so the two count as one here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from nsmodel.theorems.forests import Permutation, circular, renumbered


class Groups(NamedTuple):
    """The peer group of each mount and the group that it is a slave of, numbered by first member; -1 is none."""

    group: tuple[int, ...]
    master: tuple[int, ...]

    def moved(self, p: Permutation) -> Groups:
        """The same after a permutation of the mounts."""
        group, master = [-1] * len(p), [-1] * len(p)
        for i, j in enumerate(p):
            group[j], master[j] = self.group[i], self.master[i]
        first = renumbered(group)
        new = {old: number for old, number in zip(group, first, strict=True) if old >= 0}
        return Groups(first, tuple(new[g] if g >= 0 else -1 for g in master))

    @property
    def number(self) -> int:
        """How many groups."""
        return max(self.group, default=-1) + 1

    def members(self, group: int) -> tuple[int, ...]:
        """The peers of a group."""
        return tuple(m for m, g in enumerate(self.group) if g == group)

    def masters(self) -> tuple[int, ...]:
        """The master of each group."""
        return tuple(self.master[self.group.index(g)] for g in range(self.number))

    def receivers(self) -> tuple[int, ...]:
        """Who receives from each mount, as bits: the fast reading, which the rule is compared with."""
        masters = self.masters()
        upward = []
        for g in range(self.number):
            chain, here = 0, g
            while here >= 0:
                chain |= 1 << here
                here = masters[here]
            upward.append(chain)
        hears = [
            (upward[g] if g >= 0 else 0) | (upward[s] if s >= 0 else 0)
            for g, s in zip(self.group, self.master, strict=True)
        ]
        return tuple(
            sum(1 << r for r, heard in enumerate(hears) if r != m and heard >> g & 1) if g >= 0 else 0
            for m, g in enumerate(self.group)
        )


@functools.cache
def all_groups(mounts: int) -> tuple[Groups, ...]:
    """Every well-formed propagation of so many mounts."""
    out = []
    for group in _partitions(mounts):
        count = max(group, default=-1) + 1
        alone = [m for m, g in enumerate(group) if g < 0]
        for masters in product(range(-1, count), repeat=count):
            if circular(masters):
                continue
            for slaves in product(range(-1, count), repeat=len(alone)):
                own = dict(zip(alone, slaves, strict=True))
                master = tuple(masters[g] if g >= 0 else own[m] for m, g in enumerate(group))
                out.append(Groups(group, master))
    return tuple(out)


def _partitions(mounts: int, used: int = 0) -> Iterator[tuple[int, ...]]:
    if mounts == 0:
        yield ()
        return
    for g in range(-1, used + 1):
        for rest in _partitions(mounts - 1, max(used, g + 1)):
            yield (g, *rest)
