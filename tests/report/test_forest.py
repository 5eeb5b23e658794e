"""The mount forest as text."""

from nsmodel.report.forest import mount_forest
from nsmodel.traces.names import Names

FS = {"sb": 1, "directory": True}
PLAIN = {"group": None, "master": None, "unbindable": False, "locked": False}
STATE = {
    "mnt_namespaces": [{"id": 1, "root": 1}],
    "dentries": [
        {"id": 1, "parent": None, **FS},
        {"id": 2, "parent": 1, **FS},
        {"id": 3, "parent": 1, **FS},
        {"id": 4, "parent": 3, **FS},
    ],
    "peer_groups": [{"id": 1}],
    "mounts": [
        {"id": 1, "root": 1, "parent": None, "mountpoint": None, "ns": 1, **PLAIN},
        {"id": 2, "root": 4, "parent": 1, "mountpoint": 3, "ns": 1, **PLAIN, "group": 1, "locked": True},
        {"id": 3, "root": 1, "parent": 1, "mountpoint": 2, "ns": 1, **PLAIN, "master": 1},
        {"id": 4, "root": 2, "parent": None, "mountpoint": None, "ns": None, **PLAIN, "unbindable": True},
    ],
}


def test_forest() -> None:
    names = dict(Names().see(STATE))
    assert mount_forest(STATE, names, frozenset({3})) == [
        "mount            on  shows     propagation",
        "mnt:1",
        "  mount:1            fs1:/",
        "  ├─ mount:3     /a  fs1:/     master:1  <- breaks the clause",
        "  └─ mount:2     /b  fs1:/b/a  shared:1 locked",
        "in no namespace",
        "  mount:4            fs1:/a    unbindable",
    ]


def test_no_mounts_no_lines() -> None:
    assert mount_forest({"tasks": []}, {}) == []
