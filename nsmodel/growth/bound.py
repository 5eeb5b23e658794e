"""How many mounts so many calls can make at most: a bound that holds for every call on mounts there is.

Of a state two numbers matter. `mounts` is N, how many mounts there are. `reach` is S, the most mounts that one event
gets to: of all shared mounts, the largest number of receivers, itself included; 0 where nothing is shared. Let
R = max(1, S). One call makes of (N, S) at most

* a change of type: (N, max(1, S)). A mount that becomes shared is alone in its group, slaves only ever move up;
* anything that attaches, copies or moves a tree: (N + N R, S + S R). The tree has at most N mounts, and comes to its
  place and to at most R - 1 receivers, so at most N R are new. What reaches a mount then reaches its clones, at most R
  of each of the S; a mount that was in no group gets one with its own clones alone, at most R of them, and R is not
  more than S + S R unless nothing was shared, when nothing becomes so.

The rest is no worse than the second: a new mount (N + R), a copy of a namespace or of a tree that is mounted nowhere
(N + N, S + S), joining a group with move_mount (S + 1 where S is at least 1); unmounting and pivot_root make none.
Both steps grow with N and S, so the most that k calls can make is the better of them, step by step. The search holds
every call that it runs against this.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """How many mounts, and how many of them one event reaches."""

    mounts: int
    reach: int

    @property
    def spread(self) -> int:
        """How many places one attached tree comes to: its own, and each receiver's."""
        return max(1, self.reach)

    @property
    def shared(self) -> Size:
        """After a change of type, at most."""
        return Size(self.mounts, max(1, self.reach))

    @property
    def attached(self) -> Size:
        """After a tree was attached, at most."""
        return Size(self.mounts * (1 + self.spread), self.reach * (1 + self.spread))

    def allows(self, after: Size) -> bool:
        """One call can make this of it."""
        grown = max(self.reach + self.reach * self.spread, 1)
        return after.mounts <= self.attached.mounts and after.reach <= grown


@functools.cache
def most(size: Size, calls: int) -> int:
    """The bound on mounts after so many calls."""
    if calls == 0:
        return size.mounts
    return max(most(size.shared, calls - 1), most(size.attached, calls - 1))


def product(calls: int) -> int:
    """Mounts after that many recursive binds of one shared mount: 1, 2, 6, 42, 1806, …, each n(n + 1) of the last."""
    mounts = 1
    for _ in range(calls):
        mounts *= mounts + 1
    return mounts


def closed_form(calls: int, *, shared: bool) -> int:
    """The bound from one mount, shared or not: with one call to share it, or without ever sharing anything."""
    if shared:
        return product(calls)
    return max(2**calls, product(calls - 1)) if calls else 1


def closed_text(calls: int, *, shared: bool) -> str:
    """The closed form in writing, E = 1.26408473530530… (Sylvester's sequence less one, OEIS A007018)."""
    if shared:
        return f"⌊E^(2^{calls + 1}) + 1/2⌋ - 1"
    if 2**calls >= product(calls - 1):
        return f"2^{calls}"
    return f"⌊E^(2^{calls}) + 1/2⌋ - 1"
