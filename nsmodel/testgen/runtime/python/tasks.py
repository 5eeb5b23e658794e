"""What a task does."""

import ctypes
import os
import signal
import struct
from typing import Any

from nsmodel.testgen.runtime.python.kernel import (
    CLONE_PARENT,
    LIBC,
    O_WRONLY,
    SYS_capset,
    SYS_clone3,
    SYS_waitid,
    chdir,
    libc,
    prctl,
    syscall,
)
from nsmodel.testgen.runtime.python.people import me, nr


class CloneArguments(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls", "set_tid",
            "set_tid_size", "cgroup",
        )
    ]  # fmt: skip


def clone(flags: int, tids: tuple[int, ...] = ()) -> int:
    """clone3 of a process, with the numbers that it shall have, the deepest level first."""
    array = (ctypes.c_int * max(len(tids), 1))(*tids)
    given = CloneArguments(flags=flags, exit_signal=0 if flags & CLONE_PARENT else signal.SIGCHLD)
    given.set_tid, given.set_tid_size = ctypes.addressof(array) if tids else 0, len(tids)
    return int(LIBC.syscall(SYS_clone3, ctypes.byref(given), ctypes.sizeof(given)))


def spawn(child: str, flags: int, *tids: int) -> int:
    """A process of the case is made."""
    result = clone(flags, tids)
    if result == -1:
        return -ctypes.get_errno()
    if result == 0:
        me.task, me.newborn = child, True
    return result


def fd(handle: int) -> int:
    """A descriptor of the task that runs."""
    return me.handles.get(handle, -1)


def keep(handle: int, result: int) -> int:
    """Keep a new descriptor; 0 says that there is one."""
    if result < 0:
        return result
    me.handles[handle] = result
    return 0


def close_handle(handle: int) -> int:
    return libc("close", me.handles.pop(handle, -1))


def handled(number: int, frame: object) -> None:
    """A handler that does nothing."""


def on_sigterm(how: Any) -> int:
    signal.signal(signal.SIGTERM, how)
    return 0


def wait_for(pid: int) -> int:
    told = ctypes.c_int()
    result = int(LIBC.wait4(ctypes.c_int(pid), ctypes.byref(told), os.WNOHANG, None))
    me.status = told.value
    return -ctypes.get_errno() if result == -1 else result


def wait_id(kind: int, number: int, options: int) -> int:
    return syscall(SYS_waitid, kind, number, ctypes.create_string_buffer(128), options, None)


def owner_uid(file: int) -> int:
    """Who owns the namespace of a file."""
    uid = (ctypes.c_uint * 1)()
    result = libc("ioctl", file, 0xB704, uid)
    return result if result < 0 else int(uid[0])


def open_proc(task: str, name: str, how: int) -> int:
    """A file of a task in the sandbox's proc, which is mounted nowhere."""
    return libc("openat", me.proc, f"{nr(task, 0)}/{name}", how)


def write_text(file: int, text: str) -> int:
    """Write to a file that was opened for that, and close it."""
    if file < 0:
        return file
    result = libc("write", file, text, len(text))
    libc("close", file)
    return min(result, 0)


def rewrite(file: int, text: str) -> int:
    """Write a file that is open from its beginning."""
    libc("lseek", file, 0, 0)
    return min(libc("write", file, text, len(text)), 0)


def a_page() -> str:
    """A page of empty lines, which no map file takes."""
    return "\n" * 4096


def set_limit(file: str, limit: str) -> int:
    return write_text(libc("openat", me.proc, file, O_WRONLY), limit)


def set_capabilities(effective: int, permitted: int, inheritable: int) -> int:
    sets = [(value >> shift) & 0xFFFFFFFF for shift in (0, 32) for value in (effective, permitted, inheritable)]
    return syscall(SYS_capset, struct.pack("II", 0x20080522, 0), struct.pack("6I", *sets))


def seal(*leaks: int) -> int:
    """What a runtime does last: close the descriptors that lead out, go to the root, take no new privileges."""
    for handle in leaks:
        close_handle(handle)
    return min(chdir("/"), 0) or prctl(38, 1, 0, 0, 0)
