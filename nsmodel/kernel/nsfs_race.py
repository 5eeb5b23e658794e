"""A namespace remembers its file, so that all who open it share one: a look at what is remembered against the last
close, in atomic steps (fs/libfs.c: get_stashed_dentry, stashed_dentry_prune; fs/nsfs.c, v6.18).

A model of its own: one namespace, the dentry that it remembers, who holds that, and who is in an RCU section.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated

from nsmodel.ir.language import EAGAIN, HOLDERS, Entity, Live, Range, error, given, helper, interleaved
from nsmodel.ir.state import State
from nsmodel.kernel.mutants import NF01

Steps = Generator[None, None, int]


class Opener(Entity):
    """Somebody who makes calls."""

    busy: bool


class StashedDentry(Entity):
    """The dentry of a namespace's file."""

    count: Annotated[int, HOLDERS]


class StashingNs(Entity):
    """`struct ns_common`, as far as `stashed` goes."""

    stashed: StashedDentry | None
    readers: Annotated[int, Range(0, "tasks")]
    """Who is between rcu_read_lock and rcu_read_unlock with what was stashed."""


class OpenFile(Entity):
    """An open descriptor of the namespace's file."""

    of: StashedDentry


class StashState(State):
    """Everything there is."""

    tasks: Live[Opener]
    namespaces: Live[StashingNs]
    dentries: Live[StashedDentry]
    files: Live[OpenFile]


def base(k: StashState) -> None:
    """As many tasks as the scope has, and one namespace."""
    while k.bounds is None or len(k.live(Opener)) < k.bounds["tasks"]:
        k.new(Opener)
    k.new(StashingNs)


@helper
def open_file(k: StashState, dentry: StashedDentry) -> None:
    """A descriptor of the file."""
    dentry.count += 1
    file = k.new(OpenFile)
    file.of = dentry


@interleaved(source="fs/libfs.c: path_from_stashed, get_stashed_dentry (v6.18)")
def open_stashed(k: StashState, task: Opener, ns: StashingNs) -> Steps:
    """Open the file: see what is stashed, and take a reference unless it is dying; where nothing is, make a dentry."""
    given(not task.busy)
    seen = ns.stashed
    if seen is None:
        made = k.new(StashedDentry)
        ns.stashed = made
        open_file(k, made)
        return 0
    ns.readers += 1
    yield
    ns.readers -= 1
    if seen.count == 0:
        return error(EAGAIN, "the dentry is dying: the search starts again")
    open_file(k, seen)
    return 0


@interleaved(source="fs/libfs.c: stashed_dentry_prune; fs/dcache.c: dentry_free (v6.18)")
def close_stashed(k: StashState, task: Opener, ns: StashingNs, file: OpenFile) -> Steps:
    """Close the file: with the last reference the dentry is forgotten, and freed once nobody looks at it any more.
    Until Linux 4.11 it was freed at once."""
    given(not task.busy)
    dentry = file.of
    k.free(file)
    dentry.count -= 1
    if dentry.count > 0:
        return 0
    if ns.stashed is dentry:
        ns.stashed = None
    yield
    given(ns.readers == 0 or k.bug(NF01))
    k.free(dentry)
    return 0
