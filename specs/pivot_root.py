"""Roots and working directories: chroot, chdir, pivot_root, and mounts that stay because somebody stands in them."""

from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.place import chdir, chroot, pivot_root
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import ML15
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import (
    DETACHED_QUIET,
    FAIL_ATOMIC,
    MNT_AUTH,
    MP_CONTAINED,
    NO_UAF,
    NS_MEMBER,
    ONE_PER_MP,
    REF_EXACT,
    STEP_TOTAL,
    SYNC_UMOUNT_IDLE,
    TREE_ACYCLIC,
)
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    DETACHED_QUIET,
    FAIL_ATOMIC,
    MP_CONTAINED,
    NO_UAF,
    NS_MEMBER,
    ONE_PER_MP,
    REF_EXACT,
    STEP_TOTAL,
    SYNC_UMOUNT_IDLE,
    TREE_ACYCLIC,
    MNT_AUTH,
)
FOREST = Forest("a", "a/a", mqueue=1)

SPEC = Spec(
    name="pivot_root",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "mounts": 4,
        "fs_structs": 1,
    },
    scopes={"small": Scope({"mounts": 4}, depth=3), "deep": Scope({"mounts": 5})},
    operations=(
        op(mount_new),
        op(mount_bind, rec=[False]),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
        op(chdir),
        op(chroot),
        op(pivot_root),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={ML15: "TREE_ACYCLIC"},
)
