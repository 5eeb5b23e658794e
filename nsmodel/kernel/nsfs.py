"""Files of namespaces: /proc/PID/ns, descriptors, bind mounts, pidfds (namespaces(7); fs/nsfs.c, fs/proc/namespaces.c,
fs/pidfs.c, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import (
    EACCES,
    EBUSY,
    EINVAL,
    ENOENT,
    EPERM,
    ESRCH,
    fail,
    given,
    helper,
    syscall,
)
from nsmodel.kernel.credentials import capable, may_access, may_call
from nsmodel.kernel.objects import BindMount, Descriptor, Kernel, NsFile, NsType, Task
from nsmodel.kernel.pid import visible
from nsmodel.kernel.refs import close_file, free_bind, pin, pin_file


@helper
def has_link(k: Kernel, target: Task, kind: NsType) -> bool:
    """/proc/PID/ns has the link now: a dead task keeps `user` and `pid` only, and a pid namespace without an init is
    not shown for children (fs/proc/namespaces.c: proc_ns_operations.get, v6.18)."""
    if kind == NsType.USER or kind == NsType.PID:
        return True
    proxy = target.nsproxy
    if proxy is None:
        return False
    if kind == NsType.PID_FOR_CHILDREN:
        return proxy.pid_for_children.started
    return True


@helper
def name_target(k: Kernel, file: NsFile, target: Task, kind: NsType) -> None:
    """Store in a namespace file which namespace it names."""
    if kind == NsType.USER:
        file.user = target.user_ns
    if kind == NsType.PID:
        file.pid_ns = target.pid.ns
    proxy = target.nsproxy
    if proxy is not None:
        if kind == NsType.MNT:
            file.mnt = proxy.mnt
        if kind == NsType.UTS:
            file.uts = proxy.uts
        if kind == NsType.IPC:
            file.ipc = proxy.ipc
        if kind == NsType.PID_FOR_CHILDREN:
            file.pid_ns = proxy.pid_for_children
        if kind == NsType.NET:
            file.net = proxy.net
        if kind == NsType.CGROUP:
            file.cgroup = proxy.cgroup
        if kind == NsType.TIME:
            file.time = proxy.time
        if kind == NsType.TIME_FOR_CHILDREN:
            file.time = proxy.time_for_children


@helper
def names_something(k: Kernel, target: Task, kind: NsType) -> bool:
    """The scope has namespaces of this type at all."""
    proxy = target.nsproxy
    if proxy is None:
        return True
    if kind == NsType.MNT:
        return proxy.mnt is not None
    if kind == NsType.UTS:
        return proxy.uts is not None
    if kind == NsType.IPC:
        return proxy.ipc is not None
    if kind == NsType.NET:
        return proxy.net is not None
    if kind == NsType.CGROUP:
        return proxy.cgroup is not None
    if kind == NsType.TIME or kind == NsType.TIME_FOR_CHILDREN:
        return proxy.time is not None
    return True


@helper
def check_link(k: Kernel, task: Task, target: Task, kind: NsType) -> None:
    """Following /proc/PID/ns/…: access to the task comes before the link (proc_ns_get_link)."""
    if not may_access(k, task, target):
        fail(EACCES, "no ptrace access to the task")
    if not has_link(k, target, kind):
        fail(ENOENT, "the task has no such namespace (any more, or as yet)")


@syscall(source="fs/proc/namespaces.c: proc_ns_get_link (v6.18); namespaces(7)")
def open_ns(k: Kernel, task: Task, target: Task, kind: NsType) -> int:
    """Open /proc/PID/ns/KIND, the number being the target's in the sandbox's /proc."""
    given(may_call(k, task) and names_something(k, target, kind))
    check_link(k, task, target, kind)
    file = k.new(Descriptor)
    file.table = task.group_leader
    name_target(k, file, target, kind)
    pin_file(k, file)
    if file.mnt is not None:
        pin(k, file.mnt)
    return 0


@syscall(source="fs/file.c: close_fd (v6.18); close(2)")
def close(k: Kernel, task: Task, file: Descriptor) -> int:
    """Close a descriptor of the process."""
    given(may_call(k, task) and file.table is task.group_leader)
    close_file(k, file)
    return 0


@syscall(source="fs/namespace.c: do_loopback (v6.18); mount(2) MS_BIND, namespaces(7)")
def bind_ns(k: Kernel, task: Task, target: Task, kind: NsType, place: int) -> int:
    """Bind /proc/PID/ns/KIND on a file of the sandbox that nothing covers yet in the caller's mount namespace.

    Mount namespaces have rules of their own about who may hold whom; their files are left out here.
    """
    given(may_call(k, task) and task.nsproxy is not None)
    proxy = task.nsproxy
    assert proxy is not None
    inside = proxy.mnt
    given(inside is not None and kind != NsType.MNT and names_something(k, target, kind))
    assert inside is not None
    given(not any(b.inside is inside and b.place == place for b in k.bind_mounts))
    if not capable(k, task, inside.owner):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the mount namespace")
    check_link(k, task, target, kind)
    bind = k.new(BindMount)
    bind.inside = inside
    bind.place = place
    name_target(k, bind, target, kind)
    pin_file(k, bind)
    return 0


@syscall(source="fs/namespace.c: path_umount, can_umount (v6.18); umount2(2)")
def umount_ns(k: Kernel, task: Task, bind: BindMount) -> int:
    """Unmount a namespace file in the caller's mount namespace."""
    given(may_call(k, task) and task.nsproxy is not None)
    proxy = task.nsproxy
    assert proxy is not None
    given(bind.inside is proxy.mnt)
    if not capable(k, task, bind.inside.owner):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the mount namespace")
    if bind.locked:
        fail(EINVAL, "the mount came locked from a namespace of another owner")
    if any(f.through is bind for f in k.descriptors):
        fail(EBUSY, "a descriptor was opened through the mount")
    free_bind(k, bind)
    return 0


@syscall(source="fs/nsfs.c: ns_file_operations, mode 0444 (v6.18); namespaces(7)")
def open_bind(k: Kernel, task: Task, bind: BindMount) -> int:
    """Open a namespace through a bind mount of its file: nobody asks who made it."""
    given(may_call(k, task) and task.nsproxy is not None)
    proxy = task.nsproxy
    assert proxy is not None
    given(bind.inside is proxy.mnt)
    file = k.new(Descriptor)
    file.table = task.group_leader
    file.uts = bind.uts
    file.ipc = bind.ipc
    file.pid_ns = bind.pid_ns
    file.user = bind.user
    file.net = bind.net
    file.cgroup = bind.cgroup
    file.time = bind.time
    file.through = bind
    pin_file(k, file)
    return 0


@syscall(source="kernel/pid.c: SYSCALL_DEFINE2(pidfd_open) (v6.18); pidfd_open(2)")
def pidfd_open(k: Kernel, task: Task, target: Task) -> int:
    """Open a descriptor of a process, found by its number in the caller's pid namespace."""
    given(may_call(k, task))
    if not visible(k, target.pid, task.pid.ns):
        fail(ESRCH, "no such number in the caller's pid namespace")
    if target.group_leader is not target:
        fail(ENOENT, "the task is no thread group leader")
    file = k.new(Descriptor)
    file.table = task.group_leader
    file.pidfd = target.pid
    target.pid.count += 1
    return 0
