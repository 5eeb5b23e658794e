"""The reader of recorded kernel behaviour: what it gives, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmodel.oracle.recorded.recordings import AT_FDCWD, Case, Descriptor, Proc, RecordingError, load, parse, views

DATA = Path(__file__).parents[2] / "data" / "recordings"
PID_INIT = DATA / "pid_init.json"
MOUNT_COPY = DATA.parent / "hand_made" / "mount_copy.json"
"""For the reader alone: no kernel did that."""


def edited(change: Callable[[Any], None], source: Path = PID_INIT) -> bytes:
    document = json.loads(source.read_text())
    change(document)
    return json.dumps(document).encode()


def step_of(case: Case, number: int) -> Any:
    return next(step for step in case.steps if step.i == number)


def test_case_fields() -> None:
    case = load(PID_INIT)
    assert (case.name, case.profile, case.variant, case.exit) == ("pid_init", "full", None, {"exit": 0})
    assert case.namespaces["pid2"].ns_id == 40
    assert case.initial.procs["P1"].ppid == "ext"
    assert case.judged_steps == 11
    assert case.path == str(PID_INIT)


def test_steps() -> None:
    case = load(PID_INIT)
    clone = step_of(case, 1)
    assert (clone.rc, clone.errno, clone.child, clone.thread_of) == (101, None, "P2", None)
    assert clone.flags() == {"NEWPID"}
    assert clone.exit_signal() == 17
    thread = step_of(case, 6)
    assert (thread.thread_of, thread.exit_signal()) == ("P2", 0)
    kill = step_of(case, 5)
    assert (kill.rc, kill.errno, kill.integer("sig")) == (-1, "ESRCH", 9)
    wait = step_of(case, 11)
    assert (wait.integer("options"), wait.integer("status", "out")) == (0, 9)
    assert [s.op for s in case.steps if not s.is_judged] == ["!verdict", "!signal"]


def test_process_views() -> None:
    seen = {view.step.i: view for view in views(load(PID_INIT))}
    assert "P2" not in seen[1].before
    child = seen[1].after["P2"]
    assert (child.nspid, child.nspgid, child.namespace("pid")) == ((101, 1), (100, 0), "pid2")
    assert seen[4].before["P2"].nssid == (100, 0)
    assert seen[4].after["P2"].nssid == (101, 1)
    assert seen[4].after["P2"].uid == (0, 0, 0, 0)
    assert seen[6].after["P3"].is_thread
    assert not seen[6].after["P2"].is_thread
    assert not seen[8].after["P2"].is_dead
    assert seen[9].after["P2"].is_dead
    assert seen[9].after["P2"].namespace("mnt") is None
    assert set(seen[12].ended) == {"P1", "P2", "P3"}
    assert seen[12].ended["P2"].args == {"signal": 9}
    with pytest.raises(TypeError):
        seen[12].after["P9"] = Proc()  # type: ignore[index]


def test_tables() -> None:
    seen = {view.step.i: view for view in views(load(MOUNT_COPY))}
    assert [row.mp for row in seen[3].tables_before["mnt1"].rows] == ["/"]
    assert [row.n.shared for row in seen[3].tables["mnt1"].rows] == [None, "g1"]
    assert set(seen[5].tables) == {"mnt1", "mnt2"}
    hidden = seen[5].tables["mnt2"].all_rows()[-1]
    assert (hidden.n.parent, hidden.dev) == ("m4", None)
    assert set(seen[7].tables_before) == {"mnt1", "mnt2"}
    assert set(seen[7].tables) == {"mnt1"}


def test_filtered_namespaces_are_unknown_not_absent() -> None:
    last = list(views(load(MOUNT_COPY)))[-1]
    child = last.after["P2"]
    assert child.namespace("mnt") == "mnt2"
    assert not isinstance(child.ns, msgspec.UnsetType)
    assert "pid" not in child.ns
    assert child.nspid is msgspec.UNSET
    assert not child.is_thread
    assert not child.is_dead


def test_descriptors() -> None:
    move = step_of(load(MOUNT_COPY), 6)
    assert move.descriptor("from_dfd") == Descriptor(5, "/", mnt_id=51, mnt="m3")
    assert move.descriptor("to_dfd").fd == AT_FDCWD
    with pytest.raises(RecordingError, match=r"step 6 \(P2 move_mount\): args.fd should be a descriptor"):
        move.descriptor("fd")
    with pytest.raises(RecordingError, match="should be an integer"):
        move.integer("from_path")
    with pytest.raises(RecordingError, match="should be text"):
        move.text("from_dfd")
    with pytest.raises(RecordingError, match="flag names"):
        move.flags("none")
    with pytest.raises(RecordingError, match="exit signal"):
        move.exit_signal()
    clone = step_of(load(MOUNT_COPY), 5)
    clone.args["flags"] = "sig=x"
    with pytest.raises(RecordingError, match="malformed signal"):
        clone.exit_signal()


def test_unknown_fields_are_ignored() -> None:
    def change(d: Any) -> None:
        d["new"] = {"deep": [1]}
        d["steps"][0]["origin"] = "elsewhere"
        d["steps"][1]["procs"]["P2"]["timens"] = 3
        d["steps"][1]["procs"]["P2"]["ns"]["syslog"] = "syslog1"
        d["initial"]["mounts"]["mnt1"]["rows"][0]["locked"] = True
        d["steps"].insert(1, {"i": 0, "p": "P9", "op": "!note", "args": {}})

    case = parse(edited(change), "x.json")
    assert case.steps[0].origin == "x.json"
    assert case.judged_steps == 11


def test_torn_at_every_kilobyte() -> None:
    data = PID_INIT.read_bytes().rstrip()
    for length in range(1, len(data), 97):
        with pytest.raises(RecordingError) as caught:
            parse(data[:length], "torn.json")
        assert caught.value.path == "torn.json"
        assert "torn" in caught.value.fix
        assert len(str(caught.value).splitlines()) <= 3


@given(st.binary(max_size=200))
def test_any_bytes_give_one_error(data: bytes) -> None:
    with pytest.raises(RecordingError):
        parse(data)


@given(st.integers(min_value=0), st.binary(min_size=1, max_size=3))
def test_damage_gives_a_case_or_one_error(where: int, what: bytes) -> None:
    data = PID_INIT.read_bytes()
    where %= len(data)
    try:
        case = parse(data[:where] + what + data[where + len(what) :])
    except RecordingError:
        return
    assert len(list(views(case))) == len(case.steps)


@pytest.mark.parametrize(
    ("data", "place", "cause"),
    [
        (b"", "start", "empty"),
        (b" \n\t", "start", "empty"),
        (b"[]", "top level", "expected `object`"),
        (b"{}", "top level", "no format mark"),
        (b'{"format": 3}', "format", "expected `str`"),
        (b'{"format": "nsrec-case/2"}', "format", "'nsrec-case/2'"),
        (b'{"format": "nsrec-case/1"}', "top level", "missing required field `name`"),
        (b"\x7fELF\x02\x01", "6 bytes", "not a JSON document"),
        (b'{"format": "\xff\xfe"}', "16 bytes", "not a JSON document"),
        (b'{"a":' * 100_000, "start", "nested too deeply"),
    ],
)
def test_not_a_recording(data: bytes, place: str, cause: str) -> None:
    with pytest.raises(RecordingError) as caught:
        parse(data, "some.json")
    assert caught.value.place == place
    assert cause in caught.value.cause
    assert str(caught.value).startswith(f"some.json: {place}: ")
    assert len(str(caught.value).splitlines()) <= 3


@pytest.mark.parametrize("name", ["missing.json", "", "nul\0byte"])
def test_cannot_open(name: str, tmp_path: Path) -> None:
    with pytest.raises(RecordingError) as caught:
        load(f"{tmp_path}/{name}")
    assert caught.value.place == "open"


def setter(*path: Any) -> Callable[[Any], None]:
    """A change that stores the last of ``path`` where the others lead."""
    *way, key, value = path

    def change(document: Any) -> None:
        for part in way:
            document = document[part]
        document[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "place", "cause"),
    [
        (setter("steps", 3, "i", "x"), "steps[3], i", "expected `int`"),
        (setter("steps", 1, "procs", "P2", "nspid", ["a"]), "steps[1], procs[...].nspid[0]", "expected `int`"),
        (setter("profile", "half"), "profile", "invalid enum value 'half'"),
        (setter("initial", "procs", {}), "initial.procs", "no first process"),
        (setter("initial", "procs", {"Q": {}}), "initial", "'Q' is not a process label"),
        (setter("raw_steps", 5), "step 5 (P2 kill)", "claims only 5"),
        (setter("steps", 4, "i", 0), "step 0 (P2 setsid)", "must grow"),
        (setter("steps", 4, "i", 2), "step 2 (P2 setsid)", "must grow"),
        (setter("steps", 0, "p", "1"), "step 0 (1 getpid)", "not a process label"),
        (setter("steps", 0, "rc", None), "step 0 (P1 getpid)", "no result"),
        (setter("steps", 0, "rc", -5), "step 0 (P1 getpid)", "neither"),
        (setter("steps", 0, "rc", -1), "step 0 (P1 getpid)", "contradict"),
        (setter("steps", 0, "errno", "EPERM"), "step 0 (P1 getpid)", "contradict"),
        (setter("steps", 0, "child", "P7"), "step 0 (P1 getpid)", "a child of getpid"),
        (setter("steps", 1, "child", None), "step 1 (P1 clone3)", "without a child"),
        (setter("steps", 1, "child", "P1"), "step 1 (P1 clone3)", "fresh"),
        (setter("steps", 3, "rc", 0), "step 2 (P2 !verdict)", "a mark has neither"),
        (setter("steps", 7, "p", "P2"), "step 8 (P1 kill)", ""),
        (setter("steps", 7, "args", {}), "step 7 (P3 !exit)", "either an exit status or a signal"),
        (setter("steps", 11, "p", "P2"), "step 11 (P2 wait4)", "already ended"),
        (setter("steps", 1, "procs", "P2", "ns", "pid", "pid7"), "step 1 (P1 clone3)", "no declared namespace"),
        (setter("steps", 1, "procs", "P2", "ns", "pid", "uts1"), "step 1 (P1 clone3)", "no declared namespace"),
        (setter("initial", "procs", "P1", "cap_eff", "1g"), "initial", "no mask of capabilities"),
        (setter("initial", "procs", "P1", "groups", "1 x"), "initial", "no numbers"),
        (setter("steps", 1, "mnt_live", ["mnt9"]), "step 1 (P1 clone3)", "no declared mount namespace"),
        (setter("initial", "mnt_live", []), "initial", "a table but no process"),
    ],
)
def test_contradictions(change: Callable[[Any], None], place: str, cause: str) -> None:
    data = edited(change)
    if not cause:  # the first wrong step is a later one
        place = "step 9 (P2 !exit)"
    with pytest.raises(RecordingError) as caught:
        parse(data, "bad.json")
    assert caught.value.place == place
    assert cause in caught.value.cause
    assert caught.value.fix


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (setter("steps", 1, "after", "mnt2", "rows", 1, "n", "id", "m3"), "has a mount twice"),
        (setter("steps", 1, "after", "mnt2", "rows", 1, "n", "parent", "m77"), "unknown parent m77"),
        (setter("steps", 1, "mnt_live", ["mnt1"]), "a table but no process"),
    ],
)
def test_table_contradictions(change: Callable[[Any], None], cause: str) -> None:
    with pytest.raises(RecordingError, match=cause):
        parse(edited(change, MOUNT_COPY))


def test_mounts_in_a_circle() -> None:
    """Tables that no kernel has are refused, before anybody walks around in them."""

    def change(d: Any) -> None:
        one, two = d["steps"][1]["after"]["mnt2"]["rows"]
        one["n"]["parent"], two["n"]["parent"] = two["n"]["id"], one["n"]["id"]

    with pytest.raises(RecordingError, match="mounted on each other in a circle"):
        parse(edited(change, MOUNT_COPY))


def test_the_folder_of_the_programs_is_whole_again() -> None:
    def change(d: Any) -> None:
        d["steps"][0]["args"]["target"] = "/peers/rootfs/peers"

    assert parse(edited(change, MOUNT_COPY)).steps[0].args["target"] == "/tmp/peers/rootfs/tmp/peers"
