#!/usr/bin/env python3
"""A recursive bind takes along the file of a mount namespace unchecked (fixed by c640a01a78e4 in 2026).

A namespace ends up with a mount of its own file, and so holds itself for ever once its processes are gone. Here the
mount is taken off again before the end.

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
        # Linux 6.18 orders namespaces by ids that every processor draws from a batch of its own.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
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
    place = Path(top, "f")
    place.write_text("", encoding="utf-8")
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        LIBC.unshare(NEWNS)
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    bind("/proc/self/ns/uts", str(place))
    lower = os.open(place, os.O_PATH)
    bind(f"/proc/{child}/ns/mnt", str(place))
    own = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    file = os.open(f"/proc/{child}/ns/mnt", os.O_RDONLY)
    check("setns", LIBC.setns(file, NEWNS))
    done = mount(f"/proc/self/fd/{lower}", str(place), None, BIND | REC)
    inside = str(Path("/proc/self/ns/mnt").readlink())
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    held = any(inside in text for text in lines)
    print("recursive bind:", "refused" if done else "done", "- the namespace holds its own file:", held)
    while umount(str(place), DETACH) == 0:
        pass
    check("setns back", LIBC.setns(own, NEWNS))
    os.write(go[1], b"x")
    os.waitpid(child, 0)
    return done == 0 and held


in_child(play)
