"""Mounting step by step: contexts of fsopen and fspick, and who may do what with one that somebody else opened."""

from nsmodel.kernel.arguments import AttributeFlags
from nsmodel.kernel.mount.attributes import mount_remount
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import OpenTreeFlags, open_tree
from nsmodel.kernel.mount.move import mount_move, move_mount
from nsmodel.kernel.mount.new import fsconfig_create, fsconfig_reconfigure, fsmount, fsopen, fspick
from nsmodel.kernel.mount.place import chdir, chroot, open_path, pivot_root
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import TREE_KEPT
from nsmodel.kernel.nsfs import close
from nsmodel.kernel.nsioctl import ns_get_nstype, ns_get_owner_uid, ns_get_parent, ns_get_userns
from nsmodel.kernel.objects import AttributeKind, Kernel
from nsmodel.kernel.properties import FAIL_ATOMIC, MP_CONTAINED, NO_LEAK, NO_UAF, NS_MEMBER, REF_EXACT, STEP_TOTAL
from nsmodel.kernel.user.base import Users
from nsmodel.kernel.user.setid import KEEP, setresuid
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (MP_CONTAINED, NS_MEMBER, REF_EXACT, NO_LEAK, NO_UAF, STEP_TOTAL, FAIL_ATOMIC)
FOREST = Forest("a", files=("b",), tmpfs=[()], mqueue=1, attributes=(AttributeKind.READONLY,), users=Users(ids=1))

SPEC = Spec(
    name="mount_contexts",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "mnt_namespaces": 2,
        "mounts": 4,
        "descriptors": 2,
        "fs_structs": 1,
    },
    depth=5,
    scopes={"small": Scope({"descriptors": 1}, depth=2), "deep": Scope({"mounts": 5, "mnt_namespaces": 3}, depth=6)},
    operations=(
        op(fsopen),
        op(fsconfig_create),
        op(fsmount),
        op(fspick),
        op(fsconfig_reconfigure),
        op(move_mount),
        op(umount2, flags=[UmountFlags(detach=True)]),
        op(open_path, opath=[True, False], write=[False, True]),
        op(setresuid, ruid=[KEEP], euid=[0, 1], suid=[KEEP]),
        op(close),
    ),
    edges=(
        op(mount_remount, flags=[AttributeFlags(), AttributeFlags(readonly=True)]),
        op(mount_move),
        op(chdir),
        op(chroot),
        op(pivot_root),
        op(ns_get_userns),
        op(ns_get_parent),
        op(ns_get_nstype),
        op(ns_get_owner_uid),
        op(open_tree, flags=[OpenTreeFlags(), OpenTreeFlags(clone=True), OpenTreeFlags(recursive=True)]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={TREE_KEPT: "NO_LEAK"},
)
