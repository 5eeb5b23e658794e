"""Calls as C expressions: from a command of the worker (nsmodel.oracle.live.translate) to the call that it makes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from nsmodel.oracle.live import translate_mounts as mounts
from nsmodel.oracle.live.translate import CLONE, IOCTL, NS
from nsmodel.oracle.live.translate_users import BITS, SECUREBITS
from nsmodel.testgen.performance import Act, Number

CLONE_BITS = {f"CLONE_{name.upper()}": bit for name, bit in CLONE.items()}
NS_BITS = {f"CLONE_NEW{'NS' if name == 'mnt' else name.upper()}": bit for name, bit in NS.items()}
MS_BITS = {
    "MS_RDONLY": 1, "MS_NOSUID": 2, "MS_NODEV": 4, "MS_NOEXEC": 8, "MS_REMOUNT": 32, "MS_NOSYMFOLLOW": 256,
    "MS_NOATIME": 1024, "MS_NODIRATIME": 2048, "MS_BIND": 4096, "MS_MOVE": 8192, "MS_REC": 16384,
    "MS_UNBINDABLE": 1 << 17, "MS_PRIVATE": 1 << 18, "MS_SLAVE": 1 << 19, "MS_SHARED": 1 << 20,
    "MS_RELATIME": 1 << 21, "MS_STRICTATIME": 1 << 24,
}  # fmt: skip
UMOUNT_BITS = {"MNT_FORCE": 1, "MNT_DETACH": 2, "MNT_EXPIRE": 4, "UMOUNT_NOFOLLOW": 8}
ATTR_BITS = {
    "MOUNT_ATTR_RDONLY": 1, "MOUNT_ATTR_NOSUID": 2, "MOUNT_ATTR_NODEV": 4, "MOUNT_ATTR_NOEXEC": 8,
    "MOUNT_ATTR_NODIRATIME": 0x80, "MOUNT_ATTR_NOSYMFOLLOW": 0x200000,
}  # fmt: skip
"""Attributes but for those of access times, which are a number."""
ATIME_SET = {0: "", 0x10: "MOUNT_ATTR_NOATIME", 0x20: "MOUNT_ATTR_STRICTATIME"}
OPEN_TREE_BITS = {"OPEN_TREE_CLONE": 1, "AT_RECURSIVE": 0x8000}
MOVE_BITS = {
    "MOVE_MOUNT_F_SYMLINKS": 1, "MOVE_MOUNT_T_SYMLINKS": 0x10, "MOVE_MOUNT_SET_GROUP": 0x100, "MOVE_MOUNT_BENEATH": 0x200,
}  # fmt: skip
SIGNAL_NAMES = {0: "0", 9: "SIGKILL", 15: "SIGTERM"}
PRCTL = {
    4: "PR_SET_DUMPABLE", 8: "PR_SET_KEEPCAPS", 23: "PR_CAPBSET_READ", 24: "PR_CAPBSET_DROP", 28: "PR_SET_SECUREBITS",
    38: "PR_SET_NO_NEW_PRIVS", 47: "PR_CAP_AMBIENT",
}  # fmt: skip
AMBIENT = {2: "PR_CAP_AMBIENT_RAISE", 3: "PR_CAP_AMBIENT_LOWER", 4: "PR_CAP_AMBIENT_CLEAR_ALL"}
OPEN = {0: "O_RDONLY", 2: "O_RDWR", 0o10000000: "O_PATH"}
FSCONFIG = {6: "FSCONFIG_CMD_CREATE", 7: "FSCONFIG_CMD_RECONFIGURE"}
MAP_TEXTS = {"P": "a_page()"}


def expression(act: Act) -> str:
    """The call of an act."""
    command = act.command
    if command.clone_flags is not None:
        maker = "SPAWN_THREAD" if command.clone_flags & CLONE["thread"] else "SPAWN"
        return f"{maker}({', '.join([str(act.child), flags(command.clone_flags, CLONE_BITS), *map(str, command.tids)])})"
    word, *rest = command.words
    return CALLS[str(word)](rest)


def flags(value: int, names: Mapping[str, int]) -> str:
    """A word of flags by their names; what has none as a number."""
    words = [name for name, bit in names.items() if value & bit == bit and bit]
    left = value & ~sum({names[name] for name in words})
    return " | ".join(words + [hex(left)] * bool(left)) or "0"


def number(value: Any) -> str:
    """A process's number, or any other."""
    if isinstance(value, Number):
        return f"{'-' * value.negative}nr({value.task}, {value.level})"
    return "NOBODY" if value == 9999 else "-NOBODY" if value == -9999 else str(value)


def quoted(text: str) -> str:
    """A text as a C literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def attributes(value: int) -> str:
    """MOUNT_ATTR_* of a call, `MOUNT_ATTR__ATIME` for a mask of all access times."""
    atime = value & 0x70
    word = "MOUNT_ATTR__ATIME" if atime == 0x70 else ATIME_SET.get(atime, hex(atime))
    rest = flags(value & ~0x70, ATTR_BITS)
    return " | ".join(w for w in (word, rest if rest != "0" or not word else "") if w)


def _from_proc(words: list[str]) -> bool:
    return any(w[0] in "@%" for w in words)


def path(word: str, away: bool) -> str:
    """A path in the worker's words (worker/mounts.h)."""
    if word == "-":
        return "NULL"
    if word[0] == "=":
        return quoted(word[1:])
    if word[0] == "%":
        return "of_task" + _task_file(word[1:])
    if word[0] == "@":
        handle, rest = re.fullmatch(r"@(\d+)(.*)", word).groups()  # type: ignore[union-attr]
        return f"AT({handle}, {quoted(rest)})"
    if away and word[0] == ".":
        return f"HERE({quoted(word[1:])})"
    return quoted(word)


def _task_file(text: str) -> str:
    task, name = re.fullmatch(r"\{(\w+)\}/(.*)", text).groups()  # type: ignore[union-attr]
    return f"({task}, {quoted(name)})"


def _call(text: str, *paths: str, where: str = "BACK") -> str:
    """A call whose paths are `{0}`, `{1}`."""
    away = _from_proc(list(paths))
    done = text.format(*(path(p, away) for p in paths))
    if not away:
        return done
    return f"FROM_PROC({done})" if where == "BACK" else f"GO_FROM_PROC({done}, {where})"


def _proc(name: str, how: str) -> str:
    return f"open_proc{_task_file(name)[:-1]}, {how})"


def opening(place: str) -> str:
    """A path is opened, for no more than to see where it leads."""
    return _call("open({0}, O_PATH)", place)


def _opened(handle: int, call: str) -> str:
    return f"opened(me, {handle}, {call})"


def _ioctl(w: list[Any]) -> str:
    request = {value: name for name, value in IOCTL.items()}[w[2]]
    if request == "owner_uid":
        return f"owner_uid(FD({w[0]}))"
    call = f"ioctl(FD({w[0]}), NS_GET_{request.upper()})"
    return _opened(w[1], call) if request in ("userns", "parent") else call


def _mount(w: list[Any]) -> str:
    source, target, kind, word, *new = w
    kind_text = "NULL" if kind == "-" else quoted(kind)
    if new:
        names, how = new
        inner = f"mount_new({{0}}, {{1}}, {kind_text}, {flags(word, MS_BITS)}, {quoted(names.strip('-'))}, {how})"
    else:
        inner = f"mount({{0}}, {{1}}, {kind_text}, {flags(word, MS_BITS)}, NULL)"
    return _call(inner, source, target)


def _fsmount(w: list[Any]) -> str:
    handle, context, word, names, how = w
    if names == "-":
        return _opened(handle, f"syscall(SYS_fsmount, FD({context}), 0, {attributes(word)})")
    return _opened(handle, f"fsmount_new(FD({context}), {attributes(word)}, {quoted(names)}, {how})")


def _prctl(w: list[Any]) -> str:
    option, *rest = w
    words = [str(r) for r in rest]
    if option == 47:
        words[0] = AMBIENT[rest[0]]
    if option in (23, 24) or (option == 47 and rest[0] != 4):
        at = 1 if option == 47 else 0
        words[at] = next(f"CAP_{name}" for name, bit in BITS.items() if bit == rest[at])
    if option == 28:
        words[0] = flags(rest[0], {f"SECBIT_{name.upper()}": 1 << bit for name, bit in SECUREBITS.items()})
    return f"prctl({PRCTL[option]}, {', '.join(words)}, 0)"


def _text(word: str) -> str:
    """What is written to a map: `_` is a space, `/` ends a line, `P` alone a page of empty lines."""
    return MAP_TEXTS.get(word) or quoted(word.replace("_", " ").replace("/", "\n"))


def _ids(w: list[Any]) -> str:
    return ", ".join("-1" if value == 0xFFFFFFFF else str(value) for value in w)


def _syscall(name: str) -> Callable[[list[Any]], str]:
    return lambda w: f"syscall(SYS_{name}, {_ids(w)})"


def _groups(w: list[Any]) -> str:
    size, *groups = w
    listed = ", ".join(str(g) for g in groups[:size]) or "0"
    return f"syscall(SYS_setgroups, {size}, (gid_t[]){{ {listed} }})"


def _prefix(w: list[Any]) -> str:
    if not w:
        return "SEAL()"
    return f"SEAL({', '.join(map(str, w))})"


CALLS: dict[str, Callable[[list[Any]], str]] = {
    "U": lambda w: f"unshare({flags(w[0], CLONE_BITS)})",
    "S": lambda w: f"setns(FD({w[0]}), {flags(w[1], NS_BITS)})",
    "O": lambda w: _opened(w[0], _proc(w[1], "O_RDONLY")),
    "P": lambda w: _opened(w[0], f"syscall(SYS_pidfd_open, {number(w[1])}, 0)"),
    "X": lambda w: f"close_fd(&FD({w[0]}))",
    "G": lambda w: f"syscall(SYS_pidfd_send_signal, FD({w[0]}), {SIGNAL_NAMES.get(w[1], str(w[1]))}, NULL, 0)",
    "K": lambda w: f"kill({number(w[0])}, {SIGNAL_NAMES.get(w[1], str(w[1]))})",
    "T": lambda w: f"syscall(SYS_tgkill, {number(w[0])}, {number(w[1])}, {SIGNAL_NAMES.get(w[2], str(w[2]))})",
    "W": lambda w: f"wait_for({number(w[0])})",
    "I": lambda w: f"wait_id({('P_ALL', 'P_PID', 'P_PGID')[w[0]]}, {number(w[1])}, {_wait_options(w[2])})",
    "E": lambda w: f"syscall(SYS_exit, {w[0]})",
    "Q": lambda w: f"syscall(SYS_exit_group, {w[0]})",
    "p": lambda w: "getpid()",
    "t": lambda w: "syscall(SYS_gettid)",
    "q": lambda w: "getppid()",
    "g": lambda w: f"getpgid({number(w[0])})",
    "s": lambda w: f"getsid({number(w[0])})",
    "R": lambda w: f"prctl(PR_SET_CHILD_SUBREAPER, {w[0]}, 0, 0, 0)",
    "Z": lambda w: "setsid()",
    "Y": lambda w: f"setpgid({number(w[0])}, {number(w[1])})",
    "A": lambda w: f"on_sigterm({('SIG_DFL', 'handled', 'SIG_IGN')[w[0]]})",
    "J": _ioctl,
    "F": lambda w: f"set_limit({quoted(w[0])}, {quoted(str(w[1]))})",
    "ur": _syscall("setresuid"),
    "ue": _syscall("setreuid"),
    "uu": _syscall("setuid"),
    "ug": _syscall("setresgid"),
    "uh": _syscall("setregid"),
    "us": _syscall("setgid"),
    "uG": _groups,
    "uU": lambda w: "getuid()",
    "uI": lambda w: "getgid()",
    "uc": lambda w: f"set_capabilities({', '.join(f'{value:#x}' for value in w)})",
    "up": _prctl,
    "uW": lambda w: f"write_text({_proc(w[0], 'O_WRONLY')}, {_text(w[1])})",
    "uo": lambda w: _opened(w[0], _proc(w[1], "O_WRONLY")),
    "uw": lambda w: f"rewrite(FD({w[0]}), {_text(w[1])})",
    "ux": lambda w: f"execute(me, {'NULL' if w[0] == '-' else quoted(w[0])})",
    "uk": lambda w: f"chmod({quoted(w[0])}, {w[1]:#o})".replace("0o", "0"),
    "uS": _prefix,
    "mm": _mount,
    "mu": lambda w: _call(f"umount2({{0}}, {flags(w[1], UMOUNT_BITS)})", w[0]),
    "mo": lambda w: _opened(w[0], _call(f"open({{0}}, {OPEN[w[2]]})", w[1])),
    "mf": lambda w: f"fchdir(FD({w[0]}))",
    "md": lambda w: _call("chdir({0})", w[0], where="STAY"),
    "mr": lambda w: _call("chroot({0})", w[0]),
    "mp": lambda w: _call("syscall(SYS_pivot_root, {0}, {1})", w[0], w[1], where="TO_ROOT" if w[2] else "BACK"),
    "mt": lambda w: _opened(w[0], _call(f"syscall(SYS_open_tree, AT_FDCWD, {{0}}, {flags(w[2], OPEN_TREE_BITS)})", w[1])),
    "mv": lambda w: _call(
        f"syscall(SYS_move_mount, AT_FDCWD, {{0}}, AT_FDCWD, {{1}}, {flags(w[2], MOVE_BITS)})", w[0], w[1]
    ),
    "ma": lambda w: _call(
        f"set_attributes({{0}}, {flags(w[1], OPEN_TREE_BITS)}, {attributes(w[2])}, {attributes(w[3])}, "
        f"{flags(w[4], MS_BITS)})", w[0]
    ),
    "ms": lambda w: _opened(w[0], f"syscall(SYS_fsopen, {quoted(w[1])}, 0)"),
    "mg": lambda w: f"configure(FD({w[0]}), {'NULL' if w[1] == '-' else quoted(w[1])}, {FSCONFIG[w[2]]})",
    "mF": _fsmount,
    "mk": lambda w: _opened(w[0], _call("syscall(SYS_fspick, AT_FDCWD, {0}, 0)", w[1])),
    "mx": lambda w: _call("rmdir_and_make({0})", w[0]),
    "mX": lambda w: _call("unlink_and_make({0})", w[0]),
    "mR": lambda w: _call(f"rename_and_make({{0}}, {{1}}, {w[2]})", w[0], w[1]),
}  # fmt: skip
"""The expression of each command."""


def _wait_options(value: int) -> str:
    return flags(value, {"WNOHANG": 1, "WEXITED": 4, "WNOWAIT": 0x01000000})


assert mounts.READ_ONLY_MOUNT == 1 and mounts.READ_ONLY_SUPERBLOCK == 2
