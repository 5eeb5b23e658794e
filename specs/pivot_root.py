"""Roots and working directories: chroot, chdir, pivot_root, and mounts that stay because somebody stands in them."""

from nsmodel.kernel.mount.base import mount_base
from nsmodel.kernel.mount.operations import UmountFlags, mount_bind, mount_new, umount2
from nsmodel.kernel.mount.place import chdir, chroot, pivot_root
from nsmodel.kernel.mutants import ML15
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import (
    DETACHED_QUIET,
    FAIL_ATOMIC,
    MP_CONTAINED,
    NO_UAF,
    NS_MEMBER,
    ONE_PER_MP,
    STEP_TOTAL,
    SYNC_UMOUNT_IDLE,
    TREE_ACYCLIC,
)
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    TREE_ACYCLIC,
    ONE_PER_MP,
    MP_CONTAINED,
    NS_MEMBER,
    DETACHED_QUIET,
    SYNC_UMOUNT_IDLE,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
)

SPEC = Spec(
    name="pivot_root",
    title=__doc__,
    state=Kernel,
    base=mount_base,
    bounds={
        "tasks": 1,
        "pids": 1,
        "nsproxies": 1,
        "fs_structs": 1,
        "pid_namespaces": 1,
        "user_namespaces": 1,
        "mnt_namespaces": 1,
        "numbers": 2,
        "superblocks": 3,
        "dentries": 5,
        "mounts": 4,
    },
    scopes={"small": Scope({"dentries": 4, "mounts": 4}, depth=3), "deep": Scope({"mounts": 5})},
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
    replayable=False,
    kills={ML15: "TREE_ACYCLIC"},
)
