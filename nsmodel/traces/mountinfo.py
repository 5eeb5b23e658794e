"""What each task would read in /proc/PID/mountinfo in a state (fs/proc_namespace.c: show_mountinfo, v6.18).

A task is told of the mounts of its namespace that lie below its root directory, by their paths from there. Numbers of
mounts and devices are the model's slots, so they agree with a machine's up to a renaming, and so do peer groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nsmodel.traces.mount_facts import FILES, MountFacts, fs_type
from nsmodel.traces.trace import State

Place = tuple[int | None, int | None]
"""A mount and a name in it."""
OPTIONS = ("nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "nosymfollow")
"""Attributes in the order in which show_mnt_opts tells them."""


@dataclass(frozen=True)
class Line:
    """One line; `mount` is the slot, `point` the path from the task's root, `tags` are the optional fields."""

    mount: int
    parent: int
    device: str
    root: str
    point: str
    options: str
    tags: tuple[str, ...]
    kind: str
    superblock: str

    def __str__(self) -> str:
        fields = (str(self.mount), str(self.parent), self.device, self.root, self.point, self.options, *self.tags)
        return " ".join((*fields, "-", self.kind, self.kind, self.superblock))


class Ages:
    """Which mounts are older: the order of a table. Show it one state after the other. Of mounts that one step makes,
    the order is that of their slots."""

    def __init__(self) -> None:
        self._born: dict[int, int] = {}
        self._states = 0

    def see(self, state: State) -> dict[int, int]:
        """The age of every mount of a state: the number of the state in which it came."""
        self._states += 1
        live = [row["id"] for row in state.get("mounts", [])]
        self._born = {m: self._born.get(m, self._states) for m in live}
        return dict(self._born)


@dataclass(frozen=True)
class Table:
    """The table that some tasks read; `why_none` says why they can read none."""

    tasks: tuple[int, ...]
    lines: tuple[Line, ...] = ()
    why_none: str = ""


def tables(facts: MountFacts, ages: Mapping[int, int]) -> list[Table]:
    """The table of every task of a state, tasks with the same one together, in the order of their slots."""
    readers: dict[tuple[Any, ...], list[int]] = {}
    proxies = {row["id"]: row for row in facts.state.get("nsproxies", [])}
    for task in facts.state.get("tasks", []):
        proxy = proxies.get(task.get("nsproxy") or 0)
        ns = proxy.get("mnt") if proxy is not None else None
        root = root_of(facts, task, ns)
        readers.setdefault((proxy is not None and ns is not None, ns, root), []).append(task["id"])
    out = []
    for (living, ns, root), tasks in readers.items():
        if not living:
            out.append(Table(tuple(tasks), why_none="EINVAL: it has left its namespaces"))
        elif root is None:
            out.append(Table(tuple(tasks), why_none="ENOENT: it has no root directory any more"))
        else:
            out.append(Table(tuple(tasks), tuple(_lines(facts, ages, ns, root))))
    return out


def root_of(facts: MountFacts, task: Mapping[str, Any], ns: int | None) -> Place | None:
    """A task's root directory. In a scope without root directories it is what is mounted on the namespace's bottom."""
    structs = {row["id"]: row for row in facts.state.get("fs_structs", [])}
    if task.get("fs") is not None:
        fs = structs[task["fs"]]
        return (fs["root_mnt"], fs["root_dentry"]) if fs.get("root_mnt") is not None else None
    if structs or ns is None:
        return None
    bottom = facts.namespaces[ns].get("root")
    on_it = sorted(m for m, row in facts.rows.items() if bottom is not None and row["parent"] == bottom)
    return (on_it[0], facts.rows[on_it[0]]["root"]) if on_it else None


def _lines(facts: MountFacts, ages: Mapping[int, int], ns: int, root: Place) -> list[Line]:
    out = []
    for m in sorted(facts.rows, key=lambda m: (ages.get(m, 0), m)):
        row = facts.rows[m]
        point = path_from(facts, (m, row["root"]), root) if row["ns"] == ns else None
        if point is None:
            continue
        dentry = facts.dentries.get(row["root"], {})
        fs = dentry.get("fs") or 0
        out.append(
            Line(
                mount=m,
                parent=row["parent"] if row["parent"] in facts.rows else m,
                device=f"0:{fs}",
                root=_shown_root(facts, m),
                point=point,
                options=_options(facts, m),
                tags=tuple(_tags(facts, m, root)),
                kind=_type(facts, m, fs),
                superblock="ro" if _read_only(facts, fs) else "rw",
            )
        )
    return out


def path_from(facts: MountFacts, place: Place, root: Place) -> str | None:
    """The path of a place from a root directory; None where it is not below it (fs/d_path.c: prepend_path)."""
    words: list[str] = []
    seen: set[Place] = set()
    here = place
    while here != root:
        mount, name = here
        if here in seen or mount not in facts.rows:
            return None
        seen.add(here)
        row = facts.rows[mount]
        if name == row["root"]:
            here = (row["parent"], row["mountpoint"])
        elif name is not None and name in facts.dentries:
            words.insert(0, facts.names.get(("dentries", name), "?").rpartition("/")[2])
            here = (mount, facts.dentries[name]["parent"])
        else:
            return None
    return "/" + "/".join(words)


def _shown_root(facts: MountFacts, mount: int) -> str:
    row = facts.rows[mount]
    for field, collection in FILES.items():
        if row.get(field) is not None:
            number = facts.names.get((collection, row[field]), str(row[field])).rpartition(":")[2]
            return f"{field.removesuffix('_ns')}:[{number}]"
    return facts.names.get(("dentries", row["root"]), "?").partition(":")[2]


def _options(facts: MountFacts, mount: int) -> str:
    """What the mount allows. In a scope without the attribute RELATIME every mount has it that is not noatime, but for
    files of namespaces, which come from a mount of the kernel's own."""
    kinds = {row["id"]: row["kind"].lower() for row in facts.state.get("attributes", [])}
    has = {kinds.get(a) for a in facts.rows[mount].get("attributes") or []}
    if "relatime" not in kinds.values() and "noatime" not in has and not _namespace_file(facts, mount):
        has.add("relatime")
    return ",".join(["ro" if "readonly" in has else "rw", *(word for word in OPTIONS if word in has)])


def _tags(facts: MountFacts, mount: int, root: Place) -> list[str]:
    row = facts.rows[mount]
    out = []
    if row["group"] is not None:
        out.append(f"shared:{facts.group(row['group'])}")
    if row["master"] is not None:
        out.append(f"master:{facts.group(row['master'])}")
        source = _dominating(facts, mount, root)
        if source not in (None, row["master"]):
            out.append(f"propagate_from:{facts.group(source)}")
    if row.get("unbindable"):
        out.append("unbindable")
    return out


def _dominating(facts: MountFacts, mount: int, root: Place) -> int | None:
    """The nearest group on the way to the masters that has a mount which the reader sees (get_dominating_id)."""
    group, seen = facts.rows[mount]["master"], set()
    while group is not None and group not in seen:
        seen.add(group)
        members = [m for m, row in facts.rows.items() if row["group"] == group]
        for m in members:
            row = facts.rows[m]
            if row["ns"] == facts.rows[mount]["ns"] and path_from(facts, (m, row["root"]), root) is not None:
                return int(group)
        group = next((facts.rows[m]["master"] for m in members), None)
    return None


def _type(facts: MountFacts, mount: int, fs: int) -> str:
    kind = next((row.get("kind") for row in facts.state.get("file_systems", []) if row["id"] == fs), None)
    if _namespace_file(facts, mount):
        kind = "NSFS"
    return fs_type(kind or "NEW")


def _namespace_file(facts: MountFacts, mount: int) -> bool:
    return any(facts.rows[mount].get(field) is not None for field in FILES)


def _read_only(facts: MountFacts, fs: int) -> bool:
    return any(row.get("readonly") for row in facts.state.get("superblocks", []) if row["fs"] == fs)
