"""The calls of one state with what each comes to, listed in native code: rules tell at once which calls are none.

`offers(context, words, out, most)` writes a record of 32-bit numbers for each call, as long as there is room, and gives
back how many there are: the operation's number, the status (see :mod:`nsmodel.engines.native.sites`), the result, and
the arguments, flattened.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nsmodel.engines.native import context, sites
from nsmodel.engines.native.calls import Rule, flat_argument, flat_types
from nsmodel.engines.native.emit import I32, I64, POINTER, VOID, Code, Value, declare
from nsmodel.ir.state import Frozen
from nsmodel.ir.types import RefType
from nsmodel.system.operation import Call, Operation

if TYPE_CHECKING:
    from nsmodel.engines.native.library import Library
    from nsmodel.engines.native.program import Program

HEAD = 3
"""Numbers of a record before the arguments."""
FIRST_ROOM = 1 << 10
"""Records that there is room for at first."""


def record_size(program: Program) -> int:
    """Numbers of a record."""
    return HEAD + max((len(rule.definition.params) for rule in program.calls.rules), default=0)


def write_listing(program: Program) -> None:
    """Write the function `offers`."""
    function = declare(program.module, "offers", I64, [POINTER, POINTER, POINTER, I64], exported=True)
    code = Code(function)
    ctx, words, out, most = function.args
    before, after = (code.room(I64, program.layout.size // 8) for _ in range(2))
    code.b.call(program.packing.unpack, [words, before])
    found = code.variable(I64(0))
    for number, rule in enumerate(program.calls.rules):
        code.b.call(_write_rule(program, number, rule), [before, after, ctx, out, most, found])
    code.b.ret(code.load(found, I64))
    code.finish()


def _write_rule(program: Program, number: int, rule: Rule) -> Any:
    """All calls of one operation."""
    name = program.module.get_unique_name(f"offers.{rule.operation.name}")
    function = declare(program.module, name, VOID, [POINTER, POINTER, POINTER, POINTER, I64, POINTER])
    code = Code(function)
    before, after, ctx, out, most, found = function.args
    size = record_size(program)

    def one(args: list[Value]) -> None:
        status = code.b.call(rule.step, [before, after, ctx, *args])
        with code.when(code.differs(status, I32(sites.DISABLED))):
            count = code.load(found, I64)
            with code.when(code.b.icmp_unsigned("<", count, most)):
                record = code.item(out, code.b.mul(count, I64(size)), I32)
                numbers = [I32(number), status, context.get(code, ctx, "result"), *args]
                for i, value in enumerate(numbers):
                    code.store(code.fit(value, I32), code.item(record, i, I32))
            code.store(code.b.add(count, I64(1)), found)

    program.calls.each(code, rule, before, ctx, one)
    code.b.ret_void()
    code.finish()
    return function


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
        self._size = record_size(program)
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
