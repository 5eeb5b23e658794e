"""Mount namespaces of several owners: what their copies are, what reaches them, and when they and their mounts go."""

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.exit import exit_group
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.type import Propagation, mount_change_type
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import COPY_KEEPS_NS, ML01, MP01
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import (
    FAIL_ATOMIC,
    LOCK_COVER,
    MP_CONTAINED,
    NO_LEAK,
    NO_UAF,
    NS_MEMBER,
    PROP_DOWN,
    PROP_WF,
    REF_EXACT,
    STEP_TOTAL,
    TREE_ACYCLIC,
)
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    TREE_ACYCLIC,
    MP_CONTAINED,
    PROP_WF,
    NS_MEMBER,
    PROP_DOWN,
    REF_EXACT,
    NO_LEAK,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
    LOCK_COVER,
)
FOREST = Forest("a", "b", mqueue=1)

SPEC = Spec(
    name="mount_lifetime",
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
        "mounts": 6,
        "peer_groups": 3,
    },
    depth=7,
    scopes={"small": Scope({"mounts": 4, "peer_groups": 1}, depth=1), "deep": Scope({"mounts": 7}, depth=10)},
    operations=(
        op(clone3, flags=[CloneFlags()], tids=[SetTid()]),
        op(unshare, flags=[CloneFlags(newns=True), CloneFlags(newuser=True), CloneFlags(newuser=True, newns=True)]),
        op(exit_group, code=[0]),
        op(mount_new),
        op(mount_change_type, to=[Propagation.SHARED, Propagation.SLAVE], rec=[False]),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        MP01: "PROP_DOWN",
        COPY_KEEPS_NS: "NS_MEMBER",
        ML01: "LOCK_COVER",
    },
)
