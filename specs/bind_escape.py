"""A bind mount confines: `..` does not leave it, not even from a directory that was moved out of it (CVE-2015-2925)."""

from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.place import chdir, chdir_up, chroot
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mount.unlink import exchange
from nsmodel.kernel.mutants import ML08
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import FAIL_ATOMIC, MP_CONTAINED, NO_UAF, REF_EXACT, STEP_TOTAL
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (MP_CONTAINED, REF_EXACT, NO_UAF, STEP_TOTAL, FAIL_ATOMIC)
FOREST = Forest("a", "a/a", "b", "c")

SPEC = Spec(
    name="bind_escape",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={**FOREST.bounds, "fs_structs": 1, "mounts": 4},
    depth=5,
    scopes={"small": Scope({"mounts": 3}, depth=2), "deep": Scope({"mounts": 5}, depth=7)},
    operations=(
        op(mount_bind, rec=[False]),
        op(chdir),
        op(chdir_up),
        op(chroot),
        op(exchange),
        op(umount2, flags=[UmountFlags(detach=True)]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={ML08: "MP_CONTAINED"},
)
