"""An unshare that fails late: of the copies that it made nothing remains, and root and working directory stay."""

from nsmodel.kernel.arguments import CloneFlags
from nsmodel.kernel.fork import unshare
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.place import chdir
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import MR06
from nsmodel.kernel.objects import Kernel, NsType
from nsmodel.kernel.properties import (
    DETACHED_QUIET,
    FAIL_ATOMIC,
    NO_LEAK,
    NO_UAF,
    NS_MEMBER,
    REF_EXACT,
    STEP_TOTAL,
    TREE_ACYCLIC,
)
from nsmodel.kernel.user.ucounts import set_limit
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (FAIL_ATOMIC, NO_LEAK, REF_EXACT, NS_MEMBER, TREE_ACYCLIC, DETACHED_QUIET, NO_UAF, STEP_TOTAL)
FOREST = Forest("a", mqueue=1)

SPEC = Spec(
    name="unshare_failure",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "nsproxies": 2,
        "mnt_namespaces": 2,
        "cgroup_namespaces": 2,
        "limits": 1,
        "fs_structs": 1,
        "mounts": 6,
    },
    scopes={"small": Scope({"mounts": 4}, depth=2), "deep": Scope({"mounts": 8})},
    operations=(
        op(mount_new),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
        op(chdir),
        op(set_limit, kind=[NsType.MNT, NsType.CGROUP], limit=[0]),
        op(
            unshare,
            flags=[CloneFlags(newns=True), CloneFlags(newcgroup=True), CloneFlags(newns=True, newcgroup=True)],
        ),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={MR06: "FAIL_ATOMIC"},
)
