"""States of mounts that tests of pictures and of propagation look at, written by hand."""

from typing import Any

from nsmodel.traces.mount_facts import MountFacts
from nsmodel.traces.names import Names
from nsmodel.traces.trace import State, Step, Trace

FS = {"fs": 1, "directory": True}
PLAIN = {"group": None, "master": None, "unbindable": False, "locked": False}


def mount(number: int, root: int, parent: int | None, at: int | None, ns: int | None, **told: Any) -> dict[str, Any]:
    return {"id": number, "root": root, "parent": parent, "mountpoint": at, "ns": ns, **PLAIN, **told}


def state(*mounts: dict[str, Any], **more: list[dict[str, Any]]) -> State:
    groups = sorted({row[f] for row in mounts for f in ("group", "master")} - {None})
    return {
        "tasks": [{"id": 1, "nsproxy": 1, "fs": 1}],
        "nsproxies": [{"id": 1, "mnt": 1}],
        "fs_structs": [{"id": 1, "root_mnt": 2, "cwd_mnt": 2}],
        "user_namespaces": [{"id": 1}, {"id": 2}],
        "mnt_namespaces": [
            {"id": 1, "root": 1, "owner": 1},
            {"id": 2, "root": 5, "owner": 2},
            {"id": 3, "root": 9, "owner": 1, "anonymous": True},
        ],
        "dentries": [
            {"id": 1, "parent": None, **FS},
            {"id": 2, "parent": 1, **FS},
            {"id": 3, "parent": 1, **FS},
            {"id": 4, "parent": 3, **FS},
        ],
        "attributes": [{"id": 1, "kind": "READONLY"}, {"id": 2, "kind": "RELATIME"}],
        "peer_groups": [{"id": g} for g in groups],
        "mounts": list(mounts),
        **more,
    }


BOTTOM, OTHER_BOTTOM = mount(1, 1, None, None, 1), mount(5, 1, None, None, 2)
ROOT = mount(2, 1, 1, 1, 1, group=1)
EVERYTHING = state(
    BOTTOM,
    ROOT,
    mount(3, 3, 2, 2, 1, group=1),
    mount(4, 1, 2, 3, 1, unbindable=True, attributes=[1, 2], locked_attributes=[1]),
    OTHER_BOTTOM,
    mount(6, 1, 5, 1, 2, group=2, master=1, locked=True),
    mount(7, 3, 6, 2, 2, master=2),
    mount(8, 1, 7, 3, 2, mnt=2),
    mount(9, 1, None, None, 3, group=1),
    descriptors=[{"id": 1, "mount": 9}],
)
"""Two namespaces of two owners and a tree that is mounted nowhere: peers, a slave that is shared, and its slave."""


def facts_of(shown: State) -> MountFacts:
    return MountFacts(shown, dict(Names().see(shown)))


def trace_of(*states: State, result: int = 0) -> Trace:
    """A trace through some states."""
    steps = [Step(1, "mount", {"task": 1}, result, None, None, [], s) for s in states[1:]]
    return Trace("made", "fixed", None, [], states[0], steps)
