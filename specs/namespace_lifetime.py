"""At which moment is a namespace destroyed? Tasks, open descriptors and bind mounts keep it, and nothing else."""

from nsmodel.kernel.arguments import CloneFlags
from nsmodel.kernel.exit import WaitFor, exit_group, wait4
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.join import setns
from nsmodel.kernel.mount.base import Forest
from nsmodel.kernel.mount.bind import bind_ns
from nsmodel.kernel.mount.place import open_path
from nsmodel.kernel.mount.umount import UmountFlags, umount2
from nsmodel.kernel.mutants import NSFS_FD_NO_PIN, PD03
from nsmodel.kernel.nsfs import close, open_ns
from nsmodel.kernel.objects import Kernel, NsType
from nsmodel.kernel.properties import FAIL_ATOMIC, NO_LEAK, NO_UAF, REF_EXACT, STEP_TOTAL
from nsmodel.kernel.user.ucounts import set_limit
from nsmodel.system.operation import op
from nsmodel.system.spec import Scope, Spec
from nsmodel.system.verdict import Verdict

FOREST = Forest(files=("a",), nsfs=True)
PROPERTIES = (NO_UAF, NO_LEAK, REF_EXACT, FAIL_ATOMIC, STEP_TOTAL)

SPEC = Spec(
    name="namespace_lifetime",
    title=__doc__,
    state=Kernel,
    base=FOREST,
    bounds={
        **FOREST.bounds,
        "tasks": 2,
        "pids": 2,
        "nsproxies": 3,
        "pid_namespaces": 2,
        "uts_namespaces": 2,
        "net_namespaces": 2,
        "descriptors": 2,
        "mounts": 3,
        "limits": 1,
    },
    scopes={
        "small": Scope({"descriptors": 1}, depth=2),
        "deep": Scope({"tasks": 3, "pids": 3, "nsproxies": 4, "uts_namespaces": 3, "mounts": 4}),
    },
    operations=(
        op(clone3, flags=[CloneFlags(newuts=True), CloneFlags(newpid=True, newnet=True)]),
        op(unshare, flags=[CloneFlags(newuts=True)]),
        op(open_ns, kind=[NsType.UTS, NsType.PID]),
        op(close),
        op(bind_ns, kind=[NsType.UTS], swapped=[False]),
        op(umount2, flags=[UmountFlags()]),
        op(open_path, opath=[False], write=[False]),
        op(setns, wrong_type=[False]),
        op(exit_group, code=[0]),
        op(wait4, who=[WaitFor.PID]),
        op(set_limit, kind=[NsType.NET], limit=[0]),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={NSFS_FD_NO_PIN: "NO_UAF", PD03: "FAIL_ATOMIC"},
)
