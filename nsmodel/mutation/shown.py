"""What of a state a replay compares with the kernel, up to the names of objects.

A state that differs in nothing else is the same to whoever looks from outside: counts, locks, marks and who made
something show in later results at most.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from nsmodel.ir.schema import Schema
from nsmodel.ir.state import Frozen, Row
from nsmodel.ir.types import MapType, RefType, SetType
from nsmodel.kernel.objects import TaskState
from nsmodel.system.canonical import Canonical

FILES = ("mnt", "uts", "ipc", "pid_ns", "user", "net", "cgroup", "time")
IDENTITY = ("state", "group_leader", "pid", "parent")
"""What is compared of every task; of a running one also who it is and where."""
RUNNING = (
    *IDENTITY, "nsproxy", "fs", "pgrp", "session", "user_ns", "uid", "euid", "suid", "fsuid", "gid", "egid", "sgid",
    "fsgid", "groups", "effective", "permitted", "inheritable", "bounding", "ambient", "no_new_privs", "dumpable",
)  # fmt: skip
SHOWN: dict[str, tuple[str, ...]] = {
    "tasks": RUNNING,
    "pids": ("ns", "numbers"),
    "nsproxies": ("mnt", "uts", "ipc", "pid_for_children", "net", "cgroup", "time", "time_for_children"),
    "fs_structs": ("root_mnt", "root_dentry", "cwd_mnt", "cwd_dentry"),
    "descriptors": ("table", "mount", "dentry", *FILES),
    "map_files": ("table",),
    "mounts": ("root", "parent", "mountpoint", "ns", "group", "master", "unbindable", "attributes", *FILES),
    "superblocks": ("fs", "readonly"),
    "user_namespaces": ("setgroups",),
    "extents": ("ns", "kind", "first", "lower", "count"),
    "programs": ("setuid", "setgid"),
}
"""What is compared of each kind of object, or leads to what is; of others, that two pointers lead to the same one."""


class Shown:
    """Compares states of one schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.canonical = Canonical(schema)
        self.at = {info.collection: i for i, info in enumerate(schema.entities)}
        self.fields = [{f.name: i for i, f in enumerate(info.fields)} for info in schema.entities]
        self.known = functools.lru_cache(64)(self._of)

    def same(self, one: Frozen, other: Frozen) -> bool:
        """Nothing that is compared tells two states apart."""
        if one == other:
            return True
        left, right = self.known(one), self.known(other)
        return left == right or self.canonical.form(left) == self.canonical.form(right)

    def _of(self, state: Frozen) -> Frozen:
        """The part of a state that is compared: every other field is zero, every other object is left out."""
        seen = self._mounts_seen(state)
        users = {self._value("tasks", row, "user_ns") for _, row in self._rows(state, "tasks") if self._runs(row)}
        out = []
        for info, rows in zip(self.schema.entities, state, strict=True):
            if info.static:
                out.append(rows)
                continue
            kept: list[Row] = []
            for slot, row in enumerate(rows, 1):
                names = SHOWN.get(info.collection, ())
                if info.collection == "tasks" and row is not None and not self._runs(row):
                    names = IDENTITY
                if info.collection == "user_namespaces" and slot not in users:
                    names = ()
                kept.append(None if row is None else self._blank(info.collection, row, names))
                if info.collection == "mounts" and slot not in seen:
                    kept[-1] = None
                if info.collection == "extents" and self._value("extents", row, "ns") not in users:
                    kept[-1] = None
            out.append(tuple(kept))
        return self._reached(out)

    def values(self, state: Frozen, collection: str, slot: int, fields: Iterable[str]) -> tuple[int, ...]:
        """Some fields of one object."""
        row = state[self.at[collection]][slot - 1]
        return tuple(self._value(collection, row, field) for field in fields)

    def _rows(self, state: Frozen, collection: str) -> Iterable[tuple[int, tuple[Any, ...]]]:
        return [(slot, row) for slot, row in enumerate(state[self.at[collection]], 1) if row is not None]

    def _value(self, collection: str, row: Row, field: str) -> Any:
        return None if row is None else row[self.fields[self.at[collection]][field]]

    def _runs(self, row: Row) -> bool:
        return bool(self._value("tasks", row, "state") == int(TaskState.RUNNING))

    def _blank(self, collection: str, row: tuple[Any, ...], names: tuple[str, ...]) -> tuple[Any, ...]:
        info = self.schema.by_collection[collection]
        zero = [() if isinstance(f.type, MapType) else 0 for f in info.fields]
        return tuple(v if f.name in names else z for f, v, z in zip(info.fields, row, zero, strict=True))

    def _mounts_seen(self, state: Frozen) -> set[int]:
        """The mounts of every tree that is in a namespace, or where a task has a descriptor, root or directory."""
        parents = {slot: self._value("mounts", row, "parent") for slot, row in self._rows(state, "mounts")}
        bottoms = {}
        for slot in parents:
            bottom = slot
            while parents.get(parents[bottom]) is not None:
                bottom = parents[bottom]
            bottoms[slot] = bottom
        anonymous = {
            s for s, row in self._rows(state, "mnt_namespaces") if self._value("mnt_namespaces", row, "anonymous")
        }
        inside = {s: self._value("mounts", row, "ns") for s, row in self._rows(state, "mounts")}
        seen = {bottoms[s] for s, ns in inside.items() if ns and ns not in anonymous}
        for collection, field in (("descriptors", "mount"), ("fs_structs", "root_mnt"), ("fs_structs", "cwd_mnt")):
            named = {self._value(collection, row, field) for _, row in self._rows(state, collection)}
            seen |= {bottoms[s] for s in named if s in bottoms}
        return {slot for slot, bottom in bottoms.items() if bottom in seen}

    def _reached(self, state: list[tuple[Row, ...]]) -> Frozen:
        """Without the objects that only stand for themselves and that nothing leads to."""
        held: list[set[int]] = [set() for _ in state]
        roots = ("tasks", "descriptors", "map_files", "mounts", "extents", "programs")
        todo = [(self.at[c], slot) for c in roots for slot, row in enumerate(state[self.at[c]], 1) if row is not None]
        while todo:
            entity, slot = todo.pop()
            if slot in held[entity]:
                continue
            held[entity].add(slot)
            row = state[entity][slot - 1]
            for f, value in zip(self.schema.entities[entity].fields, row or (), strict=row is not None):
                todo += [(self.index(kind), s) for kind, s in _named(f.type, value) if s]
        shown = self.at["superblocks"]
        file_systems = {self._value("mounts", row, "root") for row in state[self.at["mounts"]]}
        systems = {self._value("dentries", state[self.at["dentries"]][d - 1], "fs") for d in file_systems if d}
        held[shown] = {s for s, row in enumerate(state[shown], 1) if self._value("superblocks", row, "fs") in systems}
        return tuple(
            rows if info.static else tuple(row if slot in held[e] else None for slot, row in enumerate(rows, 1))
            for e, (info, rows) in enumerate(zip(self.schema.entities, state, strict=True))
        )

    def index(self, entity: type[Any]) -> int:
        """Which collection of a frozen state has the objects of an entity."""
        return self.at[self.schema.by_class[entity].collection]


def _named(kind: object, value: Any) -> Iterable[tuple[type[Any], int]]:
    """The objects that a field names, by entity and slot."""
    if isinstance(kind, RefType):
        return [(kind.entity, value)]
    if isinstance(kind, SetType):
        return [(kind.entity, s) for s in range(1, value.bit_length()) if value >> s & 1]
    if isinstance(kind, MapType):
        return [(kind.entity, key) for key, _ in value]
    return []
