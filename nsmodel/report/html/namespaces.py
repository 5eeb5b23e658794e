"""Namespaces with their owners, reference counts and holders, and the sets of them that tasks use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nsmodel.report.html.moment import Moment
from nsmodel.traces.holders import KINDS, Holder, holders

TITLES = {
    "user_namespaces": "user", "pid_namespaces": "pid", "mnt_namespaces": "mount", "uts_namespaces": "UTS",
    "ipc_namespaces": "IPC", "net_namespaces": "network", "cgroup_namespaces": "cgroup", "time_namespaces": "time",
}  # fmt: skip
Key = tuple[str, str]
"""A word, and `+` where it is new, `-` where it is no longer true."""


@dataclass(frozen=True)
class Held:
    """What holds a namespace: how, and by whom."""

    how: str
    by: tuple[Key, ...]


@dataclass(frozen=True)
class Space:
    """A namespace. `change` is `+`, `~`, `-` or nothing, `was` the count before where that was another one."""

    name: str
    kind: str
    change: str
    broken: bool
    owner: str
    count: int
    was: int | None
    words: tuple[Key, ...]
    held: tuple[Held, ...]


@dataclass(frozen=True)
class Set:
    """An nsproxy: the tasks that use it, and the namespaces that it points to by the names of its fields, each with
    whether that is new."""

    name: str
    change: str
    broken: bool
    count: int
    was: int | None
    tasks: tuple[Key, ...]
    points: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Namespaces:
    """All of them."""

    spaces: tuple[Space, ...]
    sets: tuple[Set, ...]


def namespaces(now: Moment, before: Moment | None) -> Namespaces | None:
    """The namespaces of a state, and what changed since `before`; None where a model has none that count references."""
    spaces: list[Space] = []
    for kind in KINDS:
        rows = {row["id"]: row for row in now.state.get(kind, []) if "inode" in row}
        old = {row["id"]: row for row in before.state.get(kind, []) if "inode" in row} if before is not None else {}
        spaces += [_space(now, before, kind, row, old.get(slot)) for slot, row in rows.items()]
        if before is not None:
            spaces += [_gone(before, kind, row) for slot, row in old.items() if slot not in rows]
    if not spaces:
        return None
    return Namespaces(tuple(spaces), tuple(_sets(now, before)))


def _space(now: Moment, before: Moment | None, kind: str, row: dict[str, Any], old: dict[str, Any] | None) -> Space:
    told = _told(now, kind, row["id"])
    had = _told(before, kind, row["id"]) if before is not None and old is not None else told
    words = _words(now, kind, row)
    known = _words(before, kind, old) if before is not None and old is not None else words
    hows = [*told, *(how for how in had if how not in told)]
    held = tuple(Held(how, _compared(told.get(how, ()), had.get(how, ()))) for how in hows)
    shown = _compared(words, known)
    was = old["count"] if old is not None and old["count"] != row["count"] else None
    moved = was is not None or any(mark for pairs in (shown, *(h.by for h in held)) for _, mark in pairs)
    change = "" if before is None else "+" if old is None else "~" if moved else ""
    return _made(now, kind, row, change, was, shown, held)


def _compared(now: Sequence[str], before: Sequence[str]) -> tuple[Key, ...]:
    """Words with `+` where they are new, and `-` those that are no longer true."""
    kept = tuple((word, "" if word in before else "+") for word in now)
    return kept + tuple((word, "-") for word in before if word not in now)


def _made(
    moment: Moment, kind: str, row: dict[str, Any], change: str, was: int | None, words: tuple[Key, ...],
    held: tuple[Held, ...],
) -> Space:  # fmt: skip
    owner = moment.name("user_namespaces", row["owner"]) if row.get("owner") else ""
    broken = row["id"] in moment.breaks(kind)
    return Space(moment.name(kind, row["id"]), TITLES[kind], change, broken, owner, row["count"], was, words, held)


def _gone(before: Moment, kind: str, row: dict[str, Any]) -> Space:
    return _made(before, kind, row, "-", None, (), ())


def _told(moment: Moment, kind: str, slot: int) -> dict[str, tuple[str, ...]]:
    """Holders in words."""
    out: dict[str, tuple[str, ...]] = {}
    for holder in holders(moment.state, kind, slot):
        out[holder.how] = (*out.get(holder.how, ()), *_names(moment, holder))
    return out


def _names(moment: Moment, holder: Holder) -> list[str]:
    names = [moment.name(holder.collection, slot) for slot in holder.slots]
    if holder.collection == "pids":
        return [name.removeprefix("pid(").removesuffix(")") for name in names]
    if holder.collection == "descriptors":
        tables = {f["id"]: f["table"] for f in moment.state.get("descriptors", [])}
        return [f"{n} of {moment.name('tasks', tables[s])}" for n, s in zip(names, holder.slots, strict=True)]
    return names


def _words(moment: Moment, kind: str, row: dict[str, Any]) -> tuple[str, ...]:
    """What else is to be said of a namespace."""
    out = []
    if kind == "pid_namespaces":
        out.append(f"level {row['level']}")
        init = row.get("child_reaper")
        out.append(
            f"init {moment.name('tasks', init)}" if init else "its init is gone" if row["started"] else "no init"
        )
        if row["started"] and not row["adding"]:
            out.append("gives out no numbers")
    if kind == "mnt_namespaces" and row.get("anonymous"):
        out.append("mounted nowhere")
    if kind == "user_namespaces" and row.get("owner"):
        out.append(f"made by user {row['creator']}")
        extents = [e["id"] for e in moment.state.get("extents", []) if e["ns"] == row["id"]]
        out += [f"maps {moment.name('extents', e)}" for e in extents]
        if not row["setgroups"]:
            out.append("setgroups denied")
    return tuple(out)


def _sets(now: Moment, before: Moment | None) -> list[Set]:
    old = {row["id"]: row for row in before.state.get("nsproxies", [])} if before is not None else {}
    out = [_set(now, before, row, old.get(row["id"])) for row in now.state.get("nsproxies", [])]
    here = {row["id"] for row in now.state.get("nsproxies", [])}
    if before is not None:
        out += [
            Set(before.name("nsproxies", slot), "-", False, row["count"], None, (), ())
            for slot, row in old.items()
            if slot not in here
        ]
    return out


def _set(now: Moment, before: Moment | None, row: dict[str, Any], old: dict[str, Any] | None) -> Set:
    users = _users(now, row["id"])
    had = _users(before, row["id"]) if before is not None and old is not None else users
    tasks = _compared(users, had)
    fields = now.trace.references.get("nsproxies", {})
    points = []
    for name, kind in fields.items():
        if row.get(name) is not None:
            fresh = old is not None and old.get(name) != row[name]
            points.append((name, now.name(kind, row[name]), "+" if fresh else ""))
    was = old["count"] if old is not None and old["count"] != row["count"] else None
    moved = was is not None or any(mark for _, mark in tasks) or any(mark for _, _, mark in points)
    change = "" if before is None else "+" if old is None else "~" if moved else ""
    broken = row["id"] in now.breaks("nsproxies")
    return Set(now.name("nsproxies", row["id"]), change, broken, row["count"], was, tasks, tuple(points))


def _users(moment: Moment, nsproxy: int) -> list[str]:
    return [moment.name("tasks", t["id"]) for t in moment.state.get("tasks", []) if t.get("nsproxy") == nsproxy]
