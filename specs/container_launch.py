"""An ordinary user builds a container; then nothing of the host is reachable or changed from it, whatever it does."""

from nsmodel.kernel.arguments import AttributeFlags, CloneFlags
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.join import setns
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.new import mount_new
from nsmodel.kernel.mount.place import chdir, chroot, fchdir, open_path, pivot_root
from nsmodel.kernel.mount.type import Propagation, mount_change_type
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import CT01, MP01, PIVOT_NO_LOCK, SETNS_OWN_CAPS, SETNS_USER_PARENT
from nsmodel.kernel.nsfs import open_ns
from nsmodel.kernel.objects import CapabilityKind, IdKind, Kernel, NsType
from nsmodel.kernel.properties import (
    CAP_CONFINED,
    CONTAINED,
    FAIL_ATOMIC,
    HOST_PROP,
    LOCK_COVER,
    MNT_AUTH,
    NO_UAF,
    NS_MEMBER,
    PROP_DOWN,
    REF_EXACT,
    STEP_TOTAL,
)
from nsmodel.kernel.runtime import seal
from nsmodel.kernel.user.base import Users
from nsmodel.kernel.user.map_files import MapLines, write_map, write_setgroups
from nsmodel.kernel.user.privileges import set_dumpable
from nsmodel.kernel.user.setid import setresuid
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    CONTAINED,
    HOST_PROP,
    CAP_CONFINED,
    PROP_DOWN,
    LOCK_COVER,
    MNT_AUTH,
    NS_MEMBER,
    REF_EXACT,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
)
USERS = Users(ids=1, capabilities=(CapabilityKind.SYS_ADMIN,))
FOREST = Forest("a", tmpfs=[("a",)], users=USERS)

SPEC = Spec(
    name="container_launch",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "tasks": 1,
        "pids": 1,
        "nsproxies": 2,
        "user_namespaces": 2,
        "mnt_namespaces": 2,
        "pid_namespaces": 2,
        "fs_structs": 1,
        "mounts": 8,
        "peer_groups": 3,
        "descriptors": 3,
        "extents": 2,
    },
    # A runtime that an ordinary user starts, with two descriptors of the host left open: of its mount namespace and of
    # its root directory, whose mount propagates.
    prelude=(
        call("mount_change_type", task=1, target=2, root=2, to=Propagation.SHARED, rec=False),
        call("open_ns", task=1, target=1, kind=NsType.MNT),
        call("open_ns", task=1, target=1, kind=NsType.USER),
        call("open_path", task=1, at=2, dentry=2, opath=True, write=False),
        call("setresuid", task=1, ruid=1, euid=1, suid=1),
        call("set_dumpable", task=1, on=True),
        call("unshare", task=1, flags=CloneFlags(newuser=True, newns=True, newpid=True)),
        call("write_setgroups", task=1, target=1, allow=False),
        call("write_map", task=1, target=1, kind=IdKind.UID, lines=MapLines(lower=1)),
        call("write_map", task=1, target=1, kind=IdKind.GID, lines=MapLines()),
    ),
    prelude_operations=(
        op(open_ns, kind=[NsType.MNT, NsType.USER]),
        op(setresuid, ruid=[1], euid=[1], suid=[1]),
        op(set_dumpable),
        op(unshare, flags=[CloneFlags(newuser=True, newns=True, newpid=True)]),
        op(write_setgroups),
        op(write_map, lines=[MapLines()]),
    ),
    depth=4,
    scopes={"small": Scope({"mounts": 7}, depth=1), "deep": Scope({"mounts": 9, "tasks": 2, "pids": 2}, depth=5)},
    operations=(
        op(mount_new, flags=[AttributeFlags()]),
        op(mount_bind),
        op(mount_change_type, to=[Propagation.SHARED, Propagation.PRIVATE], rec=[False]),
        op(pivot_root),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
        op(chdir),
        op(chroot),
        op(fchdir),
        op(open_path, opath=[True], write=[False]),
        op(setns, wrong_type=[False]),
        op(clone3, flags=[CloneFlags()]),
        op(seal),
    ),
    properties=PROPERTIES,
    may_never_succeed=("clone3", "setns"),
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        MP01: "HOST_PROP",
        SETNS_OWN_CAPS: "CONTAINED",
        SETNS_USER_PARENT: "CAP_CONFINED",
        CT01: "CONTAINED",
        PIVOT_NO_LOCK: "LOCK_COVER",
    },
)
