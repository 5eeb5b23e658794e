"""Who runs without an init: a claim that the kernel does not keep, and the one that it keeps."""

from nsmodel.ir.language import invariant, require
from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.base import base_state
from nsmodel.kernel.exit import exit_group
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.mutants import PD04
from nsmodel.kernel.objects import Kernel, TaskState
from nsmodel.system.operation import op
from nsmodel.system.spec import NO_UAF, STEP_TOTAL, Spec, prop
from nsmodel.system.verdict import Verdict


@invariant("INIT_RUNS", source="kernel/pid_namespace.c: zap_pid_ns_processes (v6.18)")
def init_runs(k: Kernel) -> None:
    """Every process has an init that runs: so one would think."""
    for t in k.tasks:
        init = t.pid.ns.child_reaper
        require(init is not None and init.state == TaskState.RUNNING, "a process without a running init", t)


@invariant("RUNNING_HAS_INIT", source="kernel/pid.c: alloc_pid, PIDNS_ADDING (v6.18)")
def running_has_init(k: Kernel) -> None:
    """Every process that runs has an init that runs, or that waits for it to end."""
    for t in k.tasks:
        if t.state == TaskState.RUNNING:
            init = t.pid.ns.child_reaper
            require(init is not None and init.state != TaskState.ZOMBIE, "a process runs without an init", t)


INIT_RUNS = prop("INIT_RUNS", "every process has an init that runs", init_runs)
RUNNING_HAS_INIT = prop("RUNNING_HAS_INIT", "every process that runs has an init", running_has_init)

SPEC = Spec(
    name="init_runs",
    title=__doc__,
    state=Kernel,
    base=base_state,
    bounds={
        "tasks": 4,
        "pids": 4,
        "nsproxies": 3,
        "pid_namespaces": 2,
        "user_namespaces": 1,
        "capabilities": 1,
        "numbers": 2,
    },
    operations=(
        op(clone3, flags=[CloneFlags()], tids=[SetTid()]),
        op(unshare, flags=[CloneFlags(newpid=True)]),
        op(exit_group, code=[0]),
    ),
    properties=(INIT_RUNS, RUNNING_HAS_INIT, NO_UAF, STEP_TOTAL),
    expect={
        "INIT_RUNS": Verdict.VIOLATED,
        "RUNNING_HAS_INIT": Verdict.HOLDS,
        "NO_UAF": Verdict.HOLDS,
        "STEP_TOTAL": Verdict.HOLDS,
    },
    kills={PD04: "RUNNING_HAS_INIT"},
)
