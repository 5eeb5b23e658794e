"""Becoming another user or group (credentials(7), setresuid(2), setgroups(2); kernel/sys.c, kernel/groups.c, v6.18).

The system calls act on one thread alone.
"""

from __future__ import annotations

from typing import Annotated

from nsmodel.ir.language import EINVAL, EPERM, Flags, Range, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import capable, entitled, may_call
from nsmodel.kernel.mutants import SETGID_ANY, SETGROUPS_UNMAPPED, SETUID_ANY
from nsmodel.kernel.objects import CapabilityKind, Group, Id, IdKind, Kernel, SecurebitKind, Task
from nsmodel.kernel.user.maps import NOBODY, is_root, kernel_id, maps_id, shown_id, written

IdOrKeep = Annotated[int, Range(0, 4294967295)]
"""An id, or `KEEP`."""
KEEP = 4294967295
"""An argument of setresuid and setresgid that leaves an id as it is: -1, as an unsigned number."""


@helper
def secured(k: Kernel, task: Task, kind: SecurebitKind) -> bool:
    """A securebit is set (issecure)."""
    return any(b in task.securebits and b.kind == kind for b in k.securebits)


@helper
def fix_capabilities(k: Kernel, task: Task, uid: Id, euid: Id, suid: Id) -> None:
    """What a change of users does to capabilities (security/commoncap.c: cap_emulate_setxuid, v6.18): whoever was root
    and is so no longer loses them, unless it keeps them; the effective ones follow the effective user."""
    if not secured(k, task, SecurebitKind.NO_SETUID_FIXUP):
        ns = task.user_ns
        was = is_root(k, ns, task.uid) or is_root(k, ns, task.euid) or is_root(k, ns, task.suid)
        stays = is_root(k, ns, uid) or is_root(k, ns, euid) or is_root(k, ns, suid)
        if was and not stays:
            if not secured(k, task, SecurebitKind.KEEP_CAPS):
                task.permitted = set()
                task.effective = set()
            task.ambient = set()
        if is_root(k, ns, task.euid) and not is_root(k, ns, euid):
            task.effective = set()
        if not is_root(k, ns, task.euid) and is_root(k, ns, euid):
            task.effective = task.permitted


@helper
def own_user(k: Kernel, task: Task, uid: Id) -> bool:
    """A user is the task's real, effective or saved one."""
    return uid == task.uid or uid == task.euid or uid == task.suid


@helper
def own_group(k: Kernel, task: Task, gid: Id) -> bool:
    """A group is the task's real, effective or saved one."""
    return gid == task.gid or gid == task.egid or gid == task.sgid


@helper
def become_user(k: Kernel, task: Task, uid: Id, euid: Id, suid: Id) -> None:
    """Take users; the one for files is the effective one. A change of the latter two makes the process undumpable
    (kernel/cred.c: commit_creds, v6.18)."""
    own = own_user(k, task, uid) and own_user(k, task, euid) and own_user(k, task, suid)
    allowed = own or entitled(k, task, task.user_ns, CapabilityKind.SETUID)
    assure("CAP_CONFINED", allowed, "another user is taken without CAP_SETUID", task)
    if task.euid != euid or task.fsuid != euid:
        task.group_leader.dumpable = False
    fix_capabilities(k, task, uid, euid, suid)
    task.uid = uid
    task.euid = euid
    task.suid = suid
    task.fsuid = euid


@helper
def become_group(k: Kernel, task: Task, gid: Id, egid: Id, sgid: Id) -> None:
    """Take groups."""
    own = own_group(k, task, gid) and own_group(k, task, egid) and own_group(k, task, sgid)
    allowed = own or entitled(k, task, task.user_ns, CapabilityKind.SETGID)
    assure("CAP_CONFINED", allowed, "another group is taken without CAP_SETGID", task)
    if task.egid != egid or task.fsgid != egid:
        task.group_leader.dumpable = False
    task.gid = gid
    task.egid = egid
    task.sgid = sgid
    task.fsgid = egid


@helper
def meant(k: Kernel, task: Task, kind: IdKind, number: int, now: Id) -> int:
    """The kernel id that an argument names, of which `KEEP` is what there is now; it means something."""
    if number == KEEP:
        return now
    return kernel_id(k, task.user_ns, kind, number)


@helper
def check_meant(k: Kernel, task: Task, kind: IdKind, number: int) -> None:
    """An argument is `KEEP` or an id of the caller's user namespace."""
    if number != KEEP and not maps_id(k, task.user_ns, kind, number):
        fail(EINVAL, "an id is not mapped in the caller's user namespace")


@syscall(source="kernel/sys.c: __sys_setresuid (v6.18); setresuid(2)")
def setresuid(k: Kernel, task: Task, ruid: IdOrKeep, euid: IdOrKeep, suid: IdOrKeep) -> int:
    """Take a real, an effective and a saved user."""
    given(may_call(k, task))
    check_meant(k, task, IdKind.UID, ruid)
    check_meant(k, task, IdKind.UID, euid)
    check_meant(k, task, IdKind.UID, suid)
    r = meant(k, task, IdKind.UID, ruid, task.uid)
    e = meant(k, task, IdKind.UID, euid, task.euid)
    s = meant(k, task, IdKind.UID, suid, task.suid)
    same = r == task.uid and e == task.euid and s == task.suid and (euid == KEEP or e == task.fsuid)
    if not same:
        new = not own_user(k, task, r) or not own_user(k, task, e) or not own_user(k, task, s)
        allowed = capable(k, task, task.user_ns, CapabilityKind.SETUID)
        if new and not allowed and not k.bug(SETUID_ANY):
            fail(EPERM, "an id that the caller has not, without CAP_SETUID")
        become_user(k, task, r, e, s)
    return 0


@syscall(source="kernel/sys.c: __sys_setuid (v6.18); setuid(2)")
def setuid(k: Kernel, task: Task, uid: int) -> int:
    """Take a user: all three with CAP_SETUID, else the effective one."""
    given(may_call(k, task) and uid != KEEP)
    check_meant(k, task, IdKind.UID, uid)
    new = kernel_id(k, task.user_ns, IdKind.UID, uid)
    if capable(k, task, task.user_ns, CapabilityKind.SETUID):
        become_user(k, task, new, new, new)
        return 0
    if new != task.uid and new != task.suid:
        fail(EPERM, "neither the real nor the saved user, without CAP_SETUID")
    become_user(k, task, task.uid, new, task.suid)
    return 0


@syscall(source="kernel/sys.c: __sys_setreuid (v6.18); setreuid(2)")
def setreuid(k: Kernel, task: Task, ruid: IdOrKeep, euid: IdOrKeep) -> int:
    """Take a real and an effective user; the saved one follows where the real one is set, or the effective one becomes
    another than the real one was."""
    given(may_call(k, task))
    check_meant(k, task, IdKind.UID, ruid)
    check_meant(k, task, IdKind.UID, euid)
    r = meant(k, task, IdKind.UID, ruid, task.uid)
    e = meant(k, task, IdKind.UID, euid, task.euid)
    allowed = capable(k, task, task.user_ns, CapabilityKind.SETUID)
    if ruid != KEEP and r != task.uid and r != task.euid and not allowed:
        fail(EPERM, "neither the real nor the effective user, without CAP_SETUID")
    if euid != KEEP and not own_user(k, task, e) and not allowed:
        fail(EPERM, "a user that the caller has not, without CAP_SETUID")
    follows = ruid != KEEP or (euid != KEEP and e != task.uid)
    become_user(k, task, r, e, e if follows else task.suid)
    return 0


@syscall(source="kernel/sys.c: __sys_setregid (v6.18); setregid(2)")
def setregid(k: Kernel, task: Task, rgid: IdOrKeep, egid: IdOrKeep) -> int:
    """Take a real and an effective group; the saved one follows as in setreuid."""
    given(may_call(k, task))
    check_meant(k, task, IdKind.GID, rgid)
    check_meant(k, task, IdKind.GID, egid)
    r = meant(k, task, IdKind.GID, rgid, task.gid)
    e = meant(k, task, IdKind.GID, egid, task.egid)
    allowed = capable(k, task, task.user_ns, CapabilityKind.SETGID)
    if rgid != KEEP and r != task.gid and r != task.egid and not allowed:
        fail(EPERM, "neither the real nor the effective group, without CAP_SETGID")
    if egid != KEEP and not own_group(k, task, e) and not allowed:
        fail(EPERM, "a group that the caller has not, without CAP_SETGID")
    follows = rgid != KEEP or (egid != KEEP and e != task.gid)
    become_group(k, task, r, e, e if follows else task.sgid)
    return 0


@syscall(source="kernel/sys.c: __sys_setresgid (v6.18); setresgid(2)")
def setresgid(k: Kernel, task: Task, rgid: IdOrKeep, egid: IdOrKeep, sgid: IdOrKeep) -> int:
    """Take a real, an effective and a saved group."""
    given(may_call(k, task))
    check_meant(k, task, IdKind.GID, rgid)
    check_meant(k, task, IdKind.GID, egid)
    check_meant(k, task, IdKind.GID, sgid)
    r = meant(k, task, IdKind.GID, rgid, task.gid)
    e = meant(k, task, IdKind.GID, egid, task.egid)
    s = meant(k, task, IdKind.GID, sgid, task.sgid)
    same = r == task.gid and e == task.egid and s == task.sgid and (egid == KEEP or e == task.fsgid)
    if not same:
        new = not own_group(k, task, r) or not own_group(k, task, e) or not own_group(k, task, s)
        if new and not capable(k, task, task.user_ns, CapabilityKind.SETGID) and not k.bug(SETGID_ANY):
            fail(EPERM, "a group that the caller has not, without CAP_SETGID")
        become_group(k, task, r, e, s)
    return 0


@syscall(source="kernel/sys.c: __sys_setgid (v6.18); setgid(2)")
def setgid(k: Kernel, task: Task, gid: int) -> int:
    """Take a group: all three with CAP_SETGID, else the effective one."""
    given(may_call(k, task) and gid != KEEP)
    check_meant(k, task, IdKind.GID, gid)
    new = kernel_id(k, task.user_ns, IdKind.GID, gid)
    if capable(k, task, task.user_ns, CapabilityKind.SETGID):
        become_group(k, task, new, new, new)
        return 0
    if new != task.gid and new != task.sgid:
        fail(EPERM, "neither the real nor the saved group, without CAP_SETGID")
    become_group(k, task, task.gid, new, task.sgid)
    return 0


class GroupList(Flags):
    """The groups that setgroups is given, by their numbers in the caller's user namespace."""

    size: Annotated[int, Range(0, 2)] = 0
    first: Annotated[int, Range(0, "ids")] = 0
    second: Annotated[int, Range(0, "ids")] = 0


@helper
def check_may_setgroups(k: Kernel, task: Task) -> None:
    """may_setgroups."""
    ns = task.user_ns
    if not capable(k, task, ns, CapabilityKind.SETGID):
        fail(EPERM, "no CAP_SETGID in the user namespace")
    if not written(k, ns, IdKind.GID) and not k.bug(SETGROUPS_UNMAPPED):
        fail(EPERM, "the groups of the user namespace are not mapped")
    if not ns.setgroups and not k.bug(SETGROUPS_UNMAPPED):
        fail(EPERM, "setgroups is denied in the user namespace")


@syscall(source="kernel/groups.c: SYSCALL_DEFINE2(setgroups), may_setgroups (v6.18); setgroups(2)")
def setgroups(k: Kernel, task: Task, list: GroupList) -> int:
    """Take supplementary groups, and give up those that there were."""
    given(may_call(k, task) and list.size >= 0 and list.size <= 2)
    ns = task.user_ns
    check_may_setgroups(k, task)
    if list.size > 0 and not maps_id(k, ns, IdKind.GID, list.first):
        fail(EINVAL, "a group is not mapped in the user namespace")
    if list.size > 1 and not maps_id(k, ns, IdKind.GID, list.second):
        fail(EINVAL, "a group is not mapped in the user namespace")
    one = kernel_id(k, ns, IdKind.GID, list.first)
    two = kernel_id(k, ns, IdKind.GID, list.second)
    given(list.size == 0 or any(g.gid == one for g in k.groups))
    given(list.size < 2 or any(g.gid == two for g in k.groups))
    new: set[Group] = {g for g in k.groups if (list.size > 0 and g.gid == one) or (list.size > 1 and g.gid == two)}
    trusted = written(k, ns, IdKind.GID) and ns.setgroups
    allowed = entitled(k, task, ns, CapabilityKind.SETGID)
    assure("CAP_CONFINED", allowed, "groups are taken without CAP_SETGID", task)
    assure("GROUP_NODROP", trusted, "groups are given up where nobody with rights allowed it", task, ns)
    task.groups = new
    return 0


@helper
def judge_shown(k: Kernel, task: Task, kind: IdKind, kid: Id, number: int) -> None:
    """An id that a process is shown means the same the other way round."""
    ns = task.user_ns
    back = number == NOBODY or (maps_id(k, ns, kind, number) and kernel_id(k, ns, kind, number) == kid)
    assure("MAP_BIJ", back, "the number that an id is shown as means another one", task, ns)


@syscall(source="kernel/sys.c: SYSCALL_DEFINE0(getuid) (v6.18); getuid(2)")
def getuid(k: Kernel, task: Task) -> int:
    """The real user, as the caller's user namespace shows it."""
    given(may_call(k, task))
    number = shown_id(k, task.user_ns, IdKind.UID, task.uid)
    judge_shown(k, task, IdKind.UID, task.uid, number)
    return number


@syscall(source="kernel/sys.c: SYSCALL_DEFINE0(getgid) (v6.18); getgid(2)")
def getgid(k: Kernel, task: Task) -> int:
    """The real group, as the caller's user namespace shows it."""
    given(may_call(k, task))
    number = shown_id(k, task.user_ns, IdKind.GID, task.gid)
    judge_shown(k, task, IdKind.GID, task.gid, number)
    return number
