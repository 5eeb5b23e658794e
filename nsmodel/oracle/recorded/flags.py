"""Flags of mount calls as a recording has them, in the rules' words (include/uapi/linux/mount.h, v6.18)."""

from __future__ import annotations

from typing import Any

from nsmodel.kernel.arguments import AttributeFlags
from nsmodel.kernel.mount.attributes import Atime, SetattrFlags, TypeChange
from nsmodel.kernel.mount.dispatch import MountFlags
from nsmodel.kernel.objects import Attribute, AttributeKind, Mount

MS_NAMES = {"RDONLY": "readonly", "NOSUID": "nosuid", "NODEV": "nodev", "NOEXEC": "noexec", "NOATIME": "noatime",
            "NODIRATIME": "nodiratime", "NOSYMFOLLOW": "nosymfollow"}  # fmt: skip
"""MS_* that are attributes of the mount."""
MS_ATIME = {"NOATIME", "NODIRATIME", "RELATIME", "STRICTATIME"}
MS_TYPES = {"SHARED", "SLAVE", "PRIVATE", "UNBINDABLE"}
MS_WITH_TYPES = MS_TYPES | {"REC", "SILENT", "MGC_VAL"}
"""What may stand beside a propagation type (flags_to_propagation_type)."""
MOUNT_ATTR_IDMAP = "IDMAP"
ATTR_NAMES = {"RDONLY": "readonly", "NOSUID": "nosuid", "NODEV": "nodev", "NOEXEC": "noexec",
              "NODIRATIME": "nodiratime", "NOSYMFOLLOW": "nosymfollow"}  # fmt: skip
"""MOUNT_ATTR_* except the kind of access times."""
ATTR_ATIME = {"NOATIME": 0x10, "STRICTATIME": 0x20, "0x40": 0x40}
"""Bits of MOUNT_ATTR__ATIME, which is 0x70; none of them is relatime."""
ATTR_ALL_ATIME = 0x70
SETATTR_SIZE, PAGE = 32, 4096
"""The first published size of `struct mount_attr`, and the most that is taken."""


def split(text: Any) -> frozenset[str]:
    """The names in a flag argument."""
    return frozenset(part for part in str(text).split("|") if part != "0")


def mount_flags(names: frozenset[str]) -> MountFlags:
    """What of the flags of mount(2) chooses its branch."""
    return MountFlags(
        remount="REMOUNT" in names,
        bind="BIND" in names,
        rec="REC" in names,
        move="MOVE" in names,
        shared="SHARED" in names,
        slave="SLAVE" in names,
        private="PRIVATE" in names,
        unbindable="UNBINDABLE" in names,
    )


def mount_attributes(names: frozenset[str], at: Mount) -> AttributeFlags:
    """The attributes that mount(2) gives; a remount that says nothing of access times keeps them (path_mount)."""
    told: dict[str, bool] = {MS_NAMES[n]: True for n in names if n in MS_NAMES}
    if "NOATIME" not in names:
        told["relatime"] = True
    if "STRICTATIME" in names:
        told["relatime"] = told["noatime"] = False
    if "REMOUNT" in names and not names & MS_ATIME:
        kinds = {a.kind for a in at.attributes}
        told["noatime"] = AttributeKind.NOATIME in kinds
        told["nodiratime"] = AttributeKind.NODIRATIME in kinds
        told["relatime"] = AttributeKind.RELATIME in kinds
    return AttributeFlags(**told)


def attribute_flags(names: frozenset[str]) -> AttributeFlags:
    """MOUNT_ATTR_* that are set or cleared, without the kind of access times."""
    return AttributeFlags(**{ATTR_NAMES[n]: True for n in names if n in ATTR_NAMES})


def new_mount_attributes(names: frozenset[str]) -> AttributeFlags | None:
    """The attributes that fsmount gives, None for what it does not take (FSMOUNT_VALID_FLAGS)."""
    if names - ATTR_NAMES.keys() - ATTR_ATIME.keys():
        return None
    atime = sum(ATTR_ATIME[n] for n in names if n in ATTR_ATIME)
    if atime not in (0, 0x10, 0x20):
        return None
    told: dict[str, bool] = {ATTR_NAMES[n]: True for n in names if n in ATTR_NAMES}
    return AttributeFlags(**told, relatime=atime == 0, noatime=atime == 0x10)


def setattr_flags(flags: frozenset[str], attr: dict[str, Any]) -> tuple[SetattrFlags, AttributeFlags, AttributeFlags]:
    """What mount_setattr is to do (build_mount_kattr)."""
    on, off = split(attr.get("attr_set")), split(attr.get("attr_clr"))
    types = split(attr.get("propagation"))
    known = ATTR_NAMES.keys() | ATTR_ATIME.keys() | {MOUNT_ATTR_IDMAP}
    to = TypeChange.KEEP
    if types:
        to = TypeChange[next(iter(types))] if len(types) == 1 and types <= MS_TYPES else TypeChange.SEVERAL
    how = SetattrFlags(
        recursive="AT_RECURSIVE" in flags,
        unknown=bool(flags - {"AT_RECURSIVE", "AT_EMPTY_PATH", "AT_SYMLINK_NOFOLLOW", "AT_NO_AUTOMOUNT"}),
        atime=Atime.MISUSED if (on | off) - known else _atime(on, off),
        propagation=to,
    )
    return how, attribute_flags(on), attribute_flags(off)


def _atime(on: frozenset[str], off: frozenset[str]) -> Atime:
    setting = sum(ATTR_ATIME[n] for n in on if n in ATTR_ATIME)
    clearing = sum(ATTR_ATIME[n] for n in off if n in ATTR_ATIME)
    if clearing == 0:
        return Atime.MISUSED if setting else Atime.KEEP
    if clearing != ATTR_ALL_ATIME:
        return Atime.MISUSED
    return {0: Atime.RELATIME, 0x10: Atime.NOATIME, 0x20: Atime.STRICTATIME}.get(setting, Atime.MISUSED)


def type_word(m: Mount | None) -> str:
    """The propagation type of a mount in one word."""
    if m is None:
        return "-"
    if m.group is not None:
        return "shared+slave" if m.master is not None else "shared"
    if m.master is not None:
        return "slave"
    return "unbindable" if m.unbindable else "private"


def has(attributes: frozenset[Attribute] | set[Attribute], kind: AttributeKind) -> bool:
    """An attribute is among some."""
    return any(a.kind == kind for a in attributes)
