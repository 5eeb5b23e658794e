"""Recorded mount tables as mounts of the model, and the labels that tie the two together.

A label of a mount or of a peer group names the same object as long as the recording shows it. What a table does not
show (locks, the other members of a group, mounts in namespaces that nobody is in) is not invented: a group without a
member in any table gets one that is mounted nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nsmodel.kernel.objects import (
    Attribute,
    AttributeKind,
    Dentry,
    FileSystem,
    Kernel,
    MntNamespace,
    Mount,
    Namespace,
    NsFile,
    PeerGroup,
    Superblock,
    UserNamespace,
)
from nsmodel.kernel.pins import pin_file
from nsmodel.kernel.refs import reap
from nsmodel.oracle.recorded.names import SINGLE, Kind, Names, parts_of
from nsmodel.oracle.recorded.recordings import Row, Table

OPTIONS = {
    "ro": AttributeKind.READONLY, "nosuid": AttributeKind.NOSUID, "nodev": AttributeKind.NODEV,
    "noexec": AttributeKind.NOEXEC, "noatime": AttributeKind.NOATIME, "nodiratime": AttributeKind.NODIRATIME,
    "relatime": AttributeKind.RELATIME, "nosymfollow": AttributeKind.NOSYMFOLLOW,
}  # fmt: skip
"""Attributes by their names in mountinfo."""
NS_FIELDS = {"mnt": "mnt", "uts": "uts", "ipc": "ipc", "pid": "pid_ns", "user": "user", "net": "net",
             "cgroup": "cgroup", "time": "time"}  # fmt: skip
"""The field of a namespace file for each type of namespace."""


class Shown(NamedTuple):
    """A row of a table with its place from the root of its namespace."""

    row: Row
    place: str
    hidden: bool
    """Beyond the viewer's root."""


def shown_rows(table: Table) -> list[Shown]:
    """All rows of a table; places do not depend on the viewer's root any more."""
    above = (table.viewer_root or "/").removesuffix(" (deleted)").rstrip("/")
    out = [Shown(r, (above + (r.mp or "/")).rstrip("/") or "/", False) for r in table.rows]
    out += [Shown(r, r.mp or "?", True) for r in table.not_in_viewer_root]
    return out


def named_by(file: NsFile) -> Namespace | None:
    """The namespace whose file it is."""
    for field in NS_FIELDS.values():
        found: Namespace | None = getattr(file, field)
        if found is not None:
            return found
    return None


class Labels:
    """Which object of the model each label of the recording names."""

    def __init__(self) -> None:
        self.mounts: dict[str, Mount] = {}
        self.groups: dict[str, PeerGroup] = {}
        self.devices: dict[str, FileSystem] = {}
        self.ids: dict[Mount, int] = {}
        """The kernel's number of a mount, which is given again after its end."""
        self.uids: dict[str, int] = {}
        """The kernel's other number of a mount, which never is."""
        self.sources: dict[FileSystem, str] = {}
        """What a file system was mounted from."""
        self.ended: set[str] = set()
        """Labels of mounts that are gone; none of them comes again."""

    def copy(self) -> Labels:
        """The same again, to go back to."""
        out = Labels()
        out.mounts, out.groups = dict(self.mounts), dict(self.groups)
        out.devices, out.ids = dict(self.devices), dict(self.ids)
        out.uids, out.sources, out.ended = dict(self.uids), dict(self.sources), self.ended
        return out

    def group(self, found: PeerGroup) -> str | None:
        """The label of a peer group."""
        return next((label for label, g in self.groups.items() if g is found), None)

    def mount(self, found: Mount) -> str | None:
        """The label of a mount."""
        return next((label for label, m in self.mounts.items() if m is found), None)


class RecordedMounts:
    """The mounts of a recording."""

    def __init__(self, k: Kernel, names: Names) -> None:
        self.k = k
        self.names = names
        self.labels = Labels()
        self.singles: dict[tuple[str, object], FileSystem] = {}
        """File systems of which there is one: by type and the namespace or device that they show."""
        self.namespace_of_inode: dict[int, Namespace] = {}
        self.attributes: dict[AttributeKind, Attribute] = {}
        for kind in AttributeKind:
            attribute = k.new(Attribute)
            attribute.kind = kind
            self.attributes[kind] = attribute
        self.bottom = names.file_system("rootfs", None, True)
        self.nsfs = names.file_system("nsfs", None, True)

    # -- from tables to mounts ------------------------------------------------------------------------------------

    def adopt(self, ns: MntNamespace, table: Table) -> None:
        """Make the mounts of a namespace what a table says."""
        bottom = self._bottom(ns)
        rows = shown_rows(table)
        here: dict[str, Mount] = {}
        for shown in rows:
            rests = shown.row.fstype == "rootfs" and shown.row.n.parent == "top"
            here[shown.row.n.id] = bottom if rests else self._mount(ns, shown.row)
        for m in self.k.live(Mount):
            if m.ns is ns and m is not bottom and m not in here.values():
                self._take_off(m)
        places = {s.row.n.id: s.place for s in rows}
        for shown in rows:
            if here[shown.row.n.id] is not bottom:
                self._hang(shown, here, places, bottom)
                self._relate(here[shown.row.n.id], shown.row)
        self._settle_groups()
        reap(self.k)

    def _bottom(self, ns: MntNamespace) -> Mount:
        """The mount at the bottom of a namespace, which no table shows."""
        if ns.root is None:
            m = self.k.new(Mount)
            m.count = 1
            m.ns = ns
            m.root = self.names.roots[self.bottom]
            ns.root = m
        return ns.root

    def _mount(self, ns: MntNamespace, row: Row) -> Mount:
        """The mount of a row, made when no object has its label."""
        m = self.labels.mounts.get(row.n.id)
        if m is None and row.uid is None:
            m = self.by_id(row.id)
            if m is not None and m.ns is not ns:
                m = None
        root = self._root(row, m)
        if m is None or m not in self.k.live(Mount):
            m = self.k.new(Mount)
            m.count = 1
        elif m.ns is None:
            m.count += m.parent is None
        elif m.ns is not ns and m.ns.root is m:  # a tree that was mounted nowhere, and is attached
            m.ns.root = None
        self.labels.mounts[row.n.id] = m
        self.labels.ended.discard(row.n.id)
        m.ns = ns
        m.root = root
        if root.fs is self.nsfs and named_by(m) is None:
            self._show_namespace(m, row)
        self.labels.ids[m] = row.id
        if row.uid is not None:
            self.labels.uids[row.n.id] = row.uid
        if row.source is not None and row.fstype not in SINGLE:
            self.labels.sources[m.root.fs] = row.source
        return m

    def _root(self, row: Row, known: Mount | None) -> Dentry:
        names = self.names
        if row.fstype == "nsfs":
            return names.roots[self.nsfs]
        if known is not None and known in self.k.live(Mount):
            if row.dev is None or self.labels.devices.get(row.dev) is known.root.fs:
                if row.root is None or names.shown(known.root) == row.root:
                    return known.root
        fs = self._file_system(row)
        root = row.root or "/"
        if row.fstype in ("cgroup", "cgroup2") and root.startswith("/.."):
            names.shown_root[names.roots[fs]] = root
            return names.roots[fs]
        dead = root.endswith("//deleted")
        dentry = names.at(names.roots[fs], parts_of(root.removesuffix("//deleted")))
        if dead:
            names.remove(dentry)
        return dentry

    def _file_system(self, row: Row) -> FileSystem:
        """The file system of a row: by device number, which is given again when a file system has gone."""
        key = row.dev or f"{row.fstype} of {row.n.id}"
        fs = self.labels.devices.get(key)
        if fs is None or self.names.types[fs] != row.fstype or not any(s.fs is fs for s in self.k.live(Superblock)):
            fs = self.names.file_system(row.fstype or "?", self._world(), True)
            self.names.whole.discard(self.names.roots[fs])
            self.labels.devices[key] = fs
            if row.fstype is not None:
                self.singles.setdefault((row.fstype, None), fs)
        self._readonly(fs, row)
        return fs

    def _readonly(self, fs: FileSystem, row: Row) -> None:
        if row.sbopts is not None:
            for sb in self.k.live(Superblock):
                if sb.fs is fs:
                    sb.readonly = row.sbopts.split(",")[0] == "ro"

    def _world(self) -> UserNamespace | None:
        users = self.k.live(UserNamespace)
        return users[0] if users else None

    def _show_namespace(self, m: Mount, row: Row) -> None:
        kind, inode = namespace_root(row.root or "")
        found = self.namespace_of_inode.get(inode)
        field = NS_FIELDS.get(kind)
        if found is not None and field is not None:
            setattr(m, field, found)
            pin_file(self.k, m)

    def _take_off(self, m: Mount) -> None:
        """The table has it no more."""
        m.ns = m.parent = m.mountpoint = m.group = m.master = None
        m.expiring = False
        m.count -= 1

    def _hang(self, shown: Shown, here: Mapping[str, Mount], places: Mapping[str, str], bottom: Mount) -> None:
        row, names = shown.row, self.names
        m = here[row.n.id]
        parent = here.get(row.n.parent)
        if parent is None:
            m.parent, m.mountpoint = bottom, names.at(bottom.root, parts_of(shown.place))
            return
        inside = shown.place.removeprefix(places[row.n.parent].rstrip("/"))
        on = names.at(parent.root, parts_of(inside))
        m.parent, m.mountpoint = parent, on
        kind = names.kind(m.root)
        if names.kind(on) is None and kind is not None:
            names.settle(on, kind)

    def _relate(self, m: Mount, row: Row) -> None:
        m.group = self.group(row.n.shared)
        m.master = self.group(row.n.master)
        m.unbindable = row.unbindable
        if row.opts is not None:
            told = row.opts.split(",")
            m.attributes = frozenset(self.attributes[kind] for name, kind in OPTIONS.items() if name in told)  # type: ignore[assignment]

    def group(self, label: str | None) -> PeerGroup | None:
        """The peer group of a label, made when no object has it."""
        if label is None:
            return None
        found = self.labels.groups.get(label)
        if found is None or found not in self.k.live(PeerGroup):
            found = self.k.new(PeerGroup)
            self.labels.groups[label] = found
        return found

    def _settle_groups(self) -> None:
        """No group without a member, no master that is none."""
        groups = self.k.live(PeerGroup)
        mounts = self.k.live(Mount)
        for m in mounts:
            if m.master is not None and m.master not in groups:
                m.master = None
        for g in groups:
            if not any(m.group is g for m in mounts):
                if any(m.master is g for m in mounts):
                    self._unseen_member(g)
                else:
                    self.k.free(g)

    def _unseen_member(self, g: PeerGroup) -> None:
        """A member of a group that no table shows: outside of the recording."""
        m = self.k.new(Mount)
        m.count = 1
        m.root = self.names.roots[self.bottom]
        m.group = g

    # -- following the recording ----------------------------------------------------------------------------------

    def drop_labels(self, tables: Mapping[str, Table]) -> None:
        """A group that no table shows any more loses its label; the recorder gives it another one later. A mount that
        is gone keeps nothing but the label."""
        labels = self.labels
        for label in [label for label, m in labels.mounts.items() if type(m) is not Mount]:
            labels.ids.pop(labels.mounts.pop(label), None)
            labels.uids.pop(label, None)
            labels.ended.add(label)
        used = {x for t in tables.values() for r in t.all_rows() for x in (r.n.shared, r.n.master, r.n.propagate_from)}
        for label in [label for label in self.labels.groups if label not in used]:
            del self.labels.groups[label]

    def by_id(self, number: int | None) -> Mount | None:
        """The mount that has the kernel's number now."""
        if number is None:
            return None
        live = self.k.live(Mount)
        found = [m for m, n in self.labels.ids.items() if n == number and m in live]
        return found[-1] if found else None

    def location(self, m: Mount) -> str:
        """The path of a mount from the root of its tree."""
        parts: list[str] = []
        here: Mount | None = m
        while here is not None and here.parent is not None and here.mountpoint is not None:
            parts.append(self.names.path(here.mountpoint, here.parent.root).rstrip("/"))
            here = here.parent
        return "".join(reversed(parts)) or "/"

    def path(self, m: Mount, dentry: Dentry) -> str:
        """The path of a name in a mount from the root of its tree (fs/d_path.c: d_path, v6.18)."""
        inside = self.names.path(dentry, m.root).rstrip("/")
        return (self.location(m).rstrip("/") + inside) or "/"

    def kind_like(self, dentry: Dentry, other: Dentry, same: bool) -> bool:
        """Where one of two names is unknown as what it is, the call tells: as the other, or not. True when it told."""
        names = self.names
        one, two = names.kind(dentry), names.kind(other)
        if (one is None) == (two is None):
            return False
        unknown, known = (dentry, two) if one is None else (other, one)
        directory = (known is Kind.DIRECTORY) == same
        names.settle(unknown, Kind.DIRECTORY if directory else Kind.FILE)
        return True


def namespace_root(root: str) -> tuple[str, int]:
    """Type and inode number of a namespace file by what mountinfo shows as its root, such as `net:[4026531833]`."""
    kind, _, rest = root.partition(":[")
    number = rest.removesuffix("]")
    return kind, int(number) if number.isdecimal() else 0
