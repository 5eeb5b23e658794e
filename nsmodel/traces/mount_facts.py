"""What can be said of each mount of a state: its tree, what it shows, how it propagates, who uses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx

from nsmodel.traces.places import Table, mounts_of, path_in
from nsmodel.traces.trace import State

FILES = {
    "mnt": "mnt_namespaces", "uts": "uts_namespaces", "ipc": "ipc_namespaces", "pid_ns": "pid_namespaces",
    "user": "user_namespaces", "net": "net_namespaces", "cgroup": "cgroup_namespaces", "time": "time_namespaces",
}  # fmt: skip
"""Which namespace a namespace's file is of: fields of descriptors and mounts, with the collection that each names."""

HIERARCHIES = ("CGROUP1", "CGROUP2")
"""Kinds of file systems whose root is shown under the name that it has for whoever looks."""
TYPES = {"NEW": "tmpfs", "INITIAL": "devtmpfs", "CGROUP1": "cgroup"}
"""The type that stands for a kind of file system, where that is not its name."""


def fs_type(kind: str) -> str:
    """The type of a kind of file system, as mount(2) is told it."""
    return TYPES.get(kind, kind.lower())


class MountFacts:
    """The mounts of one state, with the names that people have for things."""

    def __init__(self, state: State, names: Table) -> None:
        self.state, self.names = state, names
        self.rows: dict[int, dict[str, Any]] = {row["id"]: row for row in mounts_of(state)}
        self.namespaces = {row["id"]: row for row in state.get("mnt_namespaces", [])}
        self.dentries = {row["id"]: row for row in state.get("dentries", [])}
        self._attributes = {row["id"]: row["kind"].lower() for row in state.get("attributes", [])}
        self.tree: nx.DiGraph[int] = nx.DiGraph()
        self.tree.add_nodes_from(self.rows)
        self.tree.add_edges_from((row["parent"], m) for m, row in self.rows.items() if row["parent"] in self.rows)

    def tops(self) -> list[int]:
        """The mounts that lie on nothing: namespace by namespace, what is in none at the end. One of each circle too,
        which only a broken state has."""
        found = [m for m in self.rows if not self.tree.pred[m]]
        seen = {x for top in found for x in (top, *nx.descendants(self.tree, top))}
        for m in self.rows:
            if m not in seen:
                found.append(m)
                seen |= {m, *nx.descendants(self.tree, m)}
        return sorted(found, key=lambda m: (self.rows[m]["ns"] is None, self.rows[m]["ns"] or 0, m))

    def children(self, mount: int) -> list[int]:
        """What is mounted on a mount, in the order of the places."""
        root = self.rows[mount]["root"]
        return sorted(self.tree.succ[mount], key=lambda m: path_in(self.rows[m]["mountpoint"], root, self.names))

    def walk(self, top: int) -> Iterator[tuple[int, tuple[bool, ...]]]:
        """A tree from the top down; with each mount, for each level, whether that level goes on below it."""
        seen = set()
        stack: list[tuple[int, tuple[bool, ...]]] = [(top, ())]
        while stack:
            mount, trunk = stack.pop()
            if mount in seen:
                continue
            seen.add(mount)
            yield mount, trunk
            below = self.children(mount)
            stack += [(m, (*trunk, m != below[-1])) for m in reversed(below)]

    def name(self, mount: int) -> str:
        """A mount by its place."""
        return self.names.get(("mounts", mount), f"mount#{mount}")

    def namespace(self, ns: int | None) -> str:
        """A mount namespace by name."""
        return "in no namespace" if ns is None else self.names.get(("mnt_namespaces", ns), f"mnt:{ns}")

    def owner(self, ns: int | None) -> str | None:
        """The user namespace that owns a mount namespace."""
        owner = self.namespaces.get(ns, {}).get("owner") if ns is not None else None
        return self.names.get(("user_namespaces", owner), f"user:{owner}") if owner is not None else None

    def anonymous(self, ns: int | None) -> bool:
        """A namespace is that of a tree which is mounted nowhere."""
        return ns is not None and bool(self.namespaces.get(ns, {}).get("anonymous"))

    def shows(self, mount: int) -> str:
        """What a mount shows: a name of a file system, or the file of a namespace."""
        row = self.rows[mount]
        for field, collection in FILES.items():
            if row.get(field) is not None:
                return "file of " + self.names.get((collection, row[field]), f"{field} {row[field]}")
        return self.names.get(("dentries", row["root"]), "?")

    def group(self, group: int | None) -> str | None:
        """A peer group's number."""
        if group is None:
            return None
        return self.names.get(("peer_groups", group), str(group)).rpartition(":")[2]

    def kind(self, mount: int) -> str:
        """How a mount propagates, in one word: `private`, `shared`, `slave`, `both`, `unbindable`."""
        row = self.rows[mount]
        if row["group"] is not None:
            return "both" if row["master"] is not None else "shared"
        if row.get("unbindable"):
            return "unbindable"
        return "slave" if row["master"] is not None else "private"

    def attributes(self, mount: int) -> list[tuple[str, bool]]:
        """The attributes of a mount that are not everybody's, and whether each is locked."""
        row = self.rows[mount]
        fixed = row.get("locked_attributes") or []
        told = ((self._attributes.get(a, str(a)), a in fixed) for a in row.get("attributes") or [])
        return [(word, locked) for word, locked in told if word != "relatime"]

    def words(self, mount: int) -> list[str]:
        """How a mount propagates and what it allows, as /proc/PID/mountinfo says it."""
        row = self.rows[mount]
        out = [
            f"{word}:{self.group(row[field])}"
            for word, field in (("shared", "group"), ("master", "master"))
            if row[field] is not None
        ]
        out += [mark for mark in ("locked", "unbindable", "expiring") if row.get(mark)]
        return out + [word + ("!" if locked else "") for word, locked in self.attributes(mount)]

    def users(self, mount: int) -> list[str]:
        """Who uses a mount: processes whose root or working directory is there, and descriptors."""
        out = []
        for fs in self.state.get("fs_structs", []):
            root, cwd = (fs.get(field) == mount for field in ("root_mnt", "cwd_mnt"))
            word = "" if root and cwd else "root of " if root else "cwd of "
            if root or cwd:
                tasks = [t["id"] for t in self.state.get("tasks", []) if t.get("fs") == fs["id"]]
                out += [word + self.names.get(("tasks", t), f"task {t}") for t in tasks]
        for fd in self.state.get("descriptors", []):
            if fd.get("mount") == mount:
                out.append(self.names.get(("descriptors", fd["id"]), f"fd {fd['id']}"))
        return out

    def inhabitants(self, ns: int) -> list[str]:
        """The processes that are in a mount namespace."""
        proxies = {p["id"] for p in self.state.get("nsproxies", []) if p.get("mnt") == ns}
        return [
            self.names.get(("tasks", t["id"]), f"task {t['id']}")
            for t in self.state.get("tasks", [])
            if t.get("nsproxy") in proxies
        ]


def place_change(before: MountFacts, after: MountFacts, mount: int) -> str:
    """`unmounted`, `moved`, or nothing of the kind."""
    old, new = before.rows[mount], after.rows[mount]
    if old["ns"] is not None and new["ns"] is None:
        return "unmounted"
    return "moved" if (old["parent"], old["mountpoint"]) != (new["parent"], new["mountpoint"]) else ""


def changes(before: MountFacts, after: MountFacts, mount: int) -> list[str] | None:
    """What a mount is no more, in words; None for a new mount. What it is now, it says itself."""
    if mount not in before.rows:
        return None
    out = [word for word in (place_change(before, after, mount),) if word]
    told, now = before.words(mount), after.words(mount)
    lost = [word for word in told if word not in now]
    if lost:
        out.append(f"was {' '.join(lost)}")
    return out
