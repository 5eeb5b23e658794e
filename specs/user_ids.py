"""Becoming another user or group by every call that there is, and reaching others, with capabilities and without."""

from functools import partial

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.base import base_state
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.mutants import CAPSET_ANY, KILL_ANY, SETGID_ANY, SETGROUPS_UNMAPPED, SETUID_ANY
from nsmodel.kernel.objects import CapabilityKind, IdKind, Kernel, SecurebitKind, Signal
from nsmodel.kernel.properties import CAP_CONFINED, FAIL_ATOMIC, GROUP_NODROP, MAP_BIJ, REF_EXACT, STEP_TOTAL
from nsmodel.kernel.signal import KillTo, kill
from nsmodel.kernel.user.base import Users
from nsmodel.kernel.user.map_files import MapLines, write_map, write_setgroups
from nsmodel.kernel.user.privileges import CapabilityFlags, ambient_raise, capbset_drop, capset, set_keepcaps
from nsmodel.kernel.user.setid import (
    KEEP,
    GroupList,
    getgid,
    setgid,
    setgroups,
    setregid,
    setresgid,
    setresuid,
    setreuid,
    setuid,
)
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (CAP_CONFINED, GROUP_NODROP, MAP_BIJ, REF_EXACT, STEP_TOTAL, FAIL_ATOMIC)
USERS = Users(ids=2, capabilities=(CapabilityKind.SETGID,), groups=(1,), securebits=(SecurebitKind.KEEP_CAPS,))
ALL = CapabilityFlags(rest=True, setgid=True)
SOME = CapabilityFlags(rest=True)
NONE = CapabilityFlags()

SPEC = Spec(
    name="user_ids",
    title=__doc__,
    state=Kernel,
    base=partial(base_state, users=USERS),
    bounds={
        **USERS.bounds,
        "tasks": 2,
        "pids": 2,
        "nsproxies": 1,
        "pid_namespaces": 1,
        "user_namespaces": 2,
        "numbers": 2,
        "extents": 2,
    },
    prelude=(call("clone3", task=1, flags=CloneFlags(), tids=SetTid()),),
    prelude_operations=(op(clone3, flags=[CloneFlags()], tids=[SetTid()]),),
    depth=3,
    scopes={"small": Scope(depth=2), "deep": Scope(depth=4)},
    operations=(
        op(setuid, uid=[0, 1]),
        op(setreuid, ruid=[1, KEEP], euid=[0, 1, KEEP]),
        op(setresuid, ruid=[1, KEEP], euid=[0, 1], suid=[0, KEEP]),
        op(setgid, gid=[0, 1]),
        op(setregid, rgid=[1, KEEP], egid=[0, 1, KEEP]),
        op(setresgid, rgid=[1, KEEP], egid=[0, 1], sgid=[0, KEEP]),
        op(setgroups, list=[GroupList(), GroupList(size=1, first=1)]),
        op(getgid),
        op(capset, effective=[NONE, SOME], permitted=[SOME, ALL], inheritable=[NONE, ALL]),
        op(capbset_drop, kind=[CapabilityKind.SETGID]),
        op(ambient_raise, kind=[CapabilityKind.SETGID]),
        op(set_keepcaps, on=[True]),
        op(unshare, flags=[CloneFlags(newuser=True)]),
        op(write_map, kind=[IdKind.UID, IdKind.GID], lines=[MapLines(lower=1), MapLines(count=2)]),
        op(write_setgroups, allow=[False]),
        op(kill, to=[KillTo.PROCESS], signal=[Signal.NONE]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        SETUID_ANY: "CAP_CONFINED",
        SETGID_ANY: "CAP_CONFINED",
        CAPSET_ANY: "CAP_CONFINED",
        KILL_ANY: "CAP_CONFINED",
        SETGROUPS_UNMAPPED: "GROUP_NODROP",
    },
)
