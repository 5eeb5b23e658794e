"""The life and death of pid namespaces: inits, orphans, injected processes, zombies."""

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.base import base_state
from nsmodel.kernel.exit import WaitFor, exit_group, wait4, waitid
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.join import setns
from nsmodel.kernel.mutants import INIT_NO_WAIT_INJECTED, NEWPID_TWICE, PD04, PD08, SETNS_PID_ANCESTOR
from nsmodel.kernel.nsfs import close, open_ns, pidfd_open
from nsmodel.kernel.nsioctl import ns_get_nstype, ns_get_parent
from nsmodel.kernel.objects import Kernel, NsType
from nsmodel.kernel.properties import (
    DEAD_NS_EMPTY,
    FAIL_ATOMIC,
    GROUP_NS,
    INIT_LAST,
    NO_LEAK,
    NO_UAF,
    PID_VIS,
    REAPER_ALIVE,
    REF_EXACT,
    REPARENT_NS,
    STEP_TOTAL,
)
from nsmodel.kernel.session import getpid, getppid, set_child_subreaper, setsid
from nsmodel.kernel.signal import KillTo, kill
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (
    DEAD_NS_EMPTY,
    INIT_LAST,
    REAPER_ALIVE,
    REPARENT_NS,
    PID_VIS,
    GROUP_NS,
    REF_EXACT,
    NO_LEAK,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
)

THREAD = CloneFlags(thread=True, sighand=True, vm=True, files=True)

SPEC = Spec(
    name="pid_lifetime",
    title=__doc__,
    state=Kernel,
    base=base_state,
    bounds={
        "capabilities": 1,
        "tasks": 3,
        "pids": 3,
        "nsproxies": 4,
        "pid_namespaces": 3,
        "user_namespaces": 1,
        "descriptors": 1,
        "numbers": 2,
    },
    scopes={
        "small": Scope({"tasks": 2, "pids": 2, "nsproxies": 3, "pid_namespaces": 2}, depth=3),
        "deep": Scope({"tasks": 4, "pids": 4, "nsproxies": 5, "descriptors": 2}),
    },
    operations=(
        op(clone3, flags=[CloneFlags(), CloneFlags(newpid=True)]),
        op(unshare, flags=[CloneFlags(newpid=True)]),
        op(open_ns, kind=[NsType.PID]),
        op(close),
        op(setns, wrong_type=[False]),
        op(exit_group, code=[0]),
        op(wait4, who=[WaitFor.PID]),
        op(set_child_subreaper, on=[True]),
    ),
    edges=(
        op(
            clone3,
            flags=[CloneFlags(), CloneFlags(unknown=True), CloneFlags(parent=True), THREAD],
            tids=[SetTid(), SetTid(size=1), SetTid(size=1, first=1)],
        ),
        op(unshare, flags=[CloneFlags(unknown=True)]),
        op(setns, wrong_type=[True]),
        op(waitid, who=[WaitFor.PID]),
        op(kill, to=[KillTo.PROCESS, KillTo.ALL]),
        op(getpid),
        op(getppid),
        op(setsid),
        op(pidfd_open),
        op(ns_get_parent),
        op(ns_get_nstype),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={
        PD04: "DEAD_NS_EMPTY",
        PD08: "INIT_LAST",
        INIT_NO_WAIT_INJECTED: "INIT_LAST",
        SETNS_PID_ANCESTOR: "PID_VIS",
        NEWPID_TWICE: "GROUP_NS",
    },
)
