"""Files of namespaces: /proc/PID/ns, descriptors, pidfds (namespaces(7); fs/nsfs.c, fs/proc/namespaces.c,
fs/pidfs.c, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import (
    EACCES,
    ENOENT,
    ESRCH,
    assure,
    fail,
    given,
    helper,
    syscall,
)
from nsmodel.kernel.credentials import judge_access, may_access, may_call
from nsmodel.kernel.objects import Descriptor, Kernel, NsFile, NsType, Task
from nsmodel.kernel.pid import visible
from nsmodel.kernel.pins import pin_file
from nsmodel.kernel.refs import close_file


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
    if not may_access(k, task, target, True):
        fail(EACCES, "no ptrace access to the task")
    if not has_link(k, target, kind):
        fail(ENOENT, "the task has no such namespace (any more, or as yet)")


@syscall(source="fs/proc/namespaces.c: proc_ns_get_link (v6.18); namespaces(7)")
def open_ns(k: Kernel, task: Task, target: Task, kind: NsType) -> int:
    """Open /proc/PID/ns/KIND, the number being the target's in the sandbox's /proc."""
    given(may_call(k, task) and names_something(k, target, kind))
    check_link(k, task, target, kind)
    judge_access(k, task, target)
    file = k.new(Descriptor)
    file.table = task.group_leader
    name_target(k, file, target, kind)
    pin_file(k, file)
    return 0


@syscall(source="fs/file.c: close_fd (v6.18); close(2)")
def close(k: Kernel, task: Task, file: Descriptor) -> int:
    """Close a descriptor of the process."""
    given(may_call(k, task) and file.table is task.group_leader)
    close_file(k, file)
    return 0


@syscall(source="kernel/pid.c: SYSCALL_DEFINE2(pidfd_open) (v6.18); pidfd_open(2)")
def pidfd_open(k: Kernel, task: Task, target: Task) -> int:
    """Open a descriptor of a process, found by its number in the caller's pid namespace."""
    given(may_call(k, task))
    if not visible(k, target.pid, task.pid.ns):
        fail(ESRCH, "no such number in the caller's pid namespace")
    if target.group_leader is not target:
        fail(ENOENT, "the task is no thread group leader")
    seen = visible(k, target.pid, task.pid.ns)
    assure("PID_VIS", seen, "a process is opened that has no number for the caller", target)
    file = k.new(Descriptor)
    file.table = task.group_leader
    file.pidfd = target.pid
    target.pid.count += 1
    return 0
