"""The layout `chain` of linux-tla: three owners, each with a copy of the one before, slaves of slaves."""

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.mount.layouts import layout
from nsmodel.kernel.mount.type import Propagation
from nsmodel.kernel.objects import IdKind
from nsmodel.kernel.user.map_files import MapLines
from nsmodel.system.spec import call

SPEC = layout(
    "rival_chain",
    __doc__,
    tasks=3,
    users=4,
    mounts=10,
    prelude=(
        call("mount_change_type", task=1, target=2, root=2, to=Propagation.SHARED, rec=True),
        call("clone3", task=1, flags=CloneFlags(newuser=True, newns=True), tids=SetTid()),
        call("write_map", task=1, target=2, kind=IdKind.UID, lines=MapLines()),
        call("write_map", task=1, target=2, kind=IdKind.GID, lines=MapLines()),
        call("mount_change_type", task=2, target=4, root=2, to=Propagation.SHARED, rec=False),
        call("clone3", task=2, flags=CloneFlags(newuser=True, newns=True), tids=SetTid()),
    ),
)
