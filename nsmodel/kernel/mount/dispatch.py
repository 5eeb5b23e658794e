"""mount(2) as it comes: which of its calls the flags ask for (fs/namespace.c: path_mount, v6.18; mount(2))."""

from __future__ import annotations

from nsmodel.ir.language import EINVAL, Flags, fail, given, helper, syscall
from nsmodel.kernel.arguments import AttributeFlags
from nsmodel.kernel.credentials import may_call
from nsmodel.kernel.mount.attributes import do_reconfigure_mnt, do_remount, names_any
from nsmodel.kernel.mount.bind import do_loopback
from nsmodel.kernel.mount.common import check_may_mount
from nsmodel.kernel.mount.move import do_move_mount
from nsmodel.kernel.mount.new import do_new_mount
from nsmodel.kernel.mount.path import names
from nsmodel.kernel.mount.superblock import mountable
from nsmodel.kernel.mount.type import Propagation, do_change_type
from nsmodel.kernel.objects import Dentry, Kernel, Mount, Task


class MountFlags(Flags):
    """The MS_* flags that choose what mount(2) does."""

    remount: bool = False
    bind: bool = False
    rec: bool = False
    move: bool = False
    shared: bool = False
    slave: bool = False
    private: bool = False
    unbindable: bool = False


@helper
def changes_type(k: Kernel, flags: MountFlags) -> bool:
    """A flag of a propagation type is set."""
    return flags.shared or flags.slave or flags.private or flags.unbindable


@helper
def type_of(k: Kernel, flags: MountFlags) -> Propagation:
    """The propagation type that the flags name (flags_to_propagation_type)."""
    if flags.shared and not (flags.slave or flags.private or flags.unbindable):
        return Propagation.SHARED
    if flags.slave and not (flags.shared or flags.private or flags.unbindable):
        return Propagation.SLAVE
    if flags.private and not (flags.shared or flags.slave or flags.unbindable):
        return Propagation.PRIVATE
    if flags.unbindable and not (flags.shared or flags.slave or flags.private):
        return Propagation.UNBINDABLE
    return Propagation.SEVERAL


@helper
def path_mount(
    k: Kernel,
    task: Task,
    flags: MountFlags,
    attributes: AttributeFlags,
    source: Mount | None,
    root: Dentry | None,
    at: Mount,
    dentry: Dentry,
) -> int:
    """mount(2) once its paths are looked up: the first that the flags name of remounting, binding, changing the type,
    moving, else a new mount. For a new mount `root` is the root of the file system and there is no source."""
    check_may_mount(k, task)
    if flags.remount and flags.bind:
        return do_reconfigure_mnt(k, task, at, dentry, attributes)
    if flags.remount:
        return do_remount(k, task, at, dentry, attributes)
    if flags.bind:
        if source is None or root is None:
            fail(EINVAL, "a bind without a source")
        return do_loopback(k, task, source, root, at, dentry, flags.rec)
    if changes_type(k, flags):
        if flags.move or names_any(k, attributes):
            fail(EINVAL, "a type and something else that the call does not take with it")
        return do_change_type(k, task, at, dentry, type_of(k, flags), flags.rec)
    if flags.move:
        if source is None or root is None:
            fail(EINVAL, "a move without a source")
        return do_move_mount(k, task, source, root, at, dentry, False)
    if root is None:
        fail(EINVAL, "a new mount of no file system")
    return do_new_mount(k, task, root, at, dentry, attributes)


@syscall(source="fs/namespace.c: path_mount (v6.18); mount(2)")
def mount(
    k: Kernel,
    task: Task,
    flags: MountFlags,
    attributes: AttributeFlags,
    source: Mount | None,
    root: Dentry | None,
    at: Mount,
    dentry: Dentry,
) -> int:
    """mount(2) with any flags: a source is named where a bind or a move would be made, a file system else."""
    given(may_call(k, task) and names(k, task, at, dentry))
    if source is not None:
        given(root is not None and (flags.bind or flags.move))
        if root is not None:
            given(names(k, task, source, root))
    elif root is not None:
        given(root.parent is None and mountable(k, task, root.fs) and not flags.bind)
        given(not flags.move or flags.remount or changes_type(k, flags))
    return path_mount(k, task, flags, attributes, source, root, at, dentry)
