"""Mount namespaces of several owners: what their copies are, what reaches them, and when they and their mounts go."""

from nsmodel.kernel.exit import exit_group
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.mount.base import mount_base
from nsmodel.kernel.mount.operations import Propagation, UmountFlags, mount_change_type, mount_new, umount2
from nsmodel.kernel.mutants import COPY_KEEPS_NS, MP01
from nsmodel.kernel.objects import CloneFlags, Kernel, SetTid
from nsmodel.kernel.properties import (
    DETACHED_QUIET,
    FAIL_ATOMIC,
    MP_CONTAINED,
    NO_UAF,
    NS_MEMBER,
    PROP_DOWN,
    PROP_WF,
    REF_EXACT,
    STEP_TOTAL,
    TREE_ACYCLIC,
)
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    TREE_ACYCLIC,
    MP_CONTAINED,
    PROP_WF,
    NS_MEMBER,
    DETACHED_QUIET,
    PROP_DOWN,
    REF_EXACT,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
)

SPEC = Spec(
    name="mount_lifetime",
    title=__doc__,
    state=Kernel,
    base=mount_base,
    bounds={
        "tasks": 2,
        "pids": 2,
        "nsproxies": 2,
        "pid_namespaces": 1,
        "user_namespaces": 2,
        "mnt_namespaces": 2,
        "numbers": 2,
        "superblocks": 3,
        "dentries": 4,
        "mounts": 6,
        "peer_groups": 3,
    },
    depth=8,
    scopes={"small": Scope({"mounts": 5, "peer_groups": 2}, depth=3), "deep": Scope({"mounts": 7}, depth=10)},
    operations=(
        op(clone3, flags=[CloneFlags()], tids=[SetTid()]),
        op(unshare, flags=[CloneFlags(newns=True), CloneFlags(newuser=True), CloneFlags(newuser=True, newns=True)]),
        op(exit_group, code=[0]),
        op(mount_new),
        op(mount_change_type, to=[Propagation.SHARED, Propagation.SLAVE], rec=[False]),
        op(umount2, flags=[UmountFlags(), UmountFlags(detach=True)]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    replayable=False,
    kills={MP01: "PROP_DOWN", COPY_KEEPS_NS: "NS_MEMBER"},
)
