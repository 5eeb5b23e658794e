"""What of two runs of the same calls a process could tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nsmodel.traces.trace import State, Step

HIDDEN_COLLECTIONS = frozenset({"nsproxies", "fs_structs", "pids", "peer_groups", "ucounts"})
"""Objects that only the kernel sees: compared through the tasks and mounts that point to them."""
HIDDEN_FIELDS = frozenset(
    {
        "count", "inode", "users", "child_reaper", "nsproxy", "fs", "pid", "busy", "alloc_lock",
        "locked", "locked_attributes",
    }
)  # fmt: skip
"""Reference counts, locks (which later results show), and pointers to what only the kernel sees."""


def difference(wrong: Sequence[Step], right: Sequence[Step]) -> str | None:
    """The first thing that tells two runs of the same calls apart, None when nothing does.

    `right` may be shorter: its next call could not be made at all.
    """
    for number, step in enumerate(wrong, 1):
        if number > len(right):
            return f"step {number} cannot be made"
        other = right[number - 1]
        if (step.result, step.errno) != (other.result, other.errno):
            return f"step {number} gives {_result(step)}, not {_result(other)}"
        if step.state is not None and other.state is not None and visible(step.state) != visible(other.state):
            return f"the state after step {number}"
    return None


def visible(state: State) -> dict[str, list[dict[str, Any]]]:
    """The part of a state that processes can see: tasks with their numbers and namespaces, files, mounts.

    A namespace counts where somebody can look at it: through a task, a file or a bind mount. A tree of mounts counts
    where it is mounted; of one that was taken off only the mounts count in which a task has a descriptor, its root or
    its working directory, and what hangs on them shows in later results.
    """
    proxies = {row["id"]: row for row in state.get("nsproxies", [])}
    pids = {row["id"]: row for row in state.get("pids", [])}
    out: dict[str, list[dict[str, Any]]] = {}
    for collection, rows in state.items():
        if collection in HIDDEN_COLLECTIONS or collection.endswith(("_namespaces", "_frames")):
            continue
        out[collection] = [{k: v for k, v in row.items() if k not in HIDDEN_FIELDS} for row in rows]
    for row, shown in zip(state.get("tasks", []), out.get("tasks", []), strict=True):
        proxy, pid = proxies.get(row.get("nsproxy") or 0, {}), pids.get(row.get("pid") or 0, {})
        shown["namespaces"] = {k: v for k, v in proxy.items() if k not in ("id", "count")}
        shown["numbers"] = pid.get("numbers")
    if "mounts" in out:
        seen = _mounts_seen(state)
        out["mounts"] = [
            row if row.get("ns") is not None else {k: v for k, v in row.items() if k not in ("parent", "mountpoint")}
            for row in out["mounts"]
            if row["id"] in seen
        ]
    return out


def _mounts_seen(state: State) -> set[int]:
    """The mounts that a process can look at."""
    anonymous = {row["id"] for row in state.get("mnt_namespaces", []) if row.get("anonymous")}
    rows = {row["id"]: row for row in state["mounts"]}
    bottoms: dict[int, int] = {}
    for slot in rows:
        bottom = slot
        while (up := rows[bottom].get("parent")) in rows:
            bottom = up
        bottoms[slot] = bottom
    seen = {bottoms[slot] for slot, row in rows.items() if row.get("ns") is not None and row["ns"] not in anonymous}
    held: set[int] = set()
    for holder, field in (("descriptors", "mount"), ("fs_structs", "root_mnt"), ("fs_structs", "cwd_mnt")):
        held |= {row[field] for row in state.get(holder, []) if row.get(field) in bottoms}
    seen |= {bottoms[slot] for slot in held if rows[slot].get("ns") is not None}
    return held | {slot for slot, bottom in bottoms.items() if bottom in seen}


def _result(step: Step) -> str:
    return step.errno or str(step.result)
