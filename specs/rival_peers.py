"""The layout `peers` of linux-tla: two tasks in two mount namespaces of one owner, which are peers."""

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.mount.layouts import layout
from nsmodel.kernel.mount.type import Propagation
from nsmodel.system.spec import call

SPEC = layout(
    "rival_peers",
    __doc__,
    tasks=2,
    users=2,
    mounts=8,
    prelude=(
        call("mount_change_type", task=1, target=2, root=2, to=Propagation.SHARED, rec=True),
        call("clone3", task=1, flags=CloneFlags(newns=True), tids=SetTid()),
    ),
)
