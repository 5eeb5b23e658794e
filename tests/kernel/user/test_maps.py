"""Id maps: each check of a write in its order, who may map what, and what ids mean through several user namespaces."""

from __future__ import annotations

import pytest

from nsmodel.kernel.arguments import CloneFlags
from nsmodel.kernel.base import base_state
from nsmodel.kernel.fork import unshare
from nsmodel.kernel.objects import CapabilityKind, Extent, IdKind, Kernel, MapFile, Task
from nsmodel.kernel.user.base import Users
from nsmodel.kernel.user.map_files import (
    MapLines,
    MapText,
    open_map,
    write_map,
    write_map_file,
    write_setgroups,
)
from nsmodel.kernel.user.maps import NOBODY, kernel_id, shown_id
from nsmodel.kernel.user.privileges import CapabilityFlags, capset, set_dumpable
from nsmodel.kernel.user.setid import KEEP, GroupList, getuid, setgroups, setresgid, setresuid
from tests.kernel.calls import clone, refused, task

USERS = Users(ids=9, capabilities=(CapabilityKind.SETFCAP, CapabilityKind.SYS_ADMIN), groups=(0, 1))


@pytest.fixture
def k() -> Kernel:
    state = Kernel()
    base_state(state, USERS)
    return state


def ordinary(k: Kernel, who: Task) -> None:
    setresgid(k, who, 1, 1, 1)
    setresuid(k, who, 1, 1, 1)
    set_dumpable(k, who, True)


def test_the_first_user_namespace_is_fixed(k: Kernel) -> None:
    assert "first" in refused("EPERM", write_map, k, task(k), task(k), IdKind.UID, MapLines())
    refused("EINVAL", write_map, k, task(k), task(k), IdKind.UID, MapLines(text=MapText.PAGE))


@pytest.mark.parametrize(
    "lines",
    [
        *(MapLines(text=text) for text in MapText if text is not MapText.LINES),
        MapLines(count=0),
        MapLines(size=2, count2=0, first2=1, lower2=1),
        MapLines(size=2, first2=0, lower2=1),
        MapLines(size=2, first2=1, lower2=0),
        MapLines(size=2, count=3, first2=2, lower2=5),
        MapLines(size=3, first2=1, lower2=1, first3=1, lower3=2),
        MapLines(size=3, first2=1, lower2=1, first3=2, lower3=1),
    ],
)
def test_what_is_no_map(k: Kernel, lines: MapLines) -> None:
    inner = clone(k, newuser=True)
    refused("EINVAL", write_map, k, task(k), inner, IdKind.UID, lines)
    assert not k.live(Extent)


def test_a_map_is_written_once_and_that_comes_before_what_it_says(k: Kernel) -> None:
    inner = clone(k, newuser=True)
    write_map(k, task(k), inner, IdKind.UID, MapLines(count=3))
    assert "already" in refused("EPERM", write_map, k, task(k), inner, IdKind.UID, MapLines(text=MapText.JUNK))
    write_map(k, task(k), inner, IdKind.GID, MapLines())


def test_an_ordinary_user_maps_itself_alone(k: Kernel) -> None:
    who = clone(k)
    ordinary(k, who)
    unshare(k, who, CloneFlags(newuser=True))
    refused("EPERM", write_map, k, who, who, IdKind.UID, MapLines(lower=2))
    refused("EPERM", write_map, k, who, who, IdKind.UID, MapLines(lower=1, count=2))
    assert "CAP_SETFCAP" in refused("EPERM", write_map, k, who, who, IdKind.UID, MapLines())
    write_map(k, who, who, IdKind.UID, MapLines(first=5, lower=1))
    assert getuid(k, who) == 5
    refused("EPERM", write_map, k, who, who, IdKind.GID, MapLines(lower=1))
    write_setgroups(k, who, who, False)
    write_map(k, who, who, IdKind.GID, MapLines(lower=1))
    refused("EPERM", write_setgroups, k, who, who, True)
    assert "denied" in refused("EPERM", setgroups, k, who, GroupList())


def test_setgroups_needs_a_map_of_groups(k: Kernel) -> None:
    inner = clone(k, newuser=True)
    assert "not mapped" in refused("EPERM", setgroups, k, inner, GroupList())
    write_map(k, task(k), inner, IdKind.GID, MapLines())
    refused("EINVAL", setgroups, k, inner, GroupList(size=1, first=1))
    assert setgroups(k, inner, GroupList(size=1)) == 0
    refused("EPERM", write_setgroups, k, inner, inner, False)


def test_whoever_gave_up_setfcap_does_not_map_root(k: Kernel) -> None:
    who = clone(k)
    rest = CapabilityFlags(rest=True, sys_admin=True)
    capset(k, who, rest, rest, CapabilityFlags())
    unshare(k, who, CloneFlags(newuser=True))
    assert "CAP_SETFCAP" in refused("EPERM", write_map, k, who, who, IdKind.UID, MapLines())
    write_map(k, task(k), who, IdKind.UID, MapLines())  # the parent still has it


def test_rights_are_those_of_the_opener(k: Kernel) -> None:
    root, who = task(k), clone(k)
    setresuid(k, who, 1, 1, 0)
    set_dumpable(k, who, True)
    inner = clone(k, who.slot, newuser=True)
    open_map(k, who, inner, IdKind.UID, False)
    (file,) = k.live(MapFile)
    setresuid(k, who, KEEP, 0, KEEP)
    assert "opener" in refused("EPERM", write_map_file, k, who, file, MapLines(lower=2))
    write_map(k, root, inner, IdKind.UID, MapLines(lower=2))


def test_others_files_are_not_opened(k: Kernel) -> None:
    who = clone(k)
    ordinary(k, who)
    refused("EACCES", write_map, k, who, task(k), IdKind.UID, MapLines())
    set_dumpable(k, who, False)
    refused("EACCES", write_map, k, who, who, IdKind.UID, MapLines())


def test_ids_mean_the_same_through_several_user_namespaces(k: Kernel) -> None:
    middle = clone(k, newuser=True)
    write_map(k, task(k), middle, IdKind.UID, MapLines(first=0, lower=0, count=1, size=2, first2=1, lower2=5, count2=4))
    write_map(k, task(k), middle, IdKind.GID, MapLines())
    inner = clone(k, middle.slot, newuser=True)
    refused("EPERM", write_map, k, middle, inner, IdKind.UID, MapLines(first=3, lower=0, count=3))
    write_map(k, middle, inner, IdKind.UID, MapLines(first=3, lower=2, count=2))
    ns = inner.user_ns
    assert [kernel_id(k, ns, IdKind.UID, i) for i in (3, 4)] == [6, 7]
    assert [shown_id(k, ns, IdKind.UID, kid) for kid in (5, 6, 7, 8)] == [NOBODY, 3, 4, NOBODY]
    assert getuid(k, inner) == NOBODY


def test_maps_go_with_their_namespace(k: Kernel) -> None:
    from nsmodel.kernel.exit import WaitFor, exit_group, wait4

    inner = clone(k, newuser=True)
    write_map(k, task(k), inner, IdKind.UID, MapLines())
    exit_group(k, inner, 0)
    assert k.live(Extent)  # a zombie keeps its credentials
    wait4(k, task(k), WaitFor.PID, inner)
    assert not k.live(Extent)
