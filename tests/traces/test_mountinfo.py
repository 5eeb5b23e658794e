"""What tasks read in mountinfo: paths from the task's root, optional fields, who can read none."""

from pathlib import Path
from typing import Any

import pytest

from nsmodel.traces.mountinfo import Ages, Table, tables
from nsmodel.traces.read import load_trace
from nsmodel.traces.trace import State
from tests.traces.mounted import BOTTOM, EVERYTHING, OTHER_BOTTOM, ROOT, facts_of, mount, state


def read(shown: State, task: int = 1) -> Table:
    return next(t for t in tables(facts_of(shown), Ages().see(shown)) if task in t.tasks)


def lines(shown: State, task: int = 1) -> list[str]:
    return [str(line) for line in read(shown, task).lines]


def rooted(shown: State, mount_slot: int, dentry: int) -> State:
    return {**shown, "fs_structs": [{"id": 1, "root_mnt": mount_slot, "root_dentry": dentry}]}


def test_mounts_below_the_root_by_their_paths_from_there() -> None:
    whole = rooted(EVERYTHING, 2, 1)
    assert lines(whole) == [
        "2 1 0:1 / / rw shared:1 - tmpfs tmpfs rw",
        "3 2 0:1 /b /a rw shared:1 - tmpfs tmpfs rw",
        "4 2 0:1 / /b ro,relatime unbindable - tmpfs tmpfs rw",
    ], "the bottom of the namespace lies under the root, so it is not told"
    inside = rooted(state(BOTTOM, ROOT, mount(3, 1, 2, 3, 1), mount(4, 1, 3, 4, 1), attributes=[]), 2, 3)
    assert lines(inside) == [
        "3 2 0:1 / / rw,relatime - tmpfs tmpfs rw",
        "4 3 0:1 / /b/a rw,relatime - tmpfs tmpfs rw",
    ], "what is mounted on the root directory is told; where a scope leaves relatime out, all have it"


def test_a_slave_names_the_nearest_group_that_the_reader_sees() -> None:
    chain = (
        BOTTOM,
        mount(2, 1, 1, 1, 1, group=1),
        mount(3, 1, 2, 2, 1, master=2),
        OTHER_BOTTOM,
        mount(6, 1, 5, 1, 2, group=2, master=1),
    )
    assert lines(rooted(state(*chain), 2, 1))[1].startswith("3 2 0:1 / /a rw master:2 propagate_from:1 -")
    assert "propagate_from" not in lines(rooted(state(*chain), 3, 1))[0], "group 1 is out of its sight"


def test_a_namespaces_file_and_attributes() -> None:
    kinds = [{"id": 1, "kind": "NOEXEC"}, {"id": 2, "kind": "READONLY"}]
    made = state(BOTTOM, ROOT, mount(3, 1, 2, 2, 1, mnt=2, attributes=[1, 2]), attributes=kinds)
    assert lines(rooted(made, 2, 1))[1] == "3 2 0:1 mnt:[2] /a ro,noexec - nsfs nsfs rw"


def test_tasks_that_read_the_same_and_those_that_read_nothing() -> None:
    more: dict[str, Any] = {"tasks": [{"id": 1, "nsproxy": 1, "fs": 1}, {"id": 2, "nsproxy": None, "fs": None},
                                      {"id": 3, "nsproxy": 1, "fs": 1}]}  # fmt: skip
    shown = rooted(state(BOTTOM, ROOT, **more), 2, 1)
    assert read(shown, 3).tasks == (1, 3)
    assert read(shown, 2).why_none.startswith("EINVAL")
    without = {name: rows for name, rows in state(BOTTOM, ROOT).items() if name != "fs_structs"}
    without["tasks"] = [{"id": 1, "nsproxy": 1, "fs": None}]
    assert len(lines(without)) == 1, "the root is what is mounted on the bottom"


def test_older_mounts_come_first() -> None:
    ages = Ages()
    ages.see(state(BOTTOM, ROOT, mount(9, 1, 2, 3, 1)))
    later = rooted(state(BOTTOM, ROOT, mount(9, 1, 2, 3, 1), mount(3, 3, 2, 2, 1)), 2, 1)
    (table,) = tables(facts_of(later), ages.see(later))
    assert [line.mount for line in table.lines] == [2, 9, 3]


@pytest.mark.parametrize(("bug", "kind"), [("sysfs_any_owner", "sysfs"), ("US11", "cgroup"), ("ML14", "proc")])
def test_types_are_called_as_mount_is_told(bug: str, kind: str) -> None:
    kept = Path(__file__).parents[2] / "counterexamples" / bug / "trace.json"
    last = load_trace(kept).states()[-1]
    assert kind in {line.kind for line in read(last).lines}
