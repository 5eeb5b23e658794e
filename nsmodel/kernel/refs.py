"""Counted references: getting and putting namespaces, their files, nsproxies, pids and fs structures.

An object is freed when its count reaches zero, and puts what it held; loops walk up, so nothing recurses.
"""

from __future__ import annotations

from typing import TypeVar

from nsmodel.ir.language import helper
from nsmodel.kernel.mount.umount import release, take_off
from nsmodel.kernel.mutants import NSFS_FD_NO_PIN
from nsmodel.kernel.objects import (
    BindMount,
    Descriptor,
    FsStruct,
    Kernel,
    MntNamespace,
    Namespace,
    NsFile,
    Nsproxy,
    Pid,
    PidNamespace,
    Uid,
    UserNamespace,
)

N = TypeVar("N", bound=Namespace)


@helper
def new_ns(k: Kernel, like: N, owner: UserNamespace, creator: Uid) -> N:
    """A namespace of the same type as `like`, charged to `creator` in `owner`, with one reference for its maker."""
    ns = k.like(like)
    ns.owner = owner
    ns.charged = creator
    ns.count = 1
    owner.count += 1
    return ns


@helper
def put_user_ns(k: Kernel, ns: UserNamespace) -> None:
    """Put a user namespace; a freed one puts its parent (kernel/user_namespace.c: free_user_ns, v6.18)."""
    here: UserNamespace | None = ns
    while here is not None:
        here.count -= 1
        if here.count > 0:
            return
        up = here.owner
        k.free(here)
        here = up


@helper
def put_ns(k: Kernel, ns: Namespace) -> None:
    """Put a namespace that holds nothing but its owner."""
    ns.count -= 1
    if ns.count == 0:
        owner = ns.owner
        k.free(ns)
        if owner is not None:
            put_user_ns(k, owner)


@helper
def put_pid_ns(k: Kernel, ns: PidNamespace) -> None:
    """Put a pid namespace; a freed one puts its parent and owner (kernel/pid_namespace.c: put_pid_ns, v6.18)."""
    here: PidNamespace | None = ns
    while here is not None:
        here.count -= 1
        if here.count > 0:
            return
        up = here.parent
        owner = here.owner
        k.free(here)
        if owner is not None:
            put_user_ns(k, owner)
        here = up


@helper
def pin(k: Kernel, ns: Namespace) -> None:
    """One more descriptor or bind mount of a namespace's file: the nsfs inode that they share holds one reference
    (fs/nsfs.c: nsfs_init_inode, v6.18)."""
    if ns.inode == 0 and not k.bug(NSFS_FD_NO_PIN):
        ns.count += 1
    ns.inode += 1


@helper
def unpinned(k: Kernel, ns: Namespace) -> bool:
    """One descriptor or bind mount less; True when the inode goes and its reference is to be put."""
    ns.inode -= 1
    return ns.inode == 0 and not k.bug(NSFS_FD_NO_PIN)


@helper
def unpin(k: Kernel, ns: Namespace) -> None:
    """One descriptor or bind mount less of a namespace that holds nothing but its owner."""
    gone = unpinned(k, ns)
    if gone:
        put_ns(k, ns)


@helper
def release_file(k: Kernel, file: NsFile) -> None:
    """Drop what a namespace file pins, mount namespaces left out (a bind mount never holds one)."""
    if file.uts is not None:
        unpin(k, file.uts)
    if file.ipc is not None:
        unpin(k, file.ipc)
    if file.net is not None:
        unpin(k, file.net)
    if file.cgroup is not None:
        unpin(k, file.cgroup)
    if file.time is not None:
        unpin(k, file.time)
    if file.pid_ns is not None:
        gone = unpinned(k, file.pid_ns)
        if gone:
            put_pid_ns(k, file.pid_ns)
    if file.user is not None:
        last = unpinned(k, file.user)
        if last:
            put_user_ns(k, file.user)


@helper
def pin_file(k: Kernel, file: NsFile) -> None:
    """Pin what a namespace file names, mount namespaces left out."""
    if file.uts is not None:
        pin(k, file.uts)
    if file.ipc is not None:
        pin(k, file.ipc)
    if file.net is not None:
        pin(k, file.net)
    if file.cgroup is not None:
        pin(k, file.cgroup)
    if file.time is not None:
        pin(k, file.time)
    if file.pid_ns is not None:
        pin(k, file.pid_ns)
    if file.user is not None:
        pin(k, file.user)


@helper
def free_bind(k: Kernel, bind: BindMount) -> None:
    """Take a bind mount of a namespace file away; descriptors opened through it keep what they name."""
    for file in k.descriptors:
        if file.through is bind:
            file.through = None
    release_file(k, bind)
    k.free(bind)


@helper
def put_pid(k: Kernel, pid: Pid) -> None:
    """Put a struct pid; a freed one puts the namespace of its deepest level (kernel/pid.c: put_pid, v6.18)."""
    pid.count -= 1
    if pid.count == 0:
        ns = pid.ns
        k.free(pid)
        put_pid_ns(k, ns)


@helper
def put_mnt_ns(k: Kernel, ns: MntNamespace) -> None:
    """Put a mount namespace; a dying one unmounts what is in it (fs/namespace.c: put_mnt_ns, v6.18)."""
    ns.count -= 1
    if ns.count == 0:
        for bind in k.bind_mounts:
            if bind.inside is ns:
                free_bind(k, bind)
        ns.root = None
        take_off(k, {m for m in k.mounts if m.ns is ns})
        owner = ns.owner
        k.free(ns)
        if owner is not None:
            put_user_ns(k, owner)


@helper
def close_file(k: Kernel, file: Descriptor) -> None:
    """Close a descriptor (fs/nsfs.c: nsfs_evict; fs/pidfs.c: pidfd_release, v6.18)."""
    release_file(k, file)
    if file.mnt is not None:
        gone = unpinned(k, file.mnt)
        if gone:
            put_mnt_ns(k, file.mnt)
    if file.pidfd is not None:
        put_pid(k, file.pidfd)
    k.free(file)


@helper
def put_fs(k: Kernel, fs: FsStruct) -> None:
    """One user less of a root and working directory."""
    fs.users -= 1
    if fs.users == 0:
        k.free(fs)
        release(k)


@helper
def copy_fs(k: Kernel, old: FsStruct) -> FsStruct:
    """A root and working directory of one's own (fs/fs_struct.c: copy_fs_struct, v6.18)."""
    fs = k.new(FsStruct)
    fs.users = 1
    fs.root_mnt = old.root_mnt
    fs.root_dentry = old.root_dentry
    fs.cwd_mnt = old.cwd_mnt
    fs.cwd_dentry = old.cwd_dentry
    return fs


@helper
def put_nsproxy(k: Kernel, proxy: Nsproxy) -> None:
    """Put an nsproxy; a freed one puts all its namespaces (kernel/nsproxy.c: free_nsproxy, v6.18)."""
    proxy.count -= 1
    if proxy.count == 0:
        if proxy.mnt is not None:
            put_mnt_ns(k, proxy.mnt)
        if proxy.uts is not None:
            put_ns(k, proxy.uts)
        if proxy.ipc is not None:
            put_ns(k, proxy.ipc)
        put_pid_ns(k, proxy.pid_for_children)
        if proxy.net is not None:
            put_ns(k, proxy.net)
        if proxy.cgroup is not None:
            put_ns(k, proxy.cgroup)
        if proxy.time is not None:
            put_ns(k, proxy.time)
        if proxy.time_for_children is not None:
            put_ns(k, proxy.time_for_children)
        k.free(proxy)


@helper
def copy_nsproxy(k: Kernel, old: Nsproxy) -> Nsproxy:
    """A copy with one user, holding the same namespaces (kernel/nsproxy.c: create_new_namespaces without flags)."""
    new = k.new(Nsproxy)
    new.count = 1
    new.mnt = old.mnt
    new.uts = old.uts
    new.ipc = old.ipc
    new.pid_for_children = old.pid_for_children
    new.net = old.net
    new.cgroup = old.cgroup
    new.time = old.time
    new.time_for_children = old.time_for_children
    if old.mnt is not None:
        old.mnt.count += 1
    if old.uts is not None:
        old.uts.count += 1
    if old.ipc is not None:
        old.ipc.count += 1
    old.pid_for_children.count += 1
    if old.net is not None:
        old.net.count += 1
    if old.cgroup is not None:
        old.cgroup.count += 1
    if old.time is not None:
        old.time.count += 1
    if old.time_for_children is not None:
        old.time_for_children.count += 1
    return new
