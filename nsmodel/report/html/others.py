"""Objects that have no panel of their own: descriptors, root and working directories, file systems, locks, …"""

from __future__ import annotations

from dataclasses import dataclass

from nsmodel.report.html.moment import Moment
from nsmodel.report.objects import object_text
from nsmodel.traces.holders import KINDS
from nsmodel.traces.places import mounts_of

STATIC = frozenset({"capabilities", "securebits", "groups", "file_systems", "dentries", "attributes", "sysctls"})
"""What a scope has from its beginning to its end."""


@dataclass(frozen=True)
class Thing:
    """An object, what it is, and what a step did to it."""

    name: str
    text: str
    change: str
    broken: bool


@dataclass(frozen=True)
class Others:
    """Objects by what they are."""

    groups: tuple[tuple[str, tuple[Thing, ...]], ...]


def others(now: Moment, before: Moment | None) -> Others | None:
    """The other objects of a state, and what changed since `before`; None where there are none."""
    known = set(STATIC) | {kind for kind in KINDS if any("inode" in row for row in now.state.get(kind, []))}
    if mounts_of(now.state):
        known |= {"mounts", "peer_groups"}
    if any("group_leader" in row for row in now.state.get("tasks", [])):
        known |= {"tasks", "pids", "nsproxies"}
    collections = [*now.state, *(c for c in (before.state if before is not None else {}) if c not in now.state)]
    groups = [(c, _things(c, now, before)) for c in collections if c not in known]
    shown = tuple((c.replace("_", " "), things) for c, things in groups if things)
    return Others(shown) if shown else None


def _things(collection: str, now: Moment, before: Moment | None) -> tuple[Thing, ...]:
    rows = {row["id"]: row for row in now.state.get(collection, [])}
    old = {row["id"]: row for row in before.state.get(collection, [])} if before is not None else rows
    out = []
    for slot, row in rows.items():
        change = "+" if slot not in old else "~" if old[slot] != row else ""
        text = object_text(now.trace, collection, row, now.names)
        out.append(Thing(now.name(collection, slot), text, change, slot in now.breaks(collection)))
    for slot in old.keys() - rows.keys():
        assert before is not None
        out.append(Thing(before.name(collection, slot), "", "-", False))
    return tuple(out)
