"""What do files of namespaces tell? Owners and parents, but none above the caller's own namespaces."""

from functools import partial

from nsmodel.kernel.arguments import CloneFlags
from nsmodel.kernel.base import base_state
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.join import setns
from nsmodel.kernel.mutants import NF08, US_ABOVE
from nsmodel.kernel.nsfs import close, open_ns
from nsmodel.kernel.nsioctl import ns_get_nstype, ns_get_owner_uid, ns_get_parent, ns_get_userns, ns_mnt_get_next
from nsmodel.kernel.objects import IdKind, Kernel, NsType, Signal
from nsmodel.kernel.properties import FAIL_ATOMIC, NO_LEAK, NO_UAF, NS_ISOL, REF_EXACT, STEP_TOTAL
from nsmodel.kernel.signal import KillTo, kill, tgkill
from nsmodel.kernel.user.base import Users
from nsmodel.kernel.user.map_files import MapLines, write_map
from nsmodel.kernel.user.setid import setuid
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (NS_ISOL, NO_UAF, NO_LEAK, REF_EXACT, FAIL_ATOMIC, STEP_TOTAL)
USERS = Users(ids=1)

SPEC = Spec(
    name="ns_ioctl",
    title=__doc__,
    state=Kernel,
    base=partial(base_state, users=USERS),
    bounds={
        **USERS.bounds,
        "tasks": 2,
        "pids": 2,
        "nsproxies": 3,
        "pid_namespaces": 3,
        "user_namespaces": 3,
        "uts_namespaces": 2,
        "mnt_namespaces": 2,
        "descriptors": 3,
        "numbers": 2,
        "extents": 2,
    },
    depth=5,
    scopes={
        "small": Scope({"descriptors": 2, "user_namespaces": 2, "pid_namespaces": 2, "nsproxies": 2}, depth=2),
        "deep": Scope({"descriptors": 4}, depth=8),
    },
    operations=(
        op(unshare, flags=[CloneFlags(newuser=True), CloneFlags(newpid=True), CloneFlags(newuser=True, newuts=True)]),
        op(
            clone3,
            flags=[CloneFlags(), CloneFlags(newuser=True, newpid=True), CloneFlags(newns=True, newpid=True)],
        ),
        op(write_map, kind=[IdKind.UID, IdKind.GID], lines=[MapLines(count=2)]),
        op(setuid, uid=[1]),
        op(open_ns, kind=[NsType.USER, NsType.PID, NsType.PID_FOR_CHILDREN, NsType.UTS, NsType.MNT]),
        op(setns, wrong_type=[False]),
        op(ns_get_userns),
        op(ns_get_parent),
        op(ns_get_nstype),
        op(ns_get_owner_uid),
        op(ns_mnt_get_next),
        op(close),
    ),
    edges=(op(kill, to=[KillTo.PROCESS], signal=[Signal.NONE]), op(tgkill, signal=[Signal.NONE])),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    may_never_succeed=("ns_mnt_get_next",),
    kills={NF08: "NS_ISOL", US_ABOVE: "NS_ISOL"},
)
