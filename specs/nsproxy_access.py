"""Who may look at whose nsproxy: the access rules of include/linux/nsproxy.h as an interleaved protocol."""

from nsmodel.ir.interleave import with_frames
from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.base import base_state
from nsmodel.kernel.fork import clone3
from nsmodel.kernel.mutants import NULL_NSPROXY_IGNORED, READ_WITHOUT_TASK_LOCK, SWITCH_WITHOUT_TASK_LOCK
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import LEFT_EXACT, LOCKSET, NO_UAF, STEP_TOTAL
from nsmodel.kernel.races import exit_namespaces, read_uts, unshare_uts
from nsmodel.system.operation import op, steps
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (LOCKSET, LEFT_EXACT, NO_UAF, STEP_TOTAL)

SPEC = Spec(
    name="nsproxy_access",
    title=__doc__,
    state=with_frames(Kernel, unshare_uts, exit_namespaces, read_uts),
    base=base_state,
    bounds={
        "capabilities": 1,
        "tasks": 2,
        "pids": 2,
        "nsproxies": 3,
        "pid_namespaces": 1,
        "user_namespaces": 1,
        "uts_namespaces": 3,
        "numbers": 2,
        "unshare_uts_frames": 2,
        "exit_namespaces_frames": 2,
        "read_uts_frames": 2,
    },
    scopes={"small": Scope(depth=5)},
    prelude=(call("clone3", task=1, flags=CloneFlags(), tids=SetTid()),),
    prelude_operations=(op(clone3),),
    operations=(*steps(unshare_uts), *steps(exit_namespaces), *steps(read_uts)),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        READ_WITHOUT_TASK_LOCK: "NO_UAF",
        SWITCH_WITHOUT_TASK_LOCK: "LOCKSET",
        NULL_NSPROXY_IGNORED: "STEP_TOTAL",
    },
)
