"""What a process may do in a user namespace, and what setuid, capset, prctl and exec make of its capabilities."""

from functools import partial

from nsmodel.kernel.arguments import CloneFlags, NsFlags, SetTid
from nsmodel.kernel.base import base_state
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.join import setns, setns_pidfd
from nsmodel.kernel.mutants import (
    CAPSET_ANY,
    FCAPS_ANY_ROOT,
    NNP_SETUID,
    SETUID_ANY,
    SUID_UNMAPPED,
    UNSHARE_ANY,
    US01,
    US07,
    US09,
)
from nsmodel.kernel.nsfs import open_ns, pidfd_open
from nsmodel.kernel.objects import CapabilityKind, IdKind, Kernel, NsType, SecurebitKind, Signal
from nsmodel.kernel.properties import (
    CAP_CONFINED,
    FAIL_ATOMIC,
    INODE_CAP,
    NO_UAF,
    PTRACE_CONF,
    REF_EXACT,
    ROOT_CONFINED,
    STEP_TOTAL,
)
from nsmodel.kernel.signal import KillTo, kill, pidfd_send_signal, tgkill
from nsmodel.kernel.user.base import File, Users
from nsmodel.kernel.user.execve import execve
from nsmodel.kernel.user.inode import chmod
from nsmodel.kernel.user.map_files import MapLines, write_map
from nsmodel.kernel.user.privileges import (
    CapabilityFlags,
    SecurebitFlags,
    ambient_clear,
    ambient_lower,
    ambient_raise,
    capbset_drop,
    capbset_read,
    capset,
    set_dumpable,
    set_keepcaps,
    set_no_new_privs,
    set_securebits,
)
from nsmodel.kernel.user.setid import (
    KEEP,
    getgid,
    getuid,
    setgid,
    setregid,
    setresgid,
    setresuid,
    setreuid,
    setuid,
)
from nsmodel.kernel.user.ucounts import set_limit
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (CAP_CONFINED, PTRACE_CONF, INODE_CAP, ROOT_CONFINED, REF_EXACT, NO_UAF, STEP_TOTAL, FAIL_ATOMIC)
USERS = Users(
    ids=2,
    capabilities=(CapabilityKind.KILL,),
    securebits=(SecurebitKind.KEEP_CAPS,),
    programs=(
        File(uid=1, gid=2, setuid=True),
        File(permitted=(CapabilityKind.KILL,), raises=True),
        File(permitted=(CapabilityKind.KILL,), rootid=2),
    ),
)
ALL = CapabilityFlags(rest=True, kill=True)
NONE = CapabilityFlags()

SPEC = Spec(
    name="user_capabilities",
    title=__doc__,
    state=Kernel,
    base=partial(base_state, users=USERS),
    bounds={
        **USERS.bounds,
        "tasks": 2,
        "pids": 2,
        "nsproxies": 3,
        "fs_structs": 2,
        "pid_namespaces": 1,
        "user_namespaces": 2,
        "descriptors": 1,
        "numbers": 2,
        "extents": 1,
    },
    prelude=(
        call("setresuid", task=1, ruid=1, euid=1, suid=0),
        call("set_dumpable", task=1, on=True),
    ),
    depth=4,
    scopes={"small": Scope(depth=2), "deep": Scope({"extents": 2, "user_namespaces": 3}, depth=5)},
    operations=(
        op(clone3, flags=[CloneFlags(), CloneFlags(newuser=True), CloneFlags(newuser=True, fs=True)], tids=[SetTid()]),
        op(unshare, flags=[CloneFlags(newuser=True), CloneFlags(newuts=True)]),
        op(setresuid, ruid=[1, KEEP], euid=[0, 1, 2], suid=[0, KEEP]),
        op(capset, effective=[ALL, CapabilityFlags(kill=True)], permitted=[ALL], inheritable=[NONE, ALL]),
        op(ambient_raise, kind=[CapabilityKind.KILL]),
        op(set_no_new_privs),
        op(set_keepcaps, on=[True]),
        op(set_dumpable, on=[True]),
        op(write_map, kind=[IdKind.UID], lines=[MapLines(lower=1)]),
        op(execve),
        op(chmod, setuid=[False], setgid=[True]),
        op(kill, to=[KillTo.PROCESS], signal=[Signal.NONE]),
        op(open_ns, kind=[NsType.USER]),
        op(setns, wrong_type=[False]),
        op(pidfd_open),
    ),
    edges=(
        op(setuid, uid=[0, 1, 2]),
        op(setreuid, ruid=[KEEP, 2], euid=[0, 2]),
        op(setgid, gid=[0, 1]),
        op(setregid, rgid=[KEEP, 1], egid=[0, 1]),
        op(setresgid, rgid=[KEEP], egid=[0, 1], sgid=[KEEP]),
        op(getuid),
        op(getgid),
        op(set_securebits, flags=[SecurebitFlags(), SecurebitFlags(keep_caps=True)]),
        op(capbset_read, kind=[CapabilityKind.KILL]),
        op(capbset_drop, kind=[CapabilityKind.KILL]),
        op(ambient_lower, kind=[CapabilityKind.KILL]),
        op(ambient_clear),
        op(tgkill, signal=[Signal.NONE]),
        op(clone3, tids=[SetTid(size=1, first=1), SetTid(size=1)]),
        op(set_limit, kind=[NsType.USER], limit=[0]),
        op(pidfd_send_signal, signal=[Signal.NONE]),
        op(setns_pidfd, flags=[NsFlags(user=True)]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        US01: "ROOT_CONFINED",
        US07: "INODE_CAP",
        US09: "PTRACE_CONF",
        SETUID_ANY: "CAP_CONFINED",
        CAPSET_ANY: "CAP_CONFINED",
        NNP_SETUID: "CAP_CONFINED",
        SUID_UNMAPPED: "CAP_CONFINED",
        FCAPS_ANY_ROOT: "CAP_CONFINED",
        UNSHARE_ANY: "CAP_CONFINED",
    },
)
