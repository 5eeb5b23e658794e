"""fs.mount-max: no call gives a namespace more mounts, counted before any copy is made."""

from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.type import Propagation, mount_change_type
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import MP04
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import FAIL_ATOMIC, MOUNT_BOUND, NO_UAF, ONE_PER_MP, STEP_TOTAL, TREE_ACYCLIC
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    MOUNT_BOUND,
    TREE_ACYCLIC,
    ONE_PER_MP,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
)
FOREST = Forest("a", "b", mqueue=1, mount_max=5)

SPEC = Spec(
    name="mount_max",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "mounts": 7,
        "peer_groups": 3,
    },
    depth=6,
    scopes={"small": Scope({"mounts": 6, "peer_groups": 1}, depth=1), "deep": Scope({"mounts": 8})},
    operations=(
        op(mount_new),
        op(mount_bind),
        op(mount_change_type, to=[Propagation.SHARED], rec=[False]),
        op(umount2, flags=[UmountFlags(detach=True)]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    replayable=False,
    kills={MP04: "MOUNT_BOUND"},
)
