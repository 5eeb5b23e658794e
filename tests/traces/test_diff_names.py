"""What changed between states, and what things are called."""

from typing import Any

from nsmodel.kernel import objects, pid
from nsmodel.traces import names as naming
from nsmodel.traces.diff import changes
from nsmodel.traces.names import Names, shown_number
from nsmodel.traces.trace import Change


def task(slot: int, parent: int | None = None, leader: int | None = None, **more: Any) -> dict[str, Any]:
    return {"id": slot, "parent": parent, "group_leader": leader or slot, "pid": slot, **more}


def test_changes() -> None:
    before = {"tasks": [task(1), task(2, 1)], "pids": [{"id": 1, "count": 1}]}
    after = {"tasks": [task(1, None, None), task(3, 1)], "pids": [{"id": 1, "count": 2}], "fs": [{"id": 1}]}
    assert changes(before, after) == [
        Change("freed", "tasks", 2, old=task(2, 1)),
        Change("created", "tasks", 3, new=task(3, 1)),
        Change("changed", "pids", 1, "count", 1, 2),
        Change("created", "fs", 1, new={"id": 1}),
    ]
    assert changes(after, after) == []


def test_processes_and_threads() -> None:
    names = Names()
    names.see({"tasks": [task(1), task(3, None, 2), task(2, 1), task(4, 2)]})
    assert [names.of("tasks", t) for t in (1, 2, 3, 4)] == ["P1", "P1.1", "P1.1/t2", "P1.1.1"]
    names.see({"tasks": [task(1), task(4, 1)]})
    assert names.of("tasks", 4) == "P1.1.1", "reparenting changes no name"
    names.see({"tasks": [task(1), task(4, 1), task(2, 1)]})
    assert names.of("tasks", 2) == "P1.2", "a slot that is used again is another process"
    assert names.of("tasks", 9) == "tasks#9"


def test_namespaces_by_place_and_appearance() -> None:
    names = Names()
    spaces: list[dict[str, Any]] = [{"id": 2, "parent": 1}, {"id": 1, "parent": None}]
    table = names.see(
        {
            "pids": [{"id": 1}, {"id": 7}],
            "read_uts_frames": [{"id": 1, "caller": 1}],
            "pid_namespaces": spaces,
            "uts_namespaces": [{"id": 4}, {"id": 5}],
            "tasks": [task(1)],
            "widgets": [{"id": 1}],
        }
    )
    assert table[("pid_namespaces", 2)] == "pid:1.1"
    assert table[("uts_namespaces", 5)] == "uts:2"
    assert table[("pids", 1)] == "pid(P1)"
    assert table[("pids", 7)] == "pid#1"
    assert table[("read_uts_frames", 1)] == "read_uts(P1)"
    assert table[("widgets", 1)] == "widget:1"


def test_numbers_are_those_of_the_model() -> None:
    assert (naming.AUTO, naming.AUTO_BASE, naming.CHOSEN_BASE) == (objects.AUTO, pid.AUTO_BASE, pid.CHOSEN_BASE)
    assert [shown_number(e, 4) for e in (0, 1, 2, 3)] == [0, 1, 1004, 300]
