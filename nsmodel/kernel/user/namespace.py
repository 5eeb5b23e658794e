"""Making user namespaces (user_namespaces(7); kernel/user_namespace.c: create_user_ns, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import ENOSPC, EPERM, assure, fail, helper
from nsmodel.kernel.credentials import holds
from nsmodel.kernel.mount.tree import mount_ns, topmost
from nsmodel.kernel.mutants import US02
from nsmodel.kernel.objects import CapabilityKind, IdKind, Kernel, Task, UserNamespace
from nsmodel.kernel.refs import new_ns
from nsmodel.kernel.user.maps import shows_id
from nsmodel.kernel.user.ucounts import check_limit

MAX_LEVEL = 32


@helper
def chrooted(k: Kernel, task: Task) -> bool:
    """The root directory is not the top of what is mounted on the bottom of the mount namespace (fs/namespace.c:
    current_chrooted, v6.18)."""
    fs = task.fs
    ns = mount_ns(k, task)
    if fs is None or ns is None:
        return False
    bottom = ns.root
    if bottom is None:
        return False
    top = topmost(k, bottom)
    return fs.root_mnt is not top or fs.root_dentry is not top.root


@helper
def level(k: Kernel, ns: UserNamespace) -> int:
    """How many user namespaces are above, the sandbox's being below the initial one."""
    depth = 1
    here = ns.owner
    while here is not None:
        depth += 1
        here = here.owner
    return depth


@helper
def check_create_user_ns(k: Kernel, task: Task) -> None:
    """The checks of create_user_ns, in their order."""
    parent = task.user_ns
    if level(k, parent) > MAX_LEVEL:
        fail(ENOSPC, "user namespaces nest 33 deep")
    check_limit(k, task, parent)
    if chrooted(k, task) and not k.bug(US02):
        fail(EPERM, "the caller's root is not the root of its mount namespace")
    if not shows_id(k, parent, IdKind.UID, task.euid) or not shows_id(k, parent, IdKind.GID, task.egid):
        fail(EPERM, "the caller's effective ids are not mapped in its user namespace")


@helper
def create_user_ns(k: Kernel, task: Task) -> UserNamespace:
    """A user namespace below the task's, made by the task's user, with one reference for its first credentials."""
    parent = task.user_ns
    assure("ROOT_CONFINED", not chrooted(k, task), "a task in a chroot gets every capability", task)
    ns = new_ns(k, parent, parent, task.euid)
    ns.creator = task.euid
    ns.creator_group = task.egid
    ns.setgroups = parent.setgroups
    ns.parent_could_setfcap = holds(k, task.effective, CapabilityKind.SETFCAP)
    return ns
