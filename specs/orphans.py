"""Who gets the children of the dead: threads, subreapers and inits, level by level."""

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.base import base_state
from nsmodel.kernel.exit import WaitFor, exit_group, wait4
from nsmodel.kernel.fork import clone3
from nsmodel.kernel.mutants import REPARENT_ANY
from nsmodel.kernel.objects import Kernel
from nsmodel.kernel.properties import INIT_LAST, NO_UAF, REAPER_ALIVE, REF_EXACT, REPARENT_NS, STEP_TOTAL
from nsmodel.kernel.session import getppid, set_child_subreaper
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (REPARENT_NS, REAPER_ALIVE, INIT_LAST, REF_EXACT, NO_UAF, STEP_TOTAL)

SPEC = Spec(
    name="orphans",
    title=__doc__,
    state=Kernel,
    base=base_state,
    bounds={
        "capabilities": 1,
        "tasks": 4,
        "pids": 4,
        "nsproxies": 4,
        "pid_namespaces": 2,
        "user_namespaces": 1,
        "numbers": 2,
    },
    scopes={"small": Scope({"tasks": 3, "pids": 3, "nsproxies": 3}, depth=2)},
    prelude=(
        call("clone3", task=1, flags=CloneFlags(newpid=True), tids=SetTid()),
        call("clone3", task=2, flags=CloneFlags(), tids=SetTid()),
    ),
    operations=(
        op(clone3, flags=[CloneFlags(), CloneFlags(parent=True)]),
        op(exit_group, code=[0]),
        op(wait4, who=[WaitFor.PID]),
        op(set_child_subreaper),
        op(getppid),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={REPARENT_ANY: "REPARENT_NS"},
)
