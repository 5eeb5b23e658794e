"""Calls as people write them are read, and what is wrong with others is said."""

from itertools import pairwise

import pytest

from nsmodel.cli.why import OPERATIONS
from nsmodel.ir.schema import schema_of
from nsmodel.kernel.mount.umount import UmountFlags
from nsmodel.kernel.objects import Kernel
from nsmodel.report.calls import arguments
from nsmodel.system.operation import Call, to_json
from nsmodel.system.problem import Problem
from nsmodel.system.snapshot import restored, snapshot
from nsmodel.traces.calls import Reader
from nsmodel.traces.names import Names
from nsmodel.traces.record import _parameters
from nsmodel.traces.trace import State, Step, Trace
from tests.traces.runs import system_of

SYSTEM = system_of("mount_propagation")
SCHEMA = schema_of(Kernel)


@pytest.fixture
def state() -> State:
    return snapshot(SCHEMA, SYSTEM.initial)


@pytest.fixture
def reader(state: State) -> Reader:
    return Reader(OPERATIONS, SCHEMA, state, Names().see(state))


def test_a_state_is_restored(state: State) -> None:
    assert restored(SCHEMA, state) == SYSTEM.initial
    with pytest.raises(ValueError, match="no such collection"):
        restored(SCHEMA, {"birds": []})
    state["tasks"][0]["uid"] = "NOBODY"
    with pytest.raises(ValueError, match="tasks 1, uid"):
        restored(SCHEMA, state)


def test_calls_are_read(reader: Reader) -> None:
    bind = reader.read("P1 mount_bind(source=1:/, at=1:/a, rec=no)").by_name
    assert (bind["task"], bind["rec"]) == (1, False)
    assert bind["source"] == bind["at"] and bind["root"] != bind["dentry"]
    assert reader.read("umount2(at=1:/, detach|force)").by_name["flags"] == UmountFlags(detach=True, force=True)
    assert reader.read(" clone3( newpid , newns=yes ) ").by_name["flags"].newns


def test_what_is_shown_is_read_again(reader: Reader, state: State) -> None:
    """Every call that the spec offers in the state."""
    names = Names().see(state)
    trace = Trace("", "fixed", None, [], state, [], references={})
    runner = SYSTEM.thaw(SYSTEM.initial)
    read = 0
    for operation in SYSTEM.operations:
        trace.parameters[operation.name] = _parameters(operation, SCHEMA)
        for call in operation.calls(runner):
            given = {name: to_json(value) for name, value in call.arguments}
            step = Step(1, call.operation, given, 0, None, None, [], None)
            shown = arguments(trace, step, names, state)
            if any("none" in word or "#" in word for word in shown) or not _inside(call, state):
                continue
            assert reader.read(f"P1 {call.operation}({', '.join(shown)})") == call
            read += 1
    assert read > 90


def _inside(call: Call, state: State) -> bool:
    """Each name is one that its mount shows: only those have a place."""
    above = {row["id"]: row["parent"] for row in state["dentries"]}
    roots = {row["id"]: row["root"] for row in state["mounts"]}
    values = list(call.by_name.items())
    for (_, mount), (name, dentry) in pairwise(values):
        if name.endswith(("dentry", "root")) and isinstance(mount, int):
            while dentry is not None and dentry != roots.get(mount):
                dentry = above[dentry]
            if dentry is None:
                return False
    return True


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("umount2", "the call cannot be read"),
        ("unmount(at=1:/)", "there is no call unmount"),
        ("umount2(at=1:/c)", "there is no place 1:/c"),
        ("P7 umount2(at=1:/)", "there is no P7"),
        ("umount2(at=1:/, lazily)", "umount2 takes no lazily"),
        ("mount_bind(source=1:/, at=1:/a)", "the argument rec is missing"),
        ("mount_bind(source=1:/, at=1:/a, rec=perhaps)", "rec cannot be perhaps"),
        ("close(file=fd:1)", "there is no fd:1"),
    ],
)
def test_what_is_wrong_is_said(reader: Reader, text: str, what: str) -> None:
    with pytest.raises(Problem, match=what):
        reader.read(text)
