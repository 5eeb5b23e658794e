"""One nsproxy for several tasks: shared by fork and threads, copied on change, put on exit."""

from nsmodel.kernel.arguments import CloneFlags
from nsmodel.kernel.base import base_state
from nsmodel.kernel.exit import WaitFor, exit_group, exit_thread, wait4
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.mutants import NEWUSER_THREADED, PD02, PD07, TM01, UNSHARE_NO_PUT
from nsmodel.kernel.nsfs import pidfd_open
from nsmodel.kernel.objects import Kernel, Signal
from nsmodel.kernel.properties import (
    FAIL_ATOMIC,
    GROUP_NS,
    NO_LEAK,
    NO_UAF,
    REAPER_ALIVE,
    REF_EXACT,
    REPARENT_NS,
    STEP_TOTAL,
)
from nsmodel.kernel.session import getpid, gettid, setpgid
from nsmodel.kernel.signal import tgkill
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (REF_EXACT, NO_LEAK, NO_UAF, GROUP_NS, REAPER_ALIVE, REPARENT_NS, STEP_TOTAL, FAIL_ATOMIC)
THREAD = CloneFlags(vm=True, sighand=True, thread=True, files=True, fs=True)

SPEC = Spec(
    name="nsproxy_refcount",
    title=__doc__,
    state=Kernel,
    base=base_state,
    bounds={
        "capabilities": 1,
        "tasks": 3,
        "pids": 3,
        "nsproxies": 4,
        "pid_namespaces": 2,
        "user_namespaces": 2,
        "uts_namespaces": 3,
        "time_namespaces": 2,
        "fs_structs": 3,
        "numbers": 2,
    },
    scopes={
        "small": Scope({"tasks": 2, "pids": 2, "nsproxies": 3, "uts_namespaces": 2, "fs_structs": 2}, depth=2),
        "deep": Scope({"tasks": 4, "pids": 4, "nsproxies": 5, "fs_structs": 4}),
    },
    operations=(
        op(clone3, flags=[CloneFlags(), THREAD, CloneFlags(newuts=True, fs=True)]),
        op(
            unshare,
            flags=[
                CloneFlags(newuts=True),
                CloneFlags(newpid=True),
                CloneFlags(newuser=True),
                CloneFlags(newtime=True),
            ],
        ),
        op(exit_thread, code=[0]),
        op(exit_group, code=[0]),
        op(wait4, who=[WaitFor.PID]),
    ),
    edges=(op(getpid), op(gettid), op(setpgid), op(pidfd_open), op(tgkill, signal=[Signal.NONE])),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        UNSHARE_NO_PUT: "REF_EXACT",
        NEWUSER_THREADED: "GROUP_NS",
        PD07: "GROUP_NS",
        TM01: "GROUP_NS",
        PD02: "REAPER_ALIVE",
    },
)
