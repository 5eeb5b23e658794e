"""execve: what a program's file does to the credentials of who executes it (execve(2), capabilities(7);
fs/exec.c: bprm_fill_uid, begin_new_exec, security/commoncap.c: cap_bprm_creds_from_file, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import EACCES, EPERM, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import capable, may_call
from nsmodel.kernel.fork import threaded
from nsmodel.kernel.mount.common import has_kind
from nsmodel.kernel.mount.tree import mount_ns
from nsmodel.kernel.mutants import FCAPS_ANY_ROOT, NNP_SETUID, SUID_UNMAPPED
from nsmodel.kernel.nsproxy import enter_time_for_children
from nsmodel.kernel.objects import (
    AttributeKind,
    Capability,
    CapabilityKind,
    Disposition,
    Id,
    IdKind,
    Kernel,
    Program,
    SecurebitKind,
    Task,
    UserNamespace,
)
from nsmodel.kernel.refs import copy_nsproxy, put_mount, put_nsproxy, put_user_ns
from nsmodel.kernel.user.maps import is_root, shows_id
from nsmodel.kernel.user.setid import secured


@helper
def at_hand(k: Kernel, task: Task, program: Program) -> bool:
    """The program is in the task's root directory."""
    fs = task.fs
    return program.home is None or (fs is not None and fs.root_dentry is program.home)


@helper
def forbids(k: Kernel, task: Task, kind: AttributeKind) -> bool:
    """The mount that the task's root directory is in has an attribute."""
    fs = task.fs
    m = None if fs is None else fs.root_mnt
    return m is not None and has_kind(k, m.attributes, kind)


@helper
def may_suid(k: Kernel, task: Task) -> bool:
    """What files give counts on the mount: it is not nosuid, and it is in the task's mount namespace (fs/namespace.c:
    mnt_may_suid, v6.18)."""
    fs = task.fs
    m = None if fs is None else fs.root_mnt
    return m is None or (not forbids(k, task, AttributeKind.NOSUID) and m.ns is mount_ns(k, task))


@helper
def honours_setid(k: Kernel, task: Task, program: Program) -> bool:
    """Set-id bits count: not with no_new_privs, and only where both ids of the file mean something (bprm_fill_uid)."""
    if (task.no_new_privs or not may_suid(k, task)) and not k.bug(NNP_SETUID):
        return False
    shown = shows_id(k, task.user_ns, IdKind.UID, program.uid) and shows_id(k, task.user_ns, IdKind.GID, program.gid)
    return shown or k.bug(SUID_UNMAPPED)


@helper
def new_euid(k: Kernel, task: Task, program: Program | None) -> Id:
    """The effective user that a program's file asks for."""
    if program is not None and program.setuid and honours_setid(k, task, program):
        return program.uid
    return task.euid


@helper
def new_egid(k: Kernel, task: Task, program: Program | None) -> Id:
    """The effective group that a program's file asks for."""
    if program is not None and program.setgid and honours_setid(k, task, program):
        return program.gid
    return task.egid


@helper
def rooted_above(k: Kernel, ns: UserNamespace, kid: Id) -> bool:
    """A user is root of a user namespace or of one above it (rootid_owns_currentns)."""
    here: UserNamespace | None = ns
    while here is not None:
        if is_root(k, here, kid):
            return True
        here = here.owner
    return False


@helper
def has_file_capabilities(k: Kernel, task: Task, program: Program | None) -> bool:
    """The file has capabilities, and their root is root of the caller's user namespace or of one above it
    (get_vfs_caps_from_disk)."""
    if program is None or (len(program.permitted) == 0 and len(program.inheritable) == 0) or not may_suid(k, task):
        return False
    return rooted_above(k, task.user_ns, program.rootid) or k.bug(FCAPS_ANY_ROOT)


@helper
def file_permitted(k: Kernel, task: Task, program: Program | None) -> set[Capability]:
    """(X & fP) | (pI & fI), where the file has capabilities (bprm_caps_from_vfs_caps)."""
    if program is None or not has_file_capabilities(k, task, program):
        return set()
    return (task.bounding & program.permitted) | (task.inheritable & program.inheritable)


@syscall(source="fs/exec.c: do_execveat_common, begin_new_exec; security/commoncap.c (v6.18); execve(2)")
def execve(k: Kernel, task: Task, program: Program | None) -> int:
    """Execute a program; None is one whose file gives nothing. Descriptors stay open."""
    given(may_call(k, task) and task.nsproxy is not None and not threaded(k, task))
    given(program is None or at_hand(k, task, program))
    if program is not None and forbids(k, task, AttributeKind.NOEXEC):
        fail(EACCES, "the mount is noexec")
    ns = task.user_ns
    filed = has_file_capabilities(k, task, program)
    gained = file_permitted(k, task, program)
    raises = filed and program is not None and program.raises
    if raises and program is not None and len(program.permitted - gained) > 0:
        fail(EPERM, "the bounding set keeps capabilities from a file that cannot do without them")
    euid = new_euid(k, task, program)
    egid = new_egid(k, task, program)
    permitted = gained
    effective = raises
    rooted = not secured(k, task, SecurebitKind.NOROOT)
    setuid_root = is_root(k, ns, euid) and not is_root(k, ns, task.uid)
    if rooted and not (filed and setuid_root):
        if is_root(k, ns, euid) or is_root(k, ns, task.uid):
            permitted = task.bounding | task.inheritable
        if is_root(k, ns, euid):
            effective = True
    changed = euid != task.euid or not (egid == task.fsgid or any(g.gid == egid for g in task.groups))
    gains = len(permitted - task.permitted) > 0
    # Whoever shares a root directory is no other process's tracer, but an exec there is as unsafe.
    shares = task.fs is not None and task.fs.users > 1
    unsafe = task.no_new_privs or shares
    if (changed or gains) and unsafe and not k.bug(NNP_SETUID):
        if not capable(k, task, ns, CapabilityKind.SETUID) or task.no_new_privs:
            euid = task.uid
            egid = task.gid
        permitted = permitted & task.permitted
    ambient = task.ambient
    if filed or changed:
        ambient = set()
    permitted = permitted | ambient
    trusted = program is None or len(gained) == 0 or rooted_above(k, ns, program.rootid)
    assure("CAP_CONFINED", trusted, "the capabilities of a file of another user namespace's count", task, program)
    within = len(gained - task.bounding - task.inheritable) == 0
    assure("CAP_CONFINED", within, "a file gives capabilities beyond the bounding set", task, program)
    more = len(permitted - task.permitted) > 0
    assure("CAP_CONFINED", not more or not task.no_new_privs, "an exec gives capabilities despite no_new_privs", task)
    known = euid == task.euid or shows_id(k, ns, IdKind.UID, euid)
    assure("CAP_CONFINED", known, "an exec makes a user of nowhere", task)
    plain = euid == task.euid and euid == task.fsuid and egid == task.egid and egid == task.fsgid
    real = task.uid == task.euid and task.gid == task.egid
    task.group_leader.dumpable = real and plain and not more
    task.euid = euid
    task.suid = euid
    task.fsuid = euid
    task.egid = egid
    task.sgid = egid
    task.fsgid = egid
    task.permitted = permitted
    task.effective = permitted if effective else ambient
    task.ambient = ambient
    task.securebits = {b for b in task.securebits if b.kind != SecurebitKind.KEEP_CAPS}
    leader = task.group_leader
    if leader.on_term == Disposition.HANDLER:
        leader.on_term = Disposition.DEFAULT
    before = leader.mm_ns
    leader.mm_ns = ns
    ns.count += 1
    if before is not None:
        put_user_ns(k, before)
    fs = task.fs
    exe = None if fs is None or program is None else fs.root_mnt
    former = leader.exe
    leader.exe = exe
    if exe is not None:
        exe.count += 1
    if former is not None:
        put_mount(k, former)
    old = task.nsproxy
    assert old is not None
    if old.time is not old.time_for_children:
        new = copy_nsproxy(k, old)
        enter_time_for_children(k, new)
        task.nsproxy = new
        put_nsproxy(k, old)
    return 0
