"""Calls as small trees that each language writes in its own way: from a command of the worker (worker.c, mounts.h,
users.h, which nsmodel.oracle.live.translate makes) to the system call, with every constant by its name."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nsmodel.oracle.live.translate import CLONE, DISPOSITIONS, IOCTL, NOBODY, NS
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
    "MOUNT_ATTR__ATIME": 0x70, "MOUNT_ATTR_NOATIME": 0x10, "MOUNT_ATTR_STRICTATIME": 0x20,
    "MOUNT_ATTR_NODIRATIME": 0x80, "MOUNT_ATTR_NOSYMFOLLOW": 0x200000,
}  # fmt: skip
TREE_BITS = {"OPEN_TREE_CLONE": 1, "AT_RECURSIVE": 0x8000}
SETATTR_BITS = {"AT_RECURSIVE": 0x8000}
MOVE_BITS = {
    "MOVE_MOUNT_F_SYMLINKS": 1, "MOVE_MOUNT_T_SYMLINKS": 0x10, "MOVE_MOUNT_SET_GROUP": 0x100,
    "MOVE_MOUNT_BENEATH": 0x200,
}  # fmt: skip
WAIT_BITS = {"WNOHANG": 1, "WEXITED": 4, "WNOWAIT": 0x01000000}
SECUREBIT_BITS = {f"SECBIT_{name.upper()}": 1 << bit for name, bit in SECUREBITS.items()}
CAPABILITIES = {bit: f"CAP_{name}" for name, bit in BITS.items()}
SIGNALS = {9: "SIGKILL", 15: "SIGTERM"}
PRCTL = {
    4: "PR_SET_DUMPABLE", 8: "PR_SET_KEEPCAPS", 23: "PR_CAPBSET_READ", 24: "PR_CAPBSET_DROP", 28: "PR_SET_SECUREBITS",
    38: "PR_SET_NO_NEW_PRIVS", 47: "PR_CAP_AMBIENT",
}  # fmt: skip
AMBIENT = {2: "PR_CAP_AMBIENT_RAISE", 3: "PR_CAP_AMBIENT_LOWER", 4: "PR_CAP_AMBIENT_CLEAR_ALL"}
OPEN = {0: "O_RDONLY", 2: "O_RDWR", 0o10000000: "O_PATH"}
FSCONFIG = {6: "FSCONFIG_CMD_CREATE", 7: "FSCONFIG_CMD_RECONFIGURE"}
HANDLERS = {DISPOSITIONS["DEFAULT"]: "SIG_DFL", DISPOSITIONS["HANDLER"]: "handled", DISPOSITIONS["IGNORE"]: "SIG_IGN"}


@dataclass(frozen=True)
class Word:
    """A constant, flags, or a number, as all languages write it."""

    text: str


@dataclass(frozen=True)
class Text:
    """A text."""

    text: str


@dataclass(frozen=True)
class Null:
    """No text."""


@dataclass(frozen=True)
class Ids:
    """An array of ids."""

    values: tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """A call of a function, a system call's or one of the runtime's."""

    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Away:
    """A call that is made from a working directory in proc, and where the task is afterwards: BACK, STAY, TO_ROOT."""

    call: Call
    where: str


Tree = Word | Text | Null | Ids | Call | Away | Number


def tree(act: Act) -> Call | Away:
    """The call of an act."""
    command = act.command
    if command.clone_flags is not None:
        maker = "SPAWN_THREAD" if command.clone_flags & CLONE["thread"] else "SPAWN"
        return _call(maker, Word(str(act.child)), flags(command.clone_flags, CLONE_BITS), *map(_word, command.tids))
    word, *rest = command.words
    return CALLS[str(word)](rest)


def find(path: str) -> Call | Away:
    """A path is opened, for no more than to see where it leads."""
    return _on("open", path, Word("O_PATH"))


def flags(value: int, names: Mapping[str, int]) -> Word:
    """A word of flags by their names; what has none as a number."""
    words, left = [], value
    for name, bit in names.items():
        if left & bit == bit:
            words.append(name)
            left &= ~bit
    return Word(" | ".join(words + [hex(left)] * bool(left)) or "0")


def given(act: Act, text: Callable[[Tree], str], prefix: str) -> str:
    """What a call gives, as a language writes it: `text` writes numbers, `prefix` comes before the name of an error."""
    if isinstance(act.gives, Number):
        return text(act.gives)
    if act.gives < 0:
        return f"-{prefix}{errno.errorcode[-act.gives]}"
    return flags(act.gives, NS_BITS).text if act.step.operation == "ns_get_nstype" else str(act.gives)


def quoted(words: str) -> str:
    """A text as a literal of C, or of Python."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _word(value: Any) -> Tree:
    if isinstance(value, Number):
        return value
    named = {NOBODY: "NOBODY", -NOBODY: "-NOBODY", 0xFFFFFFFF: "-1"}
    return Word(named.get(value, str(value)))


def _call(name: str, *arguments: Tree) -> Call:
    return Call(name, arguments)


def _system(name: str, *arguments: Tree) -> Call:
    return Call("syscall", (Word(f"SYS_{name}"), *arguments))


def _on(name: str, *arguments: Any, where: str = "BACK") -> Call | Away:
    """A call with paths, which are plain texts here; away from the task's directory where one needs that."""
    away = any(isinstance(a, str) and a[0] in "@%" for a in arguments)
    made = [_path(a, away) if isinstance(a, str) else a for a in arguments]
    call = _system(name[4:], *made) if name.startswith("SYS_") else _call(name, *made)
    return Away(call, where) if away else call


def _path(word: str, away: bool) -> Tree:
    """A path in the worker's words (worker/mounts.h)."""
    if word == "-":
        return Null()
    if word[0] == "=":
        return Text(word[1:])
    if word[0] == "%":
        return _call("of_task", *_file(word[1:]))
    if (found := re.fullmatch(r"@(\d+)(.*)", word)) is not None:
        return _call("AT", Word(found[1]), Text(found[2]))
    if away and word[0] == ".":
        return _call("HERE", Text(word[1:]))
    return Text(word)


def _file(text: str) -> tuple[Word, Text]:
    """A task and the name of one of its files in proc."""
    task, _, name = text.partition("/")
    return Word(task.strip("{}")), Text(name)


def _fd(handle: Any) -> Call:
    return _call("FD", Word(str(handle)))


def _keep(handle: Any, call: Call | Away) -> Call:
    return _call("KEEP", Word(str(handle)), call)


def _proc(name: str, how: str) -> Call:
    return _call("open_proc", *_file(name), Word(how))


def _signal(value: int) -> Word:
    return Word(SIGNALS.get(value, str(value)))


def _ioctl(w: list[Any]) -> Call:
    request = next(name for name, value in IOCTL.items() if value == w[2])
    if request == "owner_uid":
        return _call("owner_uid", _fd(w[0]))
    if request.startswith("mnt_"):
        return _keep(w[1], _call("ioctl", _fd(w[0]), Word(ioctl_name(request)), Null()))
    call = _call("ioctl", _fd(w[0]), Word(ioctl_name(request)))
    return _keep(w[1], call) if request in ("userns", "parent") else call


def ioctl_name(request: str) -> str:
    """The constant of a request on a namespace's file (include/uapi/linux/nsfs.h)."""
    return f"NS_MNT_GET_{request[4:].upper()}" if request.startswith("mnt_") else f"NS_GET_{request.upper()}"


def _mount(w: list[Any]) -> Call | Away:
    source, target, kind, word, *new = w
    name, _, data = kind.partition(",")
    type_ = Null() if kind == "-" else Text(name)
    if not new:
        return _on("mount", source, target, type_, flags(word, MS_BITS), _call("hierarchy") if data else Null())
    names, how = new
    return _on("mount_new", source, target, type_, flags(word, MS_BITS), Text(names.strip("-")), Word(str(how)))


def _fsmount(w: list[Any]) -> Call:
    handle, context, word, names, how = w
    if names == "-":
        return _keep(handle, _system("fsmount", _fd(context), Word("0"), flags(word, ATTR_BITS)))
    return _keep(handle, _call("fsmount_new", _fd(context), flags(word, ATTR_BITS), Text(names), Word(str(how))))


def _prctl(w: list[Any]) -> Call:
    option, *rest = w
    words = [str(r) for r in rest]
    name = PRCTL[option]
    if name == "PR_CAP_AMBIENT":
        words[0] = AMBIENT[rest[0]]
        words[1] = words[1] if words[0].endswith("ALL") else CAPABILITIES[rest[1]]
    elif name.startswith("PR_CAPBSET"):
        words[0] = CAPABILITIES[rest[0]]
    elif name == "PR_SET_SECUREBITS":
        words[0] = flags(rest[0], SECUREBIT_BITS).text
    return _call("prctl", Word(name), *map(Word, words), Word("0"))


def _map_text(word: str) -> Tree:
    """What is written to a map: `_` is a space, `/` ends a line, `P` alone a page of empty lines."""
    return _call("a_page") if word == "P" else Text(word.replace("_", " ").replace("/", "\n"))


def _ids(name: str) -> Callable[[list[Any]], Call]:
    return lambda w: _system(name, *map(_word, w))


def _numbers(name: str) -> Callable[[list[Any]], Call]:
    return lambda w: _call(name, *map(_word, w))


CALLS: dict[str, Callable[[list[Any]], Call | Away]] = {
    "U": lambda w: _call("unshare", flags(w[0], CLONE_BITS)),
    "S": lambda w: _call("setns", _fd(w[0]), flags(w[1], NS_BITS)),
    "O": lambda w: _keep(w[0], _proc(w[1], "O_RDONLY")),
    "P": lambda w: _keep(w[0], _system("pidfd_open", _word(w[1]), Word("0"))),
    "X": lambda w: _call("CLOSE", Word(str(w[0]))),
    "G": lambda w: _system("pidfd_send_signal", _fd(w[0]), _signal(w[1]), Null(), Word("0")),
    "K": lambda w: _call("kill", _word(w[0]), _signal(w[1])),
    "T": lambda w: _system("tgkill", _word(w[0]), _word(w[1]), _signal(w[2])),
    "W": lambda w: _call("wait_for", _word(w[0])),
    "I": lambda w: _call("wait_id", Word(("P_ALL", "P_PID", "P_PGID")[w[0]]), _word(w[1]), flags(w[2], WAIT_BITS)),
    "E": lambda w: _system("exit", Word(str(w[0]))),
    "Q": lambda w: _system("exit_group", Word(str(w[0]))),
    "p": lambda w: _call("getpid"),
    "t": lambda w: _system("gettid"),
    "q": lambda w: _call("getppid"),
    "g": _numbers("getpgid"),
    "s": _numbers("getsid"),
    "R": lambda w: _call("prctl", Word("PR_SET_CHILD_SUBREAPER"), *map(Word, (str(w[0]), "0", "0", "0"))),
    "Z": lambda w: _call("setsid"),
    "Y": _numbers("setpgid"),
    "A": lambda w: _call("on_sigterm", Word(HANDLERS[w[0]])),
    "J": _ioctl,
    "F": lambda w: _call("set_limit", Text(w[0]), Text(str(w[1]))),
    "ur": _ids("setresuid"),
    "ue": _ids("setreuid"),
    "uu": _ids("setuid"),
    "ug": _ids("setresgid"),
    "uh": _ids("setregid"),
    "us": _ids("setgid"),
    "uG": lambda w: _system("setgroups", Word(str(w[0])), Ids(tuple(w[1 : 1 + w[0]]))),
    "uU": lambda w: _call("getuid"),
    "uI": lambda w: _call("getgid"),
    "uc": lambda w: _call("set_capabilities", *(Word(f"{value:#x}") for value in w)),
    "up": _prctl,
    "uW": lambda w: _call("write_text", _proc(w[0], "O_WRONLY"), _map_text(w[1])),
    "uo": lambda w: _keep(w[0], _proc(w[1], "O_WRONLY")),
    "uw": lambda w: _call("rewrite", _fd(w[0]), _map_text(w[1])),
    "ux": lambda w: _call("EXECUTE", Null() if w[0] == "-" else Text(w[0])),
    "uk": lambda w: _call("chmod", Text(w[0]), Word(f"{w[1]:#o}")),
    "uS": lambda w: _call("SEAL", *map(_word, w)),
    "mm": _mount,
    "mu": lambda w: _on("umount2", w[0], flags(w[1], UMOUNT_BITS)),
    "mo": lambda w: _keep(w[0], _on("open", w[1], Word(OPEN[w[2]]))),
    "mf": lambda w: _call("fchdir", _fd(w[0])),
    "md": lambda w: _on("chdir", w[0], where="STAY"),
    "mr": lambda w: _on("chroot", w[0]),
    "mp": lambda w: _on("SYS_pivot_root", w[0], w[1], where="TO_ROOT" if w[2] else "BACK"),
    "mt": lambda w: _keep(w[0], _on("SYS_open_tree", Word("AT_FDCWD"), w[1], flags(w[2], TREE_BITS))),
    "mv": lambda w: _on("SYS_move_mount", Word("AT_FDCWD"), w[0], Word("AT_FDCWD"), w[1], flags(w[2], MOVE_BITS)),
    "ma": lambda w: _on(
        "set_attributes", w[0], flags(w[1], SETATTR_BITS), flags(w[2], ATTR_BITS), flags(w[3], ATTR_BITS),
        flags(w[4], MS_BITS),
    ),
    "ms": lambda w: _keep(w[0], _system("fsopen", Text(w[1]), Word("0"))),
    "mg": lambda w: _call("configure", _fd(w[0]), Null() if w[1] == "-" else Text(w[1]), Word(FSCONFIG[w[2]])),
    "mF": _fsmount,
    "mk": lambda w: _keep(w[0], _on("SYS_fspick", Word("AT_FDCWD"), w[1], Word("0"))),
    "mx": lambda w: _on("rmdir_and_make", w[0]),
    "mX": lambda w: _on("unlink_and_make", w[0]),
    "mE": lambda w: _on(
        "SYS_renameat2", Word("AT_FDCWD"), w[0], Word("AT_FDCWD"), w[1], Word("RENAME_EXCHANGE"),
    ),
    "mw": lambda w: _on("write_again", w[0]),
    "mR": lambda w: _on("rename_and_make", w[0], w[1], Word(str(w[2]))),
}  # fmt: skip
"""The call of each command."""
