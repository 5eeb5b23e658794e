#!/usr/bin/env python3
"""MP19: a synchronous umount takes along a propagated copy that is in use (f0d0ba19985d, Linux 6.17).

The copy has a child, so nobody looks whether it is in use; the child goes too, and so does the copy, under an open
descriptor. It is the shortest trace of this folder: the copy is mounted on itself.

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
    Path(top, "a").mkdir()
    make(top, SHARED)
    bind(top, f"{top}/a")
    descriptor = os.open(f"{top}/a", os.O_PATH)
    bind(f"{top}/a/a", f"{top}/a/a")
    done = umount(f"{top}/a/a")
    print("umount, while a descriptor holds the copy:", "refused" if done else "done")
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    left = [text for text in lines if f"{top}/a" in text]
    print("mounts left on /a:", len(left))
    os.close(descriptor)
    return done == 0 and not left


in_child(play)
