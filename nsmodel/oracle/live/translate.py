"""From a call of the model to a command of the worker: flags to bits, objects to numbers and descriptors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from nsmodel.oracle.live.routes import Forests

NOBODY = 9999
"""A number that no sandbox ever gives out: what a call names when its target has none where it looks."""
CHOSEN_BASE = 297
AUTO_BASE = 1000
AUTO = 2
"""How numbers are shown and stored (nsmodel.kernel.pid, nsmodel.kernel.objects)."""
WNOHANG, WEXITED, WNOWAIT = 1, 4, 0x01000000
SIGNALS = {"NONE": 0, "TERM": 15, "KILL": 9, "INVALID": 100}
DISPOSITIONS = {"DEFAULT": 0, "HANDLER": 1, "IGNORE": 2}
CLONE = {
    "newtime": 0x80, "vm": 0x100, "fs": 0x200, "files": 0x400, "sighand": 0x800, "parent": 0x8000, "thread": 0x10000,
    "newns": 0x20000, "sysvsem": 0x40000, "newcgroup": 0x02000000, "newuts": 0x04000000, "newipc": 0x08000000,
    "newuser": 0x10000000, "newpid": 0x20000000, "newnet": 0x40000000,
}  # fmt: skip
NS = {
    "mnt": 0x20000, "uts": 0x04000000, "ipc": 0x08000000, "pid": 0x20000000, "net": 0x40000000, "cgroup": 0x02000000,
    "time": 0x80, "user": 0x10000000,
}  # fmt: skip
IOCTL = {
    "userns": 0xB701, "parent": 0xB702, "nstype": 0xB703, "owner_uid": 0xB704, "id": 0x8008B70D,
    "mnt_next": 0x8010B70B, "mnt_prev": 0x8010B70C,
}  # fmt: skip
"""NS_GET_* requests (include/uapi/linux/nsfs.h)."""
CLONE_DETACHED = 0x00400000
"""A bit that clone3 refuses."""
UNKNOWN = 1
"""A bit that unshare and setns refuse."""


class Machine(Protocol):
    """What a translation asks of the replay: numbers and descriptors as the machine has them."""

    def number(self, task: int, target: int) -> int | None:
        """Number of a task in the active pid namespace of the caller, None when it has none there."""

    def base_number(self, target: int) -> int:
        """Number of a task in the sandbox's own pid namespace."""

    def handle(self, descriptor: int) -> int:
        """The worker's handle of a descriptor of the model."""

    def fresh_handle(self) -> int:
        """A handle for a descriptor that the call makes."""

    def map_handle(self, file: int) -> int:
        """The worker's handle of an id map."""

    def leaks(self, task: int) -> list[int]:
        """The handles of a task that lead out of its mount namespace."""

    def capabilities(self) -> list[str]:
        """The capabilities that the scope tells apart."""

    def file_type(self, descriptor: int) -> str | None:
        """Which type of namespace a descriptor names."""

    def path(self, task: int, mount: int, dentry: int) -> str:
        """A path of a task that ends on a place."""

    def entry(self, task: int, mount: int, dentry: int) -> str:
        """A path of a task whose last word is a name itself."""

    def row(self, collection: str, slot: int | None) -> dict[str, Any]:
        """An object as it is before the call."""

    def forests(self) -> Forests:
        """The names of the file systems."""

    def relatime(self) -> bool:
        """The scope has mounts with the attribute RELATIME, so a call says which access times it wants."""

    def hierarchy(self) -> str:
        """The controllers of a cgroup hierarchy of version 1."""


@dataclass(frozen=True)
class Command:
    """Words for a worker, or a task to make."""

    words: tuple[object, ...] = ()
    clone_flags: int | None = None
    tids: tuple[int, ...] = ()
    handle: int | None = None
    """The handle that a successful call opens."""
    grown: int | None = None
    """The root of the file system whose names a successful call makes."""
    again: int | None = None
    """The name that a successful call removed, and that was made again."""
    over: int | None = None
    """The name that it was given instead."""
    swapped: tuple[int, int] | None = None
    """Names that change places when the call succeeds."""


def bits(table: dict[str, int], flags: dict[str, Any], unknown: int) -> int:
    """A flags record as the bits of a call."""
    value = unknown if flags.get("unknown") else 0
    return value | sum(bit for name, bit in table.items() if flags.get(name))


def tid(entry: int) -> int:
    """An entry of a set_tid array as the number to ask for."""
    return entry if entry < 3 else CHOSEN_BASE + entry


def _named(machine: Machine, task: int, target: int) -> int:
    found = machine.number(task, target)
    return NOBODY if found is None else found


def clone3(m: Machine, task: int, a: dict[str, Any]) -> Command:
    """clone3, as it is."""
    tids = a.get("tids", {})
    chosen = (tids.get("first", 0), tids.get("second", 0), tids.get("third", 0))[: tids.get("size", 0)]
    return Command(clone_flags=bits(CLONE, a["flags"], CLONE_DETACHED), tids=tuple(tid(t) for t in chosen))


def unshare(m: Machine, task: int, a: dict[str, Any]) -> Command:
    return Command(("U", bits(CLONE, a["flags"], UNKNOWN)))


def setns(m: Machine, task: int, a: dict[str, Any]) -> Command:
    kind = m.file_type(a["file"])
    wrong = NS["ipc"] if kind == "uts" else NS["uts"]
    return Command(("S", m.handle(a["file"]), wrong if a["wrong_type"] else 0))


def setns_pidfd(m: Machine, task: int, a: dict[str, Any]) -> Command:
    return Command(("S", m.handle(a["file"]), bits(NS, a["flags"], UNKNOWN)))


def kill(m: Machine, task: int, a: dict[str, Any]) -> Command:
    signal = SIGNALS[a["signal"]]
    to = a["to"]
    if to == "OWN_GROUP":
        return Command(("K", 0, signal))
    if to == "ALL":
        return Command(("K", -1, signal))
    number = _named(m, task, a["target"])
    return Command(("K", -number if to == "GROUP" else number, signal))


def tgkill(m: Machine, task: int, a: dict[str, Any]) -> Command:
    return Command(("T", _named(m, task, a["group"]), _named(m, task, a["target"]), SIGNALS[a["signal"]]))


def wait4(m: Machine, task: int, a: dict[str, Any]) -> Command:
    pid = {"ANY": -1, "OWN_GROUP": 0}.get(a["who"])
    return Command(("W", _named(m, task, a["child"]) if pid is None else pid, WNOHANG))


def waitid(m: Machine, task: int, a: dict[str, Any]) -> Command:
    options = WNOHANG | WEXITED | (WNOWAIT if a["keep"] else 0)
    if a["who"] == "PID":
        return Command(("I", 1, _named(m, task, a["child"]), options))
    return Command(("I", 0 if a["who"] == "ANY" else 2, 0, options))


def _link(kind: str) -> str:
    return kind.lower()


def open_ns(m: Machine, task: int, a: dict[str, Any]) -> Command:
    handle = m.fresh_handle()
    return Command(("O", handle, f"{m.base_number(a['target'])}/ns/{_link(a['kind'])}"), handle=handle)


def pidfd_open(m: Machine, task: int, a: dict[str, Any]) -> Command:
    handle = m.fresh_handle()
    return Command(("P", handle, _named(m, task, a["target"])), handle=handle)


def _ns_ioctl(request: str) -> Callable[[Machine, int, dict[str, Any]], Command]:
    def make(m: Machine, task: int, a: dict[str, Any]) -> Command:
        new = m.fresh_handle() if request in ("userns", "parent") else None
        return Command(("J", m.handle(a["file"]), new or 0, IOCTL[request]), handle=new)

    return make


def ns_mnt_get_next(m: Machine, task: int, a: dict[str, Any]) -> Command:
    new = m.fresh_handle()
    return Command(("J", m.handle(a["file"]), new, IOCTL["mnt_prev" if a["previous"] else "mnt_next"]), handle=new)


def set_limit(m: Machine, task: int, a: dict[str, Any]) -> Command:
    return Command(("F", f"sys/user/max_{_link(a['kind'])}_namespaces", a["limit"]))


def setpgid(m: Machine, task: int, a: dict[str, Any]) -> Command:
    return Command(("Y", _named(m, task, a["target"]), _named(m, task, a["group"])))


def _plain(letter: str, *names: str) -> Callable[[Machine, int, dict[str, Any]], Command]:
    def make(m: Machine, task: int, a: dict[str, Any]) -> Command:
        return Command((letter, *(int(a[n]) for n in names)))

    return make


def _target(letter: str) -> Callable[[Machine, int, dict[str, Any]], Command]:
    def make(m: Machine, task: int, a: dict[str, Any]) -> Command:
        return Command((letter, _named(m, task, a["target"])))

    return make


COMMANDS: dict[str, Callable[[Machine, int, dict[str, Any]], Command]] = {
    "clone3": clone3,
    "unshare": unshare,
    "setns": setns,
    "setns_pidfd": setns_pidfd,
    "kill": kill,
    "tgkill": tgkill,
    "pidfd_send_signal": lambda m, t, a: Command(("G", m.handle(a["file"]), SIGNALS[a["signal"]])),
    "wait4": wait4,
    "waitid": waitid,
    "exit_thread": _plain("E", "code"),
    "exit_group": _plain("Q", "code"),
    "getpid": _plain("p"),
    "gettid": _plain("t"),
    "getppid": _plain("q"),
    "getpgid": _target("g"),
    "getsid": _target("s"),
    "setsid": _plain("Z"),
    "setpgid": setpgid,
    "set_child_subreaper": _plain("R", "on"),
    "sigaction": lambda m, t, a: Command(("A", DISPOSITIONS[a["action"]])),
    "open_ns": open_ns,
    "close": lambda m, t, a: Command(("X", m.handle(a["file"]))),
    "pidfd_open": pidfd_open,
    "ns_get_userns": _ns_ioctl("userns"),
    "ns_get_parent": _ns_ioctl("parent"),
    "ns_get_nstype": _ns_ioctl("nstype"),
    "ns_get_owner_uid": _ns_ioctl("owner_uid"),
    "ns_mnt_get_next": ns_mnt_get_next,
    "set_limit": set_limit,
}
"""The command of each atomic operation, those on mounts aside."""
