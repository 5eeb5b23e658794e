"""Where specs of mounts begin: the bottom of a namespace, the sandbox's file system on it as `/`, and others to mount.

A spec has a constant forest of names, which are letters in the order of the children of one directory: `Forest("a",
"a/a", "b")`. Replay makes the same names in a tmpfs.
"""

from __future__ import annotations

from collections.abc import Sequence

from nsmodel.kernel.base import base_state, has
from nsmodel.kernel.objects import (
    Attribute,
    AttributeKind,
    Dentry,
    FileSystem,
    FsKind,
    FsStruct,
    Kernel,
    Mount,
    NetNamespace,
    Program,
    Superblock,
    Sysctl,
)
from nsmodel.kernel.user.base import PLAIN, Users

ALONE = {
    "tasks": 1,
    "pids": 1,
    "nsproxies": 1,
    "pid_namespaces": 1,
    "user_namespaces": 1,
    "mnt_namespaces": 1,
    "numbers": 2,
    "capabilities": 1,
}
"""The slots of a task that is alone: its number is 1, and there is one that nobody has."""

ATIME = (AttributeKind.NOATIME, AttributeKind.NODIRATIME, AttributeKind.RELATIME)


IN_KERNEL = ("a", "b")
"""Directories of a proc or sysfs: one that holds something, and one that is made to be mounted on."""
HIERARCHIES = (FsKind.CGROUP1, FsKind.CGROUP2)
"""What there is one of on the machine."""
NEVER = (FsKind.OVERLAY, FsKind.INITIAL)
"""Types of which no superblock is ever made."""


class Forest:
    """The base of a spec with mounts: call it with an empty state.

    `paths` are the directories of the sandbox's file system, `files` its regular files and `links` its symbolic links,
    which lead nowhere; parents come before children;
    `tmpfs` gives, for each further file system that can be mounted anew, its directories; `nsfs` adds files of
    namespaces; `attributes` are those that mounts can have; `mount_max` bounds the mounts of a namespace; `users` is
    what of users the spec tells apart.
    `mqueue` says of how many IPC namespaces there can be a mqueue (the first one's is there from the start), `proc`
    how many times proc can be mounted and `sysfs` of how many network namespaces, with a directory that holds something
    and one that is made to be mounted on; `visible` is where a proc is mounted from the start, `visible_sysfs` a sysfs.
    `types` are file systems without names: each can be mounted once at a time, those of cgroups as often as one likes.
    """

    def __init__(
        self,
        *paths: str,
        files: Sequence[str] = (),
        links: Sequence[str] = (),
        tmpfs: Sequence[Sequence[str]] = (),
        mqueue: int = 0,
        nsfs: bool = False,
        attributes: Sequence[AttributeKind] = (),
        mount_max: int | None = None,
        users: Users = PLAIN,
        proc: int = 0,
        visible: str | None = None,
        sysfs: int = 0,
        visible_sysfs: str | None = None,
        types: Sequence[FsKind] = (),
    ) -> None:
        self.paths, self.files, self.links = paths, tuple(files), tuple(links)
        self.tmpfs, self.mqueue, self.types = tuple(tmpfs), mqueue, tuple(types)
        self.nsfs, self.attributes, self.mount_max = nsfs, tuple(attributes), mount_max
        self.users, self.proc, self.sysfs = users, proc, sysfs
        self.visible, self.visible_sysfs = visible, visible_sysfs
        systems = 2 + len(self.tmpfs) + mqueue + nsfs + proc + sysfs + len(self.types)
        names = len(IN_KERNEL) * (proc + sysfs) + len(paths) + len(self.files) + len(self.links)
        names += sum(map(len, self.tmpfs))
        self.bounds: dict[str, int] = (
            ALONE
            | users.bounds
            | {
                "file_systems": systems,
                "superblocks": systems - nsfs - sum(kind in NEVER for kind in self.types),
                "dentries": systems + names,
            }
        )
        """The slots of the base state but for mounts: those of the forest, and of one task in its namespaces."""
        if self.attributes:
            self.bounds["attributes"] = len(self.attributes)
        if mount_max is not None:
            self.bounds |= {"sysctls": 1, "mount_max": mount_max}

    @property
    def shows(self) -> bool:
        """A proc or sysfs is mounted from the start."""
        return self.visible is not None or self.visible_sysfs is not None

    def __call__(self, k: Kernel) -> None:
        """Make the base state. The root and working directory of the task are the sandbox's root."""
        task = base_state(k, self.users)
        bottom = _file_system(k, FsKind.NEW)
        root = _file_system(k, FsKind.NEW)
        names = _grow(k, root, self.paths, self.files, self.links)
        for directories in self.tmpfs:
            _grow(k, _file_system(k, FsKind.NEW), directories)
        queues = [_file_system(k, FsKind.MQUEUE) for _ in range(self.mqueue)]
        if self.nsfs:
            _file_system(k, FsKind.NSFS).directory = False
        procs = [_file_system(k, FsKind.PROC) for _ in range(self.proc)]
        devices = [_file_system(k, FsKind.SYSFS) for _ in range(self.sysfs)]
        for made_by_kernel in (*procs, *devices):
            _grow(k, made_by_kernel, IN_KERNEL)["b"].empty = True
        others = [_file_system(k, kind) for kind in self.types]
        for kind in self.attributes:
            k.new(Attribute).kind = kind
        if self.mount_max is not None:
            k.new(Sysctl).mount_max = self.mount_max
        assert task.nsproxy is not None and task.nsproxy.mnt is not None
        ns = task.nsproxy.mnt
        for fs_root in (bottom, root, *queues[:1], *[d for d in others if d.fs.kind in HIERARCHIES]):
            sb = k.new(Superblock)
            sb.fs = fs_root.fs
            # The hidden bottom comes from outside, as does what there is one of on the machine.
            sb.kept = fs_root is not root
            if fs_root is root or fs_root in queues:
                sb.owner = task.user_ns
                task.user_ns.count += 1
            if fs_root in queues:
                sb.ipc = task.nsproxy.ipc
        hidden = k.new(Mount)
        hidden.root, hidden.ns, hidden.count = bottom, ns, 1
        ns.root = hidden
        top = k.new(Mount)
        top.root, top.ns, top.parent, top.mountpoint, top.count = root, ns, hidden, bottom, 1
        top.attributes = hidden.attributes = frozenset(  # type: ignore[assignment]
            a for a in k.live(Attribute) if a.kind == AttributeKind.RELATIME
        )
        hidden.locked_attributes = _atime(k)
        for shown, at in ((procs, self.visible), (devices, self.visible_sysfs)):
            if at is not None:
                _show(k, shown[0], top, names[at])
        for program in k.live(Program):
            program.home = root
        if has(k, FsStruct) and task.fs is not None:
            task.fs.root_mnt = task.fs.cwd_mnt = top
            task.fs.root_dentry = task.fs.cwd_dentry = root
            top.count += 2


def _show(k: Kernel, root: Dentry, top: Mount, at: Dentry) -> None:
    """A mount of proc or sysfs on a name, whose kind of access times the world outside has locked."""
    assert top.ns is not None and top.ns.owner is not None
    sb = k.new(Superblock)
    sb.fs = root.fs
    if root.fs.kind == FsKind.SYSFS:
        sb.net = k.live(NetNamespace)[0] if has(k, NetNamespace) else None
    else:
        sb.owner = top.ns.owner
        sb.owner.count += 1
    m = k.new(Mount)
    m.root, m.ns, m.parent, m.mountpoint, m.count, m.attributes = root, top.ns, top, at, 1, top.attributes
    m.locked_attributes = _atime(k)


def _atime(k: Kernel) -> set[Attribute]:
    """The attributes of access times, which are locked on what was copied for the sandbox's owner."""
    return frozenset(a for a in k.live(Attribute) if a.kind in ATIME)  # type: ignore[return-value]


def _file_system(k: Kernel, kind: FsKind) -> Dentry:
    """A file system: gives its root."""
    fs = k.new(FileSystem)
    fs.kind = kind
    root = k.new(Dentry)
    root.fs = fs
    root.directory = True
    return root


def _grow(
    k: Kernel, root: Dentry, directories: Sequence[str], files: Sequence[str] = (), links: Sequence[str] = ()
) -> dict[str, Dentry]:
    """The names of a file system, in the order of their paths; gives them by path."""
    made = {"": root}
    for path in sorted((*directories, *files, *links)):
        above, _, name = path.rpartition("/")
        siblings = sum(d.parent is made[above] for d in k.live(Dentry))
        if name != chr(ord("a") + siblings):
            raise ValueError(f"{path}: the next name in /{above} is {chr(ord('a') + siblings)}")
        d = made[path] = k.new(Dentry)
        d.fs, d.parent, d.directory, d.symlink = root.fs, made[above], path in directories, path in links
    return made
