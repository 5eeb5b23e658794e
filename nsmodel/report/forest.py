"""The mount forest of a state: what is mounted where in each mount namespace, with peer groups and masters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nsmodel.report.console import columns
from nsmodel.traces.trace import State

Table = Mapping[tuple[str, int], str]
MARKS = ("locked", "unbindable")


def mount_forest(state: State, names: Table, marked: frozenset[int] = frozenset()) -> list[str]:
    """Lines of the forest, a tree for each namespace and one for each tree that was taken off; `marked` mounts are
    pointed at. No lines where there are no mounts."""
    mounts = {row["id"]: row for row in state.get("mounts", [])}
    if not mounts:
        return []
    paths = {row["id"]: names.get(("dentries", row["id"]), "?") for row in state.get("dentries", [])}
    lines = [["mount", "on", "shows", "propagation"]]
    bottoms = [m for m, row in mounts.items() if row["parent"] not in mounts]
    for bottom in sorted(bottoms, key=lambda m: (mounts[m]["ns"] is None, mounts[m]["ns"] or 0, m)):
        ns = mounts[bottom]["ns"]
        where = names.get(("mnt_namespaces", ns), f"mnt {ns}") if ns is not None else "in no namespace"
        lines.append([where, "", "", ""])
        _branch(bottom, "  ", "  ", mounts, paths, names, marked, lines)
    return ["  ".join(row).rstrip() for row in columns(lines)]


def _branch(
    mount: int,
    stem: str,
    tip: str,
    mounts: dict[int, Any],
    paths: dict[int, str],
    names: Table,
    marked: frozenset[int],
    out: list[list[str]],
) -> None:
    row = mounts[mount]
    on = paths[row["mountpoint"]].partition(":")[2] if row["mountpoint"] is not None else ""
    pointer = "  <- breaks the clause" if mount in marked else ""
    name = tip + names.get(("mounts", mount), f"mount {mount}")
    out.append([name, on, paths[row["root"]], _propagation(row, names) + pointer])
    children = [m for m, r in mounts.items() if r["parent"] == mount]
    children.sort(key=lambda m: paths[mounts[m]["mountpoint"]])
    for i, child in enumerate(children):
        last = i == len(children) - 1
        further = stem + ("   " if last else "│  ")
        _branch(child, further, stem + ("└─ " if last else "├─ "), mounts, paths, names, marked, out)


def _propagation(row: dict[str, Any], names: Table) -> str:
    words = []
    if row["group"] is not None:
        words.append("shared:" + _number(row["group"], names))
    if row["master"] is not None:
        words.append("master:" + _number(row["master"], names))
    return " ".join(words + [mark for mark in MARKS if row[mark]])


def _number(group: int, names: Table) -> str:
    return names.get(("peer_groups", group), str(group)).rpartition(":")[2]
