"""What a path of a task can end on: a mount and a name in it (fs/namei.c: path_lookupat, v6.18; path_resolution(7)).

A lookup walks down from the root, the working directory or an open descriptor, and goes over to what is mounted on a
name that it comes to. The place where it starts is itself, whatever is mounted there since.
"""

from __future__ import annotations

from nsmodel.ir.language import helper
from nsmodel.kernel.mount.tree import mount_ns, mounted_at, shows, top_at
from nsmodel.kernel.objects import Dentry, Kernel, Mount, Task


@helper
def starts_at(k: Kernel, task: Task, m: Mount, dentry: Dentry) -> bool:
    """A lookup of the task can start there. Where the scope has no roots and working directories, it starts on what is
    mounted on the bottom of the task's namespace."""
    fs = task.fs
    if fs is None:
        ns = mount_ns(k, task)
        if ns is not None:
            if dentry is m.root and m.parent is not None and m.parent is ns.root:
                return True
    elif (fs.root_mnt is m and fs.root_dentry is dentry) or (fs.cwd_mnt is m and fs.cwd_dentry is dentry):
        return True
    return any(f.table is task.group_leader and f.mount is m and f.dentry is dentry for f in k.descriptors)


@helper
def at_root(k: Kernel, task: Task, m: Mount, dentry: Dentry) -> bool:
    """`..` stays at a place, and goes over to what is mounted on it: the task's root directory, and the root of a mount
    that lies on nothing, if it is a directory (follow_dotdot, v6.18)."""
    if m.parent is None and dentry is m.root:
        return dentry.directory
    fs = task.fs
    if fs is None:
        return starts_at(k, task, m, dentry)
    return fs.root_mnt is m and fs.root_dentry is dentry


@helper
def ends_on(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> bool:
    """Some path of the task ends on a name of a mount, be it a symbolic link."""
    if not shows(k, at, dentry):
        return False
    here: Mount | None = at
    name: Dentry | None = dentry
    through = False
    while here is not None:
        up = name
        while up is not None:
            over = through and up is name
            if starts_at(k, task, here, up) and (not over or at_root(k, task, here, up)):
                return True
            if not over and mounted_at(k, here, up) is not None:
                return False
            up = None if up is here.root else up.parent
        name = here.mountpoint
        here = here.parent
        through = True
    return False


@helper
def walks_to(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> bool:
    """Some path of the task ends on a name of a mount; symbolic links are followed (those of a scope lead nowhere)."""
    return not dentry.symlink and ends_on(k, task, at, dentry)


@helper
def names(k: Kernel, task: Task, at: Mount, dentry: Dentry) -> bool:
    """The task can name a place, and the lookup changes nothing: ending on a mount takes its expiry mark off, and that
    of what is mounted on top, also when the call then fails, so only calls that always succeed take marked ones."""
    return not at.expiring and not top_at(k, at, dentry).expiring and walks_to(k, task, at, dentry)
