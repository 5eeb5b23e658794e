"""Who may say what ids mean in a user namespace: uid_map, gid_map, setgroups, by whoever opened and whoever writes."""

from functools import partial

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.base import base_state
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.mutants import MAP_TWICE, ROOT_MAP_UNASKED, SETGROUPS_UNMAPPED, US05, US08, US10
from nsmodel.kernel.objects import CapabilityKind, IdKind, Kernel
from nsmodel.kernel.properties import (
    FAIL_ATOMIC,
    GROUP_NODROP,
    MAP_AUTH,
    MAP_BIJ,
    NO_UAF,
    OPENER_CRED,
    REF_EXACT,
    STEP_TOTAL,
)
from nsmodel.kernel.user.base import Users
from nsmodel.kernel.user.map_files import (
    MapLines,
    close_map,
    open_map,
    write_map,
    write_map_file,
    write_setgroups,
    write_setgroups_file,
)
from nsmodel.kernel.user.privileges import CapabilityFlags, capset, set_dumpable
from nsmodel.kernel.user.setid import KEEP, GroupList, getgid, getuid, setgroups, setresuid
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (MAP_AUTH, OPENER_CRED, GROUP_NODROP, MAP_BIJ, REF_EXACT, NO_UAF, STEP_TOTAL, FAIL_ATOMIC)
USERS = Users(ids=2, capabilities=(CapabilityKind.SETFCAP,), groups=(0,))
ALL_BUT_SETFCAP = CapabilityFlags(rest=True)
OWN = MapLines()
SHIFTED = MapLines(first=1, count=2)
SEVERAL = MapLines(lower=1, size=2, first2=1, lower2=2)
OTHER = MapLines(lower=2)
OVERLAP = MapLines(size=2, first2=1)

SPEC = Spec(
    name="user_maps",
    title=__doc__,
    state=Kernel,
    base=partial(base_state, users=USERS),
    bounds={
        **USERS.bounds,
        "tasks": 3,
        "pids": 3,
        "nsproxies": 1,
        "pid_namespaces": 1,
        "user_namespaces": 3,
        "numbers": 2,
        "extents": 4,
        "map_files": 1,
    },
    prelude=(
        call("setresuid", task=1, ruid=KEEP, euid=1, suid=KEEP),
        call("set_dumpable", task=1, on=True),
        call("clone3", task=1, flags=CloneFlags(newuser=True), tids=SetTid()),
    ),
    prelude_operations=(op(set_dumpable, on=[True]),),
    # A set-id program with its rights put aside, whose child is in a user namespace that its ordinary user made.
    depth=5,
    scopes={
        "small": Scope({"tasks": 2, "pids": 2, "user_namespaces": 2, "extents": 3}, depth=2),
        "deep": Scope({"map_files": 2}, depth=6),
    },
    operations=(
        op(clone3, flags=[CloneFlags(), CloneFlags(newuser=True)], tids=[SetTid()]),
        op(unshare, flags=[CloneFlags(newuser=True)]),
        op(setresuid, ruid=[KEEP], euid=[0, 1], suid=[KEEP]),
        op(capset, effective=[ALL_BUT_SETFCAP], permitted=[ALL_BUT_SETFCAP], inheritable=[CapabilityFlags()]),
        op(write_map, kind=[IdKind.UID, IdKind.GID], lines=[OWN, SHIFTED, SEVERAL, OVERLAP]),
        op(write_setgroups),
        op(setgroups, list=[GroupList(size=1)]),
        op(open_map, kind=[IdKind.UID]),
        op(write_map_file, lines=[OWN, OTHER]),
        op(getuid),
    ),
    edges=(
        op(write_map_file, lines=[OVERLAP, SEVERAL]),
        op(write_setgroups_file),
        op(close_map),
        op(getgid),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        US05: "OPENER_CRED",
        US08: "GROUP_NODROP",
        US10: "MAP_BIJ",
        MAP_TWICE: "MAP_AUTH",
        ROOT_MAP_UNASKED: "MAP_AUTH",
        SETGROUPS_UNMAPPED: "GROUP_NODROP",
    },
)
