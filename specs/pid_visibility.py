"""Who sees and reaches whom: numbers, signals and groups across pid namespaces."""

from nsmodel.kernel.arguments import CloneFlags, NsFlags
from nsmodel.kernel.base import base_state
from nsmodel.kernel.exit import WaitFor, exit_group, wait4, waitid
from nsmodel.kernel.fork import clone3
from nsmodel.kernel.join import setns_pidfd
from nsmodel.kernel.mutants import KILL_OUTSIDE, PD01, PD11
from nsmodel.kernel.nsfs import close, pidfd_open
from nsmodel.kernel.objects import Kernel, Signal
from nsmodel.kernel.properties import (
    FAIL_ATOMIC,
    INIT_LAST,
    KILL_SCOPE,
    NO_UAF,
    PID_VIS,
    REAPER_ALIVE,
    REF_EXACT,
    STEP_TOTAL,
)
from nsmodel.kernel.session import getpgid, getpid, getppid, getsid, gettid, setpgid, setsid
from nsmodel.kernel.signal import KillTo, kill, pidfd_send_signal, sigaction, tgkill
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (PID_VIS, KILL_SCOPE, REAPER_ALIVE, INIT_LAST, REF_EXACT, NO_UAF, STEP_TOTAL, FAIL_ATOMIC)

SPEC = Spec(
    name="pid_visibility",
    title=__doc__,
    state=Kernel,
    base=base_state,
    bounds={
        "capabilities": 1,
        "tasks": 3,
        "pids": 3,
        "nsproxies": 4,
        "pid_namespaces": 2,
        "user_namespaces": 1,
        "descriptors": 1,
        "numbers": 2,
    },
    scopes={
        "small": Scope({"tasks": 2, "pids": 2, "nsproxies": 3}, depth=2),
        "deep": Scope({"tasks": 4, "pids": 4, "nsproxies": 5, "pid_namespaces": 3}),
    },
    operations=(
        op(clone3, flags=[CloneFlags(), CloneFlags(newpid=True)]),
        op(exit_group, code=[0]),
        op(wait4, who=[WaitFor.ANY]),
        op(kill, to=[KillTo.PROCESS, KillTo.ALL], signal=[Signal.NONE, Signal.TERM, Signal.KILL]),
        op(tgkill, signal=[Signal.KILL]),
        op(sigaction),
        op(setsid),
        op(setpgid),
        op(getpid),
        op(getppid),
        op(getpgid),
        op(getsid),
        op(pidfd_open),
        op(pidfd_send_signal, signal=[Signal.KILL]),
        op(close),
    ),
    edges=(
        op(kill, signal=[Signal.INVALID]),
        op(tgkill, signal=[Signal.NONE, Signal.INVALID]),
        op(pidfd_send_signal, signal=[Signal.NONE, Signal.INVALID]),
        op(setns_pidfd, flags=[NsFlags(), NsFlags(pid=True)]),
        op(waitid),
        op(gettid),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={PD01: "KILL_SCOPE", KILL_OUTSIDE: "KILL_SCOPE", PD11: "PID_VIS"},
)
