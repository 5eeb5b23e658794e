"""Superblocks: who may make one, whose it is, and which one mounting a file system gives (fs/super.c: mount_capable,
vfs_get_tree; proc_init_fs_context, sysfs_init_fs_context, mqueue_init_fs_context, cgroup_init_fs_context, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import EINVAL, EPERM, fail, helper, the
from nsmodel.kernel.credentials import admin
from nsmodel.kernel.mutants import MQUEUE_ANY_OWNER, PROC_ANY_OWNER, SYSFS_ANY_OWNER
from nsmodel.kernel.objects import FileSystem, FsKind, Kernel, Namespace, Nsproxy, Superblock, Task, UserNamespace


@helper
def first_user_ns(k: Kernel) -> UserNamespace:
    """The outermost user namespace that the model knows."""
    first: UserNamespace | None = None
    for u in k.user_namespaces:
        if u.owner is None and first is None:
            first = u
    assert first is not None
    return first


@helper
def owner_of(k: Kernel, ns: Namespace | None) -> UserNamespace:
    """The owner of a namespace; of one that the scope leaves out, the outermost user namespace."""
    if ns is not None:
        if ns.owner is not None:
            return ns.owner
    return first_user_ns(k)


@helper
def proxy_of(k: Kernel, task: Task) -> Nsproxy:
    """The namespaces of a task that runs."""
    proxy = task.nsproxy
    assert proxy is not None
    return proxy


@helper
def is_cgroup(k: Kernel, fs: FileSystem) -> bool:
    """A hierarchy of cgroups, which is the machine's and shown from where a cgroup namespace begins."""
    return fs.kind == FsKind.CGROUP1 or fs.kind == FsKind.CGROUP2


@helper
def is_of_namespace(k: Kernel, fs: FileSystem) -> bool:
    """There is one of the type for each IPC or network namespace."""
    return fs.kind == FsKind.MQUEUE or fs.kind == FsKind.SYSFS


@helper
def owner_of_shown(k: Kernel, task: Task, fs: FileSystem) -> UserNamespace | None:
    """The owner of the namespace of a task that its new mount of a file system shows; None where it shows none."""
    proxy = proxy_of(k, task)
    if fs.kind == FsKind.PROC:
        return owner_of(k, task.pid.ns)
    if fs.kind == FsKind.SYSFS:
        return owner_of(k, proxy.net)
    if fs.kind == FsKind.MQUEUE:
        return owner_of(k, proxy.ipc)
    if is_cgroup(k, fs):
        return owner_of(k, proxy.cgroup)
    return None


@helper
def shows_foreign(k: Kernel, task: Task, fs: FileSystem) -> bool:
    """A new mount of a file system would show a namespace over whose owner the task has no CAP_SYS_ADMIN."""
    owner = owner_of_shown(k, task, fs)
    return owner is not None and not admin(k, task, owner)


@helper
def asks_nobody(k: Kernel, fs: FileSystem) -> bool:
    """A known bug: the type does not ask for rights over the namespace that it shows."""
    proc = fs.kind == FsKind.PROC and k.bug(PROC_ANY_OWNER)
    sysfs = fs.kind == FsKind.SYSFS and k.bug(SYSFS_ANY_OWNER)
    return proc or sysfs or (fs.kind == FsKind.MQUEUE and k.bug(MQUEUE_ANY_OWNER))


@helper
def maker_of(k: Kernel, task: Task, fs: FileSystem) -> UserNamespace:
    """Over what the mounter of a file system needs capabilities: its own user namespace; of one that shows a namespace,
    the owner of that (`fc->user_ns`)."""
    owner = owner_of_shown(k, task, fs)
    if owner is None or asks_nobody(k, fs):
        return task.user_ns
    return owner


@helper
def check_context(k: Kernel, task: Task, fs: FileSystem) -> None:
    """What a file system asks for before a context for it is made (sysfs_init_fs_context)."""
    if fs.kind == FsKind.SYSFS and not admin(k, task, maker_of(k, task, fs)):
        fail(EPERM, "no CAP_SYS_ADMIN over the owner of the network namespace, which sysfs shows")


@helper
def initial_admin(k: Kernel, task: Task) -> bool:
    """CAP_SYS_ADMIN in the initial user namespace (capable)."""
    return task.user_ns.initial and admin(k, task, task.user_ns)


@helper
def check_mount_capable(k: Kernel, task: Task, fs: FileSystem, owner: UserNamespace) -> None:
    """Who may make a superblock (mount_capable)."""
    if fs.kind == FsKind.INITIAL:
        if not initial_admin(k, task):
            fail(EPERM, "no CAP_SYS_ADMIN in the initial user namespace, for a type without FS_USERNS_MOUNT")
    elif not admin(k, task, owner):
        fail(EPERM, "no CAP_SYS_ADMIN over the user namespace of the superblock, or over the owner of what it shows")


@helper
def lacks_options(k: Kernel, fs: FileSystem) -> bool:
    """The file system cannot be mounted without options (ovl_parse_layer, ovl_fill_super)."""
    return fs.kind == FsKind.OVERLAY


@helper
def check_options(k: Kernel, fs: FileSystem) -> None:
    """A file system can be mounted without options."""
    if lacks_options(k, fs):
        fail(EINVAL, "overlay without a lower directory")


@helper
def get_tree(k: Kernel, task: Task, owner: UserNamespace, fs: FileSystem, readonly: bool) -> Superblock:
    """The superblock that mounting a file system gives: the one that is there, or a new one (vfs_get_tree). A sysfs
    belongs to the initial user namespace, whoever mounted it first."""
    old = the(s for s in k.superblocks if s.fs is fs)
    if old is not None:
        return old
    sb = k.new(Superblock)
    sb.fs = fs
    sb.readonly = readonly
    holder: UserNamespace | None = owner
    if fs.kind == FsKind.SYSFS:
        holder = the(u for u in k.user_namespaces if u.initial)
        sb.net = proxy_of(k, task).net
    if fs.kind == FsKind.MQUEUE:
        sb.ipc = proxy_of(k, task).ipc
        sb.kept = True
    sb.owner = holder
    if holder is not None:
        holder.count += 1
    return sb


@helper
def unused(k: Kernel, fs: FileSystem) -> bool:
    """A file system is not there."""
    return not any(s.fs is fs for s in k.superblocks)


@helper
def mountable(k: Kernel, task: Task, fs: FileSystem) -> bool:
    """Which file system of the scope mounting a type gives: the one of the task's namespace, if that has one already,
    else one whose names are free."""
    if fs.kind == FsKind.NSFS:
        return False
    if is_cgroup(k, fs):
        return True
    proxy = proxy_of(k, task)
    own = the(
        s
        for s in k.superblocks
        if s.fs.kind == fs.kind
        and ((fs.kind == FsKind.MQUEUE and s.ipc is proxy.ipc) or (fs.kind == FsKind.SYSFS and s.net is proxy.net))
    )
    return unused(k, fs) if own is None else own.fs is fs
