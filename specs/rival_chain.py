"""The layout `chain` of linux-tla: three owners, each with a copy of the one before, slaves of slaves."""

from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.join import setns
from nsmodel.kernel.mount.attributes import SetattrFlags, mount_setattr
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import OpenTreeFlags, mount_bind, open_tree
from nsmodel.kernel.mount.move import MoveFlags, move_mount
from nsmodel.kernel.mount.new import fsconfig_create, fsmount, fsopen, mount_new
from nsmodel.kernel.mount.place import chdir, chroot, fchdir, open_path, pivot_root
from nsmodel.kernel.mount.type import Propagation, mount_change_type
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mount.unlink import unlink
from nsmodel.kernel.nsfs import close, open_ns
from nsmodel.kernel.objects import AttributeFlags, AttributeKind, CloneFlags, Kernel, NsType, SetTid
from nsmodel.kernel.properties import (
    DETACHED_QUIET,
    FAIL_ATOMIC,
    LOCK_COVER,
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
    UMOUNT_EXACT,
)
from nsmodel.kernel.user import write_maps
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    TREE_ACYCLIC,
    ONE_PER_MP,
    MP_CONTAINED,
    PROP_WF,
    PROP_EXACT,
    UMOUNT_EXACT,
    LOCK_COVER,
    NS_MEMBER,
    DETACHED_QUIET,
    REF_EXACT,
    NO_LEAK,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
)
FOREST = Forest("a", "b", single=1, attributes=(AttributeKind.READONLY, AttributeKind.NOSUID))
"""Its superblocks N, R and F, and its dentries N, R, R/a, R/b and F; and attributes, which it has not."""

SPEC = Spec(
    name="rival_chain",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "tasks": 3,
        "pids": 3,
        "nsproxies": 4,
        "fs_structs": 3,
        "pid_namespaces": 1,
        "user_namespaces": 4,
        "mnt_namespaces": 3,
        "numbers": 2,
        "mounts": 10,
        "peer_groups": 6,
        "descriptors": 3,
    },
    prelude=(
        call("mount_change_type", task=1, target=2, root=2, to=Propagation.SHARED, rec=True),
        call("clone3", task=1, flags=CloneFlags(newuser=True, newns=True), tids=SetTid()),
        call("write_maps", task=1, target=2),
        call("mount_change_type", task=2, target=4, root=2, to=Propagation.SHARED, rec=False),
        call("clone3", task=2, flags=CloneFlags(newuser=True, newns=True), tids=SetTid()),
    ),
    prelude_operations=(op(clone3, flags=[CloneFlags()], tids=[SetTid()]), op(write_maps)),
    depth=2,
    scopes={"small": Scope(depth=1), "deep": Scope(depth=4)},
    operations=(
        op(mount_new),
        op(mount_bind),
        op(mount_change_type, to=[Propagation.SHARED, Propagation.SLAVE, Propagation.PRIVATE, Propagation.UNBINDABLE]),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True), UmountFlags(expire=True)]),
        op(move_mount, flags=[MoveFlags(), MoveFlags(beneath=True), MoveFlags(set_group=True)]),
        op(
            mount_setattr,
            how=[SetattrFlags(), SetattrFlags(recursive=True)],
            on=[AttributeFlags(readonly=True), AttributeFlags(nosuid=True)],
        ),
        op(open_tree, flags=[OpenTreeFlags(clone=True), OpenTreeFlags(clone=True, recursive=True)]),
        op(fsopen),
        op(fsconfig_create),
        op(fsmount),
        op(unshare, flags=[CloneFlags(newns=True), CloneFlags(newuser=True), CloneFlags(newuser=True, newns=True)]),
        op(open_ns, kind=[NsType.MNT]),
        op(setns, wrong_type=[False]),
        op(pivot_root),
        op(chroot),
        op(chdir),
        op(fchdir),
        op(open_path, opath=[True], write=[False]),
        op(close),
        op(unlink, directory=[True]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    engines=("reference", "explicit"),
)
