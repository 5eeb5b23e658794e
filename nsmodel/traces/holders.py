"""Who holds each namespace of a state: the references that its count is the number of.

The fields are those that `nsmodel.kernel.invariants` counts (REF_EXACT); a namespace's file holds it once, however
many descriptors and bind mounts there are of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nsmodel.traces.mount_facts import FILES
from nsmodel.traces.trace import State

KINDS = (
    "user_namespaces", "pid_namespaces", "mnt_namespaces", "uts_namespaces", "ipc_namespaces", "net_namespaces",
    "cgroup_namespaces", "time_namespaces",
)  # fmt: skip
"""The collections of namespaces."""
HOLD: dict[str, tuple[tuple[str, str, str], ...]] = {
    "user_namespaces": (
        ("tasks", "user_ns", "credentials of"),
        ("tasks", "mm_ns", "memory of"),
        *((kind, "owner", "owns") for kind in KINDS),
        ("superblocks", "owner", "mounted"),
        ("descriptors", "maker", "context"),
        ("map_files", "ns", "id map open as"),
        ("map_files", "user_ns", "whoever opened"),
    ),
    "pid_namespaces": (
        ("nsproxies", "pid_for_children", "for children in"),
        ("pids", "ns", "numbers of"),
        ("pid_namespaces", "parent", "parent of"),
    ),
    "mnt_namespaces": (("nsproxies", "mnt", ""),),
    "uts_namespaces": (("nsproxies", "uts", ""),),
    "ipc_namespaces": (("nsproxies", "ipc", ""),),
    "net_namespaces": (("nsproxies", "net", ""),),
    "cgroup_namespaces": (("nsproxies", "cgroup", ""),),
    "time_namespaces": (("nsproxies", "time", ""), ("nsproxies", "time_for_children", "for children in")),
}
"""Fields that hold a namespace of each kind: collection, field, in words."""


@dataclass(frozen=True)
class Holder:
    """What holds a namespace: objects of one collection, and how. Those with the same `share` hold it once together."""

    how: str
    collection: str
    slots: tuple[int, ...]
    share: str = ""


def holders(state: State, kind: str, slot: int) -> list[Holder]:
    """Everything that holds a namespace of the collection `kind`."""
    out = [Holder(how, collection, _naming(state, collection, field, slot)) for collection, field, how in HOLD[kind]]
    field = next(name for name, collection in FILES.items() if collection == kind)
    out.append(Holder("file open as", "descriptors", _naming(state, "descriptors", field, slot), "inode"))
    out.append(Holder("file mounted on", "mounts", _naming(state, "mounts", field, slot), "inode"))
    if kind == "mnt_namespaces":
        out.append(Holder("its tree is open as", "descriptors", _opening(state, slot), "tree"))
    return [holder for holder in out if holder.slots]


def references(found: Iterable[Holder]) -> int:
    """How many references some holders are."""
    alone = sum(len(holder.slots) for holder in found if not holder.share)
    return alone + len({holder.share for holder in found} - {""})


def _naming(state: State, collection: str, field: str, slot: int) -> tuple[int, ...]:
    return tuple(row["id"] for row in state.get(collection, []) if row.get(field) == slot)


def _opening(state: State, slot: int) -> tuple[int, ...]:
    """The descriptors of a tree that is mounted nowhere, which hold the anonymous namespace of that tree."""
    row = next(row for row in state["mnt_namespaces"] if row["id"] == slot)
    files = (f for f in state.get("descriptors", []) if row.get("anonymous") and f.get("tree"))
    return tuple(f["id"] for f in files if f["mount"] == row["root"])
