"""What the layouts of linux-tla have in common as specs: its names, its calls, what has to hold, and the scopes.

The rival's models begin in one of several layouts, which are forests of several namespaces; here each is a spec whose
prelude is the calls that lead to it.
"""

from __future__ import annotations

from collections.abc import Sequence

from nsmodel.kernel.arguments import AttributeFlags, CloneFlags, SetTid
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
from nsmodel.kernel.objects import AttributeKind, Kernel, NsType
from nsmodel.kernel.properties import (
    DETACHED_QUIET,
    LOCK_COVER,
    MP_CONTAINED,
    NO_LEAK,
    NS_MEMBER,
    ONE_PER_MP,
    PROP_EXACT,
    PROP_WF,
    REF_EXACT,
    TREE_ACYCLIC,
    UMOUNT_EXACT,
)
from nsmodel.kernel.user.map_files import MapLines, write_map
from nsmodel.system.operation import Call, op
from nsmodel.system.spec import FAIL_ATOMIC, NO_UAF, STEP_TOTAL, Scope, Spec
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
FOREST = Forest("a", "b", mqueue=1, attributes=(AttributeKind.READONLY, AttributeKind.NOSUID))
"""Its superblocks N, R and F, its dentries N, R, R/a, R/b and F, and attributes, which its models have not."""


def layout(
    name: str,
    title: str,
    *,
    tasks: int,
    users: int,
    mounts: int,
    prelude: Sequence[Call],
) -> Spec:
    """A layout as a spec: so many tasks, user namespaces and mounts, and the calls that lead to its forest."""
    return Spec(
        name=name,
        title=title,
        state=Kernel,
        base=FOREST,
        bounds={
            **FOREST.bounds,
            "tasks": tasks,
            "pids": tasks,
            "nsproxies": tasks + 1,
            "fs_structs": tasks,
            "user_namespaces": users,
            "mnt_namespaces": 3,
            "mounts": mounts,
            "peer_groups": 6,
            "descriptors": tasks,
            "extents": 2 if tasks > 1 else 0,
            "ids_in_extent": 1,
        },
        prelude=tuple(prelude),
        prelude_operations=(op(clone3, flags=[CloneFlags()], tids=[SetTid()]), op(write_map, lines=[MapLines()])),
        depth=2,
        scopes={"small": Scope(depth=1), "deep": Scope(depth=4)},
        operations=(
            op(mount_new),
            op(mount_bind),
            op(
                mount_change_type,
                to=[Propagation.SHARED, Propagation.SLAVE, Propagation.PRIVATE, Propagation.UNBINDABLE],
            ),
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
        may_never_succeed=("fsmount", "open_tree", "pivot_root"),  # two calls of the default depth are too few
        expect={p.name: Verdict.HOLDS for p in PROPERTIES},
        engines=("reference", "explicit"),
    )
