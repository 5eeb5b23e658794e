"""Calls on credentials and id maps as commands of the worker (worker/users.h)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nsmodel.oracle.live.translate import Command, Machine

BITS = {
    "CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
    "SYS_CHROOT": 18, "SYS_PTRACE": 19, "SYS_ADMIN": 21, "SYS_RESOURCE": 24, "SETFCAP": 31, "CHECKPOINT_RESTORE": 40,
}  # fmt: skip
"""The number of each capability (include/uapi/linux/capability.h)."""
LAST = 40
SECUREBITS = {
    "noroot": 0, "noroot_locked": 1, "no_setuid_fixup": 2, "no_setuid_fixup_locked": 3, "keep_caps": 4,
    "keep_caps_locked": 5, "no_cap_ambient_raise": 6, "no_cap_ambient_raise_locked": 7,
}  # fmt: skip
MAPS = {"UID": "uid_map", "GID": "gid_map", "PROJID": "projid_map"}
TEXTS = {"NOTHING": "/", "JUNK": "x", "NO_ID": "4294967295_0_1", "WRAPS": "1_1_4294967295", "PAGE": "P"}
PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_CAPBSET_READ, PR_CAPBSET_DROP = 4, 8, 23, 24
PR_SET_SECUREBITS, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 28, 38, 47
RAISE, LOWER, CLEAR = 2, 3, 4
ITSELF = "-"
"""The program whose file gives nothing."""


def mask(kinds: Iterable[str], scope: Iterable[str]) -> int:
    """Capabilities as bits; REST is all that the scope does not name."""
    named = sum(1 << BITS[kind] for kind in scope if kind != "REST")
    out = 0
    for kind in kinds:
        out |= (1 << LAST + 1) - 1 & ~named if kind == "REST" else 1 << BITS[kind]
    return out


def program_path(slot: int) -> str:
    """Where replay puts a program."""
    return f"/p{slot}"


def mode(setuid: bool, setgid: bool) -> int:
    """The permissions of a program."""
    return 0o755 | (0o4000 if setuid else 0) | (0o2000 if setgid else 0)


def lines_text(lines: dict[str, Any]) -> str:
    """What is written to a map, as one word."""
    text = lines.get("text", "LINES")
    if text != "LINES":
        return TEXTS[text]
    defaults = {"first": 0, "lower": 0, "count": 1}
    rows = []
    for suffix in ("", "2", "3")[: lines.get("size", 1)]:
        rows.append("_".join(str(lines.get(name + suffix, value)) for name, value in defaults.items()))
    return "/".join(rows) + "/"


def _ids(letter: str, *names: str) -> Callable[[Machine, int, dict[str, Any]], Command]:
    def make(m: Machine, task: int, a: dict[str, Any]) -> Command:
        return Command((f"u{letter}", *(int(a[n]) for n in names)))

    return make


def _prctl(option: int, *names: str) -> Callable[[Machine, int, dict[str, Any]], Command]:
    def make(m: Machine, task: int, a: dict[str, Any]) -> Command:
        words = [int(a[n]) if not isinstance(a[n], str) else BITS[a[n]] for n in names]
        return Command(("up", option, *words, *[0] * (3 - len(words))))

    return make


def _ambient(action: int) -> Callable[[Machine, int, dict[str, Any]], Command]:
    def make(m: Machine, task: int, a: dict[str, Any]) -> Command:
        return Command(("up", PR_CAP_AMBIENT, action, BITS[a["kind"]] if "kind" in a else 0, 0))

    return make


def setgroups(m: Machine, task: int, a: dict[str, Any]) -> Command:
    given = a["list"]
    return Command(("uG", given.get("size", 0), given.get("first", 0), given.get("second", 0)))


def capset(m: Machine, task: int, a: dict[str, Any]) -> Command:
    scope = m.capabilities()
    sets = [
        mask((kind for kind in scope if a[name].get(kind.lower())), scope)
        for name in ("effective", "permitted", "inheritable")
    ]
    return Command(("uc", *sets))


def set_securebits(m: Machine, task: int, a: dict[str, Any]) -> Command:
    bits = sum(1 << bit for name, bit in SECUREBITS.items() if a["flags"].get(name))
    return Command(("up", PR_SET_SECUREBITS, bits, 0, 0))


def _file(m: Machine, a: dict[str, Any], setgroups: bool) -> str:
    return f"{m.base_number(a['target'])}/{'setgroups' if setgroups else MAPS[a['kind']]}"


def write_map(m: Machine, task: int, a: dict[str, Any]) -> Command:
    return Command(("uW", _file(m, a, False), lines_text(a["lines"])))


def write_setgroups(m: Machine, task: int, a: dict[str, Any]) -> Command:
    return Command(("uW", _file(m, a, True), "allow" if a["allow"] else "deny"))


def open_map(m: Machine, task: int, a: dict[str, Any]) -> Command:
    handle = m.fresh_handle()
    return Command(("uo", handle, _file(m, a, a["setgroups"])), handle=handle)


def execve(m: Machine, task: int, a: dict[str, Any]) -> Command:
    return Command(("ux", ITSELF if a["program"] is None else program_path(a["program"])))


def chmod(m: Machine, task: int, a: dict[str, Any]) -> Command:
    return Command(("uk", program_path(a["program"]), mode(a["setuid"], a["setgid"])))


def seal(m: Machine, task: int, a: dict[str, Any]) -> Command:
    return Command(("uS", *m.leaks(task)))


COMMANDS: dict[str, Callable[[Machine, int, dict[str, Any]], Command]] = {
    "setresuid": _ids("r", "ruid", "euid", "suid"),
    "setreuid": _ids("e", "ruid", "euid"),
    "setuid": _ids("u", "uid"),
    "setresgid": _ids("g", "rgid", "egid", "sgid"),
    "setregid": _ids("h", "rgid", "egid"),
    "setgid": _ids("s", "gid"),
    "setgroups": setgroups,
    "getuid": _ids("U"),
    "getgid": _ids("I"),
    "capset": capset,
    "set_no_new_privs": lambda m, t, a: Command(("up", PR_SET_NO_NEW_PRIVS, 1, 0, 0)),
    "set_dumpable": _prctl(PR_SET_DUMPABLE, "on"),
    "set_keepcaps": _prctl(PR_SET_KEEPCAPS, "on"),
    "set_securebits": set_securebits,
    "capbset_read": _prctl(PR_CAPBSET_READ, "kind"),
    "capbset_drop": _prctl(PR_CAPBSET_DROP, "kind"),
    "ambient_raise": _ambient(RAISE),
    "ambient_lower": _ambient(LOWER),
    "ambient_clear": _ambient(CLEAR),
    "write_map": write_map,
    "write_setgroups": write_setgroups,
    "open_map": open_map,
    "write_map_file": lambda m, t, a: Command(("uw", m.map_handle(a["file"]), lines_text(a["lines"]))),
    "write_setgroups_file": lambda m, t, a: Command(("uw", m.map_handle(a["file"]), "allow" if a["allow"] else "deny")),
    "close_map": lambda m, t, a: Command(("X", m.map_handle(a["file"]))),
    "execve": execve,
    "chmod": chmod,
    "seal": seal,
}
"""The command of each operation."""
