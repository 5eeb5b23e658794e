"""How a random trace of an area begins: with what chance alone would rarely make, for others to call upon."""

from __future__ import annotations

import random
from typing import Any

from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.objects import CapabilityKind, IdKind, NsType
from nsmodel.kernel.user.map_files import MapLines
from nsmodel.kernel.user.privileges import CapabilityFlags, SecurebitFlags
from nsmodel.system.operation import Call

THREAD = CloneFlags(vm=True, sighand=True, thread=True, files=True, fs=True)
NAMESPACES = ("newuts", "newipc", "newnet", "newcgroup", "newtime", "newns", "newpid")
INHERITED = ("kill", "setuid", "setgid", "sys_admin")
ALL = CapabilityFlags(**dict.fromkeys(CapabilityFlags.__dataclass_fields__, True))


def opening(area: str | None, pick: random.Random) -> list[Call]:
    """The first calls of a trace: those of the only task there is, and of the children that it makes, in order."""
    if area == "user":
        return _user(pick)
    if area == "process" and pick.random() < 0.3:
        return pick.choice((_threads, _strangers))(pick)
    return []


def _call(operation: str, task: int = 1, **arguments: Any) -> Call:
    return Call(operation, (("task", task), *arguments.items()))


def _child(flags: CloneFlags, task: int = 1) -> Call:
    return _call("clone3", task, flags=flags, tids=SetTid())


def _threads(pick: random.Random) -> list[Call]:
    """A process with threads, perhaps the init of its pid namespace, and a child of it."""
    child = CloneFlags(newpid=pick.random() < 0.5)
    return [_child(child), _child(THREAD, 2), *[_child(CloneFlags(), 2)] * (pick.random() < 0.5)]


def _strangers(pick: random.Random) -> list[Call]:
    """A child in namespaces of its own, whose files its parent has."""
    kinds = pick.sample(NAMESPACES, 2)
    begin = [_child(CloneFlags(**dict.fromkeys(kinds, True)))]
    if pick.random() < 0.4:
        return [*begin, _call("pidfd_open", target=2)]
    return [*begin, *(_call("open_ns", target=2, kind=NsType[name.removeprefix("new").replace("ns", "mnt").upper()])
                      for name in kinds)]  # fmt: skip


def _user(pick: random.Random) -> list[Call]:
    """As root, or as an ordinary user, who may be looked into or not; with privileges that others inherit; beside a
    child in a user namespace that maps some ids."""
    kind = pick.random()
    if kind < 0.25:
        return []
    if kind < 0.4:
        return _privileged(pick)
    if kind < 0.6:
        return _mapped(pick)
    user = _call("setresuid", ruid=1, euid=1, suid=1)
    group = _call("setresgid", rgid=1, egid=1, sgid=1)
    begin = [group, user] if kind < 0.85 else [user]
    if pick.random() < 0.8:
        begin.append(_call("set_dumpable", on=True))
    return begin


def _privileged(pick: random.Random) -> list[Call]:
    """Securebits, or capabilities that are inheritable and ambient."""
    if pick.random() < 0.5:
        names = pick.sample(sorted(SecurebitFlags.__dataclass_fields__), pick.choice((1, 2, 3)))
        return [_call("set_securebits", flags=SecurebitFlags(**dict.fromkeys(names, True)))]
    names = pick.sample(INHERITED, 2)
    inheritable = CapabilityFlags(**dict.fromkeys(names, True))
    begin = [_call("capset", effective=ALL, permitted=ALL, inheritable=inheritable)]
    begin += [_call("ambient_raise", kind=CapabilityKind[name.upper()]) for name in names[: pick.choice((1, 2))]]
    if pick.random() < 0.3:
        begin.append(_call("set_securebits", flags=SecurebitFlags(no_cap_ambient_raise=True)))
    return begin


def _mapped(pick: random.Random) -> list[Call]:
    """A child in a user namespace of its own, that its parent maps ids for; setgroups denied or not."""
    begin = [_child(CloneFlags(newuser=True))]
    if pick.random() < 0.3:
        begin.append(_call("write_setgroups", target=2, allow=False))
    lower = pick.choice((0, 0, 1))
    for kind in (IdKind.UID, IdKind.GID)[: pick.choice((1, 2, 2))]:
        begin.append(_call("write_map", target=2, kind=kind, lines=MapLines(lower=lower, count=pick.choice((2, 3)))))
    if pick.random() < 0.4:
        begin.append(_call("open_ns", target=2, kind=NsType.USER))
    return begin
