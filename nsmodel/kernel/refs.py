"""Counted references: getting and putting namespaces, their files, nsproxies, pids and fs structures.

An object is freed when its count reaches zero, and puts what it held; loops walk up, so nothing recurses.
"""

from __future__ import annotations

from typing import TypeVar

from nsmodel.ir.language import helper
from nsmodel.kernel.mount.victims import Leaving, take_off
from nsmodel.kernel.mutants import TREE_KEPT
from nsmodel.kernel.objects import (
    ContextPhase,
    Dentry,
    Descriptor,
    FsStruct,
    Id,
    IpcNamespace,
    Kernel,
    MapFile,
    MntNamespace,
    Mount,
    Namespace,
    NetNamespace,
    NsFile,
    Nsproxy,
    Pid,
    PidNamespace,
    UserNamespace,
)
from nsmodel.kernel.pins import unpinned
from nsmodel.kernel.user.maps import drop_maps
from nsmodel.kernel.user.ucounts import charge, uncharge

N = TypeVar("N", bound=Namespace)


@helper
def new_ns(k: Kernel, like: N, owner: UserNamespace, creator: Id) -> N:
    """A namespace of the same type as `like`, charged to `creator` in `owner`, with one reference for its maker."""
    ns = k.like(like)
    ns.owner = owner
    ns.count = 1
    owner.count += 1
    charge(k, ns, owner, creator)
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
        uncharge(k, here)
        drop_maps(k, here)
        k.free(here)
        here = up


@helper
def put_ns(k: Kernel, ns: Namespace) -> None:
    """Put a namespace that holds nothing but its owner."""
    ns.count -= 1
    if ns.count == 0:
        owner = ns.owner
        uncharge(k, ns)
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
        uncharge(k, here)
        k.free(here)
        if owner is not None:
            put_user_ns(k, owner)
        here = up


@helper
def unpin(k: Kernel, ns: Namespace) -> None:
    """One descriptor or bind mount less of a namespace that holds nothing but its owner."""
    gone = unpinned(k, ns)
    if gone:
        put_ns(k, ns)


@helper
def drop_superblocks(k: Kernel) -> None:
    """A file system that nothing shows and no context holds any more is gone, unless the kernel has it mounted itself
    (fs/super.c: deactivate_super, v6.18)."""
    for sb in k.superblocks:
        fs = sb.fs
        held = any(m.root.fs is fs for m in k.mounts) or any(
            f.context is fs and f.phase != ContextPhase.CREATE_PARAMS for f in k.descriptors
        )
        if not sb.kept and not held:
            owner = sb.owner
            k.free(sb)
            if owner is not None:
                put_user_ns(k, owner)


@helper
def put_ipc_ns(k: Kernel, ns: IpcNamespace) -> None:
    """Put an IPC namespace; with the last reference it lets go of its mqueue (ipc/namespace.c: put_ipc_ns, v6.18)."""
    if ns.count == 1:
        for sb in k.superblocks:
            if sb.ipc is ns:
                sb.ipc = None
                sb.kept = False
        drop_superblocks(k)
    put_ns(k, ns)


@helper
def put_net_ns(k: Kernel, ns: NetNamespace) -> None:
    """Put a network namespace; a sysfs that shows it goes on without one (net/core/net_namespace.c: cleanup_net;
    lib/kobject.c: kobj_ns_exit, v6.18)."""
    if ns.count == 1:
        for sb in k.superblocks:
            if sb.net is ns:
                sb.net = None
    put_ns(k, ns)


@helper
def release_file(k: Kernel, file: NsFile) -> None:
    """Drop what a namespace file pins; a mount namespace, whose end unmounts things, is put by the caller."""
    if file.uts is not None:
        unpin(k, file.uts)
    if file.ipc is not None:
        last_ipc = unpinned(k, file.ipc)
        if last_ipc:
            put_ipc_ns(k, file.ipc)
    if file.net is not None:
        last_net = unpinned(k, file.net)
        if last_net:
            put_net_ns(k, file.net)
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
def put_pid(k: Kernel, pid: Pid) -> None:
    """Put a struct pid; a freed one puts the namespace of its deepest level (kernel/pid.c: put_pid, v6.18)."""
    pid.count -= 1
    if pid.count == 0:
        ns = pid.ns
        k.free(pid)
        put_pid_ns(k, ns)


@helper
def free_mounts(k: Kernel, dead: set[Mount]) -> None:
    """The end of mounts: what hangs on them falls off, and the namespaces whose files they show are put; a mount
    namespace, whose end unmounts things, is left to the caller."""
    for c in k.mounts:
        on = c.parent
        if on is not None and on in dead:
            c.parent = None
            c.mountpoint = None
            c.count -= 1
    for m in dead:
        if m.mnt is not None:
            gone = unpinned(k, m.mnt)
            if gone:
                m.mnt.count -= 1
        release_file(k, m)
        k.free(m)
    drop_superblocks(k)


@helper
def free_mnt_ns(k: Kernel, ns: MntNamespace) -> None:
    """The end of a mount namespace: what is in it is unmounted, and nobody receives that."""
    ns.root = None
    take_off(k, {m for m in k.mounts if m.ns is ns}, Leaving.ENDING)
    for other in k.mnt_namespaces:
        other.older.discard(ns)
        if other.origin is ns:
            other.origin = None
    owner = ns.owner
    uncharge(k, ns)
    k.free(ns)
    if owner is not None:
        put_user_ns(k, owner)


@helper
def reap(k: Kernel) -> None:
    """Free the mounts and the mount namespaces that have no references left (fs/namespace.c: cleanup_mnt, put_mnt_ns,
    v6.18). A mount frees what hangs on it and puts the namespace whose file it shows, a namespace unmounts what is in
    it, so this goes on until nothing more falls."""
    changed = True
    while changed:
        dead = {m for m in k.mounts if m.count == 0}
        changed = any(m in dead for m in k.mounts)
        if changed:
            free_mounts(k, dead)
        for ns in k.mnt_namespaces:
            if ns.count == 0:
                free_mnt_ns(k, ns)
                changed = True


@helper
def put_mnt_ns(k: Kernel, ns: MntNamespace) -> None:
    """Put a mount namespace; with the last reference everything in it goes."""
    ns.count -= 1
    if ns.count == 0:
        reap(k)


@helper
def put_mount(k: Kernel, m: Mount) -> None:
    """Put a mount (fs/namespace.c: mntput_no_expire, v6.18)."""
    m.count -= 1
    if m.count == 0:
        reap(k)


@helper
def new_mnt_ns(k: Kernel, like: MntNamespace, owner: UserNamespace, creator: Id) -> MntNamespace:
    """A mount namespace, younger than all that there are (alloc_mnt_ns)."""
    ns = new_ns(k, like, owner, creator)
    ns.older = {other for other in k.mnt_namespaces if other is not ns}
    return ns


@helper
def dissolve(k: Kernel, file: Descriptor) -> None:
    """The last descriptor of a tree that is mounted nowhere takes it along (fs/namespace.c: dissolve_on_fput)."""
    m = file.mount
    if file.tree and m is not None and not k.bug(TREE_KEPT):
        ns = m.ns
        shared = any(f.tree and f.mount is m and f is not file for f in k.descriptors)
        if ns is not None and ns.anonymous and ns.root is m and not shared:
            ns.count -= 1


@helper
def close_file(k: Kernel, file: Descriptor) -> None:
    """Close a descriptor (fs/nsfs.c: nsfs_evict; fs/pidfs.c: pidfd_release; fs/file_table.c: __fput, v6.18)."""
    dissolve(k, file)
    release_file(k, file)
    if file.mnt is not None:
        gone = unpinned(k, file.mnt)
        if gone:
            file.mnt.count -= 1
    if file.pidfd is not None:
        put_pid(k, file.pidfd)
    m = file.mount
    fs = file.context
    maker = file.maker
    k.free(file)
    if maker is not None:
        put_user_ns(k, maker)
    if m is not None:
        m.count -= 1
        m.expiring = False
    if fs is not None:
        drop_superblocks(k)
    reap(k)


@helper
def close_map_file(k: Kernel, file: MapFile) -> None:
    """Close an id map; the file holds the credentials of its opener."""
    ns = file.ns
    opener = file.user_ns
    k.free(file)
    put_user_ns(k, ns)
    put_user_ns(k, opener)


@helper
def set_root(k: Kernel, fs: FsStruct, m: Mount, dentry: Dentry) -> None:
    """Change a root directory (fs/fs_struct.c: set_fs_root, v6.18)."""
    old = fs.root_mnt
    m.count += 1
    fs.root_mnt = m
    fs.root_dentry = dentry
    if old is not None:
        put_mount(k, old)


@helper
def set_pwd(k: Kernel, fs: FsStruct, m: Mount, dentry: Dentry) -> None:
    """Change a working directory (fs/fs_struct.c: set_fs_pwd, v6.18)."""
    old = fs.cwd_mnt
    m.count += 1
    fs.cwd_mnt = m
    fs.cwd_dentry = dentry
    if old is not None:
        put_mount(k, old)


@helper
def put_fs(k: Kernel, fs: FsStruct) -> None:
    """One user less of a root and working directory."""
    fs.users -= 1
    if fs.users == 0:
        root = fs.root_mnt
        cwd = fs.cwd_mnt
        k.free(fs)
        if root is not None:
            root.count -= 1
        if cwd is not None:
            cwd.count -= 1
        reap(k)


@helper
def copy_fs(k: Kernel, old: FsStruct) -> FsStruct:
    """A root and working directory of one's own (fs/fs_struct.c: copy_fs_struct, v6.18)."""
    fs = k.new(FsStruct)
    fs.users = 1
    fs.root_mnt = old.root_mnt
    fs.root_dentry = old.root_dentry
    fs.cwd_mnt = old.cwd_mnt
    fs.cwd_dentry = old.cwd_dentry
    if old.root_mnt is not None:
        old.root_mnt.count += 1
    if old.cwd_mnt is not None:
        old.cwd_mnt.count += 1
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
            put_ipc_ns(k, proxy.ipc)
        put_pid_ns(k, proxy.pid_for_children)
        if proxy.net is not None:
            put_net_ns(k, proxy.net)
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
