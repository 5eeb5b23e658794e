"""Unmounting: what goes along, what stays, what keeps it; lazily, by force, and by expiry."""

from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.place import open_path
from nsmodel.kernel.mount.type import Propagation, mount_change_type
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import MP05, MP07, MP19, MR04
from nsmodel.kernel.nsfs import close
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import (
    DETACHED_QUIET,
    FAIL_ATOMIC,
    MP_CONTAINED,
    NO_LEAK,
    NO_UAF,
    NS_MEMBER,
    ONE_PER_MP,
    PROP_WF,
    REF_EXACT,
    STEP_TOTAL,
    SYNC_UMOUNT_IDLE,
    TREE_ACYCLIC,
    UMOUNT_EXACT,
)
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    MP_CONTAINED,
    NS_MEMBER,
    ONE_PER_MP,
    TREE_ACYCLIC,
    PROP_WF,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
    DETACHED_QUIET,
    UMOUNT_EXACT,
    SYNC_UMOUNT_IDLE,
    REF_EXACT,
    NO_LEAK,
)
FOREST = Forest("a", "b", links=("c",), mqueue=1)

SPEC = Spec(
    name="mount_umount",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "mounts": 6,
        "peer_groups": 2,
        "descriptors": 1,
    },
    depth=5,
    scopes={"small": Scope({"mounts": 4, "peer_groups": 1}, depth=2), "deep": Scope({"mounts": 7}, depth=9)},
    operations=(
        op(mount_new),
        op(mount_bind, rec=[False]),
        op(mount_change_type, to=[Propagation.SHARED, Propagation.SLAVE], rec=[False]),
        op(
            umount2,
            flags=[
                UmountFlags(),
                UmountFlags(detach=True),
                UmountFlags(expire=True),
                UmountFlags(expire=True, detach=True),
                UmountFlags(force=True),
                UmountFlags(nofollow=True),
                UmountFlags(unknown=True),
            ],
        ),
        op(open_path, opath=[True], write=[False]),
        op(close),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={MP05: "ONE_PER_MP", MR04: "REF_EXACT", MP19: "SYNC_UMOUNT_IDLE", MP07: "UMOUNT_EXACT"},
)
