"""The state that every prelude starts from, and the invariant counts of what nobody made.

One task, pid 1 of a pid namespace of its own, leader of a session and a process group, root with every capability in
a user namespace of its own that maps every id, in one namespace of each type. Replay makes just that.
"""

from __future__ import annotations

from nsmodel.kernel.objects import (
    CgroupNamespace,
    FsStruct,
    IpcNamespace,
    Kernel,
    MntNamespace,
    Namespace,
    NetNamespace,
    Nsproxy,
    Pid,
    PidNamespace,
    Task,
    TimeNamespace,
    Ucounts,
    UserNamespace,
    UtsNamespace,
)
from nsmodel.kernel.user.base import PLAIN, Users


def base_state(k: Kernel, users: Users = PLAIN) -> Task:
    """Fill an empty state with the sandbox's first task; types without slots in the scope are left out."""
    if k.bounds is not None and k.bounds.get("limits", 0) > 1 and not users.limits:
        raise ValueError("limits above 0 are counted: give the base state Users(limits=…)")
    user = k.new(UserNamespace)
    user.setgroups = True
    user.count = 1
    if users.limits:
        entry = k.new(Ucounts)
        entry.ns = user
    proxy = k.new(Nsproxy)
    proxy.count = 1
    pid_ns = k.new(PidNamespace)
    _own(pid_ns, user)
    pid_ns.started = True
    pid_ns.adding = True
    pid_ns.count = 2  # the nsproxy and the first pid
    proxy.pid_for_children = pid_ns
    for name, cls in TYPES.items():
        if has(k, cls):
            ns = k.new(cls)
            _own(ns, user)
            setattr(proxy, name, ns)
    if has(k, TimeNamespace):
        time = k.live(TimeNamespace)[0]
        proxy.time_for_children = time
        time.count += 1
    if users.limits:
        _charge(k)
    pid = k.new(Pid)
    pid.ns = pid_ns
    pid.numbers[pid_ns] = 1
    pid.count = 1
    task = k.new(Task)
    task.group_leader = task
    task.pid = pid
    task.nsproxy = proxy
    task.user_ns = user
    users.give(k, task)
    task.unkillable = True
    task.session_leader = True
    task.pgrp = pid
    task.session = pid
    task.dumpable = True
    pid_ns.child_reaper = task
    if has(k, FsStruct):
        task.fs = k.new(FsStruct)
        task.fs.users = 1
    return task


TYPES: dict[str, type[Namespace]] = {
    "mnt": MntNamespace,
    "uts": UtsNamespace,
    "ipc": IpcNamespace,
    "net": NetNamespace,
    "cgroup": CgroupNamespace,
    "time": TimeNamespace,
}


def has(k: Kernel, cls: type) -> bool:
    """The scope has slots for an entity."""
    return k.bounds is None or k.bounds.get(k.schema.by_class[cls].collection, 0) > 0


def _charge(k: Kernel) -> None:
    """What the sandbox's first task has is charged to its root."""
    (entry,) = k.live(Ucounts)
    types: dict[str, type[Namespace]] = {**TYPES, "pid": PidNamespace}
    for name, cls in types.items():
        for ns in k.live(cls):
            ns.ucounts = entry
            entry.count += 1
            setattr(entry, name, getattr(entry, name) + 1)


def _own(ns: Namespace, user: UserNamespace) -> None:
    ns.owner = user
    ns.count = 1
    user.count += 1
