"""What a namespace file tells of its namespace (ioctl_nsfs(2); fs/nsfs.c: ns_ioctl, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import EBADF, EINVAL, ENOENT, ENOTTY, EPERM, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import admin, may_call, user_within
from nsmodel.kernel.mutants import NF08, US_ABOVE
from nsmodel.kernel.objects import Descriptor, IdKind, Kernel, MntNamespace, NsFile, PidNamespace, Task, UserNamespace
from nsmodel.kernel.pid import visible, within
from nsmodel.kernel.pins import pin_file
from nsmodel.kernel.user.maps import shown_id


@helper
def check_ns_file(k: Kernel, file: Descriptor) -> None:
    """The descriptor is open, not only a place, and is of a namespace's file: others know none of these requests."""
    if file.opath:
        fail(EBADF, "the descriptor was opened with O_PATH")
    named = file.mnt is not None or file.uts is not None or file.ipc is not None or file.net is not None
    named = named or file.cgroup is not None or file.time is not None
    if not named and file.pid_ns is None and file.user is None:
        fail(ENOTTY, "the descriptor is of no namespace")


@helper
def owner_of(k: Kernel, file: NsFile) -> UserNamespace | None:
    """The user namespace that owns what a file names; of a user namespace its parent; None is outside."""
    if file.mnt is not None:
        return file.mnt.owner
    if file.uts is not None:
        return file.uts.owner
    if file.ipc is not None:
        return file.ipc.owner
    if file.net is not None:
        return file.net.owner
    if file.cgroup is not None:
        return file.cgroup.owner
    if file.time is not None:
        return file.time.owner
    if file.pid_ns is not None:
        return file.pid_ns.owner
    if file.user is not None:
        return file.user.owner
    return None


@helper
def check_owner(k: Kernel, task: Task, owner: UserNamespace | None) -> None:
    """Nothing above the caller's own user namespace is given (kernel/user_namespace.c: ns_get_owner, v6.18)."""
    if owner is None or (not user_within(k, owner, task.user_ns) and not k.bug(US_ABOVE)):
        fail(EPERM, "the owner is no user namespace of the caller's, nor below it")


@helper
def check_parent(k: Kernel, task: Task, parent: PidNamespace | None) -> None:
    """Nothing above the caller's active pid namespace is given (kernel/pid_namespace.c: pidns_get_parent, v6.18)."""
    if parent is None or (not within(k, parent, task.pid.ns) and not k.bug(US_ABOVE)):
        fail(EPERM, "the parent is no pid namespace of the caller's, nor below it")


@helper
def open_related(k: Kernel, task: Task, user: UserNamespace | None, pid_ns: PidNamespace | None) -> None:
    """A descriptor of a user or of a pid namespace (fs/nsfs.c: open_related_ns, v6.18)."""
    new = k.new(Descriptor)
    new.table = task.group_leader
    new.user = user
    new.pid_ns = pid_ns
    pin_file(k, new)
    inside = user is None or user_within(k, user, task.user_ns)
    assure("NS_ISOL", inside, "an ioctl gives a user namespace above the caller's", task, user)
    inside = pid_ns is None or within(k, pid_ns, task.pid.ns)
    assure("NS_ISOL", inside, "an ioctl gives a pid namespace above the caller's", task, pid_ns)


@syscall(source="fs/nsfs.c: ns_ioctl, NS_GET_USERNS; kernel/user_namespace.c: ns_get_owner (v6.18); ioctl_nsfs(2)")
def ns_get_userns(k: Kernel, task: Task, file: Descriptor) -> int:
    """Open the user namespace that owns the one that a file names."""
    given(may_call(k, task) and file.table is task.group_leader)
    check_ns_file(k, file)
    owner = owner_of(k, file)
    check_owner(k, task, owner)
    open_related(k, task, owner, None)
    return 0


@syscall(source="fs/nsfs.c: ns_ioctl, NS_GET_PARENT; kernel/pid_namespace.c: pidns_get_parent (v6.18); ioctl_nsfs(2)")
def ns_get_parent(k: Kernel, task: Task, file: Descriptor) -> int:
    """Open the parent of the user or pid namespace that a file names, unless it is above the caller's."""
    given(may_call(k, task) and file.table is task.group_leader)
    check_ns_file(k, file)
    owner: UserNamespace | None = None
    parent: PidNamespace | None = None
    if file.user is not None:
        owner = file.user.owner
        check_owner(k, task, owner)
    elif file.pid_ns is not None:
        parent = file.pid_ns.parent
        check_parent(k, task, parent)
    else:
        fail(EINVAL, "a namespace of this type has no parent")
    open_related(k, task, owner, parent)
    return 0


@syscall(source="fs/nsfs.c: ns_ioctl, NS_GET_NSTYPE (v6.18); ioctl_nsfs(2)")
def ns_get_nstype(k: Kernel, task: Task, file: Descriptor) -> int:
    """The type of the namespace that a file names, as the flag of clone that makes one."""
    given(may_call(k, task) and file.table is task.group_leader)
    check_ns_file(k, file)
    if file.mnt is not None:
        return 0x20000
    if file.uts is not None:
        return 0x4000000
    if file.ipc is not None:
        return 0x8000000
    if file.net is not None:
        return 0x40000000
    if file.cgroup is not None:
        return 0x2000000
    if file.time is not None:
        return 0x80
    if file.pid_ns is not None:
        return 0x20000000
    return 0x10000000


@syscall(source="fs/nsfs.c: ns_ioctl, NS_GET_OWNER_UID (v6.18); ioctl_nsfs(2)")
def ns_get_owner_uid(k: Kernel, task: Task, file: Descriptor) -> int:
    """The user who made a user namespace, as the caller's user namespace shows ids."""
    given(may_call(k, task) and file.table is task.group_leader)
    check_ns_file(k, file)
    if file.user is None:
        fail(EINVAL, "the namespace is no user namespace")
    return shown_id(k, task.user_ns, IdKind.UID, file.user.creator)


@helper
def is_next(k: Kernel, task: Task, ns: MntNamespace, found: MntNamespace, previous: bool) -> bool:
    """In the order of their making, a mount namespace is the first one after another, or before it, over whose owner
    the task has CAP_SYS_ADMIN (fs/namespace.c: get_sequential_mnt_ns, v6.18)."""
    if not admin(k, task, found.owner) or (found not in ns.older if previous else ns not in found.older):
        return False
    for other in k.mnt_namespaces:
        between = found in other.older and other in ns.older if previous else ns in other.older and other in found.older
        if between and admin(k, task, other.owner):
            return False
    return True


@syscall(source="fs/nsfs.c: ns_ioctl, NS_MNT_GET_NEXT, may_see_all_namespaces (v6.18.44); ioctl_nsfs(2)")
def ns_mnt_get_next(k: Kernel, task: Task, file: Descriptor, previous: bool, found: MntNamespace | None) -> int:
    """Open the mount namespace that was made next after the one that a file names, or before it. That is for whoever
    is in the first pid namespace of the machine, with CAP_SYS_ADMIN there; nobody here is. Until Linux 7.0 (and its
    stable kernels of 2026) whoever had CAP_SYS_ADMIN over the owner of what was `found` got it."""
    given(may_call(k, task) and file.table is task.group_leader)
    check_ns_file(k, file)
    if not k.bug(NF08):
        fail(EPERM, "the caller is not in the first pid namespace of the machine")
    ns = file.mnt
    given(ns is not None or found is None)
    if ns is None:
        fail(EINVAL, "the file is of no mount namespace")
    if found is None:
        given(not any(is_next(k, task, ns, other, previous) for other in k.mnt_namespaces))
        fail(ENOENT, "there is no such mount namespace")
    given(is_next(k, task, ns, found, previous))
    new = k.new(Descriptor)
    new.table = task.group_leader
    new.mnt = found
    pin_file(k, new)
    known = False
    for t in k.tasks:
        proxy = t.nsproxy
        if proxy is not None and proxy.mnt is found and visible(k, t.pid, task.pid.ns):
            known = True
    assure("NS_ISOL", known, "an ioctl gives a mount namespace of nobody whom the caller sees", task, found)
    return 0
