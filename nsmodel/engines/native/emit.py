"""A function of LLVM while it is written: memory by byte offset, loops and branches as contexts.

llvmlite types the result of `alloca` with what it points to, everything else is an opaque pointer; :meth:`Code.room`
gives opaque ones only, so that nothing else has to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir as ll

I1, I8, I16, I32, I64 = (ll.IntType(n) for n in (1, 8, 16, 32, 64))
POINTER = ll.PointerType()
VOID = ll.VoidType()
Value = Any
"""A value of LLVM: llvmlite has no types."""


def integer(width: int) -> Any:
    """The integer type of a width in bits."""
    return ll.IntType(width)


class Code:
    """Writes the body of one function."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self._entry = ll.IRBuilder(function.append_basic_block("entry"))
        self._start = function.append_basic_block("start")
        self.b: Any = ll.IRBuilder(self._start)

    # -- blocks -------------------------------------------------------------------------------------------------------

    def block(self, name: str = "b") -> Any:
        """A new block."""
        return self.function.append_basic_block(name)

    def at(self, block: Any) -> None:
        """Go on writing at the end of a block."""
        self.b.position_at_end(block)

    @property
    def ended(self) -> bool:
        """Whether the current block has left already."""
        return bool(self.b.block.is_terminated)

    def go(self, block: Any) -> None:
        """Branch, unless the block has left already."""
        if not self.ended:
            self.b.branch(block)

    def finish(self) -> None:
        """The function is complete."""
        self._entry.branch(self._start)

    def room(self, kind: Any, count: int = 1) -> Value:
        """Memory on the stack."""
        made = self._entry.alloca(kind if count == 1 else ll.ArrayType(kind, count))
        made.type = POINTER
        return made

    def variable(self, value: Value) -> Value:
        """Memory that starts with a value here."""
        room = self.room(value.type)
        self.b.store(value, room)
        return room

    # -- memory -------------------------------------------------------------------------------------------------------

    def byte(self, base: Value, offset: Value | int) -> Value:
        """The address some bytes behind a base."""
        at = I64(offset) if isinstance(offset, int) else self.wide(offset)
        return self.b.gep(base, [at], source_etype=I8)

    def item(self, base: Value, index: Value | int, kind: Any) -> Value:
        """The address of an item of an array."""
        at = I64(index) if isinstance(index, int) else self.wide(index)
        return self.b.gep(base, [at], source_etype=kind)

    def load(self, address: Value, kind: Any) -> Value:
        """Read an integer."""
        return self.b.load(address, typ=kind, align=kind.width // 8 if kind.width >= 8 else 1)

    def load_byte_aligned(self, address: Value, kind: Any) -> Value:
        """Read an integer at any address."""
        return self.b.load(address, typ=kind, align=1)

    def store(self, value: Value, address: Value) -> None:
        """Write an integer."""
        self.b.store(value, address, align=value.type.width // 8 if value.type.width >= 8 else 1)

    def add_to(self, address: Value, amount: Value) -> None:
        """Add to an integer in memory."""
        self.store(self.b.add(self.load(address, amount.type), amount), address)

    def zero(self, address: Value, count: Value | int) -> None:
        """Zero some bytes."""
        size = I64(count) if isinstance(count, int) else count
        fill = self.function.module.declare_intrinsic("llvm.memset", [POINTER, I64])
        self.b.call(fill, [address, I8(0), size, I1(0)])

    def copy(self, to: Value, source: Value, count: int) -> None:
        """Copy some bytes."""
        move = self.function.module.declare_intrinsic("llvm.memcpy", [POINTER, POINTER, I64])
        self.b.call(move, [to, source, I64(count), I1(0)])

    # -- numbers ------------------------------------------------------------------------------------------------------

    def fit(self, value: Value, kind: Any) -> Value:
        """An unsigned value with another width."""
        if value.type == kind:
            return value
        return self.b.zext(value, kind) if value.type.width < kind.width else self.b.trunc(value, kind)

    def wide(self, value: Value) -> Value:
        """An unsigned value with 64 bits."""
        return self.fit(value, I64)

    def bit(self, slot: Value, kind: Any) -> Value:
        """The mask with one bit."""
        return self.b.shl(kind(1), self.fit(slot, kind))

    def has(self, mask: Value, slot: Value) -> Value:
        """Whether a bit is set."""
        return self.b.trunc(self.b.lshr(mask, self.fit(slot, mask.type)), I1)

    def lowest(self, mask: Value, kind: Any) -> Value:
        """The lowest set bit's number."""
        return self.fit(self.b.cttz(mask, I1(1)), kind)

    def same(self, a: Value, b: Value) -> Value:
        """Equality."""
        return self.b.icmp_unsigned("==", a, b)

    def differs(self, a: Value, b: Value) -> Value:
        """Inequality."""
        return self.b.icmp_unsigned("!=", a, b)

    # -- control ------------------------------------------------------------------------------------------------------

    @contextmanager
    def when(self, condition: Value, *, rare: bool = False) -> Iterator[None]:
        """Only where a condition holds."""
        inside, after = self.block("then"), self.block("after")
        branch = self.b.cbranch(condition, inside, after)
        if rare:
            branch.set_weights([1, 1000])
        self.at(inside)
        yield
        self.go(after)
        self.at(after)

    @contextmanager
    def otherwise(self, condition: Value) -> Iterator[Any]:
        """Where a condition holds, and what comes after it for the rest: yields the block after both."""
        inside, after = self.block("then"), self.block("after")
        self.b.cbranch(condition, inside, after)
        self.at(inside)
        yield after
        self.go(after)
        self.at(after)

    @contextmanager
    def count(self, start: Value, end: Value) -> Iterator[Value]:
        """For each number from `start` to before `end` (64 bits)."""
        at = self.variable(start)
        head, body, done = self.block("head"), self.block("body"), self.block("done")
        self.go(head)
        self.at(head)
        index = self.load(at, I64)
        self.b.cbranch(self.b.icmp_unsigned("<", index, end), body, done)
        self.at(body)
        yield index
        if not self.ended:
            self.store(self.b.add(self.load(at, I64), I64(1)), at)
            self.b.branch(head)
        self.at(done)

    @contextmanager
    def bits(self, mask: Value, kind: Any, *, leave: Any = None) -> Iterator[tuple[Value, Any]]:
        """For each set bit in order: its number, and the block of the next round; ends in `leave` where given."""
        left = self.variable(mask)
        head, body, done = self.block("head"), self.block("body"), leave or self.block("done")
        self.go(head)
        self.at(head)
        now = self.load(left, mask.type)
        self.b.cbranch(self.same(now, mask.type(0)), done, body)
        self.at(body)
        self.store(self.b.and_(now, self.b.sub(now, mask.type(1))), left)
        yield self.lowest(now, kind), head
        self.go(head)
        self.at(done)


def declare(module: Any, name: str, result: Any, parameters: Sequence[Any], *, exported: bool = False) -> Any:
    """A function without a body yet; its pointers do not overlap."""
    function = ll.Function(module, ll.FunctionType(result, parameters), name)
    function.attributes.add("nounwind")
    if not exported:
        function.linkage = "internal"
    for argument in function.args:
        if isinstance(argument.type, ll.PointerType):
            argument.add_attribute("noalias")
    return function


def known(value: Value) -> int | None:
    """The number that a value is at compile time, or None."""
    found = value.constant if isinstance(value, ll.Constant) else None
    return int(found) if isinstance(found, int) else None


HASH_A, HASH_B, HASH_C = 0x9FB21C651E98DF25, 0xD6E8FEB86659FD93, 0x9E3779B97F4A7C15


def mixed(code: Code, value: Value, salt: int) -> Value:
    """A 64-bit hash of a number and a constant."""
    b = code.b
    x = b.mul(b.xor(value, I64((salt * HASH_C) & (1 << 64) - 1)), I64(HASH_A))
    x = b.xor(x, b.lshr(x, I64(32)))
    x = b.mul(x, I64(HASH_B))
    return b.xor(x, b.lshr(x, I64(29)))
