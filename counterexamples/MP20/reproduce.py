#!/usr/bin/env python3
"""MP20: what propagates to a place beneath a locked mount is not locked (Linux 6.18; fixed by d74d66aa708c).

A container of another owner has a copy of a directory on which something is mounted, locked, so that it must not see
what is below. The host mounts something on the same directory of a mount that propagates to it: that goes beneath the
locked mount. A recursive bind of the container's own, unmounted lazily while it stands in it, then shows what was
hidden.

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
NEWNS, NEWUSER = 0x20000, 0x10000000
BIND, REC, DETACH = 4096, 16384, 2
PRIVATE, SLAVE, SHARED = (1 << bit for bit in (18, 19, 20))
REPRODUCED, FIXED, CANNOT = 0, 1, 4


def check(what: str, result: int) -> None:
    """A step that must succeed; without it nothing can be said."""
    if result != 0:
        print(f"cannot run here: {what}: {os.strerror(ctypes.get_errno())}")
        sys.stdout.flush()
        os._exit(CANNOT)


def mount(source: str | None, target: str, kind: str | None, flags: int) -> int:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    return LIBC.mount(*words, ctypes.c_ulong(flags), None)


def names_in(folder: str) -> list[str]:
    return [path.name for path in Path(folder).iterdir()]


def container(top: str, ready: int, go: int) -> int:
    """Covers the directory, gives its tree to a user namespace, and looks below the cover from there."""
    shared, own = f"{top}/a", f"{top}/b"
    check("a mount namespace", LIBC.unshare(NEWNS))
    check("being a slave", mount(None, shared, None, SLAVE))
    check("the cover", mount("cover", f"{shared}/d", "tmpfs", 0))
    check("a user namespace", LIBC.unshare(NEWUSER | NEWNS))
    locked = LIBC.umount2(f"{shared}/d".encode(), 0) != 0
    print("the cover is locked:", "yes" if locked else "no")
    check("a bind of one's own", mount(shared, own, None, BIND | REC))
    inside = os.open(own, os.O_PATH)
    print("below the cover, before:", names_in(f"/proc/self/fd/{inside}/d"))
    os.write(ready, b"x")
    os.read(go, 1)
    check("its lazy unmount", LIBC.umount2(own.encode(), DETACH))
    seen = names_in(f"/proc/self/fd/{inside}/d")
    print("below the cover, after:", seen)
    return REPRODUCED if locked and "secret" in seen else FIXED


def play(top: str) -> int:
    for name in ("a", "b"):
        Path(top, name).mkdir()
    check("a file system", mount("shown", f"{top}/a", "tmpfs", 0))
    Path(top, "a", "d").mkdir()
    Path(top, "a", "d", "secret").touch()
    check("being shared", mount(None, f"{top}/a", None, SHARED))
    (ready, tell_ready), (go, tell_go) = os.pipe(), os.pipe()
    pid = in_process(lambda: container(top, tell_ready, go))
    os.close(tell_ready)
    if os.read(ready, 1):
        check("the host's mount", mount("new", f"{top}/a/d", "tmpfs", 0))
        os.write(tell_go, b"x")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def sandboxed(top: str) -> int:
    """A mount namespace of one's own, in which nothing reaches the machine, and a tmpfs to play in."""
    check("unshare (root is needed)", LIBC.unshare(NEWNS))
    check("making everything private", mount(None, "/", None, REC | PRIVATE))
    check("a tmpfs", mount("sandbox", top, "tmpfs", 0))
    return play(top)


def in_process(what: Callable[[], int]) -> int:
    """Run in a process of its own, which ends with what that gives."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = CANNOT
        try:
            status = what()
        finally:
            sys.stdout.flush()
            os._exit(status)
    return pid


place = tempfile.mkdtemp(prefix="nsmodel-")
status = os.waitstatus_to_exitcode(os.waitpid(in_process(lambda: sandboxed(place)), 0)[1])
Path(place).rmdir()
print(os.uname().release, {REPRODUCED: "has the bug", FIXED: "has not the bug"}.get(status, "cannot tell"))
sys.exit(status)
