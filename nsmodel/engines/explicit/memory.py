"""Memory that native code fills: reserved at once, taken from the machine as it is touched."""

from __future__ import annotations

import ctypes
import mmap
import os
from contextlib import suppress
from pathlib import Path

MAP_NORESERVE = 0x4000
HUGE = 32 << 20
"""Bytes from which large pages are worth asking for."""


class Room:
    """A piece of zeroed memory. `address` is where it begins. Raises OSError when the machine refuses it."""

    def __init__(self, size: int) -> None:
        self.size = max(size, mmap.PAGESIZE)
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE
        self._map = mmap.mmap(-1, self.size, flags=flags)
        if self.size >= HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
            with suppress(OSError):
                self._map.madvise(mmap.MADV_HUGEPAGE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._map))

    def read(self, start: int, end: int) -> bytes:
        """A copy of some bytes."""
        return self._map[start:end]

    def write(self, start: int, data: bytes) -> None:
        """Store some bytes."""
        self._map[start : start + len(data)] = data

    def number(self, index: int, size: int) -> int:
        """An unsigned item of an array of items of `size` bytes."""
        return int.from_bytes(self._map[index * size : (index + 1) * size], "little")

    def put(self, index: int, size: int, value: int) -> None:
        """Store an unsigned item."""
        self._map[index * size : (index + 1) * size] = value.to_bytes(size, "little")

    def free(self) -> None:
        """Give the memory back."""
        self._map.close()


def words_apart(count: int) -> ctypes.Array[ctypes.c_uint64]:
    """Words that share no cache line with anything else: two threads that write to one line slow each
    other down by half."""
    whole = (ctypes.c_uint64 * (count + 2 * mmap.PAGESIZE // 8))()
    offset = -ctypes.addressof(whole) % mmap.PAGESIZE
    return (ctypes.c_uint64 * count).from_buffer(whole, offset)


def machine_memory() -> int:
    """Bytes that a search may take when nobody says how many: four fifths of what is available here."""
    available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        available = int(text.split("MemAvailable:")[1].split()[0]) * 1024
    with suppress(OSError, ValueError):
        available = min(available, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return available * 4 // 5
