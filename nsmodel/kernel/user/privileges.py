"""What a process does to its own privileges: capset(2) and prctl(2) (security/commoncap.c, kernel/sys.c, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import EPERM, Flags, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import capable, entitled, holds, may_call
from nsmodel.kernel.mutants import CAPSET_ANY
from nsmodel.kernel.objects import Capability, CapabilityKind, Kernel, Securebit, SecurebitKind, Task
from nsmodel.kernel.user.setid import secured


class CapabilityFlags(Flags):
    """Capabilities by name, as capset takes them."""

    rest: bool = False
    dac_override: bool = False
    fowner: bool = False
    kill: bool = False
    setgid: bool = False
    setuid: bool = False
    setpcap: bool = False
    sys_chroot: bool = False
    sys_ptrace: bool = False
    sys_admin: bool = False
    sys_resource: bool = False
    setfcap: bool = False
    checkpoint_restore: bool = False
    chown: bool = False
    fsetid: bool = False


@helper
def named_capabilities(k: Kernel, flags: CapabilityFlags) -> set[Capability]:
    """The capabilities of the scope that flags name."""
    return {
        c
        for c in k.capabilities
        if (c.kind == CapabilityKind.REST and flags.rest)
        or (c.kind == CapabilityKind.DAC_OVERRIDE and flags.dac_override)
        or (c.kind == CapabilityKind.FOWNER and flags.fowner)
        or (c.kind == CapabilityKind.KILL and flags.kill)
        or (c.kind == CapabilityKind.SETGID and flags.setgid)
        or (c.kind == CapabilityKind.SETUID and flags.setuid)
        or (c.kind == CapabilityKind.SETPCAP and flags.setpcap)
        or (c.kind == CapabilityKind.SYS_CHROOT and flags.sys_chroot)
        or (c.kind == CapabilityKind.SYS_PTRACE and flags.sys_ptrace)
        or (c.kind == CapabilityKind.SYS_ADMIN and flags.sys_admin)
        or (c.kind == CapabilityKind.SYS_RESOURCE and flags.sys_resource)
        or (c.kind == CapabilityKind.SETFCAP and flags.setfcap)
        or (c.kind == CapabilityKind.CHECKPOINT_RESTORE and flags.checkpoint_restore)
        or (c.kind == CapabilityKind.CHOWN and flags.chown)
        or (c.kind == CapabilityKind.FSETID and flags.fsetid)
    }


@helper
def do_capset(k: Kernel, task: Task, e: set[Capability], p: set[Capability], i: set[Capability]) -> int:
    """Take effective, permitted and inheritable capabilities."""
    may_inherit = capable(k, task, task.user_ns, CapabilityKind.SETPCAP)
    if not may_inherit and len(i - task.inheritable - task.permitted) > 0:
        fail(EPERM, "inheritable capabilities that are not permitted, without CAP_SETPCAP")
    if len(i - task.inheritable - task.bounding) > 0:
        fail(EPERM, "inheritable capabilities beyond the bounding set")
    if len(p - task.permitted) > 0 and not k.bug(CAPSET_ANY):
        fail(EPERM, "permitted capabilities that the task had not")
    if len(e - p) > 0:
        fail(EPERM, "effective capabilities that are not permitted")
    assure("CAP_CONFINED", len(p - task.permitted) == 0, "a task gives itself capabilities", task)
    more = i - task.inheritable
    inside = len(more - task.bounding) == 0
    inside = inside and (len(more - task.permitted) == 0 or entitled(k, task, task.user_ns, CapabilityKind.SETPCAP))
    assure("CAP_CONFINED", inside, "a task makes inheritable what it may not", task)
    if len(p - task.permitted) > 0:
        task.group_leader.dumpable = False
    task.effective = e
    task.permitted = p
    task.inheritable = i
    task.ambient = task.ambient & p & i
    return 0


@syscall(source="kernel/capability.c: capset; security/commoncap.c: cap_capset (v6.18); capset(2)")
def capset(
    k: Kernel, task: Task, effective: CapabilityFlags, permitted: CapabilityFlags, inheritable: CapabilityFlags
) -> int:
    """Set the capabilities of the calling thread."""
    given(may_call(k, task))
    e = named_capabilities(k, effective)
    p = named_capabilities(k, permitted)
    return do_capset(k, task, e, p, named_capabilities(k, inheritable))


@syscall(source="kernel/sys.c: PR_SET_NO_NEW_PRIVS (v6.18); PR_SET_NO_NEW_PRIVS(2const)")
def set_no_new_privs(k: Kernel, task: Task) -> int:
    """From now on no exec gives the thread anything."""
    given(may_call(k, task))
    task.no_new_privs = True
    return 0


@syscall(source="kernel/sys.c: PR_SET_DUMPABLE (v6.18); PR_SET_DUMPABLE(2const)")
def set_dumpable(k: Kernel, task: Task, on: bool) -> int:
    """Let the process be looked into by its user, or not."""
    given(may_call(k, task))
    task.group_leader.dumpable = on
    return 0


@helper
def securebits_named(k: Kernel, kind: SecurebitKind) -> set[Securebit]:
    """The securebit of a kind."""
    return {b for b in k.securebits if b.kind == kind}


@syscall(source="security/commoncap.c: cap_task_prctl, PR_SET_KEEPCAPS (v6.18); PR_SET_KEEPCAPS(2const)")
def set_keepcaps(k: Kernel, task: Task, on: bool) -> int:
    """Keep the permitted capabilities when root becomes another user; gone with the next exec."""
    given(may_call(k, task))
    bit = securebits_named(k, SecurebitKind.KEEP_CAPS)
    given(len(bit) > 0)
    if len(bit & task.securebits_locked) > 0:
        fail(EPERM, "SECBIT_KEEP_CAPS is locked")
    if on:
        task.securebits = task.securebits | bit
    else:
        task.securebits = task.securebits - bit
    return 0


class SecurebitFlags(Flags):
    """Securebits by name, and which of them are locked."""

    noroot: bool = False
    noroot_locked: bool = False
    no_setuid_fixup: bool = False
    no_setuid_fixup_locked: bool = False
    keep_caps: bool = False
    keep_caps_locked: bool = False
    no_cap_ambient_raise: bool = False
    no_cap_ambient_raise_locked: bool = False


@syscall(source="security/commoncap.c: cap_task_prctl, PR_SET_SECUREBITS (v6.18); PR_SET_SECUREBITS(2const)")
def set_securebits(k: Kernel, task: Task, flags: SecurebitFlags) -> int:
    """Set the securebits of the thread and their locks."""
    given(may_call(k, task))
    bits = {
        b
        for b in k.securebits
        if (b.kind == SecurebitKind.NOROOT and flags.noroot)
        or (b.kind == SecurebitKind.NO_SETUID_FIXUP and flags.no_setuid_fixup)
        or (b.kind == SecurebitKind.KEEP_CAPS and flags.keep_caps)
        or (b.kind == SecurebitKind.NO_CAP_AMBIENT_RAISE and flags.no_cap_ambient_raise)
    }
    locks = {
        b
        for b in k.securebits
        if (b.kind == SecurebitKind.NOROOT and flags.noroot_locked)
        or (b.kind == SecurebitKind.NO_SETUID_FIXUP and flags.no_setuid_fixup_locked)
        or (b.kind == SecurebitKind.KEEP_CAPS and flags.keep_caps_locked)
        or (b.kind == SecurebitKind.NO_CAP_AMBIENT_RAISE and flags.no_cap_ambient_raise_locked)
    }
    changed = (bits - task.securebits) | (task.securebits - bits)
    if len(changed & task.securebits_locked) > 0:
        fail(EPERM, "a securebit is locked")
    if len(task.securebits_locked - locks) > 0:
        fail(EPERM, "a lock of a securebit is taken off")
    if not capable(k, task, task.user_ns, CapabilityKind.SETPCAP):
        fail(EPERM, "no CAP_SETPCAP in the user namespace")
    task.securebits = bits
    task.securebits_locked = locks
    return 0


@helper
def of_kind(k: Kernel, kind: CapabilityKind) -> set[Capability]:
    """The capability of a kind."""
    return {c for c in k.capabilities if c.kind == kind}


@syscall(source="security/commoncap.c: cap_task_prctl, PR_CAPBSET_READ (v6.18); PR_CAPBSET_READ(2const)")
def capbset_read(k: Kernel, task: Task, kind: CapabilityKind) -> int:
    """1 when a capability is in the bounding set."""
    given(may_call(k, task) and len(of_kind(k, kind)) > 0 and kind != CapabilityKind.REST)
    return 1 if holds(k, task.bounding, kind) else 0


@helper
def do_capbset_drop(k: Kernel, task: Task, dropped: set[Capability]) -> int:
    """Take one capability out of the bounding set."""
    if not capable(k, task, task.user_ns, CapabilityKind.SETPCAP):
        fail(EPERM, "no CAP_SETPCAP in the user namespace")
    task.bounding = task.bounding - dropped
    return 0


@syscall(source="security/commoncap.c: cap_prctl_drop (v6.18); PR_CAPBSET_DROP(2const)")
def capbset_drop(k: Kernel, task: Task, kind: CapabilityKind) -> int:
    """Take a capability out of the bounding set."""
    given(may_call(k, task) and len(of_kind(k, kind)) > 0 and kind != CapabilityKind.REST)
    return do_capbset_drop(k, task, of_kind(k, kind))


@helper
def do_ambient_raise(k: Kernel, task: Task, raised: set[Capability]) -> int:
    """Put one capability into the ambient set."""
    if len(raised - (task.permitted & task.inheritable)) > 0:
        fail(EPERM, "the capability is not both permitted and inheritable")
    if secured(k, task, SecurebitKind.NO_CAP_AMBIENT_RAISE):
        fail(EPERM, "SECBIT_NO_CAP_AMBIENT_RAISE is set")
    task.ambient = task.ambient | raised
    return 0


@syscall(source="security/commoncap.c: cap_task_prctl, PR_CAP_AMBIENT_RAISE (v6.18); PR_CAP_AMBIENT(2const)")
def ambient_raise(k: Kernel, task: Task, kind: CapabilityKind) -> int:
    """Put a capability into the ambient set."""
    given(may_call(k, task) and len(of_kind(k, kind)) > 0 and kind != CapabilityKind.REST)
    return do_ambient_raise(k, task, of_kind(k, kind))


@helper
def do_ambient_lower(k: Kernel, task: Task, lowered: set[Capability]) -> int:
    """Take one capability out of the ambient set."""
    task.ambient = task.ambient - lowered
    return 0


@syscall(source="security/commoncap.c: cap_task_prctl, PR_CAP_AMBIENT_LOWER (v6.18); PR_CAP_AMBIENT(2const)")
def ambient_lower(k: Kernel, task: Task, kind: CapabilityKind) -> int:
    """Take a capability out of the ambient set."""
    given(may_call(k, task) and len(of_kind(k, kind)) > 0 and kind != CapabilityKind.REST)
    return do_ambient_lower(k, task, of_kind(k, kind))


@syscall(source="security/commoncap.c: cap_task_prctl, PR_CAP_AMBIENT_CLEAR_ALL (v6.18); PR_CAP_AMBIENT(2const)")
def ambient_clear(k: Kernel, task: Task) -> int:
    """Empty the ambient set."""
    given(may_call(k, task))
    task.ambient = set()
    return 0
