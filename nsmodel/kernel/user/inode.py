"""What may be done to the files that are executed (chmod(2); fs/attr.c, fs/inode.c, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import EPERM, EROFS, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import capable, may_call
from nsmodel.kernel.mount.tree import superblock_of
from nsmodel.kernel.objects import AttributeKind, CapabilityKind, IdKind, Kernel, Program, Task
from nsmodel.kernel.user.access import capable_over_inode
from nsmodel.kernel.user.execve import at_hand, forbids
from nsmodel.kernel.user.maps import shows_id


@helper
def owns(k: Kernel, task: Task, program: Program) -> bool:
    """The file is the caller's, or its owner has a number in the caller's user namespace, where the caller has
    CAP_FOWNER (inode_owner_or_capable)."""
    if task.fsuid == program.uid:
        return True
    shown = shows_id(k, task.user_ns, IdKind.UID, program.uid)
    return shown and capable(k, task, task.user_ns, CapabilityKind.FOWNER)


@helper
def in_group(k: Kernel, task: Task, program: Program) -> bool:
    """The file's group is one of the caller's (in_group_p)."""
    return task.fsgid == program.gid or any(g.gid == program.gid for g in task.groups)


@helper
def readonly(k: Kernel, task: Task, program: Program) -> bool:
    """The mount or the file system is read-only."""
    home = program.home
    if home is None:
        return False
    return forbids(k, task, AttributeKind.READONLY) or superblock_of(k, home.fs).readonly


@syscall(source="fs/open.c: chmod_common; fs/attr.c: setattr_prepare, setattr_copy (v6.18); chmod(2)")
def chmod(k: Kernel, task: Task, program: Program, setuid: bool, setgid: bool) -> int:
    """Change the set-id bits of a program; that of the group is silently left out where the caller is not of the group
    and has no CAP_FSETID over the file (setattr_should_drop_sgid)."""
    given(may_call(k, task) and at_hand(k, task, program))
    if readonly(k, task, program):
        fail(EROFS, "the mount or its file system is read-only")
    if not owns(k, task, program):
        fail(EPERM, "another user's file, and no CAP_FOWNER over it")
    own = task.fsuid == program.uid or shows_id(k, task.user_ns, IdKind.UID, program.uid)
    assure("INODE_CAP", own, "a file of a user who is not mapped is changed", task, program)
    member = in_group(k, task, program)
    over = capable_over_inode(k, task, program.uid, program.gid, CapabilityKind.FSETID)
    program.setuid = setuid
    program.setgid = setgid and (member or over)
    entitled = member or (
        capable(k, task, task.user_ns, CapabilityKind.FSETID) and shows_id(k, task.user_ns, IdKind.GID, program.gid)
    )
    assure("INODE_CAP", entitled or not program.setgid, "a file is set-id of a group that is not mapped", task, program)
    return 0
