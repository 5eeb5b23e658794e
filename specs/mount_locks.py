"""Mounts that a user namespace got from its parent: it uncovers nothing that they hide, by whatever way."""

from nsmodel.kernel.arguments import AttributeFlags, CloneFlags, SetTid
from nsmodel.kernel.fork import clone3
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.move import MoveFlags, mount_move, move_mount
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.place import chroot, open_path
from nsmodel.kernel.mount.type import Propagation, mount_change_type
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mount.unlink import unlink
from nsmodel.kernel.mutants import BIND_NONREC_OVER_LOCKED, ML01, ML04, ML05, ML06, ML16, MOVE_LOCKED, MP10, MP11
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import (
    FAIL_ATOMIC,
    LOCK_COVER,
    MNT_AUTH,
    NO_UAF,
    NS_MEMBER,
    PROP_DOWN,
    PROP_WF,
    REF_EXACT,
    STEP_TOTAL,
    TREE_ACYCLIC,
    UMOUNT_EXACT,
)
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    LOCK_COVER,
    MNT_AUTH,
    NS_MEMBER,
    PROP_DOWN,
    PROP_WF,
    TREE_ACYCLIC,
    REF_EXACT,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
    UMOUNT_EXACT,
)
FOREST = Forest("a", "b", "c", mqueue=1)

SPEC = Spec(
    name="mount_locks",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "tasks": 2,
        "pids": 2,
        "nsproxies": 2,
        "user_namespaces": 2,
        "mnt_namespaces": 2,
        "fs_structs": 2,
        "mounts": 8,
        "peer_groups": 1,
        "descriptors": 3,
    },
    prelude=(
        call("mount_new", task=1, root=6, at=2, dentry=3, flags=AttributeFlags()),
        call("mount_change_type", task=1, target=3, root=6, to=Propagation.SHARED, rec=False),
        call("open_path", task=1, at=3, dentry=6, opath=True, write=False),
        call("clone3", task=1, flags=CloneFlags(newuser=True, newns=True), tids=SetTid()),
    ),
    prelude_operations=(
        op(mount_new),
        op(clone3, flags=[CloneFlags()], tids=[SetTid()]),
    ),
    depth=4,
    scopes={"small": Scope({"mounts": 7}, depth=1), "deep": Scope({"mounts": 9}, depth=5)},
    operations=(
        op(mount_bind),
        op(mount_move),
        op(mount_change_type, to=[Propagation.SHARED, Propagation.PRIVATE], rec=[False]),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
        op(move_mount, flags=[MoveFlags(set_group=True)]),
        op(open_path, opath=[True], write=[False]),
        op(chroot),
        op(unlink),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        ML01: "LOCK_COVER",
        ML04: "LOCK_COVER",
        ML05: "LOCK_COVER",
        MOVE_LOCKED: "LOCK_COVER",
        BIND_NONREC_OVER_LOCKED: "LOCK_COVER",
        ML16: "MNT_AUTH",
        ML06: "NS_MEMBER",
        MP11: "MNT_AUTH",
        MP10: "MNT_AUTH",
    },
)
