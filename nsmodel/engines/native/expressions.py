"""The native reading of expressions: a value of LLVM for each.

A bool is one bit, a number 32, an enumeration or reference 8 (its position, its slot), a set a mask, a map the address
of its entries. What no rule may do sets the trap of the context and goes on with slot 0; a call that was trapped has no
result, so it makes no difference what is read after that.
"""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from llvmlite import ir as ll

from nsmodel.engines.native.emit import I1, I8, I32, I64, POINTER, Code, Value, known
from nsmodel.engines.native.layout import mask_bytes
from nsmodel.engines.native.sites import Trapping
from nsmodel.ir import nodes as n
from nsmodel.ir.language import Entity
from nsmodel.ir.nodes import Definition, Expr, Place
from nsmodel.ir.types import MapType, RefType, SetType, Type

if TYPE_CHECKING:
    from nsmodel.engines.native.functions import Functions

COMPARED: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class ExpressionCode:
    """Writes expressions. `state` and `context` are the addresses of the working state and of the thread's context."""

    def __init__(self, functions: Functions, code: Code, state: Value, ctx: Value) -> None:
        self.functions = functions
        self.layout = functions.layout
        self.code = code
        self.b = code.b
        self.state = state
        self.ctx = ctx
        self.names: dict[str, tuple[Value, Type]] = {}
        """Memory and type of each local of the definition that is being read."""
        self.safe: set[str] = set()
        """Locals that were found to name a live object on every path to here, and still do: no need to look again."""
        self._writers: dict[type[Expr], Callable[[Any], Value]] = {
            n.Const: self._const,
            n.Local: self._local,
            n.FieldOf: self._field,
            n.LiveSet: self._live,
            n.Not: self._not,
            n.Junction: self._junction,
            n.Conditional: self._conditional,
            n.Arith: self._arith,
            n.Compare: self._compare,
            n.Member: self._member,
            n.SetOf: self._set_of,
            n.SetOp: self._set_op,
            n.Quantified: self._quantified,
            n.Filter: self._filter,
            n.Entry: self._entry,
            n.Call: self._call,
            n.SwitchOn: self._switch,
            n.SlotOf: self._slot_of,
        }

    @abstractmethod
    def call(self, callee: Definition, args: list[Value]) -> Value:
        """Call a helper; where it leaves, this definition leaves with it."""

    def value(self, e: Expr) -> Value:
        """The value of an expression."""
        return self._writers[type(e)](e)

    # -- types --------------------------------------------------------------------------------------------------------

    def kind(self, t: Type) -> Any:
        """The LLVM type of values of a type."""
        return self.functions.kind(t)

    def memory_kind(self, t: Type, owner: type[Entity] | None) -> Any:
        """The LLVM type of a scalar or set in a working state."""
        if isinstance(t, SetType):
            return ll.IntType(8 * mask_bytes(self.layout.slots(t.entity)))
        return ll.IntType(8 * self.layout.scalar_bytes(t, owner))

    def read(self, address: Value, t: Type, owner: type[Entity] | None) -> Value:
        """A value in a working state."""
        return self.code.fit(self.code.load(address, self.memory_kind(t, owner)), self.kind(t))

    # -- objects ------------------------------------------------------------------------------------------------------

    def trap(self, kind: str, place: Place) -> None:
        """A rule did what no rule may do; the first one counts."""
        number = I64(self.trapping(kind, place))
        self.b.call(self.functions.trap, [self.ctx, I8(0), number, number])

    def trapping(self, kind: str, place: Place) -> int:
        """The number of a trap."""
        return self.functions.sites.number(Trapping(kind, place))

    def object(self, e: Expr) -> Value:
        """The slot of an object that is about to be touched: None and a freed object are traps."""
        slot = self.value(e)
        assert isinstance(e.type, RefType)
        if not (isinstance(e, n.Local) and e.name in self.safe):
            self.touch(slot, e.type.entity, e.place)
        if isinstance(e, n.Local):
            self.safe.add(e.name)
        return slot

    @contextmanager
    def perhaps(self) -> Iterator[None]:
        """What is read here may not be read at all: what it finds to be live is not known afterwards."""
        before = set(self.safe)
        yield
        self.safe = before

    def touch(self, slot: Value, entity: type[Entity], place: Place) -> None:
        """Trap unless a slot holds a live object."""
        if entity in self.layout.live:
            with self.code.when(self.b.not_(self.code.has(self.live_mask(entity), slot)), rare=True):
                none, freed = self.trapping("None", place), self.trapping("use of a freed object", place)
                self.b.call(self.functions.trap, [self.ctx, slot, I64(none), I64(freed)])
        elif self.layout.slots(entity):
            with self.code.when(self.code.same(slot, I8(0)), rare=True):
                self.trap("None", place)
        else:
            self.trap("None", place)

    def not_none(self, e: Expr, slot: Value) -> None:
        """Trap where a reference that becomes a member or a key is None: its type may say that it is not, where a path
        was narrowed and a helper voided it."""
        if not (isinstance(e, n.Local) and e.name in self.safe):
            with self.code.when(self.code.same(slot, I8(0)), rare=True):
                self.trap("None", e.place)

    def empty(self, t: Type) -> bool:
        """Whether a type has one value only in this scope: None, or the empty set."""
        return isinstance(t, RefType | SetType) and not self.layout.slots(t.entity)

    def live_mask(self, entity: type[Entity]) -> Value:
        """The mask of the live objects."""
        column = self.layout.live.get(entity)
        if column is None:
            return self.kind(SetType(entity))(self.layout.members(entity))
        return self.code.load(self.code.byte(self.state, column.offset), ll.IntType(8 * column.size))

    def cell(self, entity: type[Entity], field: str, slot: Value) -> Value:
        """The address of a field."""
        column = self.layout.columns[entity, field]
        at = self.code.wide(slot)
        if column.stride > 1:
            at = self.b.mul(at, I64(column.stride))
        return self.code.byte(self.state, self.b.add(at, I64(column.offset)))

    # -- one method for each node -------------------------------------------------------------------------------------

    def _const(self, e: n.Const) -> Value:
        return self.kind(e.type)(e.value)

    def _local(self, e: n.Local) -> Value:
        memory, t = self.names[e.name]
        if self.empty(t):
            return self.kind(t)(0)
        return memory if isinstance(t, MapType) else self.code.load(memory, self.kind(t))

    def _field(self, e: n.FieldOf) -> Value:
        slot = self.object(e.item)
        if self.empty(e.type):
            return self.kind(e.type)(0)
        if e.entity in self.layout.live:
            at = self.cell(e.entity, e.field, slot)
            return at if isinstance(e.type, MapType) else self.read(at, e.type, e.entity)
        if not self.layout.slots(e.entity):
            return self._nothing(e.type)
        return self._static(e, slot)

    def _nothing(self, t: Type) -> Value:
        """Any value: what is read of an object that cannot be."""
        if isinstance(t, MapType):
            return self.code.room(I64, self.layout.slots(t.entity) + 1)
        return self.kind(t)(0)

    def _static(self, e: n.FieldOf, slot: Value) -> Value:
        table, kind, keys = self.functions.static(e.entity, e.field)
        item = self.code.item(table, self.b.mul(self.code.wide(slot), I64(keys)), kind)
        return item if isinstance(e.type, MapType) else self.code.fit(self.code.load(item, kind), self.kind(e.type))

    def _live(self, e: n.LiveSet) -> Value:
        return self.live_mask(e.entity)

    def _not(self, e: n.Not) -> Value:
        value = self.value(e.operand)
        decided = known(value)
        return self.b.not_(value) if decided is None else I1(not decided)

    def _junction(self, e: n.Junction) -> Value:
        left = self.value(e.left)
        sure = known(left)
        if sure is not None:
            return left if bool(sure) == (e.op == "or") else self.value(e.right)
        before, further, after = self.b.block, self.code.block("further"), self.code.block("joined")
        decided = e.op == "or"
        self.b.cbranch(left, after, further) if decided else self.b.cbranch(left, further, after)
        self.code.at(further)
        with self.perhaps():
            right = self.value(e.right)
        end = self.b.block
        self.b.branch(after)
        self.code.at(after)
        out = self.b.phi(I1)
        out.add_incoming(I1(decided), before)
        out.add_incoming(right, end)
        return out

    def _conditional(self, e: n.Conditional) -> Value:
        test = self.value(e.test)
        sure = known(test)
        if sure is not None:
            return self.value(e.then if sure else e.other)
        then, other, after = self.code.block("then"), self.code.block("else"), self.code.block("joined")
        self.b.cbranch(test, then, other)
        kind = self.kind(e.type) if not isinstance(e.type, MapType) else POINTER
        incoming = []
        for block, branch in ((then, e.then), (other, e.other)):
            self.code.at(block)
            with self.perhaps():
                found = self.value(branch)
            incoming.append((found if kind is POINTER else self.code.fit(found, kind), self.b.block))
            self.b.branch(after)
        self.code.at(after)
        out = self.b.phi(kind)
        for found, block in incoming:
            out.add_incoming(found, block)
        return out

    def _arith(self, e: n.Arith) -> Value:
        left, right = self.value(e.left), self.value(e.right)
        return self.b.add(left, right) if e.op == "+" else self.b.sub(left, right)

    def _compare(self, e: n.Compare) -> Value:
        left, right = self.value(e.left), self.value(e.right)
        x, y = known(left), known(right)
        if x is not None and y is not None:
            return I1(COMPARED[e.op](x, y))
        if left.type != right.type:  # an enumeration and a number
            left, right = self.code.fit(left, I32), self.code.fit(right, I32)
        return self.b.icmp_signed(e.op, left, right) if left.type == I32 else self.b.icmp_unsigned(e.op, left, right)

    def _member(self, e: n.Member) -> Value:
        slot, domain = self.value(e.item), self.value(e.domain)
        if known(slot) == 0 or known(domain) == 0:
            return I1(False)
        return self.code.has(domain, slot)

    def _set_of(self, e: n.SetOf) -> Value:
        kind = self.kind(e.type)
        out = kind(0)
        for item in e.items:
            slot = self.value(item)
            self.not_none(item, slot)
            out = self.b.or_(out, self.code.bit(slot, kind))
        return self.b.and_(out, kind(-2 & (1 << kind.width) - 1)) if e.items else out

    def _set_op(self, e: n.SetOp) -> Value:
        left, right = self.value(e.left), self.value(e.right)
        if known(left) == 0:
            return right if e.op == "|" else left
        if known(right) == 0:
            return right if e.op == "&" else left
        if e.op == "|":
            return self.b.or_(left, right)
        return self.b.and_(left, right if e.op == "&" else self.b.not_(right))

    @contextmanager
    def each(self, var: str, domain: Expr, leave: Any = None) -> Iterator[tuple[Value, Any]]:
        """`var` ranges over a set: its slot, and the block of the next round."""
        assert isinstance(domain.type, SetType)
        members = self.value(domain)
        memory = self.memory(var, RefType(domain.type.entity))
        with self.perhaps(), self.code.bits(members, I8, leave=leave) as (slot, following):
            self.code.store(slot, memory)
            self.safe.discard(var)
            if isinstance(domain, n.LiveSet):
                self.safe.add(var)
            yield slot, following
        self.safe.discard(var)

    def memory(self, name: str, t: Type) -> Value:
        """The memory of a local."""
        found = self.names.get(name)
        if found is None or self.kind(found[1]) != self.kind(t):
            if isinstance(t, MapType):
                room = self.code.room(self.functions.local_entry(t), self.layout.slots(t.entity) + 1)
            else:
                room = self.code.room(self.kind(t))
            found = self.names[name] = (room, t)
        return found[0]

    def _quantified(self, e: n.Quantified) -> Value:
        if self.empty(e.domain.type):
            return {"any": I1(False), "all": I1(True), "count": I32(0), "the": I8(0)}[e.kind]
        if e.kind in ("any", "all"):
            return self._any_or_all(e)
        kind = I32 if e.kind == "count" else I8
        out = self.code.variable(kind(0))
        with self.each(e.var, e.domain) as (slot, _), self.code.when(self.value(e.condition)):
            if e.kind == "count":
                self.code.add_to(out, I32(1))
            else:
                with self.code.when(self.code.differs(self.code.load(out, I8), I8(0)), rare=True):
                    self.trap("the(…) found several objects", e.place)
                self.code.store(slot, out)
        return self.code.load(out, kind)

    def _any_or_all(self, e: n.Quantified) -> Value:
        decided = e.kind == "any"
        out = self.code.variable(I1(not decided))
        done = self.code.block("decided")
        with self.each(e.var, e.domain, leave=done) as (_, following):
            for part in (e.condition, e.body):
                holds = self.value(part)
                on = self.code.block("holds")
                if part is e.body and not decided:
                    self.b.cbranch(holds, following, on)
                else:
                    self.b.cbranch(holds, on, following)
                self.code.at(on)
            self.code.store(I1(decided), out)
            self.b.branch(done)
        return self.code.load(out, I1)

    def _filter(self, e: n.Filter) -> Value:
        kind = self.kind(e.type)
        if self.empty(e.domain.type):
            return kind(0)
        out = self.code.variable(kind(0))
        with self.each(e.var, e.domain) as (slot, _):
            holds = self.value(e.condition)
            bit = self.b.shl(self.code.fit(holds, kind), self.code.fit(slot, kind))
            self.code.store(self.b.or_(self.code.load(out, kind), bit), out)
        return self.code.load(out, kind)

    def _entry(self, e: n.Entry) -> Value:
        entries = self.value(e.map)
        key = self.value(e.key)
        self.not_none(e.key, key)
        kind = self.entry_kind(e.map)
        return self.code.fit(self.code.load(self.code.item(entries, key, kind), kind), self.kind(e.type))

    def entry_kind(self, e: Expr) -> Any:
        """The LLVM type of the entries of a map: as in a state for a field."""
        assert isinstance(e.type, MapType)
        if isinstance(e, n.FieldOf):
            if e.entity not in self.layout.live and self.layout.slots(e.entity):
                return self.functions.static(e.entity, e.field)[1]
            return self.memory_kind(e.type.value, e.entity)
        return self.functions.local_entry(e.type)

    def copied(self, e: Expr, room: Value) -> None:
        """Copy the entries of a map into a local one."""
        assert isinstance(e.type, MapType)
        kind, own = self.entry_kind(e), self.functions.local_entry(e.type)
        entries = self.value(e)
        with self.code.count(I64(0), I64(self.layout.slots(e.type.entity) + 1)) as i:
            found = self.code.load(self.code.item(entries, i, kind), kind)
            self.code.store(self.code.fit(found, own), self.code.item(room, i, own))

    def _call(self, e: n.Call) -> Value:
        return self.call(e.callee, self.arguments(e))

    def arguments(self, e: n.Call) -> list[Value]:
        """The arguments of a call; maps are values, so the callee gets one of its own."""
        out = []
        for a, (_, kind) in zip(e.args, e.callee.params, strict=True):
            if isinstance(kind, MapType):
                room = self.code.room(self.functions.local_entry(kind), self.layout.slots(kind.entity) + 1)
                self.copied(a, room)
                out.append(room)
            else:
                out.append(self.code.fit(self.value(a), self.kind(kind)))
        return out

    def _switch(self, e: n.SwitchOn) -> Value:
        return I1(e.switch in self.functions.switches)

    def _slot_of(self, e: n.SlotOf) -> Value:
        return self.code.fit(self.object(e.item), I32)
