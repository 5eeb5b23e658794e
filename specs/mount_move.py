"""Moving: onto a place and beneath a mount, trees that are mounted nowhere, joining peer groups."""

from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import OpenTreeFlags, mount_bind, open_tree
from nsmodel.kernel.mount.move import MoveFlags, mount_move, move_mount
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.type import Propagation, mount_change_type
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import DETACHED_RECEIVES, MOVE_ONTO_ITSELF, MP18, TREE_KEPT
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
    PROP_EXACT,
    PROP_WF,
    REF_EXACT,
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
    PROP_EXACT,
    REF_EXACT,
    NO_LEAK,
)
FOREST = Forest("a", "b", mqueue=1)

SPEC = Spec(
    name="mount_move",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "mnt_namespaces": 2,
        "mounts": 5,
        "peer_groups": 2,
        "descriptors": 1,
    },
    depth=6,
    scopes={
        "small": Scope({"mounts": 4, "peer_groups": 1}, depth=1),
        "deep": Scope({"mounts": 6, "descriptors": 2, "mnt_namespaces": 3}, depth=8),
    },
    operations=(
        op(mount_new),
        op(mount_move),
        op(mount_bind, rec=[False]),
        op(mount_change_type, to=[Propagation.SHARED, Propagation.SLAVE, Propagation.UNBINDABLE], rec=[False]),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
        op(
            open_tree,
            flags=[OpenTreeFlags(clone=True), OpenTreeFlags(clone=True, recursive=True), OpenTreeFlags(recursive=True)],
        ),
        op(
            move_mount,
            flags=[
                MoveFlags(),
                MoveFlags(beneath=True),
                MoveFlags(set_group=True),
                MoveFlags(beneath=True, set_group=True),
            ],
        ),
        op(close),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        MP18: "PROP_WF",
        MOVE_ONTO_ITSELF: "TREE_ACYCLIC",
        DETACHED_RECEIVES: "DETACHED_QUIET",
        TREE_KEPT: "NO_LEAK",
    },
)
