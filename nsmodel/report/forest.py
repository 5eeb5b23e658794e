"""The mount forest of a state: what is mounted where in each mount namespace, with peer groups and masters, and what a
step changed of it. Lines of at most 78 columns, so that they fit a terminal with an indent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nsmodel.report.console import columns
from nsmodel.traces.places import path_in, place_names
from nsmodel.traces.trace import State

Table = Mapping[tuple[str, int], str]
WIDTH = 78
MARKS = ("locked", "unbindable", "expiring")
FILES = {
    "mnt": "mnt_namespaces", "uts": "uts_namespaces", "ipc": "ipc_namespaces", "pid_ns": "pid_namespaces",
    "user": "user_namespaces", "net": "net_namespaces", "cgroup": "cgroup_namespaces", "time": "time_namespaces",
}  # fmt: skip
"""Which namespace the mount of a namespace's file shows."""


def mount_forest(
    state: State, names: Table, marked: frozenset[int] = frozenset(), before: State | None = None
) -> list[str]:
    """Lines of the forest, a tree for each namespace and one for each tree that was taken off; `marked` mounts are
    pointed at, and changes since `before` are told: `+` new, `~` changed, `-` gone. No lines where there are no
    mounts."""
    mounts = {row["id"]: row for row in state.get("mounts", [])}
    earlier = {row["id"]: row for row in (before or {}).get("mounts", [])}
    if not mounts and not earlier:
        return []
    drawing = _Drawing(state, names, marked, earlier if before is not None else None)
    lines = [["  mount", "shows", "propagation"]]
    tops = [m for m, row in mounts.items() if row["parent"] not in mounts]
    last: object = ()
    for top in sorted(tops, key=lambda m: (mounts[m]["ns"] is None, mounts[m]["ns"] or 0, m)):
        heading = drawing.heading(mounts[top]["ns"])
        if heading != last:
            lines.append([heading])
            last = heading
        drawing.branch(top, "  ", "  ", lines)
    lost = [m for m in mounts if m not in drawing.drawn]
    if lost:
        lines.append(["on each other, in a circle"])
        lines += [[f"  {names.get(('mounts', m), m)}", *drawing.shown(mounts[m])] for m in lost]
    if before is not None:
        old = place_names(before, names)
        lines += [[f"- {old[m]}", *drawing.shown(row)] for m, row in earlier.items() if m not in mounts]
    wide = columns([row for row in lines if len(row) > 1])
    out = []
    for row in lines:
        text = row[0] if len(row) == 1 else "  ".join(wide.pop(0))
        out.append(_cut(text.rstrip()))
    return out


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


class _Drawing:
    """Draws the trees of one state."""

    def __init__(
        self, state: State, names: Table, marked: frozenset[int], earlier: Mapping[int, dict[str, Any]] | None
    ) -> None:
        self.mounts = {row["id"]: row for row in state.get("mounts", [])}
        self.namespaces = {row["id"]: row for row in state.get("mnt_namespaces", [])}
        self.attributes = {row["id"]: row["kind"].lower() for row in state.get("attributes", [])}
        self.names, self.marked, self.earlier = names, marked, earlier
        self.drawn: set[int] = set()

    def heading(self, ns: int | None) -> str:
        """What a tree is in."""
        if ns is None:
            return "in no namespace"
        name = self.names.get(("mnt_namespaces", ns), f"mnt:{ns}")
        row = self.namespaces.get(ns, {})
        if row.get("anonymous"):
            return f"{name}, mounted nowhere"
        owner = self.names.get(("user_namespaces", row["owner"])) if row.get("owner") is not None else None
        return f"{name}, owner {owner}" if owner else name

    def branch(self, mount: int, stem: str, tip: str, out: list[list[str]]) -> None:
        """A mount and what is mounted on it."""
        self.drawn.add(mount)
        row = self.mounts[mount]
        above = self.mounts.get(row["parent"])
        where = "/" + path_in(row["mountpoint"], above["root"], self.names) if above is not None else self._top(row)
        pointer = "  <- breaks the clause" if mount in self.marked else ""
        name = f"{self._change(mount)} {tip[2:]}{where}"
        out.append([name, self.shown(row)[0], " ".join([*self.shown(row)[1:], self._was(mount)]).strip() + pointer])
        children = [m for m, r in self.mounts.items() if r["parent"] == mount]
        children.sort(key=lambda m: path_in(self.mounts[m]["mountpoint"], row["root"], self.names))
        for i, child in enumerate(children):
            final = i == len(children) - 1
            self.branch(child, stem + ("   " if final else "│  "), stem + ("└─ " if final else "├─ "), out)

    def _top(self, row: dict[str, Any]) -> str:
        ns = self.namespaces.get(row["ns"], {}) if row["ns"] is not None else {}
        return "/" if row["ns"] is None or ns.get("anonymous") else "bottom"

    def shown(self, row: dict[str, Any]) -> list[str]:
        """What a mount shows, and how it propagates and what it allows."""
        shows = self.names.get(("dentries", row["root"]), "?")
        for field, collection in FILES.items():
            if row.get(field) is not None:
                shows = "file of " + self.names.get((collection, row[field]), f"{field} {row[field]}")
        words = [
            f"{word}:{_number(row[field], self.names)}"
            for word, field in (("shared", "group"), ("master", "master"))
            if row[field] is not None
        ]
        words += [mark for mark in MARKS if row.get(mark)]
        fixed = row.get("locked_attributes") or []
        for a in row.get("attributes") or []:
            if self.attributes.get(a) not in ("relatime", None):
                words.append(self.attributes[a] + ("!" if a in fixed else ""))
        return [shows, " ".join(words)]

    def _change(self, mount: int) -> str:
        if self.earlier is None:
            return " "
        if mount not in self.earlier:
            return "+"
        return "~" if self._was(mount) else " "

    def _was(self, mount: int) -> str:
        """What of a mount was different before, in words."""
        old, new = (self.earlier or {}).get(mount), self.mounts[mount]
        if old is None:
            return ""
        out = []
        if old["ns"] is not None and new["ns"] is None:
            out.append("unmounted")
        elif (old["parent"], old["mountpoint"]) != (new["parent"], new["mountpoint"]):
            out.append("moved")
        told, now = self.shown(old)[1].split(), self.shown(new)[1].split()
        out += [f"-{word}" for word in told if word not in now]
        return f"({', '.join(out)})" if out else ("(+)" if set(now) - set(told) else "")


def _number(group: int, names: Table) -> str:
    return names.get(("peer_groups", group), str(group)).rpartition(":")[2]
