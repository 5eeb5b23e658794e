"""Files of namespaces hold them: descriptors and bind mounts share one nsfs inode, which holds one reference
(fs/nsfs.c: nsfs_init_inode, v6.18)."""

from __future__ import annotations

from nsmodel.ir.language import helper
from nsmodel.kernel.mutants import NSFS_FD_NO_PIN
from nsmodel.kernel.objects import Kernel, Namespace, NsFile


@helper
def pin(k: Kernel, ns: Namespace) -> None:
    """One more descriptor or bind mount of a namespace's file."""
    if ns.inode == 0 and not k.bug(NSFS_FD_NO_PIN):
        ns.count += 1
    ns.inode += 1


@helper
def unpinned(k: Kernel, ns: Namespace) -> bool:
    """One descriptor or bind mount less; True when the inode goes and its reference is to be put."""
    ns.inode -= 1
    return ns.inode == 0 and not k.bug(NSFS_FD_NO_PIN)


@helper
def pin_file(k: Kernel, file: NsFile) -> None:
    """Pin what a namespace file names."""
    if file.mnt is not None:
        pin(k, file.mnt)
    if file.uts is not None:
        pin(k, file.uts)
    if file.ipc is not None:
        pin(k, file.ipc)
    if file.net is not None:
        pin(k, file.net)
    if file.cgroup is not None:
        pin(k, file.cgroup)
    if file.time is not None:
        pin(k, file.time)
    if file.pid_ns is not None:
        pin(k, file.pid_ns)
    if file.user is not None:
        pin(k, file.user)


@helper
def name_same(k: Kernel, copy: NsFile, file: NsFile) -> None:
    """Let a fresh file or mount name what another one names, and pin it."""
    copy.mnt = file.mnt
    copy.uts = file.uts
    copy.ipc = file.ipc
    copy.net = file.net
    copy.cgroup = file.cgroup
    copy.time = file.time
    copy.pid_ns = file.pid_ns
    copy.user = file.user
    pin_file(k, copy)
