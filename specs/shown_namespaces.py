"""What shows a namespace (sysfs, mqueue, cgroups) is mounted by whoever has rights over that, and reveals nothing."""

from nsmodel.kernel.arguments import AttributeFlags, CloneFlags
from nsmodel.kernel.cgroup import write_release_agent
from nsmodel.kernel.fork import unshare
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.new import fsconfig_create, fsmount, fsopen, mount_new
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import ML14, MQUEUE_ANY_OWNER, SYSFS_ANY_OWNER, US11
from nsmodel.kernel.objects import FsKind, Kernel
from nsmodel.kernel.properties import CAP_CONFINED, FAIL_ATOMIC, FULLY_VISIBLE, NO_UAF, REF_EXACT, STEP_TOTAL
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (FULLY_VISIBLE, CAP_CONFINED, REF_EXACT, NO_UAF, STEP_TOTAL, FAIL_ATOMIC)
FOREST = Forest(
    "a",
    tmpfs=[()],
    mqueue=2,
    sysfs=2,
    visible_sysfs="a",
    types=(FsKind.CGROUP1, FsKind.CGROUP2, FsKind.DEVPTS, FsKind.OVERLAY, FsKind.INITIAL),
)

SPEC = Spec(
    name="shown_namespaces",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "nsproxies": 2,
        "user_namespaces": 2,
        "mnt_namespaces": 3,
        "ipc_namespaces": 2,
        "net_namespaces": 2,
        "cgroup_namespaces": 2,
        "mounts": 9,
        "descriptors": 2,
    },
    depth=3,
    scopes={"small": Scope({"mounts": 7, "mnt_namespaces": 2, "descriptors": 1}, depth=1), "deep": Scope(depth=4)},
    operations=(
        op(
            unshare,
            flags=[
                CloneFlags(newuser=True, newns=True),
                CloneFlags(newns=True),
                CloneFlags(newipc=True),
                CloneFlags(newnet=True),
                CloneFlags(newcgroup=True),
            ],
        ),
        op(mount_new, flags=[AttributeFlags()]),
        op(umount2, flags=[UmountFlags()]),
        op(fsopen),
        op(fsconfig_create),
        op(write_release_agent),
        op(fsmount, flags=[AttributeFlags()]),
    ),
    properties=PROPERTIES,
    may_never_succeed=("write_release_agent",),
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        SYSFS_ANY_OWNER: "FULLY_VISIBLE",
        MQUEUE_ANY_OWNER: "FULLY_VISIBLE",
        ML14: "FULLY_VISIBLE",
        US11: "CAP_CONFINED",
    },
)
