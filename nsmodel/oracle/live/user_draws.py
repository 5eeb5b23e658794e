"""Arguments of calls on credentials and id maps, drawn so that each check is met about as often as passed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from nsmodel.kernel.arguments import CloneFlags, NsFlags, SetTid
from nsmodel.kernel.objects import CapabilityKind, IdKind, NsType
from nsmodel.kernel.user.map_files import MapLines, MapText
from nsmodel.kernel.user.privileges import CapabilityFlags, SecurebitFlags
from nsmodel.kernel.user.setid import KEEP, GroupList

NEW = ("newns", "newuts", "newipc", "newpid", "newcgroup", "newnet", "newtime")
NAMED = (
    "DAC_OVERRIDE",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_ADMIN",
    "SETFCAP",
    "FOWNER",
    "FSETID",
)


def _clone(pick: random.Random) -> CloneFlags:
    kind = pick.random()
    if kind < 0.4:
        return CloneFlags(fs=pick.random() < 0.2)
    if kind < 0.5:
        return CloneFlags(vm=True, sighand=True, thread=True, files=True, fs=pick.random() < 0.5)
    if kind < 0.85:
        return CloneFlags(newuser=True, **dict.fromkeys(pick.sample(NEW, pick.choice((0, 0, 1, 2))), True))
    return CloneFlags(**dict.fromkeys(pick.sample((*NEW, "newuser", "fs", "parent"), pick.choice((1, 2))), True))


def _unshare(pick: random.Random) -> CloneFlags:
    new = dict.fromkeys(pick.sample(NEW, pick.choice((0, 0, 1, 1, 2))), True)
    return CloneFlags(newuser=pick.random() < 0.7, **new)


def _lines(pick: random.Random) -> MapLines:
    kind = pick.random()
    if kind < 0.06:
        return MapLines(text=pick.choice(list(MapText)[1:]))
    if kind < 0.5:
        return MapLines(first=pick.choice((0, 0, 1)), lower=pick.choice((0, 1, 1, 2, 4)))
    if kind < 0.75:
        return MapLines(first=pick.choice((0, 0, 1)), lower=pick.choice((0, 0, 1)), count=pick.choice((0, 2, 3, 4)))
    first, lower = pick.sample(range(5), 2), pick.sample(range(5), 2)
    if kind < 0.93:
        counts = pick.choice(((1, 1), (1, 1), (2, 1), (1, 2)))
        return MapLines(
            size=2, first=first[0], lower=lower[0], count=counts[0], first2=first[1], lower2=lower[1], count2=counts[1]
        )
    inside, outside = pick.sample(range(4), 3), pick.sample(range(4), 3)
    return MapLines(
        size=3, first=inside[0], lower=outside[0], first2=inside[1], lower2=outside[1], first3=inside[2],
        lower3=outside[2],
    )  # fmt: skip


def _id(pick: random.Random) -> int:
    return pick.choice((0, 0, 1, 1, 2, 3))


def _maybe_id(pick: random.Random) -> int:
    return pick.choice((KEEP, KEEP, 0, 0, 1, 1, 2))


def _capabilities(pick: random.Random) -> CapabilityFlags:
    names = [f.name for f in fields(CapabilityFlags) if f.name.upper() in (*NAMED, "REST", "SYS_RESOURCE")]
    kind = pick.random()
    if kind < 0.3:
        return CapabilityFlags(**dict.fromkeys(names, True))
    if kind < 0.6:
        return CapabilityFlags(**dict.fromkeys((n for n in names if n != pick.choice(names)), True))
    return CapabilityFlags(**dict.fromkeys(pick.sample(names, pick.choice((0, 1, 2, 4))), True))


def _securebits(pick: random.Random) -> SecurebitFlags:
    names = [f.name for f in fields(SecurebitFlags)]
    return SecurebitFlags(**dict.fromkeys(pick.sample(names, pick.choice((0, 1, 1, 2))), True))


def _kind(pick: random.Random) -> CapabilityKind:
    return CapabilityKind[pick.choice(NAMED)]


def _groups(pick: random.Random) -> GroupList:
    return GroupList(size=pick.choice((0, 0, 1, 2)), first=_id(pick), second=_id(pick))


FOR_USERS: dict[tuple[str, str], Callable[[random.Random], Any]] = {
    ("clone3", "flags"): _clone,
    ("clone3", "tids"): lambda pick: SetTid(),
    ("unshare", "flags"): _unshare,
    ("write_map", "lines"): _lines,
    ("write_map_file", "lines"): _lines,
    ("write_map", "kind"): lambda pick: pick.choice((IdKind.UID, IdKind.UID, IdKind.GID, IdKind.GID, IdKind.PROJID)),
    ("open_map", "kind"): lambda pick: pick.choice((IdKind.UID, IdKind.UID, IdKind.GID, IdKind.PROJID)),
    ("write_setgroups", "allow"): lambda pick: pick.random() < 0.2,
    ("write_setgroups_file", "allow"): lambda pick: pick.random() < 0.2,
    ("open_ns", "kind"): lambda pick: pick.choice((NsType.USER, NsType.USER, NsType.MNT, NsType.PID, NsType.UTS)),
    ("setns", "wrong_type"): lambda pick: pick.random() < 0.03,
    ("setns_pidfd", "flags"): lambda pick: NsFlags(
        user=pick.random() < 0.8, **dict.fromkeys(pick.sample(("mnt", "uts", "pid"), pick.randrange(3)), True)
    ),
    ("set_limit", "limit"): lambda pick: pick.choice((0, 1, 2, 3)),
    ("set_limit", "kind"): lambda pick: pick.choice((NsType.USER, NsType.USER, NsType.UTS, NsType.MNT, NsType.PID)),
    ("chmod", "setgid"): lambda pick: pick.random() < 0.6,
    ("set_dumpable", "on"): lambda pick: pick.random() < 0.8,
    ("setuid", "uid"): _id,
    ("setgid", "gid"): _id,
    ("setgroups", "list"): _groups,
    ("set_securebits", "flags"): _securebits,
    **{("setresuid", name): _maybe_id for name in ("ruid", "euid", "suid")},
    **{("setreuid", name): _maybe_id for name in ("ruid", "euid")},
    **{("setregid", name): _maybe_id for name in ("rgid", "egid")},
    **{("setresgid", name): _maybe_id for name in ("rgid", "egid", "sgid")},
    **{("capset", name): _capabilities for name in ("effective", "permitted", "inheritable")},
    **{(name, "kind"): _kind for name in ("capbset_read", "capbset_drop", "ambient_raise", "ambient_lower")},
}
"""How arguments are drawn in traces of users."""
