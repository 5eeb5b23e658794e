"""Permissions of files, as far as rules need them: those of /proc/PID, and what capabilities do to inodes."""

from __future__ import annotations

from nsmodel.ir.language import helper
from nsmodel.kernel.credentials import capable
from nsmodel.kernel.mutants import US07
from nsmodel.kernel.objects import CapabilityKind, Id, IdKind, Kernel, Task
from nsmodel.kernel.user.maps import kernel_id, maps_id, shows_id


@helper
def capable_over_inode(k: Kernel, task: Task, uid: Id, gid: Id, kind: CapabilityKind) -> bool:
    """A capability in the caller's user namespace reaches an inode whose user and group have numbers there
    (kernel/capability.c: capable_wrt_inode_uidgid, v6.18)."""
    ns = task.user_ns
    shown = shows_id(k, ns, IdKind.UID, uid) and (shows_id(k, ns, IdKind.GID, gid) or k.bug(US07))
    return shown and capable(k, task, ns, kind)


@helper
def may_write_of(k: Kernel, task: Task, target: Task) -> bool:
    """A file of /proc/PID that its owner alone may write: that is the process's effective user, or, where it is not
    dumpable, root of the user namespace that its memory was made in (fs/proc/base.c: task_dump_owner, v6.18)."""
    leader = target.group_leader
    uid = target.euid
    gid = target.egid
    if not leader.dumpable:
        uid = 0
        gid = 0
        made_in = leader.mm_ns
        if made_in is not None:
            if maps_id(k, made_in, IdKind.UID, 0):
                uid = kernel_id(k, made_in, IdKind.UID, 0)
            if maps_id(k, made_in, IdKind.GID, 0):
                gid = kernel_id(k, made_in, IdKind.GID, 0)
    return task.fsuid == uid or capable_over_inode(k, task, uid, gid, CapabilityKind.DAC_OVERRIDE)
