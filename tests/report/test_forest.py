"""The mount forest as text."""

from typing import Any

from nsmodel.report.forest import WIDTH, mount_forest
from nsmodel.traces.names import Names

FS = {"fs": 1, "directory": True}
PLAIN = {"group": None, "master": None, "unbindable": False, "locked": False}


def mount(number: int, root: int, parent: int | None, at: int | None, ns: int | None, **told: Any) -> dict[str, Any]:
    return {"id": number, "root": root, "parent": parent, "mountpoint": at, "ns": ns, **PLAIN, **told}


def state(*mounts: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {
        "user_namespaces": [{"id": 1}],
        "mnt_namespaces": [{"id": 1, "root": 1, "owner": 1}, {"id": 2, "root": 5, "owner": 1, "anonymous": True}],
        "dentries": [
            {"id": 1, "parent": None, **FS},
            {"id": 2, "parent": 1, **FS},
            {"id": 3, "parent": 1, **FS},
            {"id": 4, "parent": 3, **FS},
        ],
        "attributes": [{"id": 1, "kind": "READONLY"}, {"id": 2, "kind": "RELATIME"}],
        "peer_groups": [{"id": 1}],
        "mounts": list(mounts),
    }


BOTTOM = mount(1, 1, None, None, 1)
ROOT = mount(6, 1, 1, 1, 1)
STATE = state(
    BOTTOM,
    mount(2, 4, 6, 3, 1, group=1, locked=True, attributes=[1, 2], locked_attributes=[1]),
    mount(3, 1, 6, 2, 1, master=1),
    mount(4, 2, None, None, None, unbindable=True),
    mount(5, 1, None, None, 2),
    ROOT,
    mount(7, 1, 3, 1, 1, mnt=2),
)


def test_forest() -> None:
    names = dict(Names().see(STATE))
    assert mount_forest(STATE, names, frozenset({3})) == [
        "  mount       shows          propagation",
        "mnt:1, owner user:1",
        "  bottom      fs1:/",
        "  └─ /        fs1:/",
        "     ├─ /a    fs1:/          master:1  <- breaks the clause",
        "     │  └─ /  file of mnt:2",
        "     └─ /b    fs1:/b/a       shared:1 locked readonly!",
        "mnt:2, mounted nowhere",
        "  /           fs1:/",
        "in no namespace",
        "  /           fs1:/a         unbindable",
    ]


def test_mounts_are_named_by_their_place() -> None:
    names = Names().see(STATE)
    told = [names["mounts", m] for m in range(1, 8)]
    assert told == ["1:bottom", "1:/b", "1:/a", "~1:/", "2:/", "1:/", "1:/a^2"]


def test_what_a_step_changed() -> None:
    before = state(BOTTOM, ROOT, mount(2, 1, 6, 2, 1, group=1), mount(3, 1, 6, 3, 1))
    after = state(BOTTOM, ROOT, mount(2, 1, 6, 3, 1), mount(4, 1, 2, 2, 1))
    names = Names()
    names.see(before)
    both = {**names.table, **names.see(after)}
    assert mount_forest(after, both, before=before)[2:] == [
        "  bottom       fs1:/",
        "  └─ /         fs1:/",
        "~    └─ /b     fs1:/  (moved, -shared:1)",
        "+       └─ /a  fs1:/",
        "- 1:/b         fs1:/",
    ]


def test_lines_fit_a_terminal() -> None:
    deep = [BOTTOM, ROOT, *(mount(m, 1, m - 1 if m > 10 else 6, 2, 1, group=1, locked=True) for m in range(10, 40))]
    names = dict(Names().see(state(*deep)))
    assert max(map(len, mount_forest(state(*deep), names))) <= WIDTH


def test_no_mounts_no_lines() -> None:
    assert mount_forest({"tasks": []}, {}) == []
