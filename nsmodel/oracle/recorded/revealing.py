"""What a new mount of /proc or /sys may reveal in a namespace of a user namespace's own: no more than one that is there
already shows (fs/namespace.c: mount_too_revealing, mnt_already_visible, v6.18; user_namespaces(7)).

The rule (:mod:`nsmodel.kernel.mount.revealing`) knows proc alone, and no directory that is always empty; real programs
mount sysfs as well, below namespaces whose mounts cover such directories.
"""

from __future__ import annotations

from nsmodel.kernel.arguments import AttributeFlags
from nsmodel.kernel.mount.common import is_atime, named
from nsmodel.kernel.objects import Attribute, AttributeKind, FileSystem, MntNamespace, Mount, Superblock
from nsmodel.oracle.recorded.places import Places

EMPTY = frozenset({
    "/sys/fs/binfmt_misc", "/fs/nfsd", "/fs/cgroup", "/fs/bpf", "/fs/fuse/connections", "/fs/pstore", "/fs/selinux",
    "/fs/smackfs", "/kernel/debug", "/kernel/tracing", "/kernel/security", "/kernel/config", "/firmware/efi/efivars",
})  # fmt: skip
"""Directories that are made to be mounted on, and are always empty (make_empty_dir_inode)."""


def locked_by_others(
    places: Places, ns: MntNamespace, fs: FileSystem, flags: AttributeFlags
) -> frozenset[Attribute] | None:
    """The attributes that are locked on a new mount of a file system; None where it would reveal too much."""
    fstype = places.names.types[fs]
    world = places.world.first_user()
    if fstype not in ("proc", "sysfs") or ns.owner is world:
        return frozenset()
    new = named(places.k, flags)
    readonly = {sb.fs for sb in places.k.live(Superblock) if sb.readonly}
    for m in places.k.live(Mount):
        if m.ns is not ns or places.names.types[m.root.fs] != fstype or m.root is not places.names.roots[m.root.fs]:
            continue
        locked = {a for a in m.locked_attributes if a.kind is AttributeKind.READONLY or is_atime(places.k, a)}
        if m.root.fs in readonly:
            locked |= {a for a in places.k.attributes if a.kind is AttributeKind.READONLY}
        weaker = any(a.kind is AttributeKind.READONLY and a not in new for a in locked)
        other = any(is_atime(places.k, a) and (a in m.attributes) != (a in new) for a in locked)
        if not weaker and not other and not _hides(places, m):
            return frozenset(locked)
    return None


def _hides(places: Places, m: Mount) -> bool:
    """A locked mount covers something on a mount."""
    return any(
        c.parent is m and c.locked and c.mountpoint is not None and places.names.path(c.mountpoint) not in EMPTY
        for c in places.k.live(Mount)
    )


def lock(places: Places, fs: FileSystem, locked: frozenset[Attribute]) -> None:
    """Lock attributes of the new mount of a file system, and of its copies."""
    for m in places.k.live(Mount):
        if m.root.fs is fs:
            m.locked_attributes = frozenset(m.locked_attributes | locked)  # type: ignore[assignment]
