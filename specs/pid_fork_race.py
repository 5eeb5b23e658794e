"""fork against the death of an init: numbers are taken before the child is attached, and the end comes in between."""

from nsmodel.ir.interleave import with_frames
from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.base import base_state
from nsmodel.kernel.exit import WaitFor, exit_group, wait4
from nsmodel.kernel.fork import clone3
from nsmodel.kernel.join import setns
from nsmodel.kernel.mutants import PD04I
from nsmodel.kernel.nsfs import open_ns
from nsmodel.kernel.objects import Kernel, NsType
from nsmodel.kernel.properties import DEAD_NS_EMPTY, GROUP_NS, INIT_LAST, LEFT_EXACT, NO_UAF, REAPER_ALIVE, STEP_TOTAL
from nsmodel.kernel.races import fork_racing
from nsmodel.system.operation import op, steps
from nsmodel.system.spec import Scope, Spec, call
from nsmodel.system.verdict import Verdict

PROPERTIES = (DEAD_NS_EMPTY, INIT_LAST, REAPER_ALIVE, GROUP_NS, LEFT_EXACT, NO_UAF, STEP_TOTAL)

SPEC = Spec(
    name="pid_fork_race",
    title=__doc__,
    state=with_frames(Kernel, fork_racing),
    base=base_state,
    bounds={
        "capabilities": 1,
        "tasks": 4,
        "pids": 4,
        "nsproxies": 4,
        "pid_namespaces": 2,
        "user_namespaces": 1,
        "descriptors": 1,
        "numbers": 2,
        "fork_racing_frames": 1,
    },
    scopes={"small": Scope({"tasks": 3, "pids": 3, "nsproxies": 3}, depth=3)},
    prelude=(
        call("clone3", task=1, flags=CloneFlags(newpid=True), tids=SetTid()),
        call("open_ns", task=1, target=2, kind=NsType.PID),
        call("setns", task=1, file=1, wrong_type=False),
    ),
    prelude_operations=(op(clone3), op(open_ns), op(setns)),
    operations=(
        *steps(fork_racing),
        op(exit_group, code=[0]),
        op(wait4, who=[WaitFor.PID]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={PD04I: "DEAD_NS_EMPTY"},
)
