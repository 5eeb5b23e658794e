"""clone, clone3 and unshare (clone(2), unshare(2); kernel/fork.c: copy_process, ksys_unshare, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import EINVAL, ENOSPC, EPERM, error, fail, given, helper, syscall
from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.credentials import admin, become_root_of, copy_credentials, copy_rights, may_call
from nsmodel.kernel.mount.namespace import copy_mounts
from nsmodel.kernel.mutants import MR06, NEWUSER_THREADED, PD03, PD07, TM01, UNSHARE_ANY, UNSHARE_NO_PUT, US01, US06
from nsmodel.kernel.nsproxy import (
    check_new_namespaces,
    create_new_namespaces,
    create_pid_ns,
    enter_time_for_children,
    judge_new_namespaces,
    switch_namespaces,
    wants_nsproxy,
)
from nsmodel.kernel.objects import Descriptor, FsStruct, Kernel, MapFile, Nsproxy, Pid, Task
from nsmodel.kernel.pid import alloc_pid, check_alloc_pid, report
from nsmodel.kernel.pins import name_same
from nsmodel.kernel.refs import copy_fs, new_mnt_ns, put_fs, put_mnt_ns, put_user_ns
from nsmodel.kernel.user.namespace import check_create_user_ns, create_user_ns
from nsmodel.kernel.user.ucounts import limit_of


@helper
def threaded(k: Kernel, task: Task) -> bool:
    """The thread group has another task, dead leaders included (thread_group_empty)."""
    return any(t.group_leader is task.group_leader and t is not task for t in k.tasks)


@helper
def is_init(k: Kernel, task: Task) -> bool:
    """The task's group is the init of its pid namespace."""
    return task.group_leader.unkillable


@helper
def check_clone_flags(k: Kernel, task: Task, proxy: Nsproxy, flags: CloneFlags) -> None:
    """The flag checks of copy_process, in their order."""
    if flags.unknown:
        fail(EINVAL, "clone3: a flag that it does not know")
    if flags.newns and flags.fs:
        fail(EINVAL, "CLONE_NEWNS with CLONE_FS")
    if flags.newuser and flags.fs and not k.bug(US01):
        fail(EINVAL, "CLONE_NEWUSER with CLONE_FS")
    if flags.thread and not flags.sighand:
        fail(EINVAL, "CLONE_THREAD without CLONE_SIGHAND")
    if flags.sighand and not flags.vm:
        fail(EINVAL, "CLONE_SIGHAND without CLONE_VM")
    if flags.parent and is_init(k, task):
        fail(EINVAL, "CLONE_PARENT by the init of a pid namespace")
    if flags.thread and (flags.newuser or flags.newpid):
        fail(EINVAL, "CLONE_THREAD with CLONE_NEWUSER or CLONE_NEWPID")
    if flags.thread and proxy.pid_for_children is not task.pid.ns and not k.bug(PD07):
        fail(EINVAL, "CLONE_THREAD while children go to another pid namespace")


@helper
def copy_descriptor(k: Kernel, file: Descriptor, table: Task) -> None:
    """A forked process has every descriptor of its parent (kernel/fork.c: copy_files, v6.18)."""
    copy = k.new(Descriptor)
    copy.table = table
    name_same(k, copy, file)
    copy.mount = file.mount
    copy.dentry = file.dentry
    copy.opath = file.opath
    copy.write = file.write
    copy.tree = file.tree
    copy.phase = file.phase
    copy.context = file.context
    maker = file.maker
    copy.maker = maker
    if maker is not None:
        maker.count += 1
    if file.mount is not None:
        file.mount.count += 1
    copy.pidfd = file.pidfd
    if file.pidfd is not None:
        file.pidfd.count += 1


@helper
def copy_map_file(k: Kernel, file: MapFile, table: Task) -> None:
    """A forked process has the id maps open that its parent has, with the credentials of whoever opened them."""
    copy = k.new(MapFile)
    copy.table = table
    copy.ns = file.ns
    copy.kind = file.kind
    copy.setgroups = file.setgroups
    copy_rights(k, copy, file)
    file.ns.count += 1


@helper
def new_task(k: Kernel, task: Task, pid: Pid, flags: CloneFlags) -> Task:
    """The child task: a thread of the caller's group, or the leader of a new one."""
    child = k.new(Task)
    child.pid = pid
    copy_credentials(k, child, task)
    if flags.fs:
        child.fs = task.fs
        if task.fs is not None:
            task.fs.users += 1
    elif task.fs is not None:
        child.fs = copy_fs(k, task.fs)
    if flags.thread:
        child.group_leader = task.group_leader
        return child
    leader = task.group_leader
    child.group_leader = child
    child.parent = leader.parent if flags.parent else leader
    child.pgrp = leader.pgrp
    child.session = leader.session
    child.dumpable = leader.dumpable
    child.on_term = leader.on_term
    if pid.numbers[pid.ns] == 1:
        child.unkillable = True
        pid.ns.child_reaper = child
    mm_ns = leader.mm_ns
    child.mm_ns = mm_ns
    if mm_ns is not None:
        mm_ns.count += 1
    exe = leader.exe
    child.exe = exe
    if exe is not None:
        exe.count += 1
    for file in k.descriptors:
        if file.table is leader:
            copy_descriptor(k, file, child)
    for opened in k.map_files:
        if opened.table is leader:
            copy_map_file(k, opened, child)
    return child


@helper
def fill_mnt_ns(k: Kernel, old: Nsproxy, new: Nsproxy, fs: FsStruct | None) -> None:
    """A new mount namespace gets copies of the mounts of the old one, and the root and working directory follow."""
    before = old.mnt
    after = new.mnt
    if before is not None and after is not None and before is not after:
        copy_mounts(k, before, after, fs)


@syscall(source="kernel/fork.c: copy_process; kernel/nsproxy.c: copy_namespaces (v6.18); clone(2)")
def clone3(k: Kernel, task: Task, flags: CloneFlags, tids: SetTid) -> int:
    """Make a child process or a thread; gives the child's number in the caller's pid namespace."""
    given(may_call(k, task) and task.nsproxy is not None)
    # One process has one table of descriptors and one memory here: CLONE_VM and CLONE_FILES come with CLONE_THREAD.
    given(not (flags.vm or flags.files) or flags.sighand or flags.thread)
    old = task.nsproxy
    assert old is not None
    check_clone_flags(k, task, old, flags)
    given(flags.thread == flags.vm and flags.vm == flags.files)
    if flags.newuser:
        check_create_user_ns(k, task)
    wanted = wants_nsproxy(k, flags)
    if wanted and not flags.newuser and not admin(k, task, task.user_ns):
        fail(EPERM, "new namespaces without CAP_SYS_ADMIN in the child's user namespace")
    if wanted and flags.newipc and flags.sysvsem:
        fail(EINVAL, "CLONE_NEWIPC with CLONE_SYSVSEM")
    if k.bug(PD03) and flags.newpid and flags.newnet and old.net is not None and not flags.newuser:
        if limit_of(k, task.user_ns, old.net) == 1 and old.pid_for_children is task.pid.ns:
            leaked = create_pid_ns(k, task.pid.ns, task.user_ns, task)
            leaked.adding = True
            return error(ENOSPC, "no more network namespaces, and the pid namespace made before is not put")
    check_new_namespaces(k, task, old, flags)
    check_alloc_pid(k, task, old.pid_for_children, flags.newpid, tids)
    judge_new_namespaces(k, task, flags)
    owner = task.user_ns
    if flags.newuser:
        owner = create_user_ns(k, task)
    proxy = old
    late = old.time is not old.time_for_children and (not flags.vm or k.bug(TM01))
    if wanted or late:
        proxy = create_new_namespaces(k, task, old, flags, owner)
        if not flags.vm or k.bug(TM01):
            enter_time_for_children(k, proxy)
    else:
        old.count += 1
    pid = alloc_pid(k, proxy.pid_for_children, tids)
    child = new_task(k, task, pid, flags)
    child.nsproxy = proxy
    fill_mnt_ns(k, old, proxy, child.fs)
    if flags.newuser:
        become_root_of(k, child, owner)
    else:
        owner.count += 1
    return report(k, pid, task)


@helper
def check_unshare_threads(k: Kernel, task: Task, flags: CloneFlags) -> None:
    """The checks of check_unshare_flags; CLONE_NEWUSER implies CLONE_THREAD."""
    if flags.unknown or flags.parent:
        fail(EINVAL, "unshare: a flag that it does not know")
    if (flags.thread or flags.sighand or flags.vm) and threaded(k, task):
        fail(EINVAL, "CLONE_THREAD, CLONE_SIGHAND or CLONE_VM in a threaded process")
    if flags.newuser and threaded(k, task) and not k.bug(NEWUSER_THREADED):
        fail(EINVAL, "CLONE_NEWUSER in a threaded process")


@syscall(source="kernel/fork.c: ksys_unshare; kernel/nsproxy.c: unshare_nsproxy_namespaces (v6.18); unshare(2)")
def unshare(k: Kernel, task: Task, flags: CloneFlags) -> int:
    """Leave shared namespaces for new ones; all or nothing."""
    given(may_call(k, task) and task.nsproxy is not None)
    # The threads of a process share their table of descriptors here.
    given(not (flags.files and threaded(k, task)))
    old = task.nsproxy
    assert old is not None
    check_unshare_threads(k, task, flags)
    if flags.newuser:
        check_create_user_ns(k, task)
    wanted = wants_nsproxy(k, flags)
    if wanted and not flags.newuser and not admin(k, task, task.user_ns) and not k.bug(UNSHARE_ANY):
        fail(EPERM, "new namespaces without CAP_SYS_ADMIN in the user namespace")
    if k.bug(MR06) and flags.newns and flags.newcgroup and old.mnt is not None and old.cgroup is not None:
        if limit_of(k, task.user_ns, old.cgroup) == 1 and not flags.newuser:
            dead = new_mnt_ns(k, old.mnt, task.user_ns, task.euid)
            copy_mounts(k, old.mnt, dead, task.fs)
            put_mnt_ns(k, dead)
            return error(ENOSPC, "no more cgroup namespaces, and root and working directory are in a dead tree")
    if k.bug(US06) and flags.newuser and flags.newuts and old.uts is not None:
        if limit_of(k, task.user_ns, old.uts) == 1:
            create_user_ns(k, task)
            return error(ENOSPC, "no more UTS namespaces, and the new user namespace is not put")
    if wanted:
        check_new_namespaces(k, task, old, flags)
    judge_new_namespaces(k, task, flags)
    before = task.user_ns
    if flags.newuser:
        made = create_user_ns(k, task)
        become_root_of(k, task, made)
    if (flags.fs or flags.newns or flags.newuser) and task.fs is not None and task.fs.users > 1:
        own = copy_fs(k, task.fs)
        put_fs(k, task.fs)
        task.fs = own
    if wanted:
        new = create_new_namespaces(k, task, old, flags, task.user_ns)
        fill_mnt_ns(k, old, new, task.fs)
        if k.bug(UNSHARE_NO_PUT):
            task.nsproxy = new
        else:
            switch_namespaces(k, task, new)
    if flags.newuser:
        put_user_ns(k, before)
    return 0
