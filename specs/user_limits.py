"""Limits on namespaces: who is charged, up to which user namespace, and until when."""

from functools import partial

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.base import base_state
from nsmodel.kernel.exit import WaitFor, exit_group, wait4
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.join import setns
from nsmodel.kernel.mutants import UCOUNT_LEAF_ONLY, UCOUNT_NOT_ABOVE, US06
from nsmodel.kernel.nsfs import close, open_ns
from nsmodel.kernel.objects import IdKind, Kernel, NsType
from nsmodel.kernel.properties import FAIL_ATOMIC, NO_UAF, REF_EXACT, STEP_TOTAL, UCOUNT_EXACT
from nsmodel.kernel.user.base import Users
from nsmodel.kernel.user.map_files import MapLines, write_map
from nsmodel.kernel.user.ucounts import set_limit
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (UCOUNT_EXACT, REF_EXACT, NO_UAF, STEP_TOTAL, FAIL_ATOMIC)
USERS = Users(limits=2)

SPEC = Spec(
    name="user_limits",
    title=__doc__,
    state=Kernel,
    base=partial(base_state, users=USERS),
    bounds={
        **USERS.bounds,
        "tasks": 2,
        "pids": 2,
        "nsproxies": 2,
        "pid_namespaces": 1,
        "user_namespaces": 3,
        "uts_namespaces": 3,
        "descriptors": 1,
        "numbers": 2,
        "extents": 2,
        "ids_in_extent": 1,
        "charges": 4,
        "ucounts": 3,
    },
    depth=6,
    scopes={"small": Scope({"user_namespaces": 2, "uts_namespaces": 2, "ucounts": 2}, depth=2), "deep": Scope(depth=8)},
    operations=(
        op(clone3, flags=[CloneFlags(), CloneFlags(newuser=True, newuts=True)], tids=[SetTid()]),
        op(unshare, flags=[CloneFlags(newuser=True), CloneFlags(newuts=True), CloneFlags(newuser=True, newuts=True)]),
        op(write_map, kind=[IdKind.UID, IdKind.GID], lines=[MapLines()]),
        op(set_limit, kind=[NsType.USER, NsType.UTS], limit=[0, 1]),
        op(open_ns, kind=[NsType.UTS]),
        op(setns, wrong_type=[False]),
        op(close),
        op(exit_group, code=[0]),
        op(wait4, who=[WaitFor.PID]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={US06: "FAIL_ATOMIC", UCOUNT_LEAF_ONLY: "UCOUNT_EXACT", UCOUNT_NOT_ABOVE: "UCOUNT_EXACT"},
)
