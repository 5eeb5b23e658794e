"""Calls and texts in Python."""

from __future__ import annotations

import signal

from nsmodel.oracle.live.translate import IOCTL
from nsmodel.testgen.calls import (
    AMBIENT,
    ATTR_BITS,
    CAPABILITIES,
    CLONE_BITS,
    FSCONFIG,
    MOVE_BITS,
    MS_BITS,
    NS_BITS,
    OPEN,
    PRCTL,
    SECUREBIT_BITS,
    TREE_BITS,
    UMOUNT_BITS,
    WAIT_BITS,
    Away,
    Call,
    Ids,
    Null,
    Text,
    Tree,
    Word,
    given,
    ioctl_name,
    quoted,
)
from nsmodel.testgen.performance import Act, Number

SYSTEM_CALLS = {
    "exit": 60, "setuid": 105, "setgid": 106, "setreuid": 113, "setregid": 114, "setgroups": 116, "setresuid": 117,
    "setresgid": 119, "pivot_root": 155, "gettid": 186, "exit_group": 231, "tgkill": 234, "renameat2": 316,
    "pidfd_send_signal": 424, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsmount": 432, "fspick": 433,
    "pidfd_open": 434,
}  # fmt: skip
"""Numbers on x86_64."""
CONSTANTS: dict[str, int] = {
    **CLONE_BITS, **NS_BITS, **MS_BITS, **UMOUNT_BITS, **ATTR_BITS, **TREE_BITS, **MOVE_BITS, **WAIT_BITS,
    **SECUREBIT_BITS,
    **{name: bit for table in (CAPABILITIES, PRCTL, AMBIENT, OPEN, FSCONFIG) for bit, name in table.items()},
    **{f"SYS_{name}": number for name, number in SYSTEM_CALLS.items()},
    **{ioctl_name(name): number for name, number in IOCTL.items()},
    **{name: int(getattr(signal, name)) for name in ("SIGKILL", "SIGTERM", "SIG_DFL", "SIG_IGN")},
    "AT_FDCWD": -100, "PR_SET_CHILD_SUBREAPER": 36, "P_ALL": 0, "P_PID": 1, "P_PGID": 2,
    "RENAME_EXCHANGE": 2,
}  # fmt: skip
"""Every constant that a call can have."""
NAMES = {
    "open": "open_file", "KEEP": "keep", "SPAWN": "spawn", "CLOSE": "close_handle", "FD": "fd", "AT": "at",
    "HERE": "here", "SEAL": "seal",
}  # fmt: skip
"""What the runtime calls what others have as macros."""


def text(tree: Tree) -> str:
    """A call, or an argument of one."""
    match tree:
        case Word(word):
            return word
        case Text(words):
            return quoted(words)
        case Null():
            return "None"
        case Ids(values):
            return f"ids({', '.join(map(str, values))})"
        case Number():
            return f"{'-' * tree.negative}nr({tree.task}, {tree.level})"
        case Call(name, arguments):
            return f"{NAMES.get(name, name)}({', '.join(map(text, arguments))})"
        case Away(call, "BACK"):
            return f"from_proc(lambda: {text(call)})"
        case Away(call, where):
            return f"from_proc(lambda: {text(call)}, {quoted(where)})"
    raise TypeError(tree)


def result(act: Act) -> str:
    """What a call gives."""
    return given(act, text, "errno.")
