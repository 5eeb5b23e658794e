"""setns: joining a namespace by its file, or several at once by a pidfd (setns(2); kernel/nsproxy.c, v6.18).

All installs are checked in the kernel's order before anything changes: user, mnt, uts, ipc, pid, cgroup, net, time;
whoever joins a user namespace in the same call is asked for capabilities with the credentials that it has before.
"""

from __future__ import annotations

from nsmodel.ir.language import EBADF, EINVAL, EPERM, ESRCH, EUSERS, assure, fail, given, helper, syscall
from nsmodel.kernel.arguments import NsFlags
from nsmodel.kernel.credentials import (
    admin,
    become_root_of,
    capable,
    entitled,
    judge_access,
    made,
    may_access,
    may_call,
)
from nsmodel.kernel.fork import threaded
from nsmodel.kernel.mount.namespace import enter
from nsmodel.kernel.mutants import SETNS_OWN_CAPS, SETNS_PID_ANCESTOR, SETNS_USER_PARENT
from nsmodel.kernel.nsioctl import owner_of as owner_of_ns
from nsmodel.kernel.nsproxy import switch_namespaces
from nsmodel.kernel.objects import (
    CapabilityKind,
    CgroupNamespace,
    Descriptor,
    FsStruct,
    IpcNamespace,
    Kernel,
    MntNamespace,
    Namespace,
    NetNamespace,
    NsFile,
    Nsproxy,
    PidNamespace,
    Task,
    TimeNamespace,
    UserNamespace,
    UtsNamespace,
)
from nsmodel.kernel.pid import within
from nsmodel.kernel.refs import (
    copy_nsproxy,
    put_ipc_ns,
    put_mnt_ns,
    put_net_ns,
    put_ns,
    put_pid_ns,
    put_user_ns,
)
from nsmodel.kernel.signal import owner_of


@helper
def check_user(k: Kernel, task: Task, ns: UserNamespace) -> None:
    """userns_install."""
    if ns is task.user_ns:
        fail(EINVAL, "the caller is in this user namespace already")
    if threaded(k, task):
        fail(EINVAL, "setns to a user namespace in a threaded process")
    if task.fs is not None and task.fs.users > 1:
        fail(EINVAL, "setns to a user namespace with a shared root and working directory")
    if not admin(k, task, ns) and not (k.bug(SETNS_USER_PARENT) and task.user_ns.owner is ns):
        fail(EPERM, "no CAP_SYS_ADMIN in the user namespace")


@helper
def check_plain(k: Kernel, task: Task, joined: UserNamespace | None, ns: Namespace) -> None:
    """utsns_install, ipcns_install, netns_install, cgroupns_install, and the first check of the others: capabilities
    over the owner, and over the user namespace that the caller will be in (check_user has asked for a joined one)."""
    if not admin(k, task, ns.owner) and not k.bug(SETNS_OWN_CAPS):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the namespace")
    if joined is None and not admin(k, task, task.user_ns):
        fail(EPERM, "no CAP_SYS_ADMIN in the caller's own user namespace")


@helper
def check_mnt(k: Kernel, task: Task, joined: UserNamespace | None, ns: MntNamespace, own_fs: bool) -> None:
    """mntns_install; with several flags it works on a copy of the root and working directory (prepare_nsset)."""
    check_plain(k, task, joined, ns)
    if joined is None and not capable(k, task, task.user_ns, CapabilityKind.SYS_CHROOT):
        fail(EPERM, "no CAP_SYS_CHROOT in the caller's own user namespace")
    if own_fs and task.fs is not None and task.fs.users > 1:
        fail(EINVAL, "setns to a mount namespace with a shared root and working directory")


@helper
def check_pid_ns(k: Kernel, task: Task, joined: UserNamespace | None, ns: PidNamespace) -> None:
    """pidns_install."""
    check_plain(k, task, joined, ns)
    if not within(k, ns, task.pid.ns) and not k.bug(SETNS_PID_ANCESTOR):
        fail(EINVAL, "the pid namespace is not the active one or below it")


@helper
def check_time(k: Kernel, task: Task, joined: UserNamespace | None, ns: TimeNamespace) -> None:
    """timens_install."""
    if threaded(k, task):
        fail(EUSERS, "setns to a time namespace in a threaded process")
    check_plain(k, task, joined, ns)


@helper
def judge_join(k: Kernel, task: Task, file: NsFile) -> None:
    """Who joins a namespace has CAP_SYS_ADMIN over its owner (over a user namespace itself)."""
    owner = owner_of_ns(k, file)
    if file.user is not None:
        owner = file.user
    allowed = entitled(k, task, owner, CapabilityKind.SYS_ADMIN)
    assure("CAP_CONFINED", allowed, "a namespace is joined without CAP_SYS_ADMIN over its owner", task, owner)


@helper
def join_mnt(k: Kernel, new: Nsproxy, ns: MntNamespace, fs: FsStruct | None) -> None:
    """Install a mount namespace; the root and working directory become its top."""
    old = new.mnt
    if fs is not None:
        enter(k, fs, ns)
    ns.count += 1
    new.mnt = ns
    if old is not None:
        put_mnt_ns(k, old)


@helper
def join_uts(k: Kernel, new: Nsproxy, ns: UtsNamespace) -> None:
    """Install a UTS namespace."""
    old = new.uts
    ns.count += 1
    new.uts = ns
    if old is not None:
        put_ns(k, old)


@helper
def join_ipc(k: Kernel, new: Nsproxy, ns: IpcNamespace) -> None:
    """Install an IPC namespace."""
    old = new.ipc
    ns.count += 1
    new.ipc = ns
    if old is not None:
        put_ipc_ns(k, old)


@helper
def join_pid(k: Kernel, new: Nsproxy, ns: PidNamespace) -> None:
    """Install a pid namespace for children; the caller's own never changes."""
    old = new.pid_for_children
    ns.count += 1
    new.pid_for_children = ns
    put_pid_ns(k, old)


@helper
def join_cgroup(k: Kernel, new: Nsproxy, ns: CgroupNamespace) -> None:
    """Install a cgroup namespace."""
    old = new.cgroup
    ns.count += 1
    new.cgroup = ns
    if old is not None:
        put_ns(k, old)


@helper
def join_net(k: Kernel, new: Nsproxy, ns: NetNamespace) -> None:
    """Install a network namespace."""
    old = new.net
    ns.count += 1
    new.net = ns
    if old is not None:
        put_net_ns(k, old)


@helper
def join_time(k: Kernel, new: Nsproxy, ns: TimeNamespace) -> None:
    """Install a time namespace, for the caller and its children."""
    old = new.time
    old_for_children = new.time_for_children
    ns.count += 2
    new.time = ns
    new.time_for_children = ns
    if old is not None:
        put_ns(k, old)
    if old_for_children is not None:
        put_ns(k, old_for_children)


@helper
def made_below(k: Kernel, task: Task, ns: UserNamespace) -> bool:
    """A user namespace is one that the task's user made from its own, or below one: whoever joins another becomes
    undumpable (kernel/cred.c: cred_cap_issubset, v6.18)."""
    here: UserNamespace | None = ns
    while here is not None:
        if made(k, task, here):
            return True
        here = here.owner
    return False


@helper
def join_user(k: Kernel, task: Task, ns: UserNamespace) -> None:
    """Take credentials with every capability in a user namespace; the ids stay."""
    old = task.user_ns
    assure("CAP_CONFINED", admin(k, task, ns), "a task gets every capability where it had none", task, ns)
    ns.count += 1
    if not made_below(k, task, ns):
        task.group_leader.dumpable = False
    become_root_of(k, task, ns)
    put_user_ns(k, old)


@helper
def names_ns(k: Kernel, file: Descriptor) -> bool:
    """A descriptor is of a namespace."""
    plain = file.uts is not None or file.ipc is not None or file.net is not None or file.time is not None
    return plain or file.mnt is not None or file.user is not None or file.pid_ns is not None or file.cgroup is not None


@syscall(source="kernel/nsproxy.c: SYSCALL_DEFINE2(setns), validate_ns (v6.18); setns(2)")
def setns(k: Kernel, task: Task, file: Descriptor, wrong_type: bool) -> int:
    """Join the namespace of an open file; `wrong_type` asks for another type than the file's."""
    given(may_call(k, task) and task.nsproxy is not None and file.table is task.group_leader)
    old = task.nsproxy
    assert old is not None
    given(file.pidfd is None)
    if file.opath:
        fail(EBADF, "the descriptor was opened with O_PATH")
    if not names_ns(k, file):
        fail(EINVAL, "the descriptor is of no namespace")
    if wrong_type:
        fail(EINVAL, "the namespace is not of the type asked for")
    if file.user is not None:
        check_user(k, task, file.user)
    if file.mnt is not None:
        check_mnt(k, task, None, file.mnt, True)
    if file.uts is not None:
        check_plain(k, task, None, file.uts)
    if file.ipc is not None:
        check_plain(k, task, None, file.ipc)
    if file.pid_ns is not None:
        check_pid_ns(k, task, None, file.pid_ns)
    if file.cgroup is not None:
        check_plain(k, task, None, file.cgroup)
    if file.net is not None:
        check_plain(k, task, None, file.net)
    if file.time is not None:
        check_time(k, task, None, file.time)
    judge_join(k, task, file)
    if file.user is not None:
        join_user(k, task, file.user)
        return 0
    new = copy_nsproxy(k, old)
    if file.mnt is not None:
        join_mnt(k, new, file.mnt, task.fs)
    if file.uts is not None:
        join_uts(k, new, file.uts)
    if file.ipc is not None:
        join_ipc(k, new, file.ipc)
    if file.pid_ns is not None:
        join_pid(k, new, file.pid_ns)
    if file.cgroup is not None:
        join_cgroup(k, new, file.cgroup)
    if file.net is not None:
        join_net(k, new, file.net)
    if file.time is not None:
        join_time(k, new, file.time)
    switch_namespaces(k, task, new)
    return 0


@helper
def judge_join_all(k: Kernel, task: Task, target: Task, proxy: Nsproxy, flags: NsFlags) -> None:
    """The same of all that are joined at once."""
    over: set[UserNamespace] = set()
    if flags.user:
        over.add(target.user_ns)
    if flags.mnt and proxy.mnt is not None and proxy.mnt.owner is not None:
        over.add(proxy.mnt.owner)
    if flags.uts and proxy.uts is not None and proxy.uts.owner is not None:
        over.add(proxy.uts.owner)
    if flags.ipc and proxy.ipc is not None and proxy.ipc.owner is not None:
        over.add(proxy.ipc.owner)
    if flags.pid and target.pid.ns.owner is not None:
        over.add(target.pid.ns.owner)
    if flags.cgroup and proxy.cgroup is not None and proxy.cgroup.owner is not None:
        over.add(proxy.cgroup.owner)
    if flags.net and proxy.net is not None and proxy.net.owner is not None:
        over.add(proxy.net.owner)
    if flags.time and proxy.time is not None and proxy.time.owner is not None:
        over.add(proxy.time.owner)
    for owner in over:
        allowed = entitled(k, task, owner, CapabilityKind.SYS_ADMIN)
        assure("CAP_CONFINED", allowed, "a namespace is joined without CAP_SYS_ADMIN over its owner", task, owner)


@helper
def several(k: Kernel, flags: NsFlags) -> bool:
    """Some flag beside CLONE_NEWNS is set."""
    return flags.uts or flags.ipc or flags.pid or flags.net or flags.cgroup or flags.time or flags.user


@helper
def check_nsset(k: Kernel, task: Task, target: Task, proxy: Nsproxy, flags: NsFlags) -> None:
    """validate_nsset: every install in its order."""
    joined: UserNamespace | None = None
    if flags.user:
        check_user(k, task, target.user_ns)
        joined = target.user_ns
    if flags.mnt and proxy.mnt is not None:
        check_mnt(k, task, joined, proxy.mnt, not several(k, flags))
    if flags.uts and proxy.uts is not None:
        check_plain(k, task, joined, proxy.uts)
    if flags.ipc and proxy.ipc is not None:
        check_plain(k, task, joined, proxy.ipc)
    if flags.pid:
        check_pid_ns(k, task, joined, target.pid.ns)
    if flags.cgroup and proxy.cgroup is not None:
        check_plain(k, task, joined, proxy.cgroup)
    if flags.net and proxy.net is not None:
        check_plain(k, task, joined, proxy.net)
    if flags.time and proxy.time is not None:
        check_time(k, task, joined, proxy.time)


@syscall(source="kernel/nsproxy.c: validate_nsset, commit_nsset (v6.18); setns(2)")
def setns_pidfd(k: Kernel, task: Task, file: Descriptor, flags: NsFlags) -> int:
    """Join namespaces of a process, all or none; of a pid namespace its active one."""
    given(may_call(k, task) and task.nsproxy is not None and file.table is task.group_leader)
    old = task.nsproxy
    assert old is not None
    pid = file.pidfd
    given(pid is not None)
    assert pid is not None
    # One root and working directory that two mount namespaces share is not modelled.
    given(not (flags.mnt and several(k, flags) and task.fs is not None and task.fs.users > 1))
    if flags.unknown or not (flags.mnt or several(k, flags)):
        fail(EINVAL, "no flag, or one that is no namespace type")
    target = owner_of(k, pid)
    if target is None:
        fail(ESRCH, "the process is gone")
    if not may_access(k, task, target, False):
        fail(EPERM, "no ptrace access to the process")
    proxy = target.nsproxy
    if proxy is None:
        fail(ESRCH, "the process is dead")
    check_nsset(k, task, target, proxy, flags)
    judge_access(k, task, target)
    judge_join_all(k, task, target, proxy, flags)
    new = copy_nsproxy(k, old)
    if flags.mnt and proxy.mnt is not None:
        join_mnt(k, new, proxy.mnt, task.fs)
    if flags.uts and proxy.uts is not None:
        join_uts(k, new, proxy.uts)
    if flags.ipc and proxy.ipc is not None:
        join_ipc(k, new, proxy.ipc)
    if flags.pid:
        join_pid(k, new, target.pid.ns)
    if flags.cgroup and proxy.cgroup is not None:
        join_cgroup(k, new, proxy.cgroup)
    if flags.net and proxy.net is not None:
        join_net(k, new, proxy.net)
    if flags.time and proxy.time is not None:
        join_time(k, new, proxy.time)
    if flags.user:
        join_user(k, task, target.user_ns)
    switch_namespaces(k, task, new)
    return 0
