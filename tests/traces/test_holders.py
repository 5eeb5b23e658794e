"""Who holds a namespace: together they are as many as its count says."""

from pathlib import Path

import pytest

from nsmodel.traces.holders import KINDS, Holder, holders, references
from nsmodel.traces.read import load_trace

KEPT = [
    Path(__file__).parents[2] / "counterexamples" / bug / "trace.json"
    for bug in ("MP17", "MP19", "PD01", "PD04", "US05", "rbind_mntns_loop")
]
"""Of kernels that count right."""


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.parent.name)
def test_holders_are_as_many_as_the_count_says(path: Path) -> None:
    counted = 0
    for state in load_trace(path).states():
        for kind in KINDS:
            for row in state.get(kind, []):
                assert references(holders(state, kind, row["id"])) == row["count"], (kind, row)
                counted += 1
    assert counted


def test_files_of_a_namespace_hold_it_once() -> None:
    state = {
        "uts_namespaces": [{"id": 1}],
        "nsproxies": [{"id": 1, "uts": 1}, {"id": 2, "uts": None}],
        "descriptors": [{"id": 1, "uts": 1}, {"id": 2, "uts": 1}],
        "mounts": [{"id": 4, "uts": 1}],
    }
    found = holders(state, "uts_namespaces", 1)
    assert found == [
        Holder("", "nsproxies", (1,)),
        Holder("file open as", "descriptors", (1, 2), "inode"),
        Holder("file mounted on", "mounts", (4,), "inode"),
    ]
    assert references(found) == 2
