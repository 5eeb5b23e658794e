"""Files of mount namespaces as mounts: none may hold itself, by whatever way a file comes into it."""

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.join import setns
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import bind_ns, mount_bind
from nsmodel.kernel.mount.place import open_path
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import ML17, NSFILES_COPIED, RBIND_LOOP, SEQ_BATCH
from nsmodel.kernel.nsfs import open_ns
from nsmodel.kernel.objects import Kernel, NsType, Signal
from nsmodel.kernel.properties import (
    FAIL_ATOMIC,
    MP_CONTAINED,
    NO_UAF,
    NS_MEMBER,
    NSREF_ACYCLIC,
    REF_EXACT,
    STEP_TOTAL,
    TREE_ACYCLIC,
)
from nsmodel.kernel.signal import pidfd_send_signal
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (TREE_ACYCLIC, MP_CONTAINED, NS_MEMBER, NSREF_ACYCLIC, REF_EXACT, NO_UAF, STEP_TOTAL, FAIL_ATOMIC)
FOREST = Forest(files=("a",), nsfs=True)

SPEC = Spec(
    name="mount_namespace_files",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "tasks": 3,
        "pids": 3,
        "nsproxies": 3,
        "mnt_namespaces": 3,
        "uts_namespaces": 1,
        "mounts": 8,
        "descriptors": 2,
    },
    prelude=(
        call("clone3", task=1, flags=CloneFlags(), tids=SetTid()),
        call("clone3", task=1, flags=CloneFlags(), tids=SetTid()),
        call("unshare", task=2, flags=CloneFlags(newns=True)),
    ),
    prelude_operations=(op(clone3, flags=[CloneFlags()], tids=[SetTid()]),),
    depth=6,
    scopes={"small": Scope({"mounts": 6, "descriptors": 1}, depth=1), "deep": Scope({"mounts": 9}, depth=7)},
    operations=(
        op(unshare, flags=[CloneFlags(newns=True)]),
        op(bind_ns, kind=[NsType.UTS, NsType.MNT]),
        op(mount_bind, rec=[True]),
        op(open_path, opath=[True], write=[False]),
        op(open_ns, kind=[NsType.MNT]),
        op(setns, wrong_type=[False]),
        op(umount2, flags=[UmountFlags(detach=True)]),
    ),
    edges=(
        op(open_path, opath=[False]),
        op(pidfd_send_signal, signal=[Signal.NONE]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        ML17: "NSREF_ACYCLIC",
        NSFILES_COPIED: "NSREF_ACYCLIC",
        SEQ_BATCH: "NSREF_ACYCLIC",
        RBIND_LOOP: "NSREF_ACYCLIC",
    },
)
