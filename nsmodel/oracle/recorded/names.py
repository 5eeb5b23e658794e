"""What a recording tells of the names in its file systems, and what it leaves open.

A name is there, is not there, or is unknown: no step and no table told of it. The first call that comes to an unknown
name decides, and what it decided is kept. In a directory that was made in the recording nothing is unknown.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable

from nsmodel.kernel.objects import Dentry, FileSystem, FsKind, Kernel, Superblock, UserNamespace

SINGLE = frozenset({
    "sysfs", "mqueue", "cgroup", "cgroup2", "devtmpfs", "securityfs", "debugfs", "tracefs", "configfs", "pstore",
    "efivarfs", "selinuxfs", "fusectl", "binfmt_misc", "rpc_pipefs", "nfsd", "resctrl",
})  # fmt: skip
"""Types of which there is one file system for all (or one for each network or IPC namespace)."""
FRESH = frozenset({"tmpfs", "ramfs"})
"""Types whose new file systems are empty."""
IN_USER_NS = frozenset({
    "tmpfs", "ramfs", "proc", "sysfs", "mqueue", "devpts", "cgroup", "cgroup2", "overlay", "fuse", "fuseblk",
    "binfmt_misc", "bpf",
})  # fmt: skip
"""FS_USERNS_MOUNT: what a user namespace's root may mount."""
PSEUDO = SINGLE | FRESH | IN_USER_NS | {"hugetlbfs", "autofs"}
"""Types that are mounted without a device."""
DEVICES = frozenset({
    "ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "msdos", "iso9660", "squashfs", "erofs", "f2fs", "udf", "exfat",
    "ntfs3", "minix", "romfs",
})  # fmt: skip
"""Types that show what is on a block device."""
KINDS = {
    "nsfs": FsKind.NSFS, "proc": FsKind.PROC, "sysfs": FsKind.SYSFS, "mqueue": FsKind.MQUEUE, "cgroup": FsKind.CGROUP1,
    "cgroup2": FsKind.CGROUP2,
}  # fmt: skip
"""Types whose kind is not said by who may mount them."""
EMPTY = {
    "proc": ("/sys/fs/binfmt_misc", "/fs/nfsd"),
    "sysfs": (
        "/fs/cgroup", "/fs/bpf", "/fs/fuse/connections", "/fs/pstore", "/fs/selinux", "/fs/smackfs", "/kernel/debug",
        "/kernel/tracing", "/kernel/security", "/kernel/config", "/firmware/efi/efivars",
    ),
}  # fmt: skip
"""Directories that are made to be mounted on, and are always empty (make_empty_dir_inode)."""
ALIKE = frozenset({"LTP", "mp"})
"""What a recording makes of names such as LTP_mouB3x9 and 123_mp (see `twins`)."""
READONLY = frozenset({"squashfs", "iso9660", "erofs", "romfs", "cramfs"})
"""Types that nobody can write."""
MISSING = frozenset({"", "none", "auto", "bind"})
"""What no file system is called."""


class Kind(enum.Enum):
    """What a name is, where the recording told."""

    DIRECTORY = "a directory"
    FILE = "a file"
    SYMLINK = "a symbolic link"


class Names:
    """The names of all file systems of one recording. Dentries are made as the recording tells of them."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.children: dict[Dentry, dict[str, Dentry]] = {}
        self.names: dict[Dentry, str] = {}
        self.kinds: dict[Dentry, Kind] = {}
        self.targets: dict[Dentry, str] = {}
        """What symbolic links say."""
        self.whole: set[Dentry] = set()
        """Directories that were made in the recording, with every name that is in them."""
        self.absent: set[tuple[Dentry, str]] = set()
        self.types: dict[FileSystem, str] = {}
        self.roots: dict[FileSystem, Dentry] = {}
        self._paths: dict[tuple[Dentry, Dentry | None], str] = {}
        """Paths that were asked for; a rename may change any of them."""
        self.undo: list[Callable[[], None]] = []
        """How to take back what the call under way did, last first."""
        self.twins: dict[tuple[Dentry, str], list[Dentry]] = {}
        """Names that the recording shows alike: it takes the random part out of the names of temporary files."""
        self.choices: tuple[int, ...] = ()
        """Which of the names shown alike each lookup of one of them is to take; else it is the last one made."""
        self.offered: list[int] = []
        """Of how many each lookup since this was cleared could choose."""
        self.shown_root: dict[Dentry, str] = {}
        """Roots that the kernel shows under another name than "/" (cgroups, relative to the reader's namespace)."""

    # -- file systems ---------------------------------------------------------------------------------------------

    def file_system(self, fstype: str, owner: UserNamespace | None, there: bool) -> FileSystem:
        """A file system with its root; `there`: its superblock exists already."""
        fs = self.k.new(FileSystem)
        anybody = fstype == "?" or fstype.split(".")[0] in IN_USER_NS
        fs.kind = KINDS.get(fstype, FsKind.NEW if anybody else FsKind.INITIAL)
        root = self.k.new(Dentry)
        root.fs = fs
        root.directory = fs.kind != FsKind.NSFS
        self.types[fs] = fstype
        self.roots[fs] = root
        self.kinds[root] = Kind.DIRECTORY if root.directory else Kind.FILE
        if there or fstype in SINGLE:
            sb = self.k.new(Superblock)
            sb.fs, sb.owner, sb.kept = fs, owner, fstype in SINGLE
        elif fstype in FRESH:
            self.whole.add(root)
        return fs

    # -- names ----------------------------------------------------------------------------------------------------

    def find(self, directory: Dentry, name: str) -> Dentry | None:
        """The name in a directory, None where it is not there or unknown."""
        several = [d for d in self.twins.get((directory, name), ()) if not d.dead]
        if len(several) > 1:
            turn = len(self.offered)
            self.offered.append(len(several))
            if turn < len(self.choices):
                return several[self.choices[turn] % len(several)]
        return self.children.get(directory, {}).get(name)

    def make_twin(self, directory: Dentry, name: str, kind: Kind, whole: bool) -> Dentry:
        """One more name that the recording shows like one that is there."""
        first = self.children[directory][name]
        self.twins.setdefault((directory, name), [first])
        made = self.make(directory, name, kind, whole)
        self.twins[directory, name].append(made)
        return made

    def is_absent(self, directory: Dentry, name: str, told_all: bool) -> bool:
        """The name is known not to be there. `told_all`: the recording has every call that makes names here."""
        return (directory, name) in self.absent or (told_all and directory in self.whole)

    def make(self, directory: Dentry, name: str, kind: Kind | None, whole: bool = False) -> Dentry:
        """A name that is there from now on."""
        dentry = self.k.new(Dentry)
        dentry.fs = directory.fs
        dentry.parent = directory
        self.children.setdefault(directory, {})[name] = dentry
        self.names[dentry] = name
        inside = EMPTY.get(self.types[directory.fs])
        dentry.empty = inside is not None and self.path(dentry) in inside
        self.undo.append(lambda: self._drop(dentry))
        self.absent.discard((directory, name))
        self.settle(dentry, kind)
        if whole:
            self.whole.add(dentry)
        return dentry

    def passing(self, directory: Dentry, name: str) -> Dentry:
        """A name that comes and goes by itself, such as that of a descriptor in /proc: it is not kept."""
        dentry = self.k.new(Dentry)
        dentry.fs = directory.fs
        dentry.parent = directory
        dentry.symlink = True
        self.names[dentry] = name
        self.kinds[dentry] = Kind.SYMLINK
        return dentry

    def settle(self, dentry: Dentry, kind: Kind | None) -> None:
        """What a name is was learnt; an unknown one is taken for a directory."""
        old = self.kinds.get(dentry)
        if kind is not None:
            self.kinds[dentry] = kind
            self.undo.append(lambda: self._unsettle(dentry, old))
        dentry.directory = kind in (None, Kind.DIRECTORY)
        dentry.symlink = kind is Kind.SYMLINK

    def _unsettle(self, dentry: Dentry, kind: Kind | None) -> None:
        self.kinds.pop(dentry, None)
        if kind is not None:
            self.kinds[dentry] = kind
        dentry.directory = kind in (None, Kind.DIRECTORY)
        dentry.symlink = kind is Kind.SYMLINK

    def kind(self, dentry: Dentry) -> Kind | None:
        """What a name is, None while nothing told; what has names in it is a directory."""
        found = self.kinds.get(dentry)
        if found is None and self.children.get(dentry):
            return Kind.DIRECTORY
        return found

    def forget(self, dentry: Dentry, absent: bool = True) -> None:
        """A name that was only supposed; `absent`: it is known not to be there."""
        directory = dentry.parent
        self._drop(dentry)
        if directory is not None and absent and self.names[dentry] not in self.children.get(directory, {}):
            self.absent.add((directory, self.names[dentry]))

    def _drop(self, dentry: Dentry) -> None:
        """Take a name out of its directory."""
        directory = dentry.parent
        if directory is not None:
            here, name = self.children.get(directory, {}), self.names[dentry]
            if here.get(name) is dentry:
                del here[name]
                others = [d for d in self.twins.get((directory, name), ()) if not d.dead and d is not dentry]
                if others:
                    here[name] = others[-1]
        dentry.dead = True

    def remove(self, dentry: Dentry) -> None:
        """A name was removed."""
        directory, name = dentry.parent, self.names[dentry]
        self.forget(dentry)

        def back() -> None:
            dentry.dead = False
            if directory is not None:
                self.children[directory][name] = dentry
                self.absent.discard((directory, name))

        self.undo.append(back)

    def move(self, dentry: Dentry, directory: Dentry, name: str) -> None:
        """A name was renamed; whatever it replaces must have been removed."""
        old, was = dentry.parent, self.names[dentry]
        self.forget(dentry)
        self._put(dentry, directory, name)

        def back() -> None:
            self._drop(dentry)
            if old is not None:
                self._put(dentry, old, was)

        self.undo.append(back)

    def _put(self, dentry: Dentry, directory: Dentry, name: str) -> None:
        self._paths.clear()
        dentry.dead = False
        dentry.parent = directory
        self.names[dentry] = name
        self.children.setdefault(directory, {})[name] = dentry
        self.absent.discard((directory, name))

    def take_back(self, to: int) -> None:
        """Take back what was done since the journal had `to` entries."""
        while len(self.undo) > to:
            self.undo.pop()()

    def at(self, root: Dentry, parts: Iterable[str]) -> Dentry:
        """The name that a path from a directory leads to; the recording shows that it is there."""
        here = root
        for part in parts:
            found = self.find(here, part)
            if found is None:
                found = self.make(here, part, None)
            here = found
        return here

    def inside(self, directory: Dentry) -> bool:
        """Something is known to be in a directory."""
        return bool(self.children.get(directory))

    def path(self, dentry: Dentry, top: Dentry | None = None) -> str:
        """The path of a name in its file system, or from `top` that is above it."""
        parts: list[str] = []
        known = self._paths.get((dentry, top))
        if known is not None:
            return known
        here: Dentry | None = dentry
        while here is not None and here is not top and here.parent is not None:
            parts.append(self.names[here])
            here = here.parent
        out = self._paths[dentry, top] = "/" + "/".join(reversed(parts))
        return out

    def shown(self, dentry: Dentry) -> str:
        """The path of a mount's root as mountinfo shows it (fs/proc_namespace.c: show_mountinfo, v6.18)."""
        if dentry in self.shown_root:
            return self.shown_root[dentry]
        return self.path(dentry) + ("//deleted" if dentry.dead else "")


def parts_of(path: str) -> list[str]:
    """The names in a path."""
    return [part for part in path.split("/") if part and part != "."]
