"""Canonical form of a working state, in native code: one state stands for all that differ by a renaming of slots.

The same way as :mod:`nsmodel.system.canonical`: colours by the scalar fields, refined over references, sets and maps
until every object has a colour of its own; where refinement tells no more, one object is told from its like. Loops run
over live objects, so that the code does not grow with the bounds.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir as ll

from nsmodel.engines.native.emit import I8, I32, I64, POINTER, VOID, Code, Value, declare, mixed
from nsmodel.engines.native.layout import Layout
from nsmodel.ir.language import Entity
from nsmodel.ir.schema import EntityInfo
from nsmodel.ir.types import MapType, RefType, SetType, Type


class CanonicalCode:
    """The function `canonical(state, out)`, which writes all of `out`."""

    def __init__(self, module: Any, layout: Layout) -> None:
        self.module = module
        self.layout = layout
        self.base: dict[type[Entity], int] = {}
        """Where an entity's colours begin in the array of all."""
        self.total = 0
        for info in layout.sizes.schema.entities:
            self.base[info.cls] = self.total
            self.total += layout.slots(info.cls) + 1
        self.renamed = [e for e in layout.entities if layout.slots(e.cls) > 1]
        """Entities whose slots have an order at all."""
        self.canonical = declare(module, "canonical", VOID, [POINTER, POINTER])
        self._start = declare(module, "colours", VOID, [POINTER, POINTER])
        self._refine = declare(module, "refine", VOID, [POINTER, POINTER])
        self._ties = declare(module, "ties", I32, [POINTER, POINTER, POINTER])
        self._order = declare(module, "order", VOID, [POINTER, POINTER, POINTER])
        self._rename = declare(module, "rename", VOID, [POINTER, POINTER, POINTER])

    def write(self) -> None:
        """Write it all."""
        self._write_start()
        self._write_refine()
        self._write_ties()
        self._write_order()
        self._write_rename()
        self._write_canonical()

    # -- pieces -------------------------------------------------------------------------------------------------------

    def _live(self, code: Code, state: Value, info: EntityInfo) -> Value:
        column = self.layout.live[info.cls]
        return code.load(code.byte(state, column.offset), ll.IntType(8 * column.size))

    def _colour(self, code: Code, colours: Value, cls: type[Entity], slot: Value) -> Value:
        at = code.b.add(code.wide(slot), I64(self.base[cls]))
        return code.item(colours, at, I64)

    def _field(self, code: Code, state: Value, info: EntityInfo, field: str, slot: Value) -> tuple[Value, Any]:
        """Address and LLVM type of a field's (first) item."""
        column = self.layout.columns[info.cls, field]
        at = code.b.add(code.b.mul(code.wide(slot), I64(column.stride)), I64(column.offset))
        return code.byte(state, at), ll.IntType(8 * column.size)

    def _names(self, t: Type) -> bool:
        """Whether values of a type name objects that can be renamed or told apart."""
        if isinstance(t, MapType):
            return self.layout.slots(t.entity) > 0
        return isinstance(t, RefType | SetType) and self.layout.slots(t.entity) > 0

    # -- colours ------------------------------------------------------------------------------------------------------

    def _write_start(self) -> None:
        code = Code(self._start)
        state, colours = self._start.args
        code.zero(colours, 8 * self.total)
        for info in self.layout.sizes.schema.entities:
            if info.static:
                with code.count(I64(1), I64(self.layout.slots(info.cls) + 1)) as slot:
                    code.store(mixed(code, slot, 96), self._colour(code, colours, info.cls, slot))
        for info in self.layout.entities:
            scalars = [f for f in info.fields if not isinstance(f.type, RefType | SetType | MapType)]
            with code.bits(self._live(code, state, info), I64) as (slot, _):
                colour: Value = I64(1)
                for salt, f in enumerate(scalars, 1):
                    if self.layout.columns[info.cls, f.name].significant:
                        address, kind = self._field(code, state, info, f.name, slot)
                        value = code.wide(code.load(address, kind))
                        colour = mixed(code, code.b.add(colour, value), salt)
                code.store(colour, self._colour(code, colours, info.cls, slot))
        code.b.ret_void()
        code.finish()

    def _write_refine(self) -> None:
        code = Code(self._refine)
        state, colours = self._refine.args
        new = code.room(I64, self.total)
        code.zero(new, 8 * self.total)
        salt = 100
        for info in self.layout.entities:
            fields = [f for f in info.fields if self._names(f.type)]
            with code.bits(self._live(code, state, info), I64) as (slot, _):
                mine = code.load(self._colour(code, colours, info.cls, slot), I64)
                total = code.variable(mixed(code, mine, 99))
                for f in fields:
                    salt += 3
                    self._refine_field(code, state, colours, new, info, f.name, f.type, slot, mine, total, salt)
                code.add_to(self._colour(code, new, info.cls, slot), code.load(total, I64))
        for info in self.layout.entities:
            with code.bits(self._live(code, state, info), I64) as (slot, _):
                found = code.load(self._colour(code, new, info.cls, slot), I64)
                code.store(mixed(code, found, 98), self._colour(code, colours, info.cls, slot))
        code.b.ret_void()
        code.finish()

    def _refine_field(
        self,
        code: Code,
        state: Value,
        colours: Value,
        new: Value,
        info: EntityInfo,
        field: str,
        t: Type,
        slot: Value,
        mine: Value,
        total: Value,
        salt: int,
    ) -> None:
        address, kind = self._field(code, state, info, field, slot)
        if isinstance(t, RefType):
            target = code.load(address, kind)
            self._meet(code, colours, new, t.entity, target, mine, total, I64(0), salt)
        elif isinstance(t, SetType):
            with code.bits(code.load(address, kind), I64) as (member, _):
                self._meet(code, colours, new, t.entity, member, mine, total, I64(0), salt)
        else:
            assert isinstance(t, MapType)
            with code.count(I64(1), I64(self.layout.slots(t.entity) + 1)) as key:
                value = code.load(code.item(address, key, kind), kind)
                with code.when(code.differs(value, kind(0))):
                    if isinstance(t.value, RefType):
                        of_value = code.load(self._colour(code, colours, t.value.entity, value), I64)
                        of_key = code.load(self._colour(code, colours, t.entity, key), I64)
                        pair = code.b.add(mixed(code, mine, salt), mixed(code, of_key, salt + 1))
                        code.add_to(self._colour(code, new, t.value.entity, value), mixed(code, pair, salt + 2))
                    else:
                        of_value = code.wide(value)
                    self._meet(code, colours, new, t.entity, key, mine, total, mixed(code, of_value, salt), salt)

    def _meet(
        self,
        code: Code,
        colours: Value,
        new: Value,
        cls: type[Entity],
        target: Value,
        mine: Value,
        total: Value,
        how: Value,
        salt: int,
    ) -> None:
        """An object that names another one: each takes the other's colour in."""
        theirs = code.load(self._colour(code, colours, cls, target), I64)
        code.add_to(total, mixed(code, code.b.add(theirs, how), salt))
        code.add_to(self._colour(code, new, cls, target), mixed(code, code.b.add(mine, how), salt + 1))

    def _write_ties(self) -> None:
        """How many objects look like one before them; the place of the first of the least such colour."""
        code = Code(self._ties)
        state, colours, place = self._ties.args
        count = code.variable(I32(0))
        for info in self.renamed:
            live = self._live(code, state, info)
            least = code.variable(I64(-1 & (1 << 64) - 1))
            fresh = code.same(code.load(count, I32), I32(0))
            with code.bits(live, I64) as (slot, _):
                colour = code.load(self._colour(code, colours, info.cls, slot), I64)
                earlier = code.b.and_(live, code.b.sub(code.bit(slot, live.type), live.type(1)))
                done = code.block("done")
                with code.bits(earlier, I64, leave=done) as (other, following):
                    theirs = code.load(self._colour(code, colours, info.cls, other), I64)
                    tied = code.block("tied")
                    code.b.cbranch(code.same(theirs, colour), tied, following)
                    code.at(tied)
                    code.add_to(count, I32(1))
                    less = code.b.and_(fresh, code.b.icmp_unsigned("<", colour, code.load(least, I64)))
                    with code.when(less):
                        code.store(colour, least)
                        code.store(code.b.add(other, I64(self.base[info.cls])), place)
                    code.go(done)
        code.b.ret(code.load(count, I32))
        code.finish()

    # -- order and renaming -------------------------------------------------------------------------------------------

    def _write_order(self) -> None:
        """The new slot of each slot: one more than the live objects of a lesser colour."""
        code = Code(self._order)
        state, colours, order = self._order.args
        code.zero(order, self.total)
        for info in self.layout.sizes.schema.entities:
            if info.cls in self.layout.live and info in self.renamed:
                live = self._live(code, state, info)
                with code.bits(live, I64) as (slot, _):
                    colour = code.load(self._colour(code, colours, info.cls, slot), I64)
                    rank = code.variable(I8(1))
                    with code.bits(live, I64) as (other, _):
                        theirs = code.load(self._colour(code, colours, info.cls, other), I64)
                        code.add_to(rank, code.fit(code.b.icmp_unsigned("<", theirs, colour), I8))
                    code.store(code.load(rank, I8), self._new(code, order, info.cls, slot))
            else:
                with code.count(I64(0), I64(self.layout.slots(info.cls) + 1)) as slot:
                    code.store(code.fit(slot, I8), self._new(code, order, info.cls, slot))
        code.b.ret_void()
        code.finish()

    def _new(self, code: Code, order: Value, cls: type[Entity], slot: Value) -> Value:
        return code.byte(order, code.b.add(code.wide(slot), I64(self.base[cls])))

    def _renamed(self, code: Code, order: Value, cls: type[Entity], slot: Value) -> Value:
        return code.load(self._new(code, order, cls, slot), I8)

    def _write_rename(self) -> None:
        code = Code(self._rename)
        state, order, out = self._rename.args
        code.zero(out, self.layout.size)
        for info in self.layout.entities:
            live = self._live(code, state, info)
            column = self.layout.live[info.cls]
            count = code.b.ctpop(live)
            packed = code.b.shl(code.b.sub(code.b.shl(live.type(1), count), live.type(1)), live.type(1))
            code.store(packed, code.byte(out, column.offset))
            with code.bits(live, I64) as (slot, _):
                to = self._renamed(code, order, info.cls, slot)
                for f in info.fields:
                    source, kind = self._field(code, state, info, f.name, slot)
                    target, _ = self._field(code, out, info, f.name, to)
                    self._rename_field(code, order, f.type, kind, source, target)
        code.b.ret_void()
        code.finish()

    def _rename_field(self, code: Code, order: Value, t: Type, kind: Any, source: Value, target: Value) -> None:
        if isinstance(t, MapType):
            with code.count(I64(1), I64(self.layout.slots(t.entity) + 1)) as key:
                value = code.load(code.item(source, key, kind), kind)
                if isinstance(t.value, RefType):
                    value = code.fit(self._renamed(code, order, t.value.entity, value), kind)
                with code.when(code.differs(value, kind(0))):
                    code.store(value, code.item(target, self._renamed(code, order, t.entity, key), kind))
            return
        value = code.load(source, kind)
        if isinstance(t, RefType) and self._names(t):
            value = code.fit(self._renamed(code, order, t.entity, value), kind)
        elif isinstance(t, SetType) and self._names(t):
            found = code.variable(kind(0))
            with code.bits(value, I64) as (member, _):
                bit = code.bit(self._renamed(code, order, t.entity, member), kind)
                code.store(code.b.or_(code.load(found, kind), bit), found)
            value = code.load(found, kind)
        code.store(value, target)

    # -- the whole ----------------------------------------------------------------------------------------------------

    def _write_canonical(self) -> None:
        code = Code(self.canonical)
        b = code.b
        state, out = self.canonical.args
        colours, order, place = code.room(I64, self.total), code.room(I8, self.total), code.room(I64)
        b.call(self._start, [state, colours])
        code.store(I64(0), place)
        before = code.variable(I32(-1 & (1 << 32) - 1))
        head, further, refine, single, done = (code.block(n) for n in ("head", "further", "refine", "single", "done"))
        b.branch(head)
        code.at(head)
        ties = b.call(self._ties, [state, colours, place])
        b.cbranch(code.same(ties, I32(0)), done, further)
        code.at(further)
        progress = b.icmp_unsigned("<", ties, code.load(before, I32))
        code.store(ties, before)
        b.cbranch(progress, refine, single)
        code.at(refine)
        b.call(self._refine, [state, colours])
        b.branch(head)
        code.at(single)  # refinement tells no more: tell one object from its like
        chosen = code.item(colours, code.load(place, I64), I64)
        code.store(mixed(code, code.load(chosen, I64), 97), chosen)
        b.branch(refine)
        code.at(done)
        b.call(self._order, [state, colours, order])
        b.call(self._rename, [state, order, out])
        b.ret_void()
        code.finish()
