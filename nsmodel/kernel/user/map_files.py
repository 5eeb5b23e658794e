"""/proc/PID/uid_map, gid_map, projid_map and setgroups (user_namespaces(7); kernel/user_namespace.c, v6.18).

A file remembers who opened it. A process may write by path, which is open, write and close in one step, or keep the
descriptor, pass it on to a child, and become somebody else before it writes.
"""

from __future__ import annotations

import enum

from nsmodel.ir.language import EACCES, EINVAL, EPERM, Flags, assure, fail, given, helper, syscall
from nsmodel.kernel.credentials import capable, copy_rights, entitled, may_call
from nsmodel.kernel.mutants import MAP_TWICE, ROOT_MAP_UNASKED, US05, US08
from nsmodel.kernel.objects import (
    CapabilityKind,
    Credentials,
    Extent,
    Id,
    IdKind,
    Kernel,
    MapFile,
    Task,
    TaskState,
    UserNamespace,
)
from nsmodel.kernel.refs import close_map_file
from nsmodel.kernel.user.access import may_write_of
from nsmodel.kernel.user.maps import kernel_id, maps_id, maps_range, written


class MapText(enum.IntEnum):
    """What is written to a map, as far as it is no list of extents."""

    LINES = 0
    """The lines of `MapLines`."""
    NOTHING = 1
    """An empty line."""
    JUNK = 2
    """A word that is no number, or a fourth one in a line."""
    NO_ID = 3
    """An extent that begins with 4294967295, which is no id."""
    WRAPS = 4
    """An extent that goes beyond the last id."""
    PAGE = 5
    """A page or more."""


class MapLines(Flags):
    """What is written to a map: up to three lines, each the first id inside, the first one in the parent, a number."""

    size: int = 1
    first: int = 0
    lower: int = 0
    count: int = 1
    first2: int = 0
    lower2: int = 0
    count2: int = 1
    first3: int = 0
    lower3: int = 0
    count3: int = 1
    text: MapText = MapText.LINES


@helper
def apart(k: Kernel, a: int, a_count: int, b: int, b_count: int) -> bool:
    """Two ranges have no number in common."""
    return a + a_count <= b or b + b_count <= a


@helper
def check_text(k: Kernel, lines: MapLines) -> None:
    """The text is a map: numbers, none of them beyond the last id, nothing named twice on either side (map_write,
    mappings_overlap)."""
    if lines.text != MapText.LINES:
        fail(EINVAL, "the text is no map")
    if lines.count == 0 or (lines.size > 1 and lines.count2 == 0) or (lines.size > 2 and lines.count3 == 0):
        fail(EINVAL, "an extent is empty")
    if lines.size > 1:
        if not apart(k, lines.first, lines.count, lines.first2, lines.count2):
            fail(EINVAL, "two extents overlap inside")
        if not apart(k, lines.lower, lines.count, lines.lower2, lines.count2):
            fail(EINVAL, "two extents overlap in the parent")
    if lines.size > 2:
        inside = apart(k, lines.first, lines.count, lines.first3, lines.count3)
        if not inside or not apart(k, lines.first2, lines.count2, lines.first3, lines.count3):
            fail(EINVAL, "the third extent overlaps another one inside")
        outside = apart(k, lines.lower, lines.count, lines.lower3, lines.count3)
        if not outside or not apart(k, lines.lower2, lines.count2, lines.lower3, lines.count3):
            fail(EINVAL, "the third extent overlaps another one in the parent")


@helper
def names_root(k: Kernel, lines: MapLines) -> bool:
    """An extent begins with id 0 of the parent, so root is in it."""
    return lines.lower == 0 or (lines.size > 1 and lines.lower2 == 0) or (lines.size > 2 and lines.lower3 == 0)


@helper
def may_map_root(k: Kernel, opener: Credentials, ns: UserNamespace) -> bool:
    """The parent's root is mapped by whoever made the namespace with CAP_SETFCAP, or by somebody outside who has it
    (verify_root_map)."""
    if opener.user_ns is ns:
        return ns.parent_could_setfcap
    return capable(k, opener, ns.owner, CapabilityKind.SETFCAP)


@helper
def setid_kind(k: Kernel, kind: IdKind) -> CapabilityKind:
    """The capability that a map is about."""
    return CapabilityKind.SETUID if kind == IdKind.UID else CapabilityKind.SETGID


@helper
def means(k: Kernel, up: UserNamespace, kind: IdKind, number: int, kid: Id) -> bool:
    """A number of a user namespace is this kernel id there."""
    return maps_id(k, up, kind, number) and kernel_id(k, up, kind, number) == kid


@helper
def is_own_id(k: Kernel, opener: Credentials, ns: UserNamespace, kind: IdKind, lines: MapLines) -> bool:
    """One id is mapped, the opener's own, and the opener made the namespace; of a group only where setgroups is denied
    already."""
    up = ns.owner
    if up is None or lines.size > 1 or lines.count > 1 or ns.creator != opener.euid:
        return False
    if kind == IdKind.UID:
        return means(k, up, kind, lines.lower, opener.euid)
    return (not ns.setgroups or k.bug(US08)) and kind == IdKind.GID and means(k, up, kind, lines.lower, opener.egid)


@helper
def check_permitted(
    k: Kernel, task: Task, opener: Credentials, ns: UserNamespace, kind: IdKind, lines: MapLines
) -> None:
    """new_idmap_permitted: of other ids than the own one, both the writer and the opener need CAP_SETUID or CAP_SETGID
    over the parent; a map of projects asks for nothing."""
    if kind == IdKind.UID and names_root(k, lines) and not may_map_root(k, opener, ns) and not k.bug(ROOT_MAP_UNASKED):
        fail(EPERM, "root of the parent is mapped without CAP_SETFCAP")
    if kind != IdKind.PROJID and not is_own_id(k, opener, ns, kind, lines):
        asked = setid_kind(k, kind)
        if not capable(k, task, ns.owner, asked):
            fail(EPERM, "more than the own id is mapped without CAP_SETUID or CAP_SETGID over the parent")
        if not capable(k, opener, ns.owner, asked) and not k.bug(US05):
            fail(EPERM, "the opener has no CAP_SETUID or CAP_SETGID over the parent")


@helper
def covered(k: Kernel, up: UserNamespace, kind: IdKind, lower: int, count: int) -> bool:
    """A user namespace maps a range, in one extent."""
    return up.owner is None or maps_range(k, up, kind, lower, count) is not None


@helper
def check_covered(k: Kernel, up: UserNamespace, kind: IdKind, lines: MapLines) -> None:
    """What the extents name means something in the parent."""
    all_there = covered(k, up, kind, lines.lower, lines.count)
    all_there = all_there and (lines.size < 2 or covered(k, up, kind, lines.lower2, lines.count2))
    all_there = all_there and (lines.size < 3 or covered(k, up, kind, lines.lower3, lines.count3))
    if not all_there:
        fail(EPERM, "the parent does not map a range")


@helper
def check_write(k: Kernel, task: Task, opener: Credentials, ns: UserNamespace, kind: IdKind, lines: MapLines) -> None:
    """proc_uid_map_write and its kin, map_write."""
    up = ns.owner
    given(lines.size >= 1 and lines.size <= 3)
    if opener.user_ns is not ns and opener.user_ns is not up:
        fail(EPERM, "the file was opened neither in the user namespace nor in its parent")
    if lines.text == MapText.PAGE:
        fail(EINVAL, "a page or more")
    if up is None:
        fail(EPERM, "the map of the first user namespace is fixed")
    if written(k, ns, kind) and not k.bug(MAP_TWICE):
        fail(EPERM, "the map is written already")
    if kind != IdKind.PROJID and not capable(k, opener, ns, CapabilityKind.SYS_ADMIN):
        fail(EPERM, "the opener has no CAP_SYS_ADMIN in the user namespace")
    check_text(k, lines)
    check_permitted(k, task, opener, ns, kind, lines)
    check_covered(k, up, kind, lines)


@helper
def add_extent(k: Kernel, ns: UserNamespace, kind: IdKind, first: int, lower: int, count: int) -> None:
    """An extent, in kernel ids."""
    up = ns.owner
    assert up is not None
    kid = kernel_id(k, up, kind, lower)
    e = k.new(Extent)
    e.ns = ns
    e.kind = kind
    e.first = first
    e.lower = kid
    e.count = count


@helper
def judge_write(k: Kernel, task: Task, opener: Credentials, ns: UserNamespace, kind: IdKind, lines: MapLines) -> None:
    """What the properties say of a map that is written."""
    up = ns.owner
    assert up is not None
    assure("MAP_AUTH", not written(k, ns, kind), "a map is written a second time", task, ns)
    if kind != IdKind.PROJID:
        asked = setid_kind(k, kind)
        own = opener.euid if kind == IdKind.UID else opener.egid
        mine = lines.size == 1 and lines.count == 1 and means(k, up, kind, lines.lower, own)
        writer = capable(k, task, up, asked)
        opened = capable(k, opener, up, asked)
        assure("MAP_AUTH", mine or (writer and opened), "ids of others are mapped without a right to them", task, ns)
        assure("OPENER_CRED", mine or opened, "a map is written with a right that its opener had not", task, ns)
        if kind == IdKind.UID:
            inside = opener.user_ns is ns and ns.parent_could_setfcap
            entitled = inside or capable(k, opener, up, CapabilityKind.SETFCAP)
            root = maps_id(k, up, kind, 0) and names_root(k, lines)
            assure("MAP_AUTH", not root or entitled, "the parent's root is mapped without CAP_SETFCAP", task, ns)
        else:
            trusted = not ns.setgroups or (writer and opened)
            assure("GROUP_NODROP", trusted, "a group is mapped where everybody may drop groups", task, ns)


@helper
def do_write(k: Kernel, task: Task, opener: Credentials, ns: UserNamespace, kind: IdKind, lines: MapLines) -> int:
    """Write a map: the checks, then its extents."""
    check_write(k, task, opener, ns, kind, lines)
    judge_write(k, task, opener, ns, kind, lines)
    add_extent(k, ns, kind, lines.first, lines.lower, lines.count)
    if lines.size > 1:
        add_extent(k, ns, kind, lines.first2, lines.lower2, lines.count2)
    if lines.size > 2:
        add_extent(k, ns, kind, lines.first3, lines.lower3, lines.count3)
    return 0


@helper
def check_open(k: Kernel, task: Task, target: Task, setgroups: bool) -> None:
    """Opening for writing: the file is the process's, and of setgroups the opener needs rights in the namespace
    (proc_setgroups_open)."""
    if not may_write_of(k, task, target):
        fail(EACCES, "the file belongs to another user, and no CAP_DAC_OVERRIDE")
    if setgroups and not capable(k, task, target.user_ns, CapabilityKind.SYS_ADMIN):
        fail(EACCES, "no CAP_SYS_ADMIN in the user namespace")


@syscall(source="kernel/user_namespace.c: map_write, new_idmap_permitted (v6.18); user_namespaces(7)")
def write_map(k: Kernel, task: Task, target: Task, kind: IdKind, lines: MapLines) -> int:
    """Open /proc/PID/uid_map, gid_map or projid_map, write to it and close it."""
    given(may_call(k, task) and target.state == TaskState.RUNNING)
    check_open(k, task, target, False)
    return do_write(k, task, task, target.user_ns, kind, lines)


@helper
def do_setgroups(k: Kernel, opener: Credentials, ns: UserNamespace, allow: bool) -> int:
    """proc_setgroups_write."""
    if allow:
        if not ns.setgroups:
            fail(EPERM, "setgroups is denied for good")
    else:
        if written(k, ns, IdKind.GID):
            fail(EPERM, "the groups are mapped already")
        allowed = entitled(k, opener, ns, CapabilityKind.SYS_ADMIN)
        assure("OPENER_CRED", allowed, "setgroups is denied with rights that the opener had not", ns)
        assure("GROUP_NODROP", not written(k, ns, IdKind.GID), "setgroups is denied where groups are mapped", ns)
        ns.setgroups = False
    return 0


@syscall(source="kernel/user_namespace.c: proc_setgroups_write (v6.18); user_namespaces(7)")
def write_setgroups(k: Kernel, task: Task, target: Task, allow: bool) -> int:
    """Open /proc/PID/setgroups, write allow or deny and close it."""
    given(may_call(k, task) and target.state == TaskState.RUNNING)
    check_open(k, task, target, True)
    return do_setgroups(k, task, target.user_ns, allow)


@syscall(source="kernel/user_namespace.c: proc_uid_map_operations; fs/proc/base.c: proc_id_map_open (v6.18)")
def open_map(k: Kernel, task: Task, target: Task, kind: IdKind, setgroups: bool) -> int:
    """Open a map of a process, or its setgroups, for writing."""
    given(may_call(k, task) and target.state == TaskState.RUNNING and (not setgroups or kind == IdKind.UID))
    check_open(k, task, target, setgroups)
    file = k.new(MapFile)
    file.table = task.group_leader
    file.ns = target.user_ns
    file.kind = kind
    file.setgroups = setgroups
    copy_rights(k, file, task)
    target.user_ns.count += 1
    return 0


@syscall(source="kernel/user_namespace.c: map_write (v6.18)")
def write_map_file(k: Kernel, task: Task, file: MapFile, lines: MapLines) -> int:
    """Write to a map that is open."""
    given(may_call(k, task) and file.table is task.group_leader and not file.setgroups)
    return do_write(k, task, file, file.ns, file.kind, lines)


@syscall(source="kernel/user_namespace.c: proc_setgroups_write (v6.18)")
def write_setgroups_file(k: Kernel, task: Task, file: MapFile, allow: bool) -> int:
    """Write allow or deny to a setgroups file that is open."""
    given(may_call(k, task) and file.table is task.group_leader and file.setgroups)
    return do_setgroups(k, file, file.ns, allow)


@syscall(source="fs/file.c: close_fd (v6.18); close(2)")
def close_map(k: Kernel, task: Task, file: MapFile) -> int:
    """Close a map."""
    given(may_call(k, task) and file.table is task.group_leader)
    close_map_file(k, file)
    return 0
