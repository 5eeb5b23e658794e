"""The layout `locked` of linux-tla: another owner's copy of a namespace, with a locked mount on R/a."""

from nsmodel.kernel.arguments import AttributeFlags, CloneFlags, SetTid
from nsmodel.kernel.mount.layouts import layout
from nsmodel.kernel.mount.type import Propagation
from nsmodel.system.spec import call

SPEC = layout(
    "rival_locked",
    __doc__,
    tasks=2,
    users=3,
    mounts=9,
    prelude=(
        call("mount_change_type", task=1, target=2, root=2, to=Propagation.SHARED, rec=True),
        call("mount_new", task=1, root=5, at=2, dentry=3, flags=AttributeFlags()),
        call("clone3", task=1, flags=CloneFlags(newuser=True, newns=True), tids=SetTid()),
    ),
)
