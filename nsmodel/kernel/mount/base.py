"""Where specs of mounts begin: the bottom of a namespace, the sandbox's file system on it, and one more to mount."""

from __future__ import annotations

from nsmodel.kernel.base import base_state, has
from nsmodel.kernel.objects import Dentry, FsStruct, Kernel, Mount, Superblock


def mount_base(k: Kernel) -> None:
    """The base state with two mounts, and as many directories in the sandbox's file system as the scope has.

    The root and working directory of the task are the sandbox's root, where the scope has them.
    """
    task = base_state(k)
    bottom, sandbox = file_system(k), file_system(k)
    file_system(k)
    names = [sandbox]
    while k.bounds is None or len(k.live(Dentry)) < k.bounds["dentries"]:
        d = k.new(Dentry)
        d.sb, d.parent, d.directory = sandbox.sb, sandbox, True
        names.append(d)
    assert task.nsproxy is not None and task.nsproxy.mnt is not None
    ns = task.nsproxy.mnt
    hidden = k.new(Mount)
    hidden.root, hidden.ns = bottom, ns
    ns.root = hidden
    top = k.new(Mount)
    top.root, top.ns, top.parent, top.mountpoint = sandbox, ns, hidden, bottom
    if has(k, FsStruct) and task.fs is not None:
        task.fs.root_mnt = task.fs.cwd_mnt = top
        task.fs.root_dentry = task.fs.cwd_dentry = sandbox


def file_system(k: Kernel) -> Dentry:
    """A file system: gives its root."""
    root = k.new(Dentry)
    root.sb = k.new(Superblock)
    root.directory = True
    return root
