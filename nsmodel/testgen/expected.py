"""What a program expects to see of each task in a state, as short texts under names that hold for the whole run.

Namespaces, mounts, peer groups and file systems have names here that are given once; a program compares them up to
renaming. Of a task's facets only those are told that differ somewhere in the trace: a test of mounts says nothing of
capabilities.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from nsmodel.oracle.live.credentials import SETS, kinds, proc_owner
from nsmodel.oracle.live.machine import chain_of
from nsmodel.oracle.live.replay import NAMESPACES
from nsmodel.oracle.live.routes import Forests, Place
from nsmodel.oracle.live.translate import AUTO, CHOSEN_BASE
from nsmodel.oracle.live.translate_users import MAPS, mask
from nsmodel.system.snapshot import View
from nsmodel.traces.mount_facts import FILES, HIERARCHIES
from nsmodel.traces.names import Names
from nsmodel.traces.trace import State

FACETS = (
    "STATE", "NUMBERS", "PARENT", "GROUP", "SESSION", "NAMESPACES", "STATUS", "OWNER", "MAPS", "MOUNT_TABLE", "ROOT",
    "CWD",
)  # fmt: skip
"""What can be seen of a task; of one that has ended only the first three."""
ALWAYS = ("STATE", "NUMBERS", "MOUNT_TABLE")
"""Facets that a program compares even if they never change."""
PARTED = {"NAMESPACES": " ", "STATUS": "\n"}
"""Facets of several parts, and what is between them."""
STATES = {"RUNNING": "running", "EXITING": "leaving or zombie", "ZOMBIE": "zombie"}
OPTIONS = {
    "READONLY": "ro", "NOSUID": "nosuid", "NODEV": "nodev", "NOEXEC": "noexec", "NOATIME": "noatime",
    "NODIRATIME": "nodiratime", "RELATIME": "relatime", "NOSYMFOLLOW": "nosymfollow",
}  # fmt: skip
"""How mountinfo shows the attributes of a mount."""

Seen = dict[str, dict[str, str]]
"""Facets by task."""


class Observer:
    """Shows states one after the other: what a program sees of every task that there is or was."""

    def __init__(self, start: State) -> None:
        self.names = Names()
        self.forests = Forests(View(start))
        self.tasks: dict[int, str] = {}
        """The identifier of each living task."""
        self.owners: dict[int, str] = {}
        """The task that each living pid was made for."""
        self.everybody: list[str] = []
        """Every task that there has been, in the order of their making."""
        self.attributes = {row["id"]: OPTIONS[row["kind"]] for row in start.get("attributes", [])}
        self._labels: dict[tuple[str, int], str] = {}
        self._given: Counter[str] = Counter()
        self._shown: dict[int, str] = {}
        self._files: dict[int, str] = {}
        self._gone: dict[str, str] = {}

    def see(self, state: State) -> Seen:
        """Everything that can be seen in a state, by task and facet."""
        view = View(state)
        self.names.see(state)
        self._name(view)
        out: Seen = {}
        for slot, row in view.rows("tasks").items():
            out[self.tasks[slot]] = self._task(view, slot, row)
        for name in self.everybody:
            if name not in out:
                out[name] = {"STATE": self._gone[name]}
        return out

    def removed(self, dentry: int, over: int | None) -> None:
        """A name was removed, or its file got another name, `over`; it was made again, so its file is a new one."""
        if over is not None:
            self._files[over] = self._file_name(dentry)
        self._given["file"] += 1
        self._files[dentry] = f"{self.forests.path(dentry)}#{self._given['file']}"

    def exchanged(self, one: int, other: int) -> None:
        """Two names have changed places."""
        self._files[one], self._files[other] = self._file_name(other), self._file_name(one)

    def file_system(self, fs: int) -> str:
        """The name of a file system that a mount shows."""
        return self._shown[fs]

    def namespace(self, collection: str, slot: int) -> str:
        """The name of a namespace: `pid:1.1`."""
        return self.names.of(collection, slot)

    def place(self, mount: int, dentry: int) -> str:
        """A mount and a file in it, as `m2 fs2:/a`, by the name that the file had first; of the file of a namespace the
        mount alone."""
        label = self._labels["mounts", mount]
        fs = self.forests.dentries[dentry]["fs"]
        return label if self.forests.kind(fs) == "NSFS" else f"{label} {self._file(dentry)}"

    # -- names ------------------------------------------------------------------------------------------------------

    def _name(self, view: View) -> None:
        tasks = view.rows("tasks")
        leaders = {name: tasks.get(row["group_leader"]) for name, row in self._rows_before(tasks)}
        for slot in self.tasks.keys() - tasks.keys():
            name = self.tasks.pop(slot)
            leader = leaders.get(name)
            # Of a dying init any thread may be the last, which then waits for the others of the namespace.
            late = leader is not None and leader["state"] == "EXITING"
            self._gone[name] = "gone or leaving" if late else "gone"
        for pid in self.owners.keys() - view.rows("pids").keys():
            del self.owners[pid]
        for slot, row in tasks.items():
            if slot not in self.tasks:
                self.tasks[slot] = re.sub(r"\W", "_", self.names.of("tasks", slot))
                self.everybody.append(self.tasks[slot])
            self.owners.setdefault(row["pid"], self.tasks[slot])
        self._last = tasks
        for collection, stem in (("mounts", "m"), ("peer_groups", "")):
            rows = view.rows(collection)
            for key in [k for k in self._labels if k[0] == collection and k[1] not in rows]:
                del self._labels[key]
            for slot in rows:
                if (collection, slot) not in self._labels:
                    self._labels[collection, slot] = self._next(stem)
        self._name_file_systems(view)

    def _rows_before(self, tasks: dict[int, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
        last: dict[int, dict[str, Any]] = getattr(self, "_last", {})
        return ((self.tasks[slot], row) for slot, row in last.items() if slot in self.tasks and slot not in tasks)

    def _name_file_systems(self, view: View) -> None:
        """A file system has a name for as long as a mount shows it: then its device may come again."""
        shown = {self.forests.dentries[row["root"]]["fs"] for row in view.rows("mounts").values()}
        for fs in self._shown.keys() - shown:
            del self._shown[fs]
        for fs in sorted(shown - self._shown.keys()):
            self._shown[fs] = self._next("fs")

    def _next(self, stem: str) -> str:
        self._given[stem] += 1
        return f"{stem}{self._given[stem]}"

    def _file(self, dentry: int) -> str:
        return f"{self._shown[self.forests.dentries[dentry]['fs']]}:{self._file_name(dentry)}"

    def _file_name(self, dentry: int) -> str:
        return self._files.get(dentry) or self.forests.path(dentry) or "/"

    # -- a task -----------------------------------------------------------------------------------------------------

    def _task(self, view: View, slot: int, row: dict[str, Any]) -> dict[str, str]:
        leader = view.row("tasks", row["group_leader"])
        out = {"STATE": STATES[row["state"]], "NUMBERS": self._numbers(view, row)}
        if row["group_leader"] == slot:
            parent = leader["parent"]
            out["PARENT"] = self.tasks[parent] if parent else "outside"
        if row["state"] != "RUNNING":
            return out
        chain = chain_of(view, view.row("pids", row["pid"])["ns"])
        out["GROUP"] = self._named(view, chain, leader["pgrp"])
        out["SESSION"] = self._named(view, chain, leader["session"])
        out["NAMESPACES"] = self._namespaces(view, row)
        out["STATUS"] = _status(view, row)
        out["OWNER"] = str(proc_owner(view, row))
        if view.row("user_namespaces", row["user_ns"])["owner"] is not None:
            out["MAPS"] = _maps(view, row["user_ns"])
        if view.rows("mounts"):
            root = self._root(view, row)
            out["MOUNT_TABLE"] = "?" if root is None else self._table(view, row, root)
            if row["fs"] is not None and root is not None:
                fs = view.row("fs_structs", row["fs"])
                out["ROOT"] = self.place(*root)
                out["CWD"] = self.place(fs["cwd_mnt"], fs["cwd_dentry"])
        return out

    def _numbers(self, view: View, row: dict[str, Any]) -> str:
        pid = view.row("pids", row["pid"])
        words = []
        for ns in chain_of(view, pid["ns"]):
            entry = pid["numbers"].get(str(ns), 0)
            words.append("1" if entry == 1 else "*" if entry in (0, AUTO) else str(CHOSEN_BASE + entry))
        return " ".join(words)

    def _named(self, view: View, chain: list[int], pid: int) -> str:
        there = chain_of(view, view.row("pids", pid)["ns"])
        return " ".join(self.owners[pid] if ns in there else "0" for ns in chain)

    def _namespaces(self, view: View, row: dict[str, Any]) -> str:
        proxy = view.row("nsproxies", row["nsproxy"])
        named = {link: (collection, proxy[link]) for link, collection in NAMESPACES.items() if proxy[link]}
        named["user"] = ("user_namespaces", row["user_ns"])
        named["pid"] = ("pid_namespaces", view.row("pids", row["pid"])["ns"])
        words = {link: self.namespace(*key) for link, key in named.items()}
        if not view.row("pid_namespaces", proxy["pid_for_children"])["started"]:
            words["pid_for_children"] = "-"
        return " ".join(f"{link}={name}" for link, name in words.items())

    # -- mounts -----------------------------------------------------------------------------------------------------

    def _root(self, view: View, row: dict[str, Any]) -> Place | None:
        """Root of a task; where the scope has none, what is mounted on the bottom of its namespace."""
        if row["fs"] is not None:
            fs = view.row("fs_structs", row["fs"])
            return None if fs["root_mnt"] is None else (fs["root_mnt"], fs["root_dentry"])
        ns = view.row("nsproxies", row["nsproxy"])["mnt"]
        bottom = view.row("mnt_namespaces", ns)["root"]
        on_it = [(slot, m["root"]) for slot, m in view.rows("mounts").items() if m["parent"] == bottom]
        return on_it[0] if len(on_it) == 1 else None

    def _table(self, view: View, row: dict[str, Any], root: Place) -> str:
        """The mount table that a task reads, parents before children."""
        ns = view.row("nsproxies", row["nsproxy"])["mnt"]
        mounts = view.rows("mounts")
        paths = {slot: self._point(mounts, slot, root) for slot, m in mounts.items() if m["ns"] == ns}
        readonly = {sb["fs"]: sb["readonly"] for sb in view.rows("superblocks").values()}
        lines: list[str] = []
        rest = [slot for slot, path in sorted(paths.items(), key=lambda item: (item[1] or "", item[0])) if path]
        while rest:
            ready = next(slot for slot in rest if mounts[slot]["parent"] not in rest)
            rest.remove(ready)
            lines.append(self._line(ready, mounts[ready], str(paths[ready]), readonly))
        return "".join(f"{line}\n" for line in lines)

    def _point(self, mounts: dict[int, dict[str, Any]], slot: int, root: Place) -> str | None:
        """Where a mount is, as a path from a root; None where none leads there."""
        place, words = (slot, mounts[slot]["root"]), ""
        while place != root:
            at, name = place
            if name == mounts[at]["root"]:
                if mounts[at]["parent"] is None:
                    return None
                place = (mounts[at]["parent"], mounts[at]["mountpoint"])
            else:
                words = f"/{self.forests.letters[name]}{words}"
                place = (at, self.forests.dentries[name]["parent"])
        return words or "/"

    def _line(self, slot: int, row: dict[str, Any], point: str, readonly: dict[int, bool]) -> str:
        fs = self.forests.dentries[row["root"]]["fs"]
        shows = self.forests.path(row["root"]) or "/"
        if self.forests.kind(fs) in HIERARCHIES:
            shows = "?"
        if self.forests.kind(fs) == "NSFS":
            shows = next(f"file:{self.namespace(c, row[f])}" for f, c in FILES.items() if row[f])
        parent = row["parent"] or slot  # the bottom of a namespace is its own
        options = ",".join(self.attributes[a] for a in row["attributes"]) or "-"
        words = [
            self._labels["mounts", slot], self._labels["mounts", parent], self._shown[fs], shows,
            point, options if row["parent"] else "?",
        ]  # fmt: skip
        words += [
            f"{word}:{self._labels['peer_groups', row[field]]}"
            for word, field in (("shared", "group"), ("master", "master"))
            if row[field] is not None
        ]
        words += ["unbindable"] if row["unbindable"] else []
        return " ".join([*words, "-", {None: "-", True: "ro", False: "rw"}[readonly.get(fs)]])


class Telling:
    """What of everything that can be seen a program compares: the facets that differ between two tasks or two states,
    of namespaces the links and of /proc/PID/status the lines that do."""

    def __init__(self, seen: Iterable[Seen]) -> None:
        values: dict[tuple[str, ...], set[str]] = {}
        for state in seen:
            for told in state.values():
                for facet, value in told.items():
                    values.setdefault((facet,), set()).add(value)
                    for name, part in _parts(facet, value):
                        values.setdefault((facet, name), set()).add(part)
        self._differ = {key for key, several in values.items() if len(several) > 1}
        self.facets = tuple(f for f in FACETS if (f,) in values and (f in ALWAYS or (f,) in self._differ))

    def of(self, seen: Seen) -> Seen:
        """The facets that are compared."""
        return {
            task: {f: self._short(f, value) for f, value in told.items() if f in self.facets}
            for task, told in seen.items()
        }

    def _short(self, facet: str, value: str) -> str:
        if facet not in PARTED:
            return value
        return PARTED[facet].join(part for name, part in _parts(facet, value) if (facet, name) in self._differ)


def _parts(facet: str, value: str) -> list[tuple[str, str]]:
    """The parts of a facet that has several, each with its name."""
    return [(re.split("[= ]", part)[0], part) for part in value.split(PARTED[facet])] if facet in PARTED else []


def _status(view: View, row: dict[str, Any]) -> str:
    """Lines of /proc/PID/status."""
    capabilities, scope = view.rows("capabilities"), kinds(view)
    words: list[tuple[str, Iterable[object]]] = [
        ("Uid", (row["uid"], row["euid"], row["suid"], row["fsuid"])),
        ("Gid", (row["gid"], row["egid"], row["sgid"], row["fsgid"])),
        ("Groups", sorted(view.row("groups", g)["gid"] for g in row["groups"])),
    ]
    words += [
        (name, [f"{mask((capabilities[c]['kind'] for c in row[field]), scope):x}"]) for name, field in SETS.items()
    ]
    words.append(("NoNewPrivs", [int(row["no_new_privs"])]))
    return "\n".join(" ".join([name, *map(str, values)]) for name, values in words)


def _maps(view: View, ns: int) -> str:
    extents = [row for row in view.rows("extents").values() if row["ns"] == ns]
    lines = []
    for kind, name in MAPS.items():
        told = sorted((row["first"], row["lower"], row["count"]) for row in extents if row["kind"] == kind)
        lines += [f"{name} {first} {lower} {count}" for first, lower, count in told]
    lines.append(f"setgroups {'allow' if view.row('user_namespaces', ns)['setgroups'] else 'deny'}")
    return "".join(f"{line}\n" for line in lines)
