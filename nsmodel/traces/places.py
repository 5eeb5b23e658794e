"""Mounts by their place: `1:/a` is what is mounted on /a in mount namespace 1, `1:/a^2` what is mounted on top of that.

A place is a path from the root of the namespace, whatever a process has as its root; `1:bottom` is the hidden mount
that everything else of the namespace lies on, and a tree that was taken off begins with `~`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nsmodel.traces.trace import State

Table = Mapping[tuple[str, int], str]
BOTTOM = "bottom"
OFF = "~"


def path_in(dentry: int | None, top: int | None, names: Table) -> str:
    """The path of a name below another one of its file system: `a/b`, empty for the same."""
    if dentry is None or dentry == top:
        return ""
    whole = names.get(("dentries", dentry), "?").partition(":")[2]
    base = names.get(("dentries", top), "?").partition(":")[2] if top is not None else "/"
    return whole.removeprefix(base if base.endswith("/") else base + "/").strip("/")


def mounts_of(state: State) -> list[dict[str, Any]]:
    """The mounts of a state; models of their own may have simpler ones, which have no places."""
    return [row for row in state.get("mounts", []) if "mountpoint" in row and "root" in row]


def place_names(state: State, names: Table) -> dict[int, str]:
    """The name of every mount of a state, by slot."""
    rows = {row["id"]: row for row in mounts_of(state)}
    bottoms = {row["root"]: row for row in state.get("mnt_namespaces", []) if row.get("root") is not None}
    off = sorted(m for m, row in rows.items() if row.get("ns") is None and row["parent"] not in rows)
    out: dict[int, str] = {}
    for top, row in rows.items():
        if row["parent"] in rows:
            continue
        if row.get("ns") is None:
            _name(top, f"{OFF}{off.index(top) + 1}:", "/", 1, rows, names, out)
        elif top in bottoms and not bottoms[top].get("anonymous"):
            stem = _label(row["ns"], names)
            out[top] = stem + BOTTOM
            for child, other in rows.items():
                if other["parent"] == top:
                    _name(child, stem, "/", 1, rows, names, out)
        else:
            _name(top, _label(row["ns"], names), "/", 1, rows, names, out)
    return {m: out.get(m, f"mount#{m}") for m in rows}


def _label(ns: int, names: Table) -> str:
    return names.get(("mnt_namespaces", ns), f"mnt:{ns}").rpartition(":")[2] + ":"


def _name(
    mount: int, stem: str, path: str, level: int, rows: Mapping[int, Any], names: Table, out: dict[int, str]
) -> None:
    if mount in out:
        return  # a broken state may have a circle
    out[mount] = f"{stem}{path}" + (f"^{level}" if level > 1 else "")
    for child, row in rows.items():
        if row["parent"] == mount:
            inner = path_in(row["mountpoint"], rows[mount]["root"], names)
            if inner:
                _name(child, stem, f"{path.rstrip('/')}/{inner}", 1, rows, names, out)
            else:
                _name(child, stem, path, level + 1, rows, names, out)


def place(mount: int | None, dentry: int | None, state: State, names: Table) -> str:
    """A name in a mount as one path: `1:/a/b`."""
    row = next((r for r in mounts_of(state) if r["id"] == mount), None)
    if row is None or mount is None:
        return "none"
    name = names.get(("mounts", mount), f"mount#{mount}")
    inner = path_in(dentry, row["root"], names)
    if not inner:
        return name
    return f"{name.rstrip('/')}/{inner}"
