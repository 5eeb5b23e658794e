"""The mount tree: what mounting, binding, moving and unmounting make of it, in one namespace without propagation."""

from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.move import mount_move
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import MOVE_ONTO_ITSELF
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import (
    FAIL_ATOMIC,
    MP_CONTAINED,
    NO_UAF,
    NS_MEMBER,
    ONE_PER_MP,
    STEP_TOTAL,
    TREE_ACYCLIC,
)
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (TREE_ACYCLIC, ONE_PER_MP, MP_CONTAINED, NS_MEMBER, NO_UAF, STEP_TOTAL, FAIL_ATOMIC)
FOREST = Forest("a", "b", mqueue=1)

SPEC = Spec(
    name="mount_tree",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "mounts": 5,
    },
    scopes={"small": Scope({"mounts": 4}, depth=3), "deep": Scope({"mounts": 6})},
    operations=(
        op(mount_new),
        op(mount_bind),
        op(mount_move),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={MOVE_ONTO_ITSELF: "TREE_ACYCLIC"},
)
