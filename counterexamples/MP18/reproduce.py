#!/usr/bin/env python3
"""MP18: move_mount with MOVE_MOUNT_SET_GROUP takes an unbindable target (9ffb14ef61ba, Linux 5.15).

A slave's group is given to an unbindable mount, which is then slave and unbindable at once.

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


MOVE_MOUNT, AT_FDCWD, SET_GROUP = 429, -100, 0x100


def play(top: str) -> bool:
    for name in ("b", "c"):
        Path(top, name).mkdir()
    make(top, SHARED)
    bind(top, f"{top}/b")
    make(f"{top}/b", SLAVE)
    bind(top, f"{top}/c")
    make(f"{top}/c", UNBINDABLE)
    source, target = f"{top}/b".encode(), f"{top}/c".encode()
    done = LIBC.syscall(MOVE_MOUNT, AT_FDCWD, source, AT_FDCWD, target, SET_GROUP)
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    line = next(text for text in lines if text.split()[4] == f"{top}/c")
    print("move_mount:", "refused" if done else "done", "-", line)
    return done == 0 and "master:" in line and "unbindable" in line


in_child(play)
