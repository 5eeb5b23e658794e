"""What a process can tell apart: results, lives, numbers, links; no counts, no locks, no choice of a thread."""

from typing import Any

from nsmodel.traces.observable import difference, visible
from nsmodel.traces.trace import State, Step


def state(**more: Any) -> State:
    task = {"id": 1, "state": "RUNNING", "pid": 1, "nsproxy": 1, "busy": False} | more.pop("task", {})
    pids = [{"id": 1, "ns": 1, "numbers": {"1": 1}, "count": 1}]
    proxies = [{"id": 1, "count": 1, "uts": 1}]
    return {"tasks": [task], "pids": pids, "nsproxies": proxies, "uts_namespaces": [{"id": 1, "count": 2}]} | more


def step(after: State | None, result: int = 0, errno: str | None = None) -> Step:
    return Step(1, "call", {}, result, errno, None, [], after)


def test_counts_and_locks_are_hidden() -> None:
    other = state(task={"busy": True}, uts_namespaces=[{"id": 1, "count": 3}, {"id": 2, "count": 1}])
    assert difference([step(state())], [step(other)]) is None
    moved = state(task={"nsproxy": 2}, nsproxies=[{"id": 2, "count": 1, "uts": 1}])
    assert difference([step(state())], [step(moved)]) is None


def test_links_numbers_lives_and_results_are_not() -> None:
    for other in (
        state(task={"state": "ZOMBIE"}),
        state(nsproxies=[{"id": 1, "count": 1, "uts": 2}]),
        state(pids=[{"id": 1, "numbers": {"1": 2}}]),
        state(descriptors=[{"id": 1}]),
    ):
        assert difference([step(state())], [step(other)]) == "the state after step 1"
    assert difference([step(state())], [step(state(), -22, "EINVAL")]) == "step 1 gives 0, not EINVAL"
    assert difference([step(None)], [step(state())]) is None
    assert difference([step(state()), step(state())], [step(state())]) == "step 2 cannot be made"


def test_visible_part() -> None:
    assert visible(state()) == {"tasks": [{"id": 1, "state": "RUNNING", "namespaces": {"uts": 1}, "numbers": {"1": 1}}]}
    assert visible({}) == {}


def test_mounts_count_where_a_process_can_look() -> None:
    mounts = [
        {"id": 1, "ns": 1, "parent": None},
        {"id": 2, "ns": 2, "parent": None},
        {"id": 3, "ns": 2, "parent": 2},
        {"id": 4, "ns": None, "parent": None},
        {"id": 5, "ns": None, "parent": 4},
    ]
    forest = {"mnt_namespaces": [{"id": 1, "anonymous": False}, {"id": 2, "anonymous": True}], "mounts": mounts}

    def seen(**holders: Any) -> list[int]:
        return [row["id"] for row in visible(forest | holders)["mounts"]]

    assert seen() == [1]
    assert seen(descriptors=[{"id": 1, "mount": 3}]) == [1, 2, 3]
    assert seen(fs_structs=[{"id": 1, "root_mnt": 1, "cwd_mnt": 5}]) == [1, 5]
