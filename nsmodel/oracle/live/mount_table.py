"""The mount table of a namespace, seen from outside by its 64-bit id: listmount(2), statmount(2), Linux 6.11 and newer.

Nothing is opened, so a table can be read of a namespace without processes, and reading it leaves mounts as idle as they
were. One exception: both calls start at the mount on the namespace's bottom, and take an expiry mark off it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import NamedTuple

from nsmodel.oracle.errors import OracleUnavailable

SYS_STATX, SYS_STATMOUNT, SYS_LISTMOUNT = 332, 457, 458
LSMT_ROOT = 0xFFFFFFFFFFFFFFFF
SUPERBLOCK, BASIC, ROOT, POINT = 1, 2, 8, 16
"""STATMOUNT_*: what is asked of a mount."""
MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE, MS_SHARED = 1 << 17, 1 << 18, 1 << 19, 1 << 20
SB_RDONLY = 1
STATX_INO, STATX_MNT_ID_UNIQUE = 0x100, 0x4000
_REPLY = struct.Struct("=IIQIIQIIQQIIQQQQQII")
_HEAD = 512
"""Where the texts of `struct statmount` begin."""
_MOST = 4096
"""Mounts of one namespace that are listed."""

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = (ctypes.c_long, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_long, ctypes.c_long)
_statx = ctypes.CDLL(None, use_errno=True).statx
_statx.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)
_ids = ctypes.create_string_buffer(8 * _MOST)
_reply = ctypes.create_string_buffer(_HEAD + 4096)
_stat = ctypes.create_string_buffer(256)


class MountSeen(NamedTuple):
    """A mount as the kernel tells it. Ids are never given twice; a group is 0 for none."""

    id: int
    parent: int
    """The bottom of a namespace is its own parent."""
    device: tuple[int, ...]
    superblock_flags: int
    attributes: int
    """MOUNT_ATTR_*."""
    propagation: int
    """MS_SHARED, MS_SLAVE, MS_UNBINDABLE or MS_PRIVATE."""
    group: int
    master: int
    root: str
    """What of its file system it shows."""
    point: str
    """Where it is, as a path from the mount on the namespace's bottom."""


def table(ns: int) -> dict[int, MountSeen]:
    """The mounts of a namespace by id, without the bottom when nothing is on it; empty once the namespace is gone."""
    count = _syscall(SYS_LISTMOUNT, struct.pack("=IIQQQ", 32, 0, LSMT_ROOT, 0, ns), _address(_ids), _MOST, 0)
    if count < 0:
        error = ctypes.get_errno()
        if error == errno.ENOENT:
            return {}
        raise OracleUnavailable(
            "mounts cannot be listed",
            f"listmount: {os.strerror(error)}",
            "replay mounts as root on Linux 6.11 or newer",
        )
    out: dict[int, MountSeen] = {}
    for number in struct.unpack_from(f"={count}Q", _ids.raw):
        seen = one(ns, number)
        if seen is not None:
            out[number] = seen
    tops = {seen.parent for seen in out.values()} - out.keys()
    for number in tops:
        bottom = one(ns, number)
        if bottom is not None:
            out[number] = bottom
    return out


def one(ns: int, number: int) -> MountSeen | None:
    """One mount of a namespace; None when it is not in it."""
    asked = struct.pack("=IIQQQ", 32, 0, number, SUPERBLOCK | BASIC | ROOT | POINT, ns)
    if _syscall(SYS_STATMOUNT, asked, _address(_reply), len(_reply), 0) < 0:
        return None
    raw = _reply.raw
    told = _REPLY.unpack_from(raw)
    attributes, propagation, group, master = told[12:16]
    shown, at = _text(raw, told[17]), _text(raw, told[18])
    return MountSeen(told[8], told[9], told[3:5], told[6], attributes, propagation, group, master, shown, at)


def standing(path: str) -> tuple[int, int] | None:
    """Where a link such as /proc/PID/cwd leads: the mount's id and the file's number; None when it leads nowhere."""
    if _statx(-100, path.encode(), 0, STATX_INO | STATX_MNT_ID_UNIQUE, _address(_stat)) < 0:
        return None
    inode, mount = struct.unpack_from("=Q", _stat.raw, 32)[0], struct.unpack_from("=Q", _stat.raw, 144)[0]
    return mount, inode


def _address(buffer: ctypes.Array[ctypes.c_char]) -> int:
    return ctypes.addressof(buffer)


def _text(raw: bytes, offset: int) -> str:
    start = _HEAD + offset
    return raw[start : raw.index(b"\0", start)].decode(errors="replace")
