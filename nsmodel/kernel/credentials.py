"""Who may do what: capabilities over a user namespace, access to another task, permission to signal it."""

from __future__ import annotations

from nsmodel.ir.language import assure, helper
from nsmodel.kernel.mutants import US09
from nsmodel.kernel.objects import Capability, CapabilityKind, Credentials, Kernel, Task, TaskState, UserNamespace


@helper
def may_call(k: Kernel, task: Task) -> bool:
    """The task runs, and is in no call that is still under way."""
    return task.state == TaskState.RUNNING and not task.busy


@helper
def user_within(k: Kernel, ns: UserNamespace, top: UserNamespace | None) -> bool:
    """A user namespace is `top` or a descendant of it (kernel/user_namespace.c: in_userns, v6.18)."""
    here: UserNamespace | None = ns
    while here is not None:
        if here is top:
            return True
        here = here.owner
    return False


@helper
def every(k: Kernel) -> set[Capability]:
    """All capabilities (CAP_FULL_SET)."""
    return {c for c in k.capabilities}


@helper
def holds(k: Kernel, capabilities: set[Capability], kind: CapabilityKind) -> bool:
    """A set has the capability; one that the scope does not name is part of the rest."""
    rest = not any(c.kind == kind for c in k.capabilities)
    return any(c.kind == kind or (rest and c.kind == CapabilityKind.REST) for c in capabilities)


@helper
def made(k: Kernel, who: Credentials, ns: UserNamespace) -> bool:
    """A user namespace is right below the credentials' own, and their user made it."""
    return ns.owner is who.user_ns and ns.creator == who.euid


@helper
def capable(k: Kernel, who: Credentials, over: UserNamespace | None, kind: CapabilityKind) -> bool:
    """Credentials have a capability over a user namespace: it is their own or one below and in their effective set, or
    one that their user made from there, or one below that (kernel/capability.c: ns_capable, security/commoncap.c:
    cap_capable_helper, v6.18). None is the world outside."""
    here = over
    while here is not None:
        if here is who.user_ns:
            return holds(k, who.effective, kind)
        if made(k, who, here):
            return True
        here = here.owner
    return False


@helper
def entitled(k: Kernel, who: Credentials, over: UserNamespace | None, kind: CapabilityKind) -> bool:
    """What properties say of the same (capabilities(7), user_namespaces(7)): the user namespace is the own one or below
    it, and the capability is held, or it is one that their user made, or below such a one."""
    for mine in k.user_namespaces:
        if over is not None and user_within(k, over, mine):
            if (mine is who.user_ns and holds(k, who.effective, kind)) or made(k, who, mine):
                return True
    return False


@helper
def admin(k: Kernel, task: Task, over: UserNamespace | None) -> bool:
    """CAP_SYS_ADMIN over a user namespace."""
    return capable(k, task, over, CapabilityKind.SYS_ADMIN)


@helper
def same_ids(k: Kernel, task: Task, target: Task, fs: bool) -> bool:
    """The target's real, effective and saved ids are all the caller's real ones, or those for files."""
    uid = task.fsuid if fs else task.uid
    gid = task.fsgid if fs else task.gid
    users = target.uid == uid and target.euid == uid and target.suid == uid
    return users and target.gid == gid and target.egid == gid and target.sgid == gid


@helper
def may_access(k: Kernel, task: Task, target: Task, fs: bool) -> bool:
    """PTRACE_MODE_READ on a task, `fs` with the ids for files and effective capabilities, else with the real ids and
    permitted ones (kernel/ptrace.c: __ptrace_may_access, security/commoncap.c: cap_ptrace_access_check, v6.18).
    Dumpability is remembered of a dead process too."""
    leader = target.group_leader
    if leader is task.group_leader:
        return True
    over = capable(k, task, target.user_ns, CapabilityKind.SYS_PTRACE)
    if not same_ids(k, task, target, fs) and not over:
        return False
    if not leader.dumpable and not k.bug(US09) and not capable(k, task, leader.mm_ns, CapabilityKind.SYS_PTRACE):
        return False
    mine = task.effective if fs else task.permitted
    if target.user_ns is task.user_ns and len(target.permitted - mine) == 0:
        return True
    return over


@helper
def judge_access(k: Kernel, task: Task, target: Task) -> None:
    """Who was let look into a process may look into its memory."""
    leader = target.group_leader
    open_to_all = leader is task.group_leader or leader.dumpable
    over = capable(k, task, leader.mm_ns, CapabilityKind.SYS_PTRACE)
    assure("PTRACE_CONF", open_to_all or over, "memory that was made above is looked into", task, target)
    known = leader is task.group_leader or same_ids(k, task, target, True) or same_ids(k, task, target, False)
    known = known or entitled(k, task, target.user_ns, CapabilityKind.SYS_PTRACE)
    assure("PTRACE_CONF", known, "another user's process is looked into without CAP_SYS_PTRACE", task, target)


@helper
def may_signal(k: Kernel, task: Task, target: Task) -> bool:
    """Same thread group, same user, or CAP_KILL over the target's user namespace (kernel/signal.c:
    check_kill_permission, kill_ok_by_cred, v6.18)."""
    if target.group_leader is task.group_leader:
        return True
    if task.euid == target.suid or task.euid == target.uid or task.uid == target.suid or task.uid == target.uid:
        return True
    return capable(k, task, target.user_ns, CapabilityKind.KILL)


@helper
def copy_rights(k: Kernel, copy: Credentials, who: Credentials) -> None:
    """What rights depend on; the user namespace is held once more."""
    copy.user_ns = who.user_ns
    copy.euid = who.euid
    copy.egid = who.egid
    copy.effective = who.effective
    who.user_ns.count += 1


@helper
def copy_credentials(k: Kernel, child: Task, task: Task) -> None:
    """A new task has the credentials of its maker (kernel/cred.c: copy_creds, v6.18); who counts is the caller."""
    child.user_ns = task.user_ns
    child.uid = task.uid
    child.euid = task.euid
    child.suid = task.suid
    child.fsuid = task.fsuid
    child.gid = task.gid
    child.egid = task.egid
    child.sgid = task.sgid
    child.fsgid = task.fsgid
    child.groups = task.groups
    child.permitted = task.permitted
    child.effective = task.effective
    child.inheritable = task.inheritable
    child.bounding = task.bounding
    child.ambient = task.ambient
    child.securebits = task.securebits
    child.securebits_locked = task.securebits_locked
    child.no_new_privs = task.no_new_privs


@helper
def become_root_of(k: Kernel, task: Task, ns: UserNamespace) -> None:
    """Every capability in a user namespace, and nothing else kept but the ids (kernel/user_namespace.c:
    set_cred_user_ns, v6.18)."""
    task.user_ns = ns
    task.permitted = every(k)
    task.effective = every(k)
    task.bounding = every(k)
    task.inheritable = set()
    task.ambient = set()
    task.securebits = set()
    task.securebits_locked = set()
