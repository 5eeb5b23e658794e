"""Control files of cgroups, as far as namespaces guard them (kernel/cgroup/cgroup-v1.c, v6.18; cgroups(7))."""

from __future__ import annotations

from nsmodel.ir.language import EACCES, EPERM, EROFS, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import may_call
from nsmodel.kernel.mount.common import is_readonly
from nsmodel.kernel.mount.path import names
from nsmodel.kernel.mount.superblock import initial_admin
from nsmodel.kernel.mutants import US11
from nsmodel.kernel.objects import CapabilityKind, Dentry, FsKind, Kernel, Mount, Task
from nsmodel.kernel.user.access import capable_over_inode


@helper
def may_open_agent(k: Kernel, task: Task) -> bool:
    """release_agent is root's, and nobody else's to write."""
    return task.fsuid == 0 or capable_over_inode(k, task, 0, 0, CapabilityKind.DAC_OVERRIDE)


@syscall(source="kernel/cgroup/cgroup-v1.c: cgroup_release_agent_write (v6.18); cgroups(7)")
def write_release_agent(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> int:
    """Name the program that the kernel runs, with every capability, when a cgroup of a version 1 hierarchy becomes
    empty: write the file in the root of the hierarchy. Its text is not kept."""
    given(may_call(k, task) and dentry.fs.kind == FsKind.CGROUP1 and names(k, task, at, dentry))
    if not may_open_agent(k, task):
        fail(EACCES, "another user's file, and no CAP_DAC_OVERRIDE over it")
    if is_readonly(k, at.attributes):
        fail(EROFS, "the mount is read-only")
    mighty = initial_admin(k, task)
    if not mighty and not k.bug(US11):
        fail(EPERM, "no CAP_SYS_ADMIN in the initial user namespace")
    assure("CAP_CONFINED", mighty, "a program is named that the kernel runs with every capability", task)
    return 0
