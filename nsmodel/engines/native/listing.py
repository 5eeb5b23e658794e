"""The calls of one state with what each comes to, listed in native code: rules tell at once which calls are none.

`offers(context, words, out, most)` writes a record of 32-bit numbers for each call, as long as there is room, and gives
back how many there are: the operation's number, the status (see :mod:`nsmodel.engines.native.sites`), the result, and
the arguments, flattened.
"""

from __future__ import annotations

from typing import Any

from nsmodel.engines.native import context, sites
from nsmodel.engines.native.calls import CallsCode, Rule
from nsmodel.engines.native.emit import I32, I64, POINTER, VOID, Code, Value, declare
from nsmodel.engines.native.packing import Packing

HEAD = 3
"""Numbers of a record before the arguments."""


def record_size(calls: CallsCode) -> int:
    """Numbers of a record."""
    return HEAD + max((len(rule.definition.params) for rule in calls.rules), default=0)


class ListingCode:
    """The function `offers` over the calls of a system."""

    def __init__(self, packing: Packing, calls: CallsCode) -> None:
        self.packing = packing
        self.calls = calls
        self.module = packing.module

    def write(self) -> None:
        """Write it."""
        function = declare(self.module, "offers", I64, [POINTER, POINTER, POINTER, I64], exported=True)
        code = Code(function)
        ctx, words, out, most = function.args
        before, after = (code.room(I64, self.packing.layout.size // 8) for _ in range(2))
        code.b.call(self.packing.unpack, [words, before])
        found = code.variable(I64(0))
        for number, rule in enumerate(self.calls.rules):
            code.b.call(self._write_rule(number, rule), [before, after, ctx, out, most, found])
        code.b.ret(code.load(found, I64))
        code.finish()

    def _write_rule(self, number: int, rule: Rule) -> Any:
        """All calls of one operation."""
        name = self.module.get_unique_name(f"offers.{rule.operation.name}")
        function = declare(self.module, name, VOID, [POINTER, POINTER, POINTER, POINTER, I64, POINTER])
        code = Code(function)
        before, after, ctx, out, most, found = function.args
        size = record_size(self.calls)

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

        self.calls.each(code, rule, before, ctx, one)
        code.b.ret_void()
        code.finish()
        return function
