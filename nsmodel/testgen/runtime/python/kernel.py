"""System calls, by the C library."""

import ctypes
import os
from collections.abc import Callable
from typing import Any

LIBC = ctypes.PyDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
AT_FDCWD, AT_EMPTY_PATH, O_RDONLY, O_WRONLY, O_PATH = -100, 0x1000, os.O_RDONLY, os.O_WRONLY, os.O_PATH
MS_REC, MS_PRIVATE, MS_SHARED, MNT_DETACH, MOUNT_ATTR_RDONLY = 16384, 1 << 18, 1 << 20, 2, 1
FSCONFIG_CMD_RECONFIGURE, CLONE_PARENT, CLONE_NEWNS, CLONE_NEWPID = 7, 0x8000, 0x20000, 0x20000000
SYS_statx, SYS_pivot_root, SYS_open_tree, SYS_move_mount, SYS_fsconfig = 332, 155, 428, 429, 431
SYS_fsmount, SYS_fspick, SYS_clone3, SYS_mount_setattr, SYS_statmount = 432, 433, 435, 442, 457
SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset, SYS_waitid = 117, 119, 116, 126, 247
PASSED, FAILED, CANNOT = 0, 1, 4  # exit status
NOBODY = 9999  # a number that no process has
SECONDS = 10  # how long a task may take for one call


def word(value: Any) -> Any:
    """An argument for the C library."""
    if value is None or isinstance(value, ctypes.Array | ctypes.Structure | bytes):
        return value
    return value.encode() if isinstance(value, str) else ctypes.c_long(value)


def libc(name: str, *given: Any) -> int:
    """A call of the C library; a negative error number when it fails."""
    result = int(getattr(LIBC, name)(*map(word, given)))
    return -ctypes.get_errno() if result == -1 else result


def syscall(number: int, *given: Any) -> int:
    """A system call by its number."""
    return libc("syscall", number, *given)


def call(name: str) -> Callable[..., int]:
    """A function of the C library as a call."""
    return lambda *given: libc(name, *given)


unshare = call("unshare")
setns = call("setns")
mount = call("mount")
umount2 = call("umount2")
chdir = call("chdir")
fchdir = call("fchdir")
chroot = call("chroot")
kill = call("kill")
prctl = call("prctl")
getpid = call("getpid")
getppid = call("getppid")
getpgid = call("getpgid")
getsid = call("getsid")
setsid = call("setsid")
setpgid = call("setpgid")
getuid = call("getuid")
getgid = call("getgid")
ioctl = call("ioctl")
chmod, open_file = call("chmod"), call("open")


def ids(*values: int) -> Any:
    """An array of ids."""
    return (ctypes.c_uint * max(len(values), 1))(*values)
