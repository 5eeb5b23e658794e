"""What a mount allows: read-only and nosuid, by remounting and by mount_setattr, and locked for another owner."""

from nsmodel.kernel.arguments import AttributeFlags, CloneFlags, SetTid
from nsmodel.kernel.fork import clone3
from nsmodel.kernel.mount.attributes import SetattrFlags, mount_remount, mount_remount_bind, mount_setattr
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.dispatch import MountFlags, mount
from nsmodel.kernel.mount.move import mount_move
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.place import open_path
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mount.unlink import rename, unlink
from nsmodel.kernel.mutants import ML02, ML03, SETATTR_NO_LOCKS
from nsmodel.kernel.nsfs import close
from nsmodel.kernel.objects import AttributeKind, Kernel
from nsmodel.kernel.properties import FAIL_ATOMIC, LOCK_FLAGS, MP_CONTAINED, NO_UAF, NS_MEMBER, REF_EXACT, STEP_TOTAL
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    LOCK_FLAGS,
    MP_CONTAINED,
    NS_MEMBER,
    REF_EXACT,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
)
FOREST = Forest(
    "a", files=("b",), mqueue=1, attributes=(AttributeKind.READONLY, AttributeKind.NOSUID, AttributeKind.NOATIME)
)

SPEC = Spec(
    name="mount_attributes",
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
        "descriptors": 1,
        "fs_structs": 2,
    },
    depth=4,
    scopes={"small": Scope({"mounts": 4, "descriptors": 0}, depth=1), "deep": Scope({}, depth=6)},
    operations=(
        op(clone3, flags=[CloneFlags(newuser=True, newns=True)], tids=[SetTid()]),
        op(mount_new, flags=[AttributeFlags(), AttributeFlags(readonly=True)]),
        op(mount_bind, rec=[False]),
        op(umount2, flags=[UmountFlags(detach=True)]),
        op(mount_remount, flags=[AttributeFlags(), AttributeFlags(readonly=True)]),
        op(
            mount_remount_bind,
            flags=[
                AttributeFlags(),
                AttributeFlags(readonly=True),
                AttributeFlags(nosuid=True),
                AttributeFlags(noatime=True),
            ],
        ),
        op(
            mount_setattr,
            how=[SetattrFlags(), SetattrFlags(recursive=True)],
            on=[AttributeFlags(), AttributeFlags(readonly=True)],
            off=[AttributeFlags(), AttributeFlags(readonly=True)],
        ),
        op(open_path, opath=[False], write=[True]),
        op(close),
    ),
    edges=(
        op(
            mount,
            flags=[
                MountFlags(),
                MountFlags(bind=True),
                MountFlags(move=True),
                MountFlags(shared=True),
                MountFlags(remount=True),
                MountFlags(remount=True, bind=True),
            ],
        ),
        op(mount_move),
        op(unlink),
        op(rename),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={ML02: "LOCK_FLAGS", ML03: "LOCK_FLAGS", SETATTR_NO_LOCKS: "LOCK_FLAGS"},
)
