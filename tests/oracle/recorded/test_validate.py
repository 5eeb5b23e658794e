"""Judging recordings: agreement on real ones, and a divergence at the right level where one was changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nsmodel.oracle.recorded.judgement import Judgement
from nsmodel.oracle.recorded.validate import JUDGES, MOUNT_FAMILY, validate

DATA = Path(__file__).parents[2] / "data" / "recordings"
CASES = sorted(DATA.glob("*.json"))
Change = Callable[[dict[str, Any]], int]


def share(done: Judgement, operations: frozenset[str]) -> float:
    """Which part of the steps of some operations was judged."""
    of_them = [cell for name, cell in done.cells.items() if name.split("|")[0] in operations]
    return sum(c["agreed"] for c in of_them) / sum(sum(c.values()) for c in of_them)


def test_recordings_agree() -> None:
    done = validate(CASES)
    assert done.files == len(CASES) and done.differences == []
    assert done.steps == done.modelled + sum(done.uncovered.values())
    assert share(done, frozenset(JUDGES)) >= 0.95
    assert share(done, MOUNT_FAMILY) >= 0.99
    assert done.tables_compared == done.tables_equal > 80
    for operation in {name.split("|")[0] for name in done.cells}:
        assert all(len(name.split("|")) == 3 for name in done.cells if name.startswith(operation + "|"))


def test_a_changed_result_is_found(tmp_path: Path) -> None:
    case = json.loads((DATA / "pid_init.json").read_text())
    step = next(s for s in case["steps"] if s["op"] == "getpid")
    step["rc"] += 1
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(case))
    (found,) = [d for d in validate([changed]).differences if d.operation == "getpid"]
    assert found.step == step["i"] and found.what == "number"


def rows(case: dict[str, Any], wanted: Callable[[dict[str, Any]], bool]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The first step with a table that has such a row: the row's step, and the rows of the table, that row first."""
    for step in case["steps"]:
        for table in step.get("after", {}).values():
            found = [r for r in table["rows"] if wanted(r)]
            if found and step["op"] in JUDGES:
                return step, found[:1] + [r for r in table["rows"] if r is not found[0]]
    raise AssertionError("no such row")


def another_root(case: dict[str, Any]) -> int:
    step, (row, *_) = rows(case, lambda r: True)
    row["root"] += "x"
    return int(step["i"])


def another_parent(case: dict[str, Any]) -> int:
    step, table = rows(case, lambda r: r["n"]["parent"] != "top")
    row = table[0]
    other = next(r for r in table[1:] if r["n"]["id"] != row["n"]["parent"] and r["n"]["parent"] != row["n"]["id"])
    row["n"]["parent"], row["parent"] = other["n"]["id"], other["id"]
    return int(step["i"])


def writable_again(case: dict[str, Any]) -> int:
    step, (row, *_) = rows(case, lambda r: True)
    row["opts"] = row["opts"].replace("rw", "ro") if row["opts"].startswith("rw") else row["opts"].replace("ro", "rw")
    return int(step["i"])


def no_peers(case: dict[str, Any]) -> int:
    step, (row, *_) = rows(case, lambda r: "shared" in r["n"])
    del row["shared"], row["n"]["shared"]
    return int(step["i"])


def no_master(case: dict[str, Any]) -> int:
    step, (row, *_) = rows(case, lambda r: "master" in r["n"])
    del row["master"], row["n"]["master"]
    return int(step["i"])


def other_identity(case: dict[str, Any]) -> int:
    """Two mounts change their labels and numbers from one table on; every edge stays where it was."""
    step, table = rows(case, lambda r: r["n"]["parent"] != "top")
    one, two = table[0], next(r for r in table[1:] if r["n"]["parent"] != "top")
    swapped = {one["n"]["id"]: two["n"]["id"], two["n"]["id"]: one["n"]["id"]}
    numbers = {one["id"]: two["id"], two["id"]: one["id"]}
    for row in table:
        row["n"]["id"] = swapped.get(row["n"]["id"], row["n"]["id"])
        row["n"]["parent"] = swapped.get(row["n"]["parent"], row["n"]["parent"])
        row["id"], row["parent"] = numbers.get(row["id"], row["id"]), numbers.get(row["parent"], row["parent"])
    return int(step["i"])


@pytest.mark.parametrize(
    ("name", "change", "level"),
    [
        ("fs_bind_move", another_root, 2),
        ("fs_bind_move", another_parent, 3),
        ("bubblewrap", writable_again, 3),
        ("fs_bind_move", no_peers, 4),
        ("random_owners", no_master, 4),
        ("fs_bind_move_fd", other_identity, 5),
    ],
)
def test_a_changed_table_differs_at_its_level(name: str, change: Change, level: int, tmp_path: Path) -> None:
    case = json.loads((DATA / f"{name}.json").read_text())
    step = change(case)
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(case))
    done = validate([changed])
    assert done.differences, "the change was not found"
    first = done.differences[0]
    assert first.step == step
    assert f"level {level}, " in first.what and "effect of" in first.what
    assert first.expected != first.got
    assert done.tables_equal < done.tables_compared


def changed_step(
    change: Callable[[dict[str, Any]], None], operation: str, errno: str | None, tmp_path: Path
) -> Judgement:
    """Judge a recording of which the first such call was changed."""
    case = json.loads((DATA / "random_owners.json").read_text())
    step = next(s for s in case["steps"] if s["op"] == operation and s.get("errno") == errno)
    change(step)
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(case))
    done = validate([changed])
    assert done.differences[0].step == step["i"]
    return done


def test_another_errno_is_blamed_on_a_check(tmp_path: Path) -> None:
    def change(step: dict[str, Any]) -> None:
        step["errno"] = "ELOOP"

    (first, *_) = changed_step(change, "mount", "EINVAL", tmp_path).differences
    assert (first.expected, first.got) == ("EINVAL", "ELOOP")
    assert "check of" in first.what


def test_a_success_that_is_none(tmp_path: Path) -> None:
    def change(step: dict[str, Any]) -> None:
        step["rc"] = 0
        del step["errno"]

    (first, *_) = changed_step(change, "mount", "EINVAL", tmp_path).differences
    assert (first.expected, first.got) == ("EINVAL", "success")


def test_a_table_that_is_left_out_is_found(tmp_path: Path) -> None:
    def change(step: dict[str, Any]) -> None:
        del step["after"]

    case = json.loads((DATA / "fs_bind_move.json").read_text())
    step = next(s for s in case["steps"] if s["op"] == "mount" and "after" in s)
    change(step)
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(case))
    assert validate([changed]).differences[0].step == step["i"]


def test_calls_that_are_not_judged_are_said_to_be(tmp_path: Path) -> None:
    """EBUSY that nothing recorded explains is no agreement, and no divergence."""
    case = json.loads((DATA / "umount2.json").read_text())
    step = next(s for s in case["steps"] if s["op"] == "umount2" and s.get("rc") == 0)
    table = step.pop("after", None)
    assert table is not None
    step["rc"], step["errno"] = -1, "EBUSY"
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(case))
    done = validate([changed])
    assert any(reason.startswith("umount2: EBUSY") for reason in done.reasons)


def test_rights_are_not_judged_where_credentials_are_not_recorded(tmp_path: Path) -> None:
    for name, reasons in (("fs_bind_move", 1), ("random_owners", 0)):
        case = json.loads((DATA / f"{name}.json").read_text())
        step = next(s for s in case["steps"] if s["op"] == "mount" and s.get("rc") == 0)
        step["rc"], step["errno"] = -1, "EPERM"
        step.pop("after", None)
        changed = tmp_path / "changed.json"
        changed.write_text(json.dumps(case))
        done = validate([changed])
        assert done.reasons["mount: EPERM: credentials are not recorded"] == reasons
        assert bool(done.differences and done.differences[0].step == step["i"]) != bool(reasons)


def test_a_way_that_was_left_out(tmp_path: Path) -> None:
    """A relative path tells where the caller stood, though no step brought it there."""
    case = json.loads((DATA / "id_maps.json").read_text())
    steps = case["steps"]
    gone = next(s for s in steps if s["op"] == "chdir" and s["args"]["path"] == "sb")
    after = next(s for s in steps if s["i"] > gone["i"] and s["p"] == gone["p"])
    after["procs"] = gone["procs"]
    steps.remove(gone)
    file = tmp_path / "left_out.json"
    file.write_text(json.dumps(case))
    assert validate([file]).differences == []


def test_a_thread_that_took_the_place_of_its_leader(tmp_path: Path) -> None:
    """An exec of another thread than the leader is not recorded, nor is the end of that thread."""
    case = json.loads((DATA / "pid_init.json").read_text())
    thread = next(s["child"] for s in case["steps"] if "thread_of" in s)
    case["steps"] = [s for s in case["steps"] if s["p"] != thread]
    file = tmp_path / "exec.json"
    file.write_text(json.dumps(case))
    assert validate([file]).differences == []


def long_case(mounts: int, steps: int) -> dict[str, Any]:
    """A namespace of many mounts in which something is mounted and unmounted again and again."""
    case: dict[str, Any] = json.loads((DATA / "fs_bind_move.json").read_text())
    base = case["initial"]["mounts"]["mnt1"]
    rows, top = base["rows"], base["rows"][-1]
    for i in range(mounts - len(rows)):
        rows.append({**top, "id": 1000 + i, "uid": 10**10 + i, "parent": top["id"], "dev": f"0:{1000 + i}",
                     "mp": f"{top['mp']}/d{i}", "n": {"id": f"m{1000 + i}", "parent": top["n"]["id"]}})  # fmt: skip
    place = f"{top['mp']}/d7"
    lower = next(r for r in rows if r["mp"] == place)
    made = []
    for i in range(steps // 2):
        new = {**lower, "id": 5000, "uid": 10**11 + i, "parent": lower["id"], "dev": "0:5000", "source": "t",
               "opts": "rw,relatime", "n": {"id": f"m{5000 + i}", "parent": lower["n"]["id"]}}  # fmt: skip
        args = {"source": "t", "target": place, "fstype": "tmpfs", "flags": "0", "data": None, "flags_n": 0}
        on = {**base, "rows": [*rows, new]}
        off = {"target": place, "flags": "0"}
        made.append({"i": 2 * i, "p": "P1", "op": "mount", "args": args, "rc": 0, "after": {"mnt1": on}})
        made.append({"i": 2 * i + 1, "p": "P1", "op": "umount2", "args": off, "rc": 0, "after": {"mnt1": base}})
    case["steps"], case["raw_steps"] = made, steps
    return case


def test_many_mounts_and_steps(tmp_path: Path) -> None:
    file = tmp_path / "long.json"
    file.write_text(json.dumps(long_case(mounts=60, steps=200)))
    done = validate([file])
    assert done.differences == [] and done.modelled == done.steps == done.tables_equal == 200
