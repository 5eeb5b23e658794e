#!/usr/bin/env python3
"""MP17: the copy of a mount namespace forgets what is unbindable (406fea799925, Linux 6.17).

A bind of an unbindable mount is refused; after unshare(CLONE_NEWNS) the copy of that mount can be bound.

Exit status: 0 this kernel has the bug, 1 it has not, 4 it cannot be run here (root is needed). Nothing but the standard
library is used, and nothing is left behind.
"""

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
NEWNS = 0x20000
BIND, MOVE, REC, DETACH = 4096, 8192, 16384, 2
UNBINDABLE, PRIVATE, SLAVE, SHARED = (1 << bit for bit in (17, 18, 19, 20))
REPRODUCED, FIXED, CANNOT = 0, 1, 4


def check(what: str, result: int) -> None:
    """A step that must succeed; without it nothing can be said."""
    if result != 0:
        print(f"cannot run here: {what}: {os.strerror(ctypes.get_errno())}")
        sys.exit(CANNOT)


def mount(source: str | None, target: str, kind: str | None, flags: int) -> int:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    return LIBC.mount(*words, ctypes.c_ulong(flags), None)


def umount(target: str, flags: int = 0) -> int:
    return LIBC.umount2(target.encode(), flags)


def bind(source: str, target: str, flags: int = 0) -> None:
    check(f"bind {source} on {target}", mount(source, target, None, BIND | flags))


def make(target: str, kind: int) -> None:
    check(f"change of type of {target}", mount(None, target, None, kind))


def sandbox(top: str) -> None:
    """A mount namespace of one's own, in which nothing reaches the machine, and a tmpfs to play in."""
    check("unshare (root is needed)", LIBC.unshare(NEWNS))
    check("making everything private", mount(None, "/", None, REC | PRIVATE))
    check("a tmpfs", mount("sandbox", top, "tmpfs", 0))


def in_child(play: Callable[[str], bool]) -> None:
    """Run in a process of its own, so that nothing is left behind."""
    top = tempfile.mkdtemp(prefix="nsmodel-")
    pid = os.fork()
    if pid == 0:
        status = CANNOT
        try:
            sandbox(top)
            status = REPRODUCED if play(top) else FIXED
        except SystemExit as end:
            status = int(end.code or 0)
        finally:
            sys.stdout.flush()
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    Path(top).rmdir()
    print(os.uname().release, {REPRODUCED: "has the bug", FIXED: "has not the bug"}.get(status, "cannot tell"))
    sys.exit(status)


def play(top: str) -> bool:
    for name in ("a", "b"):
        Path(top, name).mkdir()
    check("a mount on a", mount("a", f"{top}/a", "tmpfs", 0))
    make(f"{top}/a", UNBINDABLE)
    refused = mount(f"{top}/a", f"{top}/b", None, BIND)
    print("bind of the unbindable mount:", "refused" if refused else "allowed")
    check("unshare", LIBC.unshare(NEWNS))
    again = mount(f"{top}/a", f"{top}/b", None, BIND)
    print("bind of its copy in the new namespace:", "refused" if again else "allowed")
    return refused != 0 and again == 0


in_child(play)
