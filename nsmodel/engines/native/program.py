"""A whole module: the rules and invariants of a system, the store, and the functions that a search calls.

Exported: `expand`, `judge`, `queue`, `flush`, `rebuild`, `seal`, and for single states `attempt`, `canonical_of` and,
where it is asked for, `offers`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir as ll

from nsmodel.engines.native import context, sites
from nsmodel.engines.native.calls import CallsCode, Rule
from nsmodel.engines.native.canonical import CanonicalCode
from nsmodel.engines.native.emit import I32, I64, POINTER, VOID, Code, Value, declare
from nsmodel.engines.native.functions import Functions
from nsmodel.engines.native.layout import Layout
from nsmodel.engines.native.listing import ListingCode
from nsmodel.engines.native.packing import Packing
from nsmodel.engines.native.store import StoreCode
from nsmodel.ir.lower import definition_of
from nsmodel.system.transition import TransitionSystem

ERRNOS = 256
"""Counters behind those of the sites: results of calls that fail and keep what they did, by error number."""
SEEN = 1 << 12
"""States that each thread remembers as they were before they were renamed."""


def layout_of(system: TransitionSystem) -> Layout:
    """The layout of a system's states."""
    entities = system.sizes.schema.entities
    statics = {info.cls: rows for info, rows in zip(entities, system.initial, strict=True) if info.static}
    return Layout(system.sizes, statics)


class Program:
    """The module of a system, with or without symmetry."""

    def __init__(self, system: TransitionSystem, *, symmetry: bool, listing: bool = False) -> None:
        self.system = system
        self.symmetry = symmetry
        self.listing = listing
        self.layout = layout_of(system)
        self.module: Any = ll.Module("nsmodel")
        properties = [p.name for p in system.spec.properties]
        self.functions = Functions(self.module, self.layout, system.switches, properties)
        self.packing = Packing(self.module, self.layout)
        self.canonical = CanonicalCode(self.module, self.layout)
        self.store = StoreCode(self.module, self.layout.words)
        self.calls = CallsCode(self.functions, system.operations)
        self.expand = declare(self.module, "expand", I64, [POINTER, POINTER, I64, I64], exported=True)
        self.judge = declare(self.module, "judge", VOID, [POINTER, POINTER, I64, I64], exported=True)
        self.attempt = declare(self.module, "attempt", I32, [POINTER, I64, POINTER, POINTER, POINTER], exported=True)
        self.canonical_of = declare(self.module, "canonical_of", VOID, [POINTER, POINTER], exported=True)
        self._emit = declare(self.module, "emit", VOID, [POINTER, POINTER])
        self._write()

    @property
    def text(self) -> str:
        """The module as LLVM writes it: all that the machine code depends on."""
        return str(self.module)

    @property
    def counters(self) -> int:
        """Counters of one operation: one for each status, and one for each error number that it can return."""
        return len(self.functions.sites) + ERRNOS

    def _write(self) -> None:
        self.packing.write()
        self.canonical.write()
        self.store.write()
        self._write_emit()
        for rule in self.calls.rules:
            self.functions.of(rule.definition, rule=True)
        invariants = self._invariants()
        self.functions.write()
        self.calls.write()
        self._write_expand()
        self._write_judge(invariants)
        self._write_attempt()
        self._write_canonical_of()
        if self.listing:
            ListingCode(self.packing, self.calls).write()
        self.calls.fill_trap_properties()

    def _invariants(self) -> list[list[Any]]:
        """The functions of each property."""
        return [[self.functions.of(definition_of(fn)) for fn in prop.functions] for prop in self.system.spec.properties]

    # -- successors ---------------------------------------------------------------------------------------------------

    def _write_emit(self) -> None:
        """A successor, to be stored unless it is known."""
        code = Code(self._emit)
        state, ctx = self._emit.args
        words = code.room(I64, self.layout.words)
        done = code.block("done")
        if self.symmetry:
            code.b.call(self.packing.pack, [state, words])
            self._seen_lately(code, ctx, words, done)
            renamed = code.room(I64, self.layout.size // 8)
            code.b.call(self.canonical.canonical, [state, renamed])
            state = renamed
        code.b.call(self.packing.pack, [state, words])
        code.b.call(self.store.queue, [words, ctx])
        code.b.branch(done)
        code.at(done)
        code.b.ret_void()
        code.finish()

    def _seen_lately(self, code: Code, ctx: Value, address: Value, done: Any) -> None:
        """Leave when this thread has stored the same successor a short while ago: most successors are repeats, and
        comparing words is much quicker than a canonical form. Not when it did so for a state of greater rank of this
        level: the successor's link is the least."""
        b = code.b
        words = self.store.loaded(code, address)
        entry_size = 8 * (self.layout.words + 1)
        at = b.mul(b.and_(self.store.hashed(code, words), I64(SEEN - 1)), I64(entry_size))
        entry = code.byte(context.pointer(code, ctx, "seen"), at)
        mark = code.byte(entry, 8 * self.layout.words)
        now = b.or_(b.shl(context.get(code, ctx, "level"), I64(32)), context.get(code, ctx, "rank"))
        same = b.and_(
            self.store.equal(code, self.store.loaded(code, entry), words),
            b.icmp_unsigned("<", b.sub(code.load(mark, I64), I64(1)), now),
        )
        with code.when(same):
            b.branch(done)
        for i, word in enumerate(words):
            code.store(word, code.byte(entry, 8 * i))
        code.store(now, mark)

    def _write_expand(self) -> None:
        """Expand the states at some ranks of a level; gives back the rank of the first that there was no room for."""
        code = Code(self.expand)
        b = code.b
        ctx, frontier, start, end = self.expand.args
        before, after = (code.room(I64, self.layout.size // 8) for _ in range(2))
        with code.count(start, end) as rank:
            used = b.load_atomic(context.pointer(code, ctx, "next"), "monotonic", 8, typ=I64)
            with code.when(b.icmp_unsigned(">", used, context.get(code, ctx, "limit")), rare=True):
                b.call(self.store.flush, [ctx])
                b.ret(rank)
            context.put(code, ctx, "rank", b.add(rank, I64(1)))
            self._unpack(code, ctx, frontier, rank, before)
            for number, rule in enumerate(self.calls.rules):
                expand_rule = self._write_expand_rule(number, rule)
                b.call(expand_rule, [before, after, ctx])
        b.call(self.store.flush, [ctx])
        b.ret(end)
        code.finish()

    def _unpack(self, code: Code, ctx: Value, frontier: Value, rank: Value, state: Value) -> None:
        index = code.wide(code.load(code.item(frontier, rank, I32), I32))
        place = self.store.place(code, context.pointer(code, ctx, "arena"), index)
        code.b.call(self.packing.unpack, [place, state])

    def _write_expand_rule(self, number: int, rule: Rule) -> Any:
        """All calls of one operation in a state."""
        name = self.module.get_unique_name(f"expand.{rule.operation.name}")
        function = declare(self.module, name, VOID, [POINTER, POINTER, POINTER])
        code = Code(function)
        b = code.b
        before, after, ctx = function.args
        counters = code.item(context.pointer(code, ctx, "counts"), number * self.counters, I64)

        def one(args: list[Value]) -> None:
            status = b.call(rule.step, [before, after, ctx, *args])
            with code.when(code.differs(status, I32(sites.DISABLED))):
                result = context.get(code, ctx, "result")
                failed = b.and_(b.icmp_unsigned("<=", status, I32(sites.UNCHANGED)), b.icmp_signed("<", result, I64(0)))
                of_errno = b.sub(I64(len(self.functions.sites)), result)
                code.add_to(code.item(counters, b.select(failed, of_errno, code.wide(status)), I64), I64(1))
                with code.when(b.icmp_unsigned("<=", status, I32(sites.UNCHANGED))):
                    self._note(code, ctx)
                    with code.when(code.same(status, I32(sites.OK))):
                        b.call(self._emit, [after, ctx])

        self.calls.each(code, rule, before, ctx, one)
        b.ret_void()
        code.finish()
        return function

    def _note(self, code: Code, ctx: Value) -> None:
        """Remember the least rank at which each property was violated by a step."""
        broken = code.b.and_(context.get(code, ctx, "broken"), context.get(code, ctx, "wanted"))
        with code.when(code.differs(broken, I64(0)), rare=True):
            rank = code.b.sub(context.get(code, ctx, "rank"), I64(1))
            with code.bits(broken, I64) as (bit, _):
                self._least(code, ctx, bit, rank)

    def _least(self, code: Code, ctx: Value, prop: Value, rank: Value) -> None:
        first = code.item(context.pointer(code, ctx, "first"), prop, I64)
        with code.when(code.b.icmp_unsigned("<", rank, code.load(first, I64))):
            code.store(rank, first)

    # -- invariants ---------------------------------------------------------------------------------------------------

    def _write_judge(self, invariants: list[list[Any]]) -> None:
        """Judge the states at some ranks of a level by the invariants of the properties that are looked for."""
        code = Code(self.judge)
        b = code.b
        ctx, frontier, start, end = self.judge.args
        state = code.room(I64, self.layout.size // 8)
        with code.count(start, end) as rank:
            self._unpack(code, ctx, frontier, rank, state)
            for number, functions in enumerate(invariants):
                if not functions:
                    continue
                wanted = code.has(context.get(code, ctx, "wanted"), I64(number))
                with code.when(wanted):
                    for name in ("status", "trap"):
                        context.put(code, ctx, name, 0)
                    for function in functions:
                        b.call(function, [state, ctx])
                    told = b.or_(context.get(code, ctx, "status"), context.get(code, ctx, "trap"))
                    with code.when(code.differs(told, I64(0)), rare=True):
                        self._least(code, ctx, I64(number), rank)
        b.ret_void()
        code.finish()

    # -- single states ------------------------------------------------------------------------------------------------

    def _write_attempt(self) -> None:
        """One call in one state: `attempt(context, operation, words, arguments, words of the successor)`."""
        code = Code(self.attempt)
        b = code.b
        ctx, operation, words, arguments, out = self.attempt.args
        before, after = (code.room(I64, self.layout.size // 8) for _ in range(2))
        b.call(self.packing.unpack, [words, before])
        unknown = code.block("unknown")
        choice = b.switch(operation, unknown)
        for number, rule in enumerate(self.calls.rules):
            block = code.block(rule.operation.name)
            choice.add_case(I64(number), block)
            code.at(block)
            args = [
                code.fit(code.load(code.item(arguments, i, I64), I64), self.functions.kind(t))
                for i, (_, t) in enumerate(rule.definition.params)
            ]
            status = b.call(rule.step, [before, after, ctx, *args])
            with code.when(code.same(status, I32(sites.OK))):
                b.call(self.packing.pack, [after, out])
            b.ret(status)
        code.at(unknown)
        b.ret(I32(sites.DISABLED))
        code.finish()

    def _write_canonical_of(self) -> None:
        code = Code(self.canonical_of)
        words, out = self.canonical_of.args
        state, renamed = (code.room(I64, self.layout.size // 8) for _ in range(2))
        code.b.call(self.packing.unpack, [words, state])
        code.b.call(self.canonical.canonical, [state, renamed])
        code.b.call(self.packing.pack, [renamed, out])
        code.b.ret_void()
        code.finish()
