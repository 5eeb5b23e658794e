"""What a user namespace got from its parent stays covered and locked, also where it mounts proc anew."""

from nsmodel.kernel.arguments import AttributeFlags, CloneFlags, SetTid
from nsmodel.kernel.fork import clone3
from nsmodel.kernel.mount.attributes import mount_remount_bind
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import OpenTreeFlags, mount_bind, open_tree
from nsmodel.kernel.mount.move import MoveFlags, move_mount
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import BIND_NONREC_OVER_LOCKED, ML01, ML02, ML14, PROC_ANY_OWNER
from nsmodel.kernel.objects import AttributeKind, Kernel
from nsmodel.kernel.properties import (
    FAIL_ATOMIC,
    FULLY_VISIBLE,
    LOCK_COVER,
    LOCK_FLAGS,
    MNT_AUTH,
    NO_UAF,
    NS_MEMBER,
    REF_EXACT,
    STEP_TOTAL,
)
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    FULLY_VISIBLE,
    LOCK_COVER,
    LOCK_FLAGS,
    MNT_AUTH,
    NS_MEMBER,
    REF_EXACT,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
)
FOREST = Forest("a", "b", tmpfs=[()], proc=2, visible="a", attributes=(AttributeKind.READONLY,))

SPEC = Spec(
    name="locked_mounts",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "tasks": 2,
        "pids": 2,
        "nsproxies": 2,
        "user_namespaces": 2,
        "pid_namespaces": 2,
        "mnt_namespaces": 3,
        "mounts": 9,
        "descriptors": 1,
    },
    depth=3,
    scopes={"small": Scope({"mounts": 8, "mnt_namespaces": 2}, depth=1), "deep": Scope({"mounts": 11}, depth=4)},
    operations=(
        op(
            clone3,
            flags=[CloneFlags(newuser=True, newns=True), CloneFlags(newuser=True, newns=True, newpid=True)],
            tids=[SetTid()],
        ),
        op(mount_new, flags=[AttributeFlags(), AttributeFlags(readonly=True)]),
        op(mount_bind),
        op(mount_remount_bind, flags=[AttributeFlags(), AttributeFlags(readonly=True)]),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
        op(open_tree, flags=[OpenTreeFlags(clone=True), OpenTreeFlags(clone=True, recursive=True)]),
        op(move_mount, flags=[MoveFlags()]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        ML14: "FULLY_VISIBLE",
        PROC_ANY_OWNER: "FULLY_VISIBLE",
        ML01: "LOCK_COVER",
        ML02: "LOCK_FLAGS",
        BIND_NONREC_OVER_LOCKED: "LOCK_COVER",
    },
)
