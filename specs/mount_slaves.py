"""A container below a shared root, with slaves of it and of a peer that shows less: what the host does reaches it."""

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.place import open_path
from nsmodel.kernel.mount.type import Propagation, mount_change_type
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import LOCKED_UNBINDABLE, ML10, MP20, UMOUNT_HEEDS_NO_LOCKS
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import (
    FAIL_ATOMIC,
    LOCK_COVER,
    MNT_AUTH,
    MP_CONTAINED,
    NO_UAF,
    NS_MEMBER,
    ONE_PER_MP,
    PROP_DOWN,
    PROP_EXACT,
    PROP_WF,
    REF_EXACT,
    STEP_TOTAL,
    TREE_ACYCLIC,
    UMOUNT_EXACT,
)
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    LOCK_COVER,
    PROP_EXACT,
    UMOUNT_EXACT,
    MNT_AUTH,
    NS_MEMBER,
    PROP_DOWN,
    PROP_WF,
    TREE_ACYCLIC,
    ONE_PER_MP,
    MP_CONTAINED,
    REF_EXACT,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
)
FOREST = Forest("a", "b", mqueue=1)

SPEC = Spec(
    name="mount_slaves",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "tasks": 2,
        "pids": 2,
        "nsproxies": 3,
        "user_namespaces": 2,
        "mnt_namespaces": 3,
        "mounts": 13,
        "peer_groups": 4,
        "descriptors": 1,
    },
    # The host's root is shared, and so is its /a, which shows less. The container has slaves of both, and one more of
    # the root on its /b; all of them are locked.
    prelude=(
        call("mount_change_type", task=1, target=2, root=2, to=Propagation.SHARED, rec=False),
        call("mount_bind", task=1, source=2, root=3, at=2, dentry=3, rec=False),
        call("clone3", task=1, flags=CloneFlags(newns=True), tids=SetTid()),
        call("mount_change_type", task=2, target=5, root=2, to=Propagation.SLAVE, rec=True),
        call("mount_bind", task=2, source=5, root=2, at=5, dentry=4, rec=False),
        call("unshare", task=2, flags=CloneFlags(newuser=True, newns=True)),
    ),
    prelude_operations=(
        op(clone3, flags=[CloneFlags(newns=True)], tids=[SetTid()]),
        op(unshare, flags=[CloneFlags(newuser=True, newns=True)]),
    ),
    depth=2,
    scopes={"small": Scope({"mounts": 11}, depth=1), "deep": Scope(depth=3)},
    operations=(
        op(mount_new),
        op(mount_bind),
        op(
            mount_change_type,
            to=[Propagation.SHARED, Propagation.SLAVE, Propagation.PRIVATE, Propagation.UNBINDABLE],
        ),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
        op(open_path, opath=[True], write=[False]),
        op(unshare, flags=[CloneFlags(newns=True)]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        MP20: "LOCK_COVER",
        UMOUNT_HEEDS_NO_LOCKS: "UMOUNT_EXACT",
        LOCKED_UNBINDABLE: "LOCK_COVER",
        ML10: "LOCK_COVER",
    },
    engines=("reference", "explicit"),  # thirteen mounts are too many for a solver
)
