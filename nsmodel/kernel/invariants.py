"""Invariants of tasks, pid namespaces, references and lifetimes, under the names of the bug catalogue."""

from __future__ import annotations

from nsmodel.ir.language import count, helper, invariant, require
from nsmodel.kernel.objects import (
    CgroupNamespace,
    IpcNamespace,
    Kernel,
    MntNamespace,
    Namespace,
    NetNamespace,
    NsFile,
    Nsproxy,
    PidNamespace,
    TaskState,
    TimeNamespace,
    UserNamespace,
    UtsNamespace,
)
from nsmodel.kernel.pid import within


@helper
def inode_reference(k: Kernel, ns: Namespace) -> int:
    """The reference that the nsfs inode of a namespace holds."""
    return 1 if ns.inode > 0 else 0


@invariant("REF_EXACT", source="kernel/user_namespace.c, kernel/cred.c (v6.18)")
def user_references(k: Kernel) -> None:
    """A user namespace is held by credentials, by what it owns, by its file, and by memory that was made in it."""
    for ns in k.user_namespaces:
        held = inode_reference(k, ns) + count(t for t in k.tasks if t.user_ns is ns)
        held += count(n for n in k.user_namespaces if n.owner is ns)
        held += count(n for n in k.mnt_namespaces if n.owner is ns)
        held += count(n for n in k.uts_namespaces if n.owner is ns)
        held += count(n for n in k.ipc_namespaces if n.owner is ns)
        held += count(n for n in k.pid_namespaces if n.owner is ns)
        held += count(n for n in k.net_namespaces if n.owner is ns)
        held += count(n for n in k.cgroup_namespaces if n.owner is ns)
        held += count(n for n in k.time_namespaces if n.owner is ns)
        held += count(s for s in k.superblocks if s.owner is ns) + count(f for f in k.descriptors if f.maker is ns)
        held += count(t for t in k.tasks if t.mm_ns is ns)
        held += count(f for f in k.map_files if f.ns is ns) + count(f for f in k.map_files if f.user_ns is ns)
        require(ns.count == held, "the count of a user namespace equals its holders", ns)


@invariant("REF_EXACT", source="kernel/pid_namespace.c (v6.18)")
def pid_ns_references(k: Kernel) -> None:
    """A pid namespace is held by nsproxies, pids, child namespaces, and by its file."""
    for ns in k.pid_namespaces:
        held = inode_reference(k, ns) + count(p for p in k.nsproxies if p.pid_for_children is ns)
        held += count(p for p in k.pids if p.ns is ns)
        held += count(n for n in k.pid_namespaces if n.parent is ns)
        require(ns.count == held, "the count of a pid namespace equals its holders", ns)


@invariant("REF_EXACT", source="kernel/nsproxy.c: create_new_namespaces, free_nsproxy (v6.18)")
def plain_references(k: Kernel) -> None:
    """The other namespaces are held by nsproxies and by their files."""
    for mnt in k.mnt_namespaces:
        held = inode_reference(k, mnt) + count(p for p in k.nsproxies if p.mnt is mnt)
        if mnt.anonymous:
            held += 1  # the descriptor of its tree
        require(mnt.count == held, "the count of a mount namespace equals its holders", mnt)
    for uts in k.uts_namespaces:
        held = inode_reference(k, uts) + count(p for p in k.nsproxies if p.uts is uts)
        require(uts.count == held, "the count of a UTS namespace equals its holders", uts)
    for ipc in k.ipc_namespaces:
        held = inode_reference(k, ipc) + count(p for p in k.nsproxies if p.ipc is ipc)
        require(ipc.count == held, "the count of an IPC namespace equals its holders", ipc)
    for net in k.net_namespaces:
        held = inode_reference(k, net) + count(p for p in k.nsproxies if p.net is net)
        require(net.count == held, "the count of a network namespace equals its holders", net)
    for cgroup in k.cgroup_namespaces:
        held = inode_reference(k, cgroup) + count(p for p in k.nsproxies if p.cgroup is cgroup)
        require(cgroup.count == held, "the count of a cgroup namespace equals its holders", cgroup)
    for time in k.time_namespaces:
        held = inode_reference(k, time) + count(p for p in k.nsproxies if p.time is time)
        held += count(p for p in k.nsproxies if p.time_for_children is time)
        require(time.count == held, "the count of a time namespace equals its holders", time)


@invariant("REF_EXACT", source="include/linux/nsproxy.h: get_nsproxy, put_nsproxy (v6.18)")
def nsproxy_references(k: Kernel) -> None:
    """An nsproxy is held by the tasks that use it."""
    for proxy in k.nsproxies:
        held = count(t for t in k.tasks if t.nsproxy is proxy)
        require(proxy.count == held, "the count of an nsproxy equals the tasks that use it", proxy)


@helper
def names(k: Kernel, file: NsFile, ns: Namespace) -> bool:
    """A descriptor or bind mount is of a namespace."""
    if isinstance(ns, MntNamespace):
        return file.mnt is ns
    if isinstance(ns, UtsNamespace):
        return file.uts is ns
    if isinstance(ns, IpcNamespace):
        return file.ipc is ns
    if isinstance(ns, PidNamespace):
        return file.pid_ns is ns
    if isinstance(ns, UserNamespace):
        return file.user is ns
    if isinstance(ns, NetNamespace):
        return file.net is ns
    if isinstance(ns, CgroupNamespace):
        return file.cgroup is ns
    if isinstance(ns, TimeNamespace):
        return file.time is ns
    return False


@helper
def points_to(k: Kernel, proxy: Nsproxy, ns: Namespace) -> bool:
    """An nsproxy points to a namespace."""
    if isinstance(ns, MntNamespace):
        return proxy.mnt is ns
    if isinstance(ns, UtsNamespace):
        return proxy.uts is ns
    if isinstance(ns, IpcNamespace):
        return proxy.ipc is ns
    if isinstance(ns, PidNamespace):
        return proxy.pid_for_children is ns
    if isinstance(ns, NetNamespace):
        return proxy.net is ns
    if isinstance(ns, CgroupNamespace):
        return proxy.cgroup is ns
    if isinstance(ns, TimeNamespace):
        return proxy.time is ns or proxy.time_for_children is ns
    return False


@helper
def require_inode(k: Kernel, ns: Namespace) -> None:
    """The nsfs inode of a namespace has as many users as there are descriptors and bind mounts of it."""
    files = count(f for f in k.descriptors if names(k, f, ns)) + count(b for b in k.mounts if names(k, b, ns))
    require(ns.inode == files, "the nsfs inode of a namespace has as many users as files", ns)


@helper
def require_reachable(k: Kernel, ns: Namespace) -> None:
    """Some nsproxy, descriptor or bind mount names a namespace."""
    require(
        any(points_to(k, p, ns) for p in k.nsproxies)
        or any(names(k, f, ns) for f in k.descriptors)
        or any(names(k, b, ns) for b in k.mounts),
        "a namespace is alive that nothing names",
        ns,
    )


@invariant("REF_EXACT", source="fs/nsfs.c (v6.18)")
def inode_references(k: Kernel) -> None:
    """An nsfs inode is held by the descriptors and bind mounts of its namespace."""
    for mnt in k.mnt_namespaces:
        require_inode(k, mnt)
    for uts in k.uts_namespaces:
        require_inode(k, uts)
    for ipc in k.ipc_namespaces:
        require_inode(k, ipc)
    for pid_ns in k.pid_namespaces:
        require_inode(k, pid_ns)
    for user in k.user_namespaces:
        require_inode(k, user)
    for net in k.net_namespaces:
        require_inode(k, net)
    for cgroup in k.cgroup_namespaces:
        require_inode(k, cgroup)
    for time in k.time_namespaces:
        require_inode(k, time)


@invariant("REF_EXACT", source="kernel/pid.c: put_pid; include/linux/fs_struct.h (v6.18)")
def pid_references(k: Kernel) -> None:
    """A pid is held by its use and by pidfds; a root and working directory by the tasks that share it."""
    for pid in k.pids:
        held = count(f for f in k.descriptors if f.pidfd is pid)
        if any(t.pid is pid or t.pgrp is pid or t.session is pid for t in k.tasks):
            held += 1
        require(pid.count == held, "the count of a pid equals its holders", pid)
    for fs in k.fs_structs:
        require(fs.users == count(t for t in k.tasks if t.fs is fs), "fs_struct.users equals its tasks", fs)


@invariant("NO_LEAK", source="kernel/nsproxy.c, kernel/pid_namespace.c, fs/nsfs.c (v6.18)")
def reachable(k: Kernel) -> None:
    """What nobody can reach any more is freed: each namespace has a holder that is itself alive."""
    for ns in k.pid_namespaces:
        require(
            any(points_to(k, p, ns) for p in k.nsproxies)
            or any(p.ns is ns for p in k.pids)
            or any(child.parent is ns for child in k.pid_namespaces)
            or any(names(k, f, ns) for f in k.descriptors)
            or any(names(k, b, ns) for b in k.mounts),
            "a pid namespace is alive that nothing names",
            ns,
        )
    for mnt in k.mnt_namespaces:
        if mnt.anonymous:
            opened = any(f.tree and f.mount is not None and f.mount is mnt.root for f in k.descriptors)
            require(opened, "a tree is kept that no descriptor can reach", mnt)
        else:
            require_reachable(k, mnt)
    for uts in k.uts_namespaces:
        require_reachable(k, uts)
    for ipc in k.ipc_namespaces:
        require_reachable(k, ipc)
    for net in k.net_namespaces:
        require_reachable(k, net)
    for cgroup in k.cgroup_namespaces:
        require_reachable(k, cgroup)
    for time in k.time_namespaces:
        require_reachable(k, time)
    for proxy in k.nsproxies:
        require(any(t.nsproxy is proxy for t in k.tasks), "an nsproxy is alive that no task uses", proxy)


@invariant("PID_VIS", source="pid_namespaces(7); kernel/pid.c: alloc_pid, pid_nr_ns (v6.18)")
def numbers(k: Kernel) -> None:
    """A task has a number in its own pid namespace and in every ancestor, and nowhere else."""
    for t in k.tasks:
        for ns in k.pid_namespaces:
            require(
                (t.pid.numbers[ns] != 0) == within(k, t.pid.ns, ns),
                "a task has a number in its pid namespace and its ancestors, and nowhere else",
                t,
                ns,
            )


@invariant("REAPER_ALIVE", source="kernel/exit.c: find_child_reaper (v6.18)")
def reaper_alive(k: Kernel) -> None:
    """In a pid namespace with a living task, the reaper is a living task of its first process."""
    for t in k.tasks:
        if t.state == TaskState.RUNNING:
            reaper = t.pid.ns.child_reaper
            require(reaper is not None, "a living task's pid namespace has no reaper", t, t.pid.ns)
            if reaper is not None:
                require(reaper.state == TaskState.RUNNING, "the reaper of a living task is dead", t, reaper)
                require(reaper.pid.ns is t.pid.ns, "the reaper is of another pid namespace", t, reaper)
                first = reaper.group_leader.pid.numbers[t.pid.ns] == 1
                require(first, "the reaper is not of the first process", t, reaper)


@invariant("DEAD_NS_EMPTY", source="kernel/pid_namespace.c: zap_pid_ns_processes (v6.18)")
def dead_is_empty(k: Kernel) -> None:
    """Once an init began to die, nobody in its pid namespace lives or is born."""
    for t in k.tasks:
        if t.state == TaskState.RUNNING:
            for ns in k.pid_namespaces:
                require(
                    ns.adding or t.pid.numbers[ns] == 0,
                    "a task lives in a pid namespace whose init died",
                    t,
                    ns,
                )


@invariant("INIT_LAST", source="kernel/pid_namespace.c: zap_pid_ns_processes (v6.18)")
def init_last(k: Kernel) -> None:
    """The init of a pid namespace can be reaped only when no other task has a number there (a process group outside may
    still be named after the init's)."""
    for ns in k.pid_namespaces:
        if ns.started:
            reaper = ns.child_reaper
            gone = reaper is None
            if reaper is not None:
                leader = reaper.group_leader
                gone = leader.state == TaskState.ZOMBIE and not any(
                    t.group_leader is leader and t.state == TaskState.RUNNING for t in k.tasks
                )
            own = None if reaper is None else reaper.group_leader.pid
            if gone:
                require(
                    not any(t.pid.numbers[ns] != 0 and t.pid is not own for t in k.tasks),
                    "the init is reaped or reapable while others have numbers in its pid namespace",
                    ns,
                    reaper,
                )


@invariant("REPARENT_NS", source="kernel/exit.c: find_new_reaper (v6.18)")
def parents(k: Kernel) -> None:
    """A living process's parent lives, or is an init that waits; and it is in the same pid namespace or an ancestor."""
    for t in k.tasks:
        parent = t.parent
        if parent is not None:
            require(
                parent.state != TaskState.ZOMBIE
                or any(x.group_leader is parent and x.state == TaskState.RUNNING for x in k.tasks),
                "a process has a dead parent",
                t,
                parent,
            )
            require(within(k, t.pid.ns, parent.pid.ns), "a parent is outside of the child's pid namespaces", t, parent)


@invariant("GROUP_NS", source="kernel/fork.c: copy_process, check_unshare_flags (v6.18)")
def groups(k: Kernel) -> None:
    """The threads of a process share the active pid namespace, the user namespace and the time namespace, of which one
    page of their memory tells."""
    for t in k.tasks:
        leader = t.group_leader
        require(t.pid.ns is leader.pid.ns, "two threads of a process are in different pid namespaces", t, leader)
        if t.state == TaskState.RUNNING and leader.state == TaskState.RUNNING:
            require(t.user_ns is leader.user_ns, "two threads of a process are in different user namespaces", t, leader)
            mine = t.nsproxy
            other = leader.nsproxy
            if mine is not None and other is not None:
                require(mine.time is other.time, "two threads of a process are in different time namespaces", t, leader)


@invariant("PID_VIS", source="kernel/pid_namespace.c: pidns_install (v6.18)")
def children_within(k: Kernel) -> None:
    """A task's children get a number that it can see: they go to its pid namespace or a descendant."""
    for t in k.tasks:
        proxy = t.nsproxy
        if proxy is not None:
            require(
                within(k, proxy.pid_for_children, t.pid.ns),
                "the pid namespace for children is outside of the active one",
                t,
                proxy.pid_for_children,
            )


@invariant("GROUP_NS", source="kernel/pid_namespace.c: copy_pid_ns (v6.18)")
def new_below_active(k: Kernel) -> None:
    """A pid namespace that waits for its first process is directly below the active one of whoever made it."""
    for t in k.tasks:
        proxy = t.nsproxy
        if proxy is not None:
            below = proxy.pid_for_children
            require(
                below.started or below.parent is t.pid.ns,
                "a new pid namespace for children is not directly below the active one",
                t,
                below,
            )


@helper
def call_under_way(k: Kernel) -> bool:
    """Some interleaved call is between two of its steps, and holds what no object tells of."""
    return any(t.busy for t in k.tasks)


@invariant("REF_EXACT", source="include/linux/nsproxy.h (v6.18)")
def exact_between_calls(k: Kernel) -> None:
    """While no interleaved call is under way, what such calls count is held by tasks and nsproxies alone."""
    if not call_under_way(k):
        for proxy in k.nsproxies:
            held = count(t for t in k.tasks if t.nsproxy is proxy)
            require(proxy.count == held, "a call leaves a reference to an nsproxy behind", proxy)
        for uts in k.uts_namespaces:
            held = count(p for p in k.nsproxies if p.uts is uts)
            require(uts.count == held, "a call leaves a reference to a UTS namespace behind", uts)


@invariant("LOCKSET", source="include/linux/sched/task.h: task_lock (v6.18)")
def unlocked_between_calls(k: Kernel) -> None:
    """While no interleaved call is under way, nobody holds task_lock."""
    if not call_under_way(k):
        for t in k.tasks:
            require(t.alloc_lock is None, "a call leaves task_lock taken", t)
