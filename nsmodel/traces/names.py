"""Names for people: a process by its place in the process tree, a pid namespace by its place in the tree of those, a
mount by where it is mounted now, and everything else by kind and first appearance. But for a mount's, a name stays with
its object for as long as that lives."""

from __future__ import annotations

from collections import Counter
from typing import Any

from nsmodel.traces.places import place_names
from nsmodel.traces.trace import State

KINDS = {
    "nsproxies": "nsproxy",
    "fs_structs": "fs",
    "user_namespaces": "user",
    "mnt_namespaces": "mnt",
    "uts_namespaces": "uts",
    "ipc_namespaces": "ipc",
    "net_namespaces": "net",
    "cgroup_namespaces": "cgroup",
    "time_namespaces": "time",
    "descriptors": "fd",
}
"""What objects of a collection are called; others by the collection's own name."""
AUTO = 2
"""Entry of a pid's map of numbers: one that the allocator chose. Larger entries were chosen with set_tid."""
AUTO_BASE = 1000
CHOSEN_BASE = 297

Key = tuple[str, int]


class Names:
    """Names of the objects of a run: show it one state after the other."""

    def __init__(self) -> None:
        self.table: dict[Key, str] = {}
        self._taken: Counter[str] = Counter()

    def see(self, state: State) -> dict[Key, str]:
        """Name what is new in a state and forget what is gone; gives the names as they are now."""
        live = {(collection, row["id"]): row for collection, rows in state.items() for row in rows}
        self.table = {key: name for key, name in self.table.items() if key in live}
        fresh = {key: row for key, row in live.items() if key not in self.table}
        while fresh:
            named = [key for key, row in fresh.items() if self._ready(key, row, fresh)] or [next(iter(fresh))]
            for key in named:
                self.table[key] = self._name(key, fresh.pop(key), live)
        for mount, place in place_names(state, self.table).items():
            self.table["mounts", mount] = place
        return self.table

    def of(self, collection: str, slot: int) -> str:
        """The name of an object; its kind and slot when it has not been seen."""
        return self.table.get((collection, slot)) or f"{KINDS.get(collection, collection)}#{slot}"

    def _ready(self, key: Key, row: dict[str, Any], fresh: dict[Key, Any]) -> bool:
        """What the name is built on has a name already."""
        collection, slot = key
        if collection == "tasks":
            above = row.get("parent") if row.get("group_leader", slot) == slot else row["group_leader"]
            return ("tasks", above) not in fresh
        if collection == "pid_namespaces":
            return ("pid_namespaces", row.get("parent")) not in fresh
        if collection == "dentries":
            return ("dentries", row.get("parent")) not in fresh
        return not (collection == "pids" or "caller" in row) or all(k[0] != "tasks" for k in fresh)

    def _name(self, key: Key, row: dict[str, Any], live: dict[Key, dict[str, Any]]) -> str:
        collection, slot = key
        if collection == "tasks":
            leader = row.get("group_leader", slot)
            if leader != slot:
                return self._next(f"{self.of('tasks', leader)}/t", 1)
            parent = row.get("parent")
            return self._next("P" if parent is None else f"{self.of('tasks', parent)}.")
        if collection == "pid_namespaces":
            above = row.get("parent")
            return self._next("pid:" if above is None else f"{self.of('pid_namespaces', above)}.")
        if collection == "pids":
            tasks = [k for k, r in live.items() if k[0] == "tasks" and r.get("pid") == slot]
            return f"pid({self.of(*tasks[0])})" if tasks else self._next("pid#")
        if collection == "dentries" and "parent" in row:
            return self._path(row, live)
        if collection in ("capabilities", "securebits"):
            alone = row["kind"] == "REST" and sum(k[0] == collection for k in live) == 1
            return "all" if alone else str(row["kind"]).lower()
        if "gid" in row and collection == "groups":
            return f"group {row['gid']}"
        if collection == "extents":
            several = f" ({row['count']} ids)" if row["count"] > 1 else ""
            return f"{row['kind'].lower()} {row['first']}→{row['lower']}{several}"
        if row.get("caller") is not None:
            return f"{collection.removesuffix('_frames')}({self.of('tasks', row['caller'])})"
        return self._next(f"{KINDS.get(collection) or _singular(collection)}:")

    def _path(self, row: dict[str, Any], live: dict[Key, dict[str, Any]]) -> str:
        """A name in a file system as a path, `fs2:/a/b`: letters, in the order of the children of one directory."""
        above = row["parent"]
        if above is None:
            return f"fs{row.get('fs', '')}:/"
        siblings = sorted(k[1] for k, r in live.items() if k[0] == "dentries" and r["parent"] == above)
        return f"{self.of('dentries', above).rstrip('/')}/{chr(ord('a') + siblings.index(row['id']) % 26)}"

    def _next(self, stem: str, first: int = 0) -> str:
        self._taken[stem] += 1
        return f"{stem}{self._taken[stem] + first}"


def _singular(collection: str) -> str:
    return f"{collection[:-3]}y" if collection.endswith("ies") else collection.removesuffix("s")


def shown_number(entry: int, pid: int) -> int:
    """The number that a process sees for an entry of a pid's map of numbers."""
    if entry == AUTO:
        return AUTO_BASE + pid
    return CHOSEN_BASE + entry if entry > AUTO else entry
