"""New mounts: of a file system by mount(2), and step by step by fsopen(2), fsconfig(2), fsmount(2) and fspick(2)
(fs/namespace.c: do_new_mount, fsmount; fs/fsopen.c, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import EBADF, EBUSY, EINVAL, ENOSPC, ENOTDIR, EPERM, error, fail, given, helper, syscall
from nsmodel.kernel.arguments import AttributeFlags
from nsmodel.kernel.credentials import admin, may_call
from nsmodel.kernel.mount.common import check_alive, check_may_mount, check_mine, named, own_ns, written_fs
from nsmodel.kernel.mount.path import names
from nsmodel.kernel.mount.propagation import attach, check_attach
from nsmodel.kernel.mount.revealing import check_revealing, judge_revealing, locks_of_new
from nsmodel.kernel.mount.superblock import (
    check_context,
    check_mount_capable,
    check_options,
    get_tree,
    is_cgroup,
    is_of_namespace,
    lacks_options,
    maker_of,
    mountable,
    unused,
)
from nsmodel.kernel.mount.tree import superblock_of, top_at
from nsmodel.kernel.objects import (
    Attribute,
    ContextPhase,
    Dentry,
    Descriptor,
    FileSystem,
    FsKind,
    Kernel,
    MntNamespace,
    Mount,
    Task,
)
from nsmodel.kernel.refs import new_mnt_ns
from nsmodel.kernel.user.ucounts import over_limit

SPENT = (EPERM, EBUSY)
"""Failures that leave a context of no more use."""


@helper
def make_mount(k: Kernel, root: Dentry, attributes: set[Attribute]) -> Mount:
    """A mount of a file system's root, in no tree yet (vfs_create_mount)."""
    m = k.new(Mount)
    m.count = 1
    m.root = root
    m.attributes = attributes
    return m


@helper
def check_graft(k: Kernel, root: Dentry, spot: Dentry) -> None:
    """A directory goes on a directory, something else on something else (graft_tree)."""
    if root.directory != spot.directory:
        fail(ENOTDIR, "a directory and something else")


@helper
def do_new_mount(k: Kernel, task: Task, root: Dentry, at: Mount, dentry: Dentry, flags: AttributeFlags) -> int:
    """Mount a file system, of which `root` is the root (do_new_mount, do_add_mount)."""
    owner = maker_of(k, task, root.fs)
    attributes = named(k, flags)
    check_context(k, task, root.fs)
    check_mount_capable(k, task, root.fs, owner)
    check_options(k, root.fs)
    check_revealing(k, task, root.fs, attributes)
    on = top_at(k, at, dentry)
    spot = dentry if on is at else on.root
    check_alive(k, on, spot)
    check_mine(k, task, on)
    if on.root is root and spot is root:
        fail(EBUSY, "the same is mounted there already")
    check_graft(k, root, spot)
    check_attach(k, 1, 1, False, on, spot, False)
    judge_revealing(k, task, root.fs, attributes)
    locked = locks_of_new(k, task, root.fs, attributes)
    get_tree(k, task, owner, root.fs, flags.readonly)
    m = make_mount(k, root, attributes)
    m.locked_attributes = locked
    attach(k, m, on, spot, own_ns(k, task))
    return 0


@syscall(source="fs/namespace.c: path_mount, do_new_mount, do_add_mount (v6.18); mount(2)")
def mount_new(k: Kernel, task: Task, root: Dentry, at: Mount, dentry: Dentry, flags: AttributeFlags) -> int:
    """Mount a file system, of which `root` is the root."""
    given(may_call(k, task) and root.parent is None and mountable(k, task, root.fs))
    given(names(k, task, at, dentry))
    check_may_mount(k, task)
    return do_new_mount(k, task, root, at, dentry, flags)


@helper
def do_fsopen(k: Kernel, task: Task, fs: FileSystem) -> Descriptor:
    """A context for making a superblock."""
    check_may_mount(k, task)
    check_context(k, task, fs)
    file = k.new(Descriptor)
    file.table = task.group_leader
    file.phase = ContextPhase.CREATE_PARAMS
    file.context = fs
    maker = maker_of(k, task, fs)
    file.maker = maker
    maker.count += 1
    return file


@syscall(source="fs/fsopen.c: SYSCALL_DEFINE2(fsopen) (v6.18); fsopen(2)")
def fsopen(k: Kernel, task: Task, fs: FileSystem) -> int:
    """Open a context for mounting a file system. One that shows a namespace shows that of whoever made the context, so
    there it is one that is mounted already."""
    given(may_call(k, task) and mountable(k, task, fs))
    given(not is_of_namespace(k, fs) or not unused(k, fs))
    do_fsopen(k, task, fs)
    return 0


@helper
def check_open(k: Kernel, file: Descriptor) -> None:
    """A descriptor is more than the name of a place (fs/file.c: fdget)."""
    if file.opath:
        fail(EBADF, "the descriptor was opened with O_PATH")


@helper
def context_of(k: Kernel, file: Descriptor) -> FileSystem:
    """What the context of a descriptor is for."""
    check_open(k, file)
    fs = file.context
    if fs is None:
        fail(EINVAL, "the descriptor is no context")
    return fs


@helper
def do_fsconfig_create(k: Kernel, task: Task, file: Descriptor, readonly: bool) -> int:
    """FSCONFIG_CMD_CREATE (vfs_cmd_create)."""
    fs = context_of(k, file)
    if file.phase != ContextPhase.CREATE_PARAMS:
        fail(EBUSY, "the context is not for creating, or has created")
    maker = file.maker
    assert maker is not None
    check_mount_capable(k, task, fs, maker)
    if lacks_options(k, fs):
        file.phase = ContextPhase.FAILED
        return error(EINVAL, "overlay without a lower directory; the context is of no more use")
    get_tree(k, task, maker, fs, readonly)
    file.phase = ContextPhase.AWAITING_MOUNT
    return 0


@syscall(source="fs/fsopen.c: vfs_fsconfig_locked, vfs_cmd_create (v6.18); fsconfig(2)", keeps=EINVAL)
def fsconfig_create(k: Kernel, task: Task, file: Descriptor) -> int:
    """Make the superblock of a context."""
    given(may_call(k, task) and file.table is task.group_leader)
    fs = file.context
    if fs is not None:
        there = is_of_namespace(k, fs) or is_cgroup(k, fs)
        given(file.phase != ContextPhase.CREATE_PARAMS or unused(k, fs) != there)
    return do_fsconfig_create(k, task, file, False)


@helper
def do_fsconfig_reconfigure(k: Kernel, task: Task, file: Descriptor, readonly: bool) -> int:
    """FSCONFIG_CMD_RECONFIGURE (vfs_cmd_reconfigure, reconfigure_super)."""
    fs = context_of(k, file)
    if file.phase != ContextPhase.RECONF_PARAMS and file.phase != ContextPhase.AWAITING_RECONF:
        fail(EBUSY, "the context is not for reconfiguring, or was used")
    sb = superblock_of(k, fs)
    if not admin(k, task, sb.owner):
        file.phase = ContextPhase.FAILED
        return error(EPERM, "no CAP_SYS_ADMIN in the user namespace of the superblock; the context is of no more use")
    if readonly and not sb.readonly and written_fs(k, fs):
        file.phase = ContextPhase.FAILED
        return error(EBUSY, "something is open for writing; the context is of no more use")
    sb.readonly = readonly
    return 0


@syscall(source="fs/fsopen.c: vfs_cmd_reconfigure; fs/super.c: reconfigure_super (v6.18); fsconfig(2)", keeps=SPENT)
def fsconfig_reconfigure(k: Kernel, task: Task, file: Descriptor, readonly: bool) -> int:
    """Make the superblock of a context of fspick read-only or writable."""
    given(may_call(k, task) and file.table is task.group_leader)
    return do_fsconfig_reconfigure(k, task, file, readonly)


@helper
def anonymous_ns(k: Kernel, task: Task, origin: MntNamespace | None, anywhere: bool) -> MntNamespace:
    """A namespace for a tree that is mounted nowhere, owned and charged like the caller's (alloc_mnt_ns)."""
    mine = own_ns(k, task)
    owner = mine.owner
    assert owner is not None
    ns = new_mnt_ns(k, mine, owner, task.euid)
    ns.anonymous = True
    ns.origin = origin
    ns.anywhere = anywhere
    return ns


@helper
def open_mount(k: Kernel, task: Task, m: Mount, dentry: Dentry, opath: bool) -> Descriptor:
    """A descriptor of a name in a mount (dentry_open)."""
    file = k.new(Descriptor)
    file.table = task.group_leader
    file.mount = m
    file.dentry = dentry
    file.opath = opath
    m.count += 1
    return file


@helper
def no_room_for_tree(k: Kernel, task: Task) -> bool:
    """A namespace for a tree that is mounted nowhere is charged to the owner of the caller's mount namespace, whatever
    user namespace the caller is in (alloc_mnt_ns)."""
    mine = own_ns(k, task)
    owner = mine.owner
    assert owner is not None
    return over_limit(k, task, owner, mine)


@helper
def check_room_for_tree(k: Kernel, task: Task) -> None:
    """One more namespace for a tree that is mounted nowhere fits under the limits."""
    if no_room_for_tree(k, task):
        fail(ENOSPC, "the limit on mount namespaces is reached in a user namespace")


@helper
def check_fsmount(k: Kernel, task: Task, file: Descriptor, flags: AttributeFlags) -> None:
    """A context has a superblock that is not mounted yet."""
    check_may_mount(k, task)
    fs = context_of(k, file)
    if file.phase == ContextPhase.CREATE_PARAMS or lacks_options(k, fs):
        fail(EINVAL, "the context has no superblock to mount")
    check_revealing(k, task, fs, named(k, flags))
    if file.phase != ContextPhase.AWAITING_MOUNT:
        fail(EBUSY, "the superblock of the context is mounted")


@helper
def mount_context(k: Kernel, task: Task, file: Descriptor, flags: AttributeFlags) -> Descriptor:
    """A mount of the superblock of a context, in a tree of its own."""
    fs = file.context
    attributes = named(k, flags)
    locked: set[Attribute] = set()
    if fs is not None:
        judge_revealing(k, task, fs, attributes)
        locked = locks_of_new(k, task, fs, attributes)
    file.phase = ContextPhase.AWAITING_RECONF
    ns = anonymous_ns(k, task, None, True)
    for root in k.dentries:
        if root.fs is fs and root.parent is None:
            m = make_mount(k, root, attributes)
            m.locked_attributes = locked
            m.ns = ns
            ns.root = m
    top = ns.root
    assert top is not None
    out = open_mount(k, task, top, top.root, True)
    out.tree = True
    return out


@helper
def do_fsmount(k: Kernel, task: Task, file: Descriptor, flags: AttributeFlags) -> Descriptor:
    """fsmount(2) where the limits on namespaces are far."""
    check_fsmount(k, task, file, flags)
    check_room_for_tree(k, task)
    return mount_context(k, task, file, flags)


@syscall(source="fs/namespace.c: SYSCALL_DEFINE3(fsmount) (v6.18); fsmount(2)", keeps=ENOSPC)
def fsmount(k: Kernel, task: Task, file: Descriptor, flags: AttributeFlags) -> int:
    """Make a mount of a context, which is mounted nowhere as yet, and open it."""
    given(may_call(k, task) and file.table is task.group_leader)
    check_fsmount(k, task, file, flags)
    if no_room_for_tree(k, task):
        file.phase = ContextPhase.AWAITING_RECONF
        return error(ENOSPC, "the context counts as mounted before the limit on mount namespaces is looked at")
    mount_context(k, task, file, flags)
    return 0


@helper
def do_fspick(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> Descriptor:
    """A context for reconfiguring the superblock of a mount."""
    check_may_mount(k, task)
    if at.root is not dentry:
        fail(EINVAL, "not the root of a mount")
    file = k.new(Descriptor)
    file.table = task.group_leader
    file.phase = ContextPhase.RECONF_PARAMS
    file.context = at.root.fs
    return file


@syscall(source="fs/fsopen.c: SYSCALL_DEFINE3(fspick) (v6.18); fspick(2)")
def fspick(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> int:
    """Open a context for reconfiguring what is mounted on a place."""
    given(may_call(k, task) and names(k, task, at, dentry))
    given(at.root.fs.kind != FsKind.NSFS)
    do_fspick(k, task, at, dentry)
    return 0
