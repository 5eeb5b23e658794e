"""A root directory that was changed confines: whoever is in a chroot makes no user namespace to get out of it."""

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import mount_bind
from nsmodel.kernel.mount.place import chdir, chroot, fchdir, open_path, pivot_root
from nsmodel.kernel.mutants import US01, US02
from nsmodel.kernel.objects import CapabilityKind, Kernel
from nsmodel.kernel.properties import (
    CAP_CONFINED,
    FAIL_ATOMIC,
    NO_UAF,
    REF_EXACT,
    ROOT_CONFINED,
    STEP_TOTAL,
)
from nsmodel.kernel.user.base import Users
from nsmodel.kernel.user.setid import KEEP, setresuid
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (ROOT_CONFINED, CAP_CONFINED, REF_EXACT, NO_UAF, STEP_TOTAL, FAIL_ATOMIC)
USERS = Users(ids=1, capabilities=(CapabilityKind.SYS_CHROOT,))
FOREST = Forest("a", "a/a", users=USERS)

SPEC = Spec(
    name="chroot_escape",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "tasks": 2,
        "pids": 2,
        "nsproxies": 1,
        "user_namespaces": 2,
        "fs_structs": 2,
        "mounts": 3,
        "descriptors": 1,
    },
    depth=5,
    scopes={"small": Scope({"tasks": 1, "pids": 1, "fs_structs": 1}, depth=3), "deep": Scope({"mounts": 4}, depth=6)},
    operations=(
        op(chroot),
        op(chdir),
        op(open_path, opath=[True], write=[False]),
        op(fchdir),
        op(pivot_root),
        op(mount_bind, rec=[False]),
        op(setresuid, ruid=[1], euid=[1], suid=[1, KEEP]),
        op(unshare, flags=[CloneFlags(newuser=True)]),
        op(clone3, flags=[CloneFlags(newuser=True), CloneFlags(newuser=True, fs=True)], tids=[SetTid()]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={US01: "ROOT_CONFINED", US02: "ROOT_CONFINED"},
)
