"""Shared subtrees: what a mount, a bind, a move and a change of type do to peers and slaves."""

from nsmodel.kernel.arguments import CloneFlags
from nsmodel.kernel.fork import unshare
from nsmodel.kernel.mount.attributes import SetattrFlags, TypeChange, mount_setattr
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.dispatch import MountFlags, mount
from nsmodel.kernel.mount.move import mount_move
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.type import Propagation, mount_change_type
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mount.unlink import rename, unlink
from nsmodel.kernel.mutants import BIND_OUTSIDE, COPY_STAYS_PEER, MP17, SLAVES_FORGOTTEN, UMOUNT_KEEPS_TYPE
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import (
    COPY_FAITHFUL,
    DETACHED_QUIET,
    FAIL_ATOMIC,
    MP_CONTAINED,
    NO_UAF,
    NS_MEMBER,
    ONE_PER_MP,
    PROP_EXACT,
    PROP_WF,
    STEP_TOTAL,
    TREE_ACYCLIC,
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
    COPY_FAITHFUL,
    PROP_EXACT,
)
FOREST = Forest("a", "b", mqueue=1)

SPEC = Spec(
    name="mount_propagation",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "nsproxies": 2,
        "mnt_namespaces": 2,
        "mounts": 5,
        "peer_groups": 3,
    },
    depth=6,
    scopes={
        "small": Scope({"mounts": 4, "peer_groups": 1, "mnt_namespaces": 1, "nsproxies": 1}, depth=2),
        "complete": Scope(),  # 1.2 million states, minutes
        "deep": Scope({"mounts": 6}, depth=9),
    },
    operations=(
        op(mount_new),
        op(mount_bind),
        op(mount_move),
        op(mount_change_type, to=[Propagation.SHARED, Propagation.SLAVE, Propagation.PRIVATE, Propagation.UNBINDABLE]),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
        op(unshare, flags=[CloneFlags(newns=True)]),
    ),
    edges=(
        op(
            mount,
            flags=[
                MountFlags(),
                MountFlags(bind=True),
                MountFlags(bind=True, rec=True),
                MountFlags(move=True),
                MountFlags(shared=True),
                MountFlags(shared=True, slave=True),
            ],
        ),
        op(mount_change_type, to=[Propagation.SEVERAL]),
        op(mount_setattr, how=[SetattrFlags(unknown=True), SetattrFlags(propagation=TypeChange.SHARED)]),
        op(umount2, flags=[UmountFlags(expire=True), UmountFlags(force=True, expire=True)]),
        op(unshare, flags=[CloneFlags(unknown=True)]),
        op(unlink),
        op(rename),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        MP17: "COPY_FAITHFUL",
        SLAVES_FORGOTTEN: "NO_UAF",
        UMOUNT_KEEPS_TYPE: "PROP_WF",
        BIND_OUTSIDE: "MP_CONTAINED",
        COPY_STAYS_PEER: "PROP_EXACT",
    },
)
