"""Limits on namespaces: who is charged for them, and how many there may be (namespaces(7), /proc/sys/user;
kernel/ucount.c, v6.18).

A namespace is charged to its creator in the user namespace that owns it, to whoever made that in the one above, and so
on to the top.
"""

from __future__ import annotations

from nsmodel.ir.language import EACCES, ENOSPC, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import capable, entitled, may_call
from nsmodel.kernel.mutants import UCOUNT_LEAF_ONLY, UCOUNT_NOT_ABOVE
from nsmodel.kernel.objects import (
    CapabilityKind,
    CgroupNamespace,
    Id,
    IpcNamespace,
    Kernel,
    MntNamespace,
    Namespace,
    NetNamespace,
    NsType,
    PidNamespace,
    Task,
    TimeNamespace,
    Ucounts,
    UserNamespace,
    UtsNamespace,
)


@helper
def limit_of(k: Kernel, bearer: UserNamespace, kind: Namespace) -> int:
    """max_*_namespaces of a user namespace for the type of `kind`, plus one; 0 is no limit."""
    if isinstance(kind, MntNamespace):
        return bearer.max_mnt
    if isinstance(kind, UtsNamespace):
        return bearer.max_uts
    if isinstance(kind, IpcNamespace):
        return bearer.max_ipc
    if isinstance(kind, PidNamespace):
        return bearer.max_pid
    if isinstance(kind, CgroupNamespace):
        return bearer.max_cgroup
    if isinstance(kind, NetNamespace):
        return bearer.max_net
    if isinstance(kind, TimeNamespace):
        return bearer.max_time
    return bearer.max_user


@helper
def charges(k: Kernel, entry: Ucounts, kind: Namespace) -> int:
    """How many namespaces of the type of `kind` an entry counts."""
    if isinstance(kind, MntNamespace):
        return entry.mnt
    if isinstance(kind, UtsNamespace):
        return entry.uts
    if isinstance(kind, IpcNamespace):
        return entry.ipc
    if isinstance(kind, PidNamespace):
        return entry.pid
    if isinstance(kind, CgroupNamespace):
        return entry.cgroup
    if isinstance(kind, NetNamespace):
        return entry.net
    if isinstance(kind, TimeNamespace):
        return entry.time
    return entry.user


@helper
def add(k: Kernel, entry: Ucounts, kind: Namespace, change: int) -> None:
    """Count namespaces of the type of `kind` more, or less."""
    if isinstance(kind, MntNamespace):
        entry.mnt += change
    elif isinstance(kind, UtsNamespace):
        entry.uts += change
    elif isinstance(kind, IpcNamespace):
        entry.ipc += change
    elif isinstance(kind, PidNamespace):
        entry.pid += change
    elif isinstance(kind, CgroupNamespace):
        entry.cgroup += change
    elif isinstance(kind, NetNamespace):
        entry.net += change
    elif isinstance(kind, TimeNamespace):
        entry.time += change
    else:
        entry.user += change


@helper
def entry_of(k: Kernel, bearer: UserNamespace, uid: Id) -> Ucounts | None:
    """The entry of a user in a user namespace (find_ucounts)."""
    for entry in k.ucounts:
        if entry.ns is bearer and entry.uid == uid:
            return entry
    return None


@helper
def over_limit(k: Kernel, task: Task, owner: UserNamespace, kind: Namespace) -> bool:
    """One more namespace of the type of `kind`, to be owned by `owner`, does not fit under the limits of that and of
    all user namespaces above (inc_ucount)."""
    bearer: UserNamespace | None = owner
    uid = task.euid
    while bearer is not None:
        limit = limit_of(k, bearer, kind)
        if limit > 0:
            entry = entry_of(k, bearer, uid)
            there = 0 if entry is None else charges(k, entry, kind)
            if there + 1 >= limit:
                return True
        if k.bug(UCOUNT_LEAF_ONLY):
            return False
        uid = bearer.creator
        bearer = bearer.owner
    return False


@helper
def check_limit(k: Kernel, task: Task, kind: Namespace) -> None:
    """One more namespace of the type of `kind`, owned by the task's user namespace, fits under the limits."""
    if over_limit(k, task, task.user_ns, kind):
        fail(ENOSPC, "the limit on namespaces of this type is reached in a user namespace")


@helper
def charge(k: Kernel, ns: Namespace, owner: UserNamespace, uid: Id) -> None:
    """Count a new namespace at its creator and all above, where the scope has limits (inc_ucount)."""
    if any(e.count > 0 for e in k.ucounts):
        leaf = entry_of(k, owner, uid)
        if leaf is None:
            leaf = k.new(Ucounts)
            leaf.ns = owner
            leaf.uid = uid
        leaf.count += 1
        ns.ucounts = leaf
        here: Ucounts | None = leaf
        while here is not None:
            add(k, here, ns, 1)
            here = None if k.bug(UCOUNT_LEAF_ONLY) else here.ns.ucounts


@helper
def uncharge(k: Kernel, ns: Namespace) -> None:
    """A namespace goes: it counts no longer, and an entry that nothing is charged to goes as well (dec_ucount,
    put_ucounts)."""
    leaf = ns.ucounts
    here: Ucounts | None = leaf
    while here is not None:
        if here is leaf or not k.bug(UCOUNT_NOT_ABOVE):
            add(k, here, ns, -1)
        here = None if k.bug(UCOUNT_LEAF_ONLY) else here.ns.ucounts
    if leaf is not None:
        leaf.count -= 1
        if leaf.count == 0:
            k.free(leaf)


@syscall(source="kernel/ucount.c: set_permissions (v6.18); namespaces(7), /proc/sys/user")
def set_limit(k: Kernel, task: Task, kind: NsType, limit: int) -> int:
    """Write /proc/sys/user/max_*_namespaces, which is the limit of the writer's own user namespace."""
    given(may_call(k, task) and kind != NsType.PID_FOR_CHILDREN and kind != NsType.TIME_FOR_CHILDREN)
    if not capable(k, task, task.user_ns, CapabilityKind.SYS_RESOURCE):
        fail(EACCES, "no CAP_SYS_RESOURCE in the user namespace")
    ns = task.user_ns
    allowed = entitled(k, task, ns, CapabilityKind.SYS_RESOURCE)
    assure("CAP_CONFINED", allowed, "a limit is set without CAP_SYS_RESOURCE", task)
    if kind == NsType.MNT:
        ns.max_mnt = limit + 1
    if kind == NsType.UTS:
        ns.max_uts = limit + 1
    if kind == NsType.IPC:
        ns.max_ipc = limit + 1
    if kind == NsType.PID:
        ns.max_pid = limit + 1
    if kind == NsType.USER:
        ns.max_user = limit + 1
    if kind == NsType.NET:
        ns.max_net = limit + 1
    if kind == NsType.CGROUP:
        ns.max_cgroup = limit + 1
    if kind == NsType.TIME:
        ns.max_time = limit + 1
    return 0
