"""Entries of limits are found by key and counted: the last put against a search, in atomic steps
(kernel/ucount.c: get_ucounts, put_ucounts, v6.18).

A model of its own: one key, its entry while it has one, and who holds it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated

from nsmodel.ir.language import (
    HOLDERS,
    Entity,
    Live,
    assure,
    given,
    helper,
    interleaved,
    invariant,
    require,
    syscall,
    the,
)
from nsmodel.ir.state import State
from nsmodel.kernel.mutants import UC01
from nsmodel.system.spec import prop

Steps = Generator[None, None, int]


class Charger(Entity):
    """Somebody who makes calls."""

    busy: bool


class Entry(Entity):
    """`struct ucounts` of the one key."""

    count: Annotated[int, HOLDERS]
    hashed: bool
    """A search finds it."""


class Charged(Entity):
    """A namespace that is charged to an entry."""

    to: Entry


class UcountsState(State):
    """Everything there is."""

    tasks: Live[Charger]
    entries: Live[Entry]
    charges: Live[Charged]


def base(k: UcountsState) -> None:
    """As many tasks as the scope has, and nothing that is charged."""
    while k.bounds is None or len(k.live(Charger)) < k.bounds["tasks"]:
        k.new(Charger)


@helper
def found(k: UcountsState) -> Entry | None:
    """What a search under ucounts_lock finds."""
    return the(e for e in k.entries if e.hashed)


@syscall(source="kernel/ucount.c: get_ucounts, alloc_ucounts (v6.18)")
def charge(k: UcountsState, task: Charger) -> int:
    """Find the entry and count oneself, or make it: one step under ucounts_lock."""
    given(not task.busy)
    entry = found(k)
    if entry is None:
        entry = k.new(Entry)
        entry.hashed = True
    else:
        assure("UCOUNT_EXACT", entry.count > 0, "an entry is found that nothing is charged to", entry)
    entry.count += 1
    made = k.new(Charged)
    made.to = entry
    return 0


@interleaved(source="kernel/ucount.c: put_ucounts (v6.18)")
def uncharge(k: UcountsState, task: Charger, charged: Charged) -> Steps:
    """Put the entry: with the last reference it is taken from the table and freed, in one step under ucounts_lock.
    Until Linux 4.11 the count fell before the lock was taken."""
    given(not task.busy)
    entry = charged.to
    k.free(charged)
    entry.count -= 1
    if entry.count > 0:
        return 0
    if k.bug(UC01):
        yield
    entry.hashed = False
    k.free(entry)
    return 0


@invariant("UCOUNT_EXACT", source="kernel/ucount.c (v6.18)")
def exact(k: UcountsState) -> None:
    """An entry counts what is charged to it, and a search finds it."""
    for charged in k.charges:
        require(charged.to.hashed, "something is charged to an entry that no search finds", charged)


UCOUNT_EXACT = prop("UCOUNT_EXACT", "an entry is charged for what there is", exact, in_steps=True)
