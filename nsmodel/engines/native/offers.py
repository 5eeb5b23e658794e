"""Reads the calls of a state that native code has listed."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nsmodel.engines.native import context
from nsmodel.engines.native.calls import flat_argument, flat_types
from nsmodel.engines.native.library import Library
from nsmodel.engines.native.listing import record_size
from nsmodel.ir.state import Frozen
from nsmodel.ir.types import RefType
from nsmodel.system.operation import Call, Operation

FIRST_ROOM = 1 << 10
"""Records that there is room for at first."""


@dataclass(frozen=True)
class Offer:
    """A call, the number of its operation, its status, and its result where it has one."""

    call: Call
    operation: int
    status: int
    result: int


class Offers:
    """Lists calls; the library's program must be one that lists."""

    def __init__(self, library: Library) -> None:
        self.library = library
        program = library.program
        self._size = record_size(program.calls)
        self._room = FIRST_ROOM
        self._out = (ctypes.c_uint32 * (self._room * self._size))()
        self._context = (ctypes.c_uint64 * context.SIZE)()
        self._readers = [_Reader(rule.operation) for rule in program.calls.rules]

    def of(self, state: Frozen) -> Iterator[Offer]:
        """Every call of a state in the order of the operations."""
        layout = self.library.program.layout
        words = (ctypes.c_uint64 * layout.words)(*layout.pack(state))
        while True:
            addresses = (ctypes.addressof(part) for part in (self._context, words, self._out))
            found = int(self.library.offers(*addresses, self._room))
            if found <= self._room:
                break
            self._room = 2 * found
            self._out = (ctypes.c_uint32 * (self._room * self._size))()
        numbers = self._out[: found * self._size]
        for start in range(0, len(numbers), self._size):
            operation, status, result, *flat = numbers[start : start + self._size]
            signed = result - (1 << 32) if result >> 31 else result
            yield Offer(self._readers[operation].call(flat), operation, status, signed)


class _Reader:
    """Reads the arguments of an operation from numbers."""

    def __init__(self, operation: Operation) -> None:
        self.name = operation.name
        self._parts: list[tuple[str, int, dict[tuple[int, ...], Any] | None]] = []
        for (name, kind), offered in zip(operation.parameters, operation.values, strict=True):
            if isinstance(kind, RefType):
                self._parts.append((name, 1, None))
            else:
                known = {tuple(v & 0xFFFFFFFF for v in flat_argument(kind, value)): value for value in offered or ()}
                self._parts.append((name, len(flat_types(kind)), known))

    def call(self, flat: list[int]) -> Call:
        """The call with some flattened arguments."""
        out = []
        at = 0
        for name, size, known in self._parts:
            value = (flat[at] or None) if known is None else known[tuple(flat[at : at + size])]
            out.append((name, value))
            at += size
        return Call(self.name, tuple(out))
