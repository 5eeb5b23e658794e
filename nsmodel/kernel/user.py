"""User namespaces and the limits on namespaces (user_namespaces(7); kernel/user_namespace.c, kernel/ucount.c, v6.18).

Id maps and their writing come later; the sandbox's own user namespace maps every id of the model, a new one none.
"""

from __future__ import annotations

from nsmodel.ir.language import EACCES, ENOSPC, EPERM, fail, given, helper, syscall
from nsmodel.kernel.credentials import may_call
from nsmodel.kernel.mount.tree import mount_ns, topmost
from nsmodel.kernel.objects import (
    CgroupNamespace,
    IpcNamespace,
    Kernel,
    MntNamespace,
    Namespace,
    NetNamespace,
    NsType,
    PidNamespace,
    Task,
    TaskState,
    TimeNamespace,
    Uid,
    UserNamespace,
    UtsNamespace,
)
from nsmodel.kernel.refs import new_ns


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
def charged_to(k: Kernel, ns: Namespace, bearer: UserNamespace, uid: Uid) -> bool:
    """A namespace is charged to the ucounts entry of `uid` in `bearer`: its own, or one up the chain of makers."""
    here = ns.owner
    who = ns.charged
    while here is not None:
        if here is bearer and who == uid:
            return True
        who = here.charged
        here = here.owner
    return False


@helper
def over_limit(k: Kernel, task: Task, owner: UserNamespace, kind: Namespace) -> bool:
    """One more namespace of the type of `kind`, to be owned by `owner`, does not fit under the limits of that and of
    all user namespaces above (kernel/ucount.c: inc_ucount, v6.18)."""
    bearer: UserNamespace | None = owner
    uid = task.uid
    while bearer is not None:
        limit = limit_of(k, bearer, kind)
        if limit > 0:
            charges = 0
            for ns in k.kin(kind):
                if charged_to(k, ns, bearer, uid):
                    charges += 1
            if charges + 1 >= limit:
                return True
        uid = bearer.charged
        bearer = bearer.owner
    return False


@helper
def check_limit(k: Kernel, task: Task, kind: Namespace) -> None:
    """One more namespace of the type of `kind`, owned by the task's user namespace, fits under the limits."""
    if over_limit(k, task, task.user_ns, kind):
        fail(ENOSPC, "the limit on namespaces of this type is reached in a user namespace")


@helper
def chrooted(k: Kernel, task: Task) -> bool:
    """The root directory is not the top of what is mounted on the bottom of the mount namespace (fs/namespace.c:
    current_chrooted, v6.18)."""
    fs = task.fs
    ns = mount_ns(k, task)
    if fs is None or ns is None:
        return False
    bottom = ns.root
    if bottom is None:
        return False
    top = topmost(k, bottom)
    return fs.root_mnt is not top or fs.root_dentry is not top.root


@helper
def check_create_user_ns(k: Kernel, task: Task) -> None:
    """The checks of create_user_ns as far as they can fail here (kernel/user_namespace.c, v6.18)."""
    check_limit(k, task, task.user_ns)
    if chrooted(k, task):
        fail(EPERM, "the caller's root is not the root of its mount namespace")
    if not task.user_ns.mapped:
        fail(EPERM, "the caller's ids are not mapped in its user namespace")


@helper
def create_user_ns(k: Kernel, task: Task) -> UserNamespace:
    """A user namespace below the task's, made by the task's user, with one reference for its first credentials."""
    ns = new_ns(k, task.user_ns, task.user_ns, task.uid)
    ns.mapped = False
    return ns


@syscall(source="kernel/user_namespace.c: map_write, new_idmap_permitted (v6.18); user_namespaces(7)")
def write_maps(k: Kernel, task: Task, target: Task) -> int:
    """Write /proc/PID/uid_map and gid_map of a process in a user namespace right below the caller's: every id means
    itself. Only whoever may do that is offered it; partial maps and other writers come later."""
    given(may_call(k, task) and task.capable and task.uid == Uid.ROOT)
    given(target.user_ns.owner is task.user_ns and target.uid == Uid.ROOT and target.group_leader.dumpable)
    given(target.state == TaskState.RUNNING)
    if target.user_ns.mapped:
        fail(EPERM, "the maps of the user namespace are written already")
    target.user_ns.mapped = True
    return 0


@syscall(source="kernel/ucount.c: set_permissions (v6.18); namespaces(7), /proc/sys/user")
def set_limit(k: Kernel, task: Task, kind: NsType, limit: int) -> int:
    """Write /proc/sys/user/max_*_namespaces, which is the limit of the writer's own user namespace."""
    given(may_call(k, task) and kind != NsType.PID_FOR_CHILDREN and kind != NsType.TIME_FOR_CHILDREN)
    if not task.capable:
        fail(EACCES, "no CAP_SYS_RESOURCE in the user namespace")
    ns = task.user_ns
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
