"""Users and the running kernel: random traces of credentials, maps and exec, and the cases on which they met."""

from __future__ import annotations

import pytest

from nsmodel.kernel.arguments import AttributeFlags, CloneFlags, SetTid
from nsmodel.kernel.mount.umount import UmountFlags
from nsmodel.kernel.objects import CapabilityKind, IdKind, NsType
from nsmodel.kernel.user.map_files import MapLines, MapText
from nsmodel.kernel.user.setid import KEEP, GroupList
from nsmodel.kernel.versions import running, switches_of
from nsmodel.oracle.errors import OracleUnavailable
from nsmodel.oracle.live.conform import Plan, again, campaign, draw, producible, replay_drawn
from nsmodel.oracle.live.driver import Sandbox
from nsmodel.oracle.live.translate_users import lines_text, mask
from nsmodel.oracle.live.whole import WHOLE, whole_system
from nsmodel.system.operation import Call
from nsmodel.system.spec import Scope
from nsmodel.system.transition import TransitionSystem, make_system

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module", autouse=True)
def machine() -> None:
    try:
        with Sandbox() as box:
            assert box.call(0, "uU").result == 0
    except OracleUnavailable as why:
        pytest.skip(reason=f"the kernel cannot be asked: {why.what}: {why.cause}")


@pytest.fixture(scope="module")
def system() -> TransitionSystem:
    return whole_system(running(), switches_of(running()))


def step(operation: str, **arguments: object) -> Call:
    return Call(operation, tuple(arguments.items()))


def become(task: int, user: int) -> tuple[Call, ...]:
    return (
        step("setresgid", task=task, rgid=user, egid=user, sgid=user),
        step("setresuid", task=task, ruid=user, euid=user, suid=user),
        step("set_dumpable", task=task, on=True),
    )


def unshared(task: int) -> Call:
    return step("unshare", task=task, flags=CloneFlags(newuser=True))


FOUND = {
    "a map of projects asks for no rights": (
        unshared(1),
        step("execve", task=1, program=None),
        step("write_map", task=1, target=1, kind=IdKind.PROJID, lines=MapLines(lower=1)),
    ),
    "a page is too much before anything else": (
        step("write_map", task=1, target=1, kind=IdKind.GID, lines=MapLines(text=MapText.PAGE)),
    ),
    "groups are given twice": (step("setgroups", task=1, list=GroupList(size=2, first=1, second=1)),),
    "no_new_privs takes nothing from who has it already": (
        step("setresgid", task=1, rgid=KEEP, egid=2, sgid=KEEP),
        step("set_no_new_privs", task=1),
        step("execve", task=1, program=None),
    ),
    "who gains capabilities despite no_new_privs becomes its real user": (
        step("execve", task=1, program=2),
        step("set_no_new_privs", task=1),
        step("execve", task=1, program=4),
    ),
    "joining a mount namespace needs CAP_SYS_CHROOT": (
        *become(1, 1),
        step("open_ns", task=1, target=1, kind=NsType.MNT),
        step("execve", task=1, program=4),
        step("setns", task=1, file=1, wrong_type=False),
    ),
    "a program keeps its mount busy": (
        step("mount_new", task=1, root=11, at=2, dentry=2, flags=AttributeFlags()),
        step("execve", task=1, program=7),
        step("clone3", task=1, flags=CloneFlags(), tids=SetTid()),
        step("pivot_root", task=1, new=3, new_dentry=11, at=3, dentry=12),
        step("umount2", task=2, at=2, dentry=2, flags=UmountFlags()),
    ),
    "file capabilities of a user namespace count in it and below": (
        *become(1, 1),
        unshared(1),
        step("write_map", task=1, target=1, kind=IdKind.UID, lines=MapLines(lower=1)),
        step("setresuid", task=1, ruid=0, euid=0, suid=0),
        step("capbset_drop", task=1, kind=CapabilityKind.SETUID),
        step("execve", task=1, program=7),
        step("execve", task=1, program=4),
    ),
}
"""Traces on which model and kernel parted once, and others that chance seldom draws."""


@pytest.mark.parametrize("name", FOUND)
def test_what_campaigns_found_stays_mended(system: TransitionSystem, name: str) -> None:
    drawn = again(system, list(FOUND[name]))
    assert len(drawn.calls) == len(FOUND[name])
    assert replay_drawn(system, drawn) is None


SHOWN = {
    "a file system that is shown is not the one that maps are opened in": (
        step("chroot", task=1, at=3, dentry=50),
        step("open_map", task=1, target=1, kind=IdKind.UID, setgroups=False),
        step("umount2", task=1, at=3, dentry=50, flags=UmountFlags()),
    ),
    "it becomes read-only alone": (
        step("chroot", task=1, at=3, dentry=50),
        step("umount2", task=1, at=3, dentry=50, flags=UmountFlags()),
        step("write_map", task=1, target=1, kind=IdKind.GID, lines=MapLines(count=2)),
    ),
    "a context of a cgroup hierarchy holds its maker's namespace": (
        step("fsopen", task=1, fs=22),
        step("unshare", task=1, flags=CloneFlags(newcgroup=True)),
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_campaigns_found_where_proc_is_shown(name: str) -> None:
    system = whole_system(running(), switches_of(running()), shown=True)
    drawn = again(system, list(SHOWN[name]))
    assert len(drawn.calls) == len(SHOWN[name])
    assert replay_drawn(system, drawn) is None


def test_user_namespaces_nest_33_deep() -> None:
    room = Scope({**WHOLE.bounds, "user_namespaces": 40, "extents": 80, "ucounts": 40, "charges": 90})
    system = make_system(WHOLE, room)
    calls = []
    for _ in range(33):
        calls += [unshared(1)] + [
            step("write_map", task=1, target=1, kind=kind, lines=MapLines()) for kind in (IdKind.UID, IdKind.GID)
        ]
        calls.insert(-1, step("write_setgroups", task=1, target=1, allow=False))
    drawn = again(system, calls)
    errnos = [done.errno for call, done in zip(drawn.calls, drawn.outcomes, strict=True) if call.operation == "unshare"]
    assert errnos == [None] * 32 + ["ENOSPC"]
    assert replay_drawn(system, drawn) is None


def test_random_traces_agree_with_the_kernel(system: TransitionSystem) -> None:
    plan = Plan(77, area="user")
    done = campaign(system, 60, plan)
    assert [str(f) for f in done.findings] == []
    assert sum(done.coverage[p] > 0 for p in producible(system, plan)) > 90


@pytest.mark.parametrize("switch", ["US08", "US09", "setuid_any"])
def test_a_wrong_model_diverges(switch: str) -> None:
    wrong = whole_system("fixed", frozenset({switch}))
    plan = Plan(1, area="user")
    assert any(replay_drawn(wrong, draw(wrong, f"wrong/{i}", 30, plan)) is not None for i in range(150))


def test_words_for_the_worker() -> None:
    assert lines_text({"size": 2, "first": 1, "first2": 3, "lower2": 4, "count2": 2}) == "1_0_1/3_4_2/"
    assert lines_text({"text": "PAGE"}) == "P"
    scope = ["REST", "KILL", "SETUID"]
    assert mask(["KILL"], scope) == 1 << 5 and mask(["REST"], scope) & (1 << 5 | 1 << 7) == 0
    assert mask(scope, scope) == (1 << 41) - 1
