"""Namespaces of a task: copying them for clone and unshare, and joining others with setns.

A task's nsproxy is shared until somebody changes it (kernel/nsproxy.c, v6.18; clone(2), unshare(2), setns(2)).
"""

from __future__ import annotations

from nsmodel.ir.language import EINVAL, ENOSPC, EPERM, assure, fail, helper
from nsmodel.kernel.arguments import CloneFlags
from nsmodel.kernel.credentials import admin, entitled, user_within
from nsmodel.kernel.mutants import NEWPID_TWICE
from nsmodel.kernel.objects import CapabilityKind, Kernel, Nsproxy, PidNamespace, Task, UserNamespace
from nsmodel.kernel.refs import (
    copy_nsproxy,
    new_mnt_ns,
    new_ns,
    put_ipc_ns,
    put_mnt_ns,
    put_net_ns,
    put_ns,
    put_nsproxy,
    put_pid_ns,
)
from nsmodel.kernel.user.ucounts import check_limit

MAX_PID_NS_LEVEL = 32


@helper
def wants_nsproxy(k: Kernel, flags: CloneFlags) -> bool:
    """The flags ask for a namespace that an nsproxy points to."""
    return (
        flags.newns or flags.newuts or flags.newipc or flags.newpid or flags.newnet or flags.newcgroup or flags.newtime
    )


@helper
def judge_new_namespaces(k: Kernel, task: Task, flags: CloneFlags) -> None:
    """Who gets new namespaces has CAP_SYS_ADMIN in the user namespace that will own them, or makes that as well."""
    allowed = flags.newuser or not wants_nsproxy(k, flags)
    allowed = allowed or entitled(k, task, task.user_ns, CapabilityKind.SYS_ADMIN)
    assure("CAP_CONFINED", allowed, "a namespace is made without CAP_SYS_ADMIN", task)


@helper
def check_new_namespaces(k: Kernel, task: Task, proxy: Nsproxy, flags: CloneFlags) -> None:
    """The checks of create_new_namespaces, in the order in which it makes them: mnt, uts, ipc, pid, cgroup, net, time.

    The charges of namespaces owned by a user namespace made in the same call reach the caller's all the same.
    """
    if flags.newns and proxy.mnt is not None:
        check_limit(k, task, proxy.mnt)
    if flags.newuts and proxy.uts is not None:
        check_limit(k, task, proxy.uts)
    if flags.newipc and proxy.ipc is not None:
        check_limit(k, task, proxy.ipc)
    if flags.newpid:
        if proxy.pid_for_children is not task.pid.ns and not k.bug(NEWPID_TWICE):
            fail(EINVAL, "the pid namespace for children is not the active one")
        if not user_within(k, task.user_ns, proxy.pid_for_children.owner):
            fail(EINVAL, "the new owner is not below the owner of the parent pid namespace")
        if proxy.pid_for_children.level + 1 > MAX_PID_NS_LEVEL:
            fail(ENOSPC, "pid namespaces nest 32 deep")
        check_limit(k, task, proxy.pid_for_children)
    if flags.newcgroup and proxy.cgroup is not None:
        check_limit(k, task, proxy.cgroup)
    if flags.newnet and proxy.net is not None:
        check_limit(k, task, proxy.net)
    if flags.newtime and proxy.time_for_children is not None:
        check_limit(k, task, proxy.time_for_children)


@helper
def create_pid_ns(k: Kernel, parent: PidNamespace, owner: UserNamespace, task: Task) -> PidNamespace:
    """A pid namespace below `parent`, without an init as yet (kernel/pid_namespace.c: create_pid_namespace, v6.18)."""
    ns = new_ns(k, parent, owner, task.euid)
    ns.parent = parent
    parent.count += 1
    ns.level = parent.level + 1
    ns.adding = True
    return ns


@helper
def create_new_namespaces(k: Kernel, task: Task, old: Nsproxy, flags: CloneFlags, owner: UserNamespace) -> Nsproxy:
    """A copy of an nsproxy with the new namespaces that the flags ask for, owned by `owner`."""
    new = copy_nsproxy(k, old)
    if flags.newns and old.mnt is not None:
        new.mnt = new_mnt_ns(k, old.mnt, owner, task.euid)
        put_mnt_ns(k, old.mnt)
    if flags.newuts and old.uts is not None:
        new.uts = new_ns(k, old.uts, owner, task.euid)
        put_ns(k, old.uts)
    if flags.newipc and old.ipc is not None:
        new.ipc = new_ns(k, old.ipc, owner, task.euid)
        put_ipc_ns(k, old.ipc)
    if flags.newpid:
        new.pid_for_children = create_pid_ns(k, old.pid_for_children, owner, task)
        put_pid_ns(k, old.pid_for_children)
    if flags.newcgroup and old.cgroup is not None:
        new.cgroup = new_ns(k, old.cgroup, owner, task.euid)
        put_ns(k, old.cgroup)
    if flags.newnet and old.net is not None:
        new.net = new_ns(k, old.net, owner, task.euid)
        put_net_ns(k, old.net)
    if flags.newtime and old.time_for_children is not None:
        new.time_for_children = new_ns(k, old.time_for_children, owner, task.euid)
        put_ns(k, old.time_for_children)
    return new


@helper
def switch_namespaces(k: Kernel, task: Task, new: Nsproxy) -> None:
    """Point a task to another nsproxy and put the old one (kernel/nsproxy.c: switch_task_namespaces, v6.18)."""
    old = task.nsproxy
    task.nsproxy = new
    if old is not None:
        put_nsproxy(k, old)


@helper
def enter_time_for_children(k: Kernel, proxy: Nsproxy) -> None:
    """A forked task enters the time namespace that was set aside for it (kernel/time/namespace.c: timens_on_fork)."""
    new = proxy.time_for_children
    old = proxy.time
    if new is not None and old is not None and new is not old:
        new.count += 1
        proxy.time = new
        put_ns(k, old)


@helper
def check_admin(k: Kernel, task: Task, over: UserNamespace | None) -> None:
    """CAP_SYS_ADMIN over a namespace's owner and over the task's own user namespace (the install operations of
    setns; kernel/nsproxy.c, v6.18)."""
    if not admin(k, task, over):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the namespace")
    if not admin(k, task, task.user_ns):
        fail(EPERM, "no CAP_SYS_ADMIN in the caller's own user namespace")
