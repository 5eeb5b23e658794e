"""What the rules say where the kernel was measured: errnos, their order, numbers, deaths, references."""

from __future__ import annotations

from typing import Any

import pytest

from nsmodel.ir import nodes as n
from nsmodel.ir.language import function_of
from nsmodel.ir.lower import definition_of
from nsmodel.kernel import exit as ends
from nsmodel.kernel import fork, join, nsfs, session, signal
from nsmodel.kernel.arguments import CloneFlags, NsFlags, SetTid
from nsmodel.kernel.base import base_state
from nsmodel.kernel.objects import Kernel, NsType, PidNamespace, Signal, TaskState, UtsNamespace
from nsmodel.kernel.user import setid
from nsmodel.kernel.user.base import Users
from nsmodel.kernel.user.ucounts import set_limit
from nsmodel.oracle.live.whole import WHOLE
from tests.kernel.calls import clone, refused, task

THREAD = CloneFlags(vm=True, sighand=True, thread=True, files=True, fs=True)


@pytest.fixture
def k() -> Kernel:
    state = Kernel()
    base_state(state)
    return state


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"newns": True, "fs": True, "thread": True}, "CLONE_NEWNS with CLONE_FS"),
        ({"newuser": True, "fs": True}, "CLONE_NEWUSER with CLONE_FS"),
        ({"thread": True}, "CLONE_THREAD without CLONE_SIGHAND"),
        ({"sighand": True}, "CLONE_SIGHAND without CLONE_VM"),
        ({"parent": True}, "CLONE_PARENT by the init"),
        ({"newpid": True, "vm": True, "sighand": True, "thread": True}, "CLONE_THREAD with CLONE_NEWUSER"),
        ({"unknown": True, "newns": True, "fs": True}, "a flag that it does not know"),
    ],
)
def test_clone_refuses_flags_in_the_kernels_order(k: Kernel, flags: dict[str, bool], says: str) -> None:
    assert says in refused("EINVAL", fork.clone3, k, task(k), CloneFlags(**flags), SetTid())


def test_permission_comes_before_sysvsem(k: Kernel) -> None:
    setid.setuid(k, task(k), 1)
    refused("EPERM", fork.clone3, k, task(k), CloneFlags(newipc=True, sysvsem=True), SetTid())


def test_no_thread_while_children_go_elsewhere(k: Kernel) -> None:
    fork.unshare(k, task(k), CloneFlags(newpid=True))
    refused("EINVAL", fork.clone3, k, task(k), THREAD, SetTid())
    refused("EINVAL", fork.unshare, k, task(k), CloneFlags(newpid=True))


def test_numbers_at_every_level(k: Kernel) -> None:
    inner = clone(k, newpid=True)
    assert [inner.pid.numbers[ns] for ns in k.live(PidNamespace)] == [2, 1]
    assert task(k).pid.numbers[inner.pid.ns] == 0
    assert session.getppid(k, inner) == 0


def test_set_tid(k: Kernel) -> None:
    refused("EINVAL", fork.clone3, k, task(k), CloneFlags(newpid=True), SetTid(size=1, first=3))
    chosen = clone(k, tids=SetTid(size=1, first=3))
    assert chosen.pid.numbers[chosen.pid.ns] == 3
    refused("EEXIST", fork.clone3, k, task(k), CloneFlags(), SetTid(size=1, first=3))


def test_a_dead_pid_namespace_takes_nobody(k: Kernel) -> None:
    init = clone(k, newpid=True)
    nsfs.open_ns(k, task(k), init, NsType.PID)
    ends.exit_group(k, init, 0)
    (file,) = k.descriptors
    assert join.setns(k, task(k), file, False) == 0
    refused("ENOMEM", fork.clone3, k, task(k), CloneFlags(), SetTid())
    refused("EINVAL", fork.clone3, k, task(k), CloneFlags(newpid=True), SetTid())


def test_an_init_waits_for_injected_zombies(k: Kernel) -> None:
    init = clone(k, newpid=True)
    nsfs.open_ns(k, task(k), init, NsType.PID)
    (file,) = k.descriptors
    join.setns(k, task(k), file, False)
    injected = clone(k)
    ends.exit_group(k, init, 0)
    assert (init.state, injected.state) == (TaskState.EXITING, TaskState.ZOMBIE)
    assert ends.wait4(k, task(k), ends.WaitFor.PID, init) == 0
    ends.wait4(k, task(k), ends.WaitFor.PID, injected)
    assert init.state == TaskState.ZOMBIE


def test_orphans_stay_on_their_level(k: Kernel) -> None:
    session.set_child_subreaper(k, task(k), True)
    init = clone(k, newpid=True)
    father = clone(k, by=init.slot)
    child = clone(k, by=father.slot)
    ends.exit_group(k, father, 0)
    assert child.parent is init


def test_signals_and_inits(k: Kernel) -> None:
    init = clone(k, newpid=True)
    inside = clone(k, by=init.slot)
    assert signal.kill(k, inside, signal.KillTo.PROCESS, init, Signal.KILL) == 0
    assert init.state == TaskState.RUNNING
    refused("ESRCH", signal.kill, k, inside, signal.KillTo.PROCESS, task(k), Signal.KILL)
    signal.kill(k, task(k), signal.KillTo.PROCESS, init, Signal.KILL)
    assert init.state == TaskState.ZOMBIE


def test_a_group_signal_crosses_namespaces(k: Kernel) -> None:
    init = clone(k, newpid=True)
    outside = clone(k)
    signal.kill(k, init, signal.KillTo.OWN_GROUP, None, Signal.TERM)
    assert outside.state == TaskState.ZOMBIE
    assert task(k).state == init.state == TaskState.RUNNING


def test_a_descriptor_keeps_a_namespace(k: Kernel) -> None:
    child = clone(k, newuts=True)
    nsfs.open_ns(k, task(k), child, NsType.UTS)
    ends.exit_group(k, child, 0)
    assert len(k.live(UtsNamespace)) == 2
    (file,) = k.descriptors
    nsfs.close(k, task(k), file)
    assert len(k.live(UtsNamespace)) == 1


def test_limits() -> None:
    k = Kernel()
    base_state(k, Users(limits=3))
    set_limit(k, task(k), NsType.UTS, 1)
    refused("ENOSPC", fork.unshare, k, task(k), CloneFlags(newuts=True))
    set_limit(k, task(k), NsType.UTS, 2)
    assert fork.unshare(k, task(k), CloneFlags(newuts=True)) == 0


def test_several_namespaces_are_joined_all_or_none(k: Kernel) -> None:
    child = clone(k, newuts=True)
    nsfs.pidfd_open(k, task(k), child)
    (file,) = k.descriptors
    before = task(k).nsproxy
    refused("EINVAL", join.setns_pidfd, k, task(k), file, NsFlags(uts=True, user=True))
    assert task(k).nsproxy is before
    join.setns_pidfd(k, task(k), file, NsFlags(uts=True))
    assert child.nsproxy is not None and task(k).nsproxy is not None
    assert task(k).nsproxy.uts is child.nsproxy.uts


def fails(node: Any) -> list[n.Fail]:
    if isinstance(node, n.Fail):
        return [node]
    if isinstance(node, n.Call):
        return [f for part in (*node.args, *node.callee.body) for f in fails(part)]
    if isinstance(node, tuple):
        return [f for part in node for f in fails(part)]
    if isinstance(node, n.Stmt | n.Expr):
        return [f for name in node.__dataclass_fields__ for f in fails(getattr(node, name))]
    return []


@pytest.mark.parametrize("operation", WHOLE.operations, ids=lambda o: o.name)
def test_every_check_has_errno_reason_and_source(operation: Any) -> None:
    record = function_of(operation.run)
    assert record is not None and "v6.18" in record.source
    for check in fails(definition_of(operation.function).body):
        assert check.errno.name.startswith("E") and len(check.reason) > 8, check.place
