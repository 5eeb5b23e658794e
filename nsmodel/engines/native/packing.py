"""Between the working and the packed form of a state: the significant bits of each word, gathered and spread.

One `pext` or `pdep` a word where the processor has them (x86-64 with BMI2); elsewhere the same in six steps of shifts
(Warren, Hacker's Delight, 7-4 and 7-5: compress and expand with a constant mask).
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding
from llvmlite import ir as ll

from nsmodel.engines.native.emit import I64, POINTER, VOID, Code, Value, declare
from nsmodel.engines.native.layout import Layout

WORD = (1 << 64) - 1


class Packing:
    """The functions `pack(state, words)` and `unpack(words, state)` of a layout."""

    def __init__(self, module: Any, layout: Layout) -> None:
        self.module = module
        self.layout = layout
        self.fast = has_bit_extract()
        self.pack = declare(module, "pack", VOID, [POINTER, POINTER])
        self.unpack = declare(module, "unpack", VOID, [POINTER, POINTER])

    def write(self) -> None:
        """Write both."""
        self._write_pack()
        self._write_unpack()

    def _write_pack(self) -> None:
        code = Code(self.pack)
        state, words = self.pack.args
        b = code.b
        out: list[Value] = [I64(0)] * self.layout.words
        at = 0
        for i, mask in enumerate(self.layout.masks):
            if not mask:
                continue
            value = self._gather(code, code.load(code.byte(state, 8 * i), I64), mask)
            word, shift = divmod(at, 64)
            out[word] = b.or_(out[word], b.shl(value, I64(shift)))
            if shift + mask.bit_count() > 64:
                out[word + 1] = b.lshr(value, I64(64 - shift))
            at += mask.bit_count()
        for i, value in enumerate(out):
            code.store(value, code.byte(words, 8 * i))
        b.ret_void()
        code.finish()

    def _write_unpack(self) -> None:
        code = Code(self.unpack)
        words, state = self.unpack.args
        b = code.b
        packed = [code.load(code.byte(words, 8 * i), I64) for i in range(self.layout.words)]
        at = 0
        for i, mask in enumerate(self.layout.masks):
            value: Value = I64(0)
            if mask:
                word, shift = divmod(at, 64)
                value = b.lshr(packed[word], I64(shift))
                if shift + mask.bit_count() > 64:
                    value = b.or_(value, b.shl(packed[word + 1], I64(64 - shift)))
                value = self._spread(code, value, mask)
                at += mask.bit_count()
            code.store(value, code.byte(state, 8 * i))
        b.ret_void()
        code.finish()

    def _gather(self, code: Code, value: Value, mask: int) -> Value:
        if self.fast:
            return code.b.call(self._intrinsic("llvm.x86.bmi.pext.64"), [value, I64(mask)])
        b = code.b
        value = b.and_(value, I64(mask))
        for step, moved in enumerate(_moves(mask)):
            if moved:
                part = b.and_(value, I64(moved))
                value = b.or_(b.xor(value, part), b.lshr(part, I64(1 << step)))
        return value

    def _spread(self, code: Code, value: Value, mask: int) -> Value:
        if self.fast:
            return code.b.call(self._intrinsic("llvm.x86.bmi.pdep.64"), [value, I64(mask)])
        b = code.b
        for step, moved in reversed(list(enumerate(_moves(mask)))):
            if moved:
                part = b.shl(value, I64(1 << step))
                value = b.or_(b.and_(part, I64(moved)), b.and_(value, I64(~moved & WORD)))
        return b.and_(value, I64(mask))

    def _intrinsic(self, name: str) -> Any:
        found = self.module.globals.get(name)
        return found if found is not None else ll.Function(self.module, ll.FunctionType(I64, [I64, I64]), name)


def _moves(mask: int) -> list[int]:
    """Which bits move right in each of the six steps that compress by a mask, step `i` by 2 to the `i`."""
    out = []
    rest = ~mask << 1 & WORD
    for step in range(6):
        prefix = rest
        for shift in (1, 2, 4, 8, 16, 32):
            prefix ^= prefix << shift & WORD
        moved = prefix & mask
        mask = (mask ^ moved) | moved >> (1 << step)
        rest &= ~prefix
        out.append(moved)
    return out


def has_bit_extract() -> bool:
    """Whether this processor has `pext` and `pdep`."""
    return bool(binding.get_host_cpu_features().get("bmi2", False))
