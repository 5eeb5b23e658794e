"""Calls on mounts that look before they lock, while another process changes what they saw."""

from nsmodel.ir.interleave import with_frames
from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.fork import clone3
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.place import pivot_root
from nsmodel.kernel.mount.races import automount, umount_racing
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import ML11, MR15
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import (
    DETACHED_QUIET,
    LOCK_COVER,
    MP_CONTAINED,
    NO_UAF,
    NS_MEMBER,
    ONE_PER_MP,
    STEP_TOTAL,
    TREE_ACYCLIC,
)
from nsmodel.system.operation import op, steps
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (LOCK_COVER, NS_MEMBER, TREE_ACYCLIC, ONE_PER_MP, MP_CONTAINED, DETACHED_QUIET, NO_UAF, STEP_TOTAL)
FOREST = Forest("a", mqueue=1)

SPEC = Spec(
    name="mount_races",
    title=__doc__,
    state=with_frames(Kernel, umount_racing, automount),
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "tasks": 3,
        "pids": 3,
        "nsproxies": 2,
        "user_namespaces": 2,
        "mnt_namespaces": 2,
        "fs_structs": 3,
        "mounts": 6,
        "umount_racing_frames": 1,
        "automount_frames": 1,
    },
    # Two processes of a container whose root is locked, with a mount of their own on /a.
    prelude=(
        call("clone3", task=1, flags=CloneFlags(newuser=True, newns=True), tids=SetTid()),
        call("clone3", task=2, flags=CloneFlags(), tids=SetTid()),
        call("mount_bind", task=2, source=4, root=2, at=4, dentry=3, rec=False),
    ),
    prelude_operations=(
        op(clone3, flags=[CloneFlags(), CloneFlags(newuser=True, newns=True)], tids=[SetTid()]),
        op(mount_bind, rec=[False]),
    ),
    depth=5,
    scopes={"small": Scope(depth=2)},
    operations=(
        *steps(umount_racing),
        *steps(automount),
        op(umount2, flags=[UmountFlags(detach=True)]),
        op(pivot_root),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={ML11: "LOCK_COVER", MR15: "NS_MEMBER"},
)
