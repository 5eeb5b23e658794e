"""What container runtimes do beside system calls: rules of a program, not of the kernel.

In its new mount namespace a runtime first makes every mount a slave. Before the payload starts, runc (since 1.1.12),
crun and bubblewrap close every descriptor that leads out of the container, and make sure that the working directory is
inside.
"""

from __future__ import annotations

from nsmodel.ir.language import given, helper, syscall
from nsmodel.kernel.credentials import may_call
from nsmodel.kernel.mount.tree import may_mount, mount_ns
from nsmodel.kernel.mount.type import Propagation, change_type
from nsmodel.kernel.mutants import CT01, CT06
from nsmodel.kernel.objects import Kernel, Mount, Task
from nsmodel.kernel.refs import close_file, set_pwd


@helper
def outside(k: Kernel, task: Task, m: Mount | None) -> bool:
    """A mount is in another mount namespace than the task's."""
    return m is not None and m.ns is not None and m.ns is not mount_ns(k, task)


@syscall(source="runc 1.1.12: libcontainer/init_linux.go, verifyCwd and CloseExecFrom; CVE-2024-21626")
def seal(k: Kernel, task: Task) -> int:
    """Close what leads out of the container, go to its root, set no_new_privs, and start the payload."""
    given(may_call(k, task) and task.fs is not None and task.user_ns.owner is not None)
    fs = task.fs
    assert fs is not None
    root = fs.root_mnt
    top = fs.root_dentry
    given(root is not None and top is not None and not outside(k, task, root))
    assert root is not None and top is not None
    if not k.bug(CT01):
        for file in k.descriptors:
            if file.table is task.group_leader and outside(k, task, file.mount):
                close_file(k, file)
        set_pwd(k, fs, root, top)
    task.no_new_privs = True
    return 0


@syscall(source="runc 1.1.12: libcontainer/rootfs_linux.go, prepareRoot; mount_namespaces(7)")
def isolate(k: Kernel, task: Task) -> int:
    """Make every mount of the own namespace, from its root up, a slave: nothing that is mounted here reaches those that
    the namespace was copied from."""
    given(may_call(k, task))
    ns = mount_ns(k, task)
    given(ns is not None and len(ns.older) > 0 and may_mount(k, task))
    if not k.bug(CT06):
        for m in k.mounts:
            if m.ns is ns and m.parent is not None:
                change_type(k, m, Propagation.SLAVE)
    return 0
