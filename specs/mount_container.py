"""A container whose root is a recursive slave of its host: what it mounts never reaches the host."""

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.fork import clone3
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.move import mount_move
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.type import Propagation, mount_change_type
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import COPY_STAYS_PEER, CT06
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import FAIL_ATOMIC, HOST_PROP, NO_UAF, PROP_EXACT, PROP_WF, STEP_TOTAL, TREE_ACYCLIC
from nsmodel.kernel.runtime import isolate
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    HOST_PROP,
    PROP_EXACT,
    PROP_WF,
    TREE_ACYCLIC,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
)
FOREST = Forest("a", "b", mqueue=1)

SPEC = Spec(
    name="mount_container",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "tasks": 2,
        "pids": 2,
        "nsproxies": 2,
        "mnt_namespaces": 2,
        "mounts": 8,
        "peer_groups": 3,
    },
    prelude=(
        call("mount_change_type", task=1, target=2, root=2, to=Propagation.SHARED, rec=True),
        call("clone3", task=1, flags=CloneFlags(newns=True), tids=SetTid()),
        call("isolate", task=2),
    ),
    prelude_operations=(op(clone3, flags=[CloneFlags()], tids=[SetTid()]), op(isolate)),
    depth=4,
    scopes={"small": Scope({"mounts": 6, "peer_groups": 2}, depth=1), "deep": Scope({"mounts": 9}, depth=5)},
    operations=(
        op(mount_new),
        op(mount_bind, rec=[False]),
        op(mount_move),
        op(mount_change_type, to=[Propagation.SHARED, Propagation.SLAVE], rec=[False]),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={COPY_STAYS_PEER: "HOST_PROP", CT06: "HOST_PROP"},
)
