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
    IpcNamespace,
    Kernel,
    Mount,
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


class Forest:
    """The base of a spec with mounts: call it with an empty state.

    `paths` are the directories of the sandbox's file system, `files` its regular files and `links` its symbolic links,
    which lead nowhere; parents come before children;
    `tmpfs` gives, for each further file system that can be mounted anew, its directories; `single` says how many there
    are that are the same at each mount (at most one can be replayed: mqueue); `nsfs` adds files of namespaces;
    `attributes` are those that mounts can have; `mount_max` bounds the mounts of a namespace;
    `users` is what of users the spec tells apart; `proc` says how many times proc can be mounted, with a
    directory `sys` each, and `visible` where one is from the start.
    """

    def __init__(
        self,
        *paths: str,
        files: Sequence[str] = (),
        links: Sequence[str] = (),
        tmpfs: Sequence[Sequence[str]] = (),
        single: int = 0,
        nsfs: bool = False,
        attributes: Sequence[AttributeKind] = (),
        mount_max: int | None = None,
        users: Users = PLAIN,
        proc: int = 0,
        visible: str | None = None,
    ) -> None:
        self.paths, self.files, self.links = paths, tuple(files), tuple(links)
        self.tmpfs, self.single = tuple(tmpfs), single
        self.nsfs, self.attributes, self.mount_max = nsfs, tuple(attributes), mount_max
        systems = 2 + len(self.tmpfs) + single + nsfs + proc
        names = proc + len(paths) + len(self.files) + len(self.links) + sum(map(len, self.tmpfs))
        self.users, self.proc, self.visible = users, proc, visible
        self.bounds: dict[str, int] = (
            ALONE
            | users.bounds
            | {
                "file_systems": systems,
                "superblocks": 2 + len(self.tmpfs) + single + proc,
                "dentries": systems + names,
            }
        )
        """The slots of the base state but for mounts: those of the forest, and of one task in its namespaces."""
        if self.attributes:
            self.bounds["attributes"] = len(self.attributes)
        if mount_max is not None:
            self.bounds |= {"sysctls": 1, "mount_max": mount_max}

    def __call__(self, k: Kernel) -> None:
        """Make the base state. The root and working directory of the task are the sandbox's root."""
        task = base_state(k, self.users)
        bottom = _file_system(k, FsKind.NEW)
        root = _file_system(k, FsKind.NEW)
        names = _grow(k, root, self.paths, self.files, self.links)
        for directories in self.tmpfs:
            _grow(k, _file_system(k, FsKind.NEW), directories)
        singles = [_file_system(k, FsKind.SINGLE) for _ in range(self.single)]
        if self.nsfs:
            _file_system(k, FsKind.NSFS).directory = False
        procs = [_file_system(k, FsKind.PROC) for _ in range(self.proc)]
        for proc in procs:
            _grow(k, proc, ("a",))
        for kind in self.attributes:
            k.new(Attribute).kind = kind
        if self.mount_max is not None:
            k.new(Sysctl).mount_max = self.mount_max
        assert task.nsproxy is not None and task.nsproxy.mnt is not None
        ns = task.nsproxy.mnt
        for fs_root in (bottom, root, *singles):
            sb = k.new(Superblock)
            sb.fs = fs_root.fs
            # The hidden bottom comes from outside; an IPC namespace makes its mqueue itself.
            outside = fs_root is bottom or (fs_root in singles and not has(k, IpcNamespace) and ns.owner is None)
            if not outside:
                sb.owner = task.user_ns
                task.user_ns.count += 1
        hidden = k.new(Mount)
        hidden.root, hidden.ns, hidden.count = bottom, ns, 1
        ns.root = hidden
        top = k.new(Mount)
        top.root, top.ns, top.parent, top.mountpoint, top.count = root, ns, hidden, bottom, 1
        top.attributes = hidden.attributes = frozenset(  # type: ignore[assignment]
            a for a in k.live(Attribute) if a.kind == AttributeKind.RELATIME
        )
        hidden.locked_attributes = _atime(k)
        if self.visible is not None:
            _show(k, procs[0], top, names[self.visible])
        for program in k.live(Program):
            program.home = root
        if has(k, FsStruct) and task.fs is not None:
            task.fs.root_mnt = task.fs.cwd_mnt = top
            task.fs.root_dentry = task.fs.cwd_dentry = root
            top.count += 2


def _show(k: Kernel, proc: Dentry, top: Mount, at: Dentry) -> None:
    """A mount of proc on a name, whose kind of access times the world outside has locked."""
    assert top.ns is not None and top.ns.owner is not None
    sb = k.new(Superblock)
    sb.fs, sb.owner = proc.fs, top.ns.owner
    sb.owner.count += 1
    m = k.new(Mount)
    m.root, m.ns, m.parent, m.mountpoint, m.count, m.attributes = proc, top.ns, top, at, 1, top.attributes
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
