"""The symbolic reading of expressions, and what a symbolic execution records on its way."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from nsmodel.ir import nodes as n
from nsmodel.ir.language import Errno
from nsmodel.ir.nodes import Definition, Expr, Place
from nsmodel.ir.symbolic_state import (
    LIVE,
    RESULT_WIDTH,
    Column,
    ColumnName,
    Layout,
    SymbolicState,
    Value,
    choose,
    same,
    selected,
)
from nsmodel.ir.types import IntType, MapType, RefType, SetType
from nsmodel.terms import term as t
from nsmodel.terms.term import FALSE, TRUE, Term

LocalName: TypeAlias = tuple[int, str]
"""A local of one activation of a function (its number)."""


class Path:
    """A point of the execution: the condition under which it is reached, the state, and the locals; never changed."""

    __slots__ = ("guard", "locals", "state")

    def __init__(self, guard: Term, state: SymbolicState, names: Mapping[LocalName, Value]) -> None:
        self.guard = guard
        self.state = state
        self.locals = names

    def under(self, guard: Term) -> Path:
        """The same under another condition."""
        return Path(guard, self.state, self.locals)

    def with_local(self, name: LocalName, value: Value) -> Path:
        """The same after an assignment."""
        return Path(self.guard, self.state, {**self.locals, name: value})

    def with_columns(self, changed: Mapping[ColumnName, Column]) -> Path:
        """The same after a store."""
        return Path(self.guard, self.state.with_columns(changed), self.locals)


@dataclass
class Record:
    """What an execution met, each with the condition under which it did; one entry for each place in the source."""

    refusals: dict[tuple[Errno, str, Place], Term] = field(default_factory=dict)
    traps: dict[tuple[str, Place], Term] = field(default_factory=dict)
    broken: list[tuple[Term, str | None, str, Place, tuple[Value, ...]]] = field(default_factory=list)
    cut: Term = FALSE
    disabled: Term = FALSE

    def refuse(self, guard: Term, errno: Errno, reason: str, place: Place) -> None:
        """A check applied."""
        key = (errno, reason, place)
        self.refusals[key] = t.disj(self.refusals.get(key, FALSE), guard)

    def trap(self, guard: Term, kind: str, place: Place) -> None:
        """A rule did what no rule may do; a call that was cut before does nothing any more."""
        if guard is FALSE:
            return
        found = t.conj(guard, t.neg(self.cut))
        if found is not FALSE:
            self.traps[kind, place] = t.disj(self.traps.get((kind, place), FALSE), found)

    def clause(self, guard: Term, prop: str | None, clause: str, place: Place, objects: tuple[Value, ...]) -> None:
        """A clause does not hold."""
        found = t.conj(guard, t.neg(self.cut))
        if found is not FALSE:
            self.broken.append((found, prop, clause, place, objects))

    def include(self, guard: Term, inner: Record) -> None:
        """What a callee met, called under `guard`."""
        for (errno, reason, place), found in inner.refusals.items():
            self.refuse(t.conj(guard, found), errno, reason, place)
        for (kind, place), found in inner.traps.items():
            self.trap(t.conj(guard, found), kind, place)
        for found, prop, clause, place, objects in inner.broken:
            self.clause(t.conj(guard, found), prop, clause, place, objects)
        self.disabled = t.disj(self.disabled, t.conj(guard, inner.disabled))
        self.cut = t.disj(self.cut, t.conj(guard, inner.cut))


class ExpressionReader:
    """Reads expressions on a path. `guard` is the condition under which the expression is evaluated at all."""

    def __init__(self, layout: Layout, switches: frozenset[str]) -> None:
        self.layout = layout
        self.switches = switches
        self.record = Record()
        self.activation = 0
        """The function whose locals names mean now."""
        self._selects: dict[tuple[int, Term], tuple[Column, Value]] = {}
        self._readers: dict[type[Expr], Callable[[Any, Term, Path], Value]] = {
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
            n.EmptyMap: self._empty_map,
            n.Call: self._call,
            n.SwitchOn: self._switch,
            n.SlotOf: self._slot_of,
        }

    @abstractmethod
    def call(self, callee: Definition, args: Sequence[Value], guard: Term, path: Path) -> tuple[Path | None, Value]:
        """Call a helper: the path after it and what it returns."""

    # -- results of a kind --------------------------------------------------------------------------------------------

    def value(self, e: Expr, guard: Term, path: Path) -> Value:
        """The value of an expression."""
        return self._readers[type(e)](e, guard, path)

    def scalar(self, e: Expr, guard: Term, path: Path) -> Term:
        """The value of an expression that is no set or map."""
        found = self._readers[type(e)](e, guard, path)
        assert isinstance(found, Term)
        return found

    def members(self, e: Expr, guard: Term, path: Path) -> tuple[Term, ...]:
        """The value of a set."""
        found = self._readers[type(e)](e, guard, path)
        assert isinstance(found, tuple)
        return found

    def object(self, e: Expr, guard: Term, path: Path) -> Term:
        """The slot of an object that is about to be touched: None and a freed object are traps."""
        ref = self.scalar(e, guard, path)
        assert isinstance(e.type, RefType)
        self.trap_none(ref, guard, e.place)
        live = path.state.columns[e.type.entity, LIVE]
        none = t.eq(ref, t.number(0, ref.width))
        alive = self.select(live, ref, FALSE)
        assert isinstance(alive, Term)
        self.record.trap(t.conj(guard, t.conj(t.neg(none), t.neg(alive))), "use of a freed object", e.place)
        return ref

    def trap_none(self, ref: Term, guard: Term, place: Place) -> None:
        """A reference that must not be None here."""
        self.record.trap(t.conj(guard, t.eq(ref, t.number(0, ref.width))), "None", place)

    def select(self, column: Column, ref: Term, zero: Value) -> Value:
        """The value of a column at a slot; for None it is any (a trap says so), `zero` where there are no slots."""
        slot = t.value_of(ref)
        if slot is not None:
            return column[slot - 1] if 0 < slot <= len(column) else zero
        if not column:
            return zero
        key = (id(column), ref)
        found = self._selects.get(key)
        if found is None:
            out = column[-1]
            for i in range(len(column) - 1, 0, -1):
                out = choose(t.eq(ref, t.number(i, ref.width)), column[i - 1], out)
            found = self._selects[key] = (column, out)
        return found[1]

    # -- one method for each node -------------------------------------------------------------------------------------

    def _const(self, e: n.Const, guard: Term, path: Path) -> Value:
        if isinstance(e.type, IntType):
            width = RESULT_WIDTH if e.value < 0 else max(self.layout.width(e.type), e.value.bit_length())
            return t.number(e.value, width)
        return self.layout.scalar(e.type, e.value)

    def _local(self, e: n.Local, guard: Term, path: Path) -> Value:
        return path.locals[self.activation, e.name]

    def _field(self, e: n.FieldOf, guard: Term, path: Path) -> Value:
        ref = self.object(e.item, guard, path)
        column = path.state.columns[e.entity, e.field]
        return self.select(column, ref, self.layout.zero(e.type))

    def _live(self, e: n.LiveSet, guard: Term, path: Path) -> Value:
        return path.state.live(e.entity)

    def _not(self, e: n.Not, guard: Term, path: Path) -> Value:
        return t.neg(self.scalar(e.operand, guard, path))

    def _junction(self, e: n.Junction, guard: Term, path: Path) -> Value:
        left = self.scalar(e.left, guard, path)
        decided = e.op == "or"
        further = t.conj(guard, t.neg(left) if decided else left)
        if left is t.boolean(decided):
            return left
        right = self.scalar(e.right, further, path)
        return t.disj(left, right) if decided else t.conj(left, right)

    def _conditional(self, e: n.Conditional, guard: Term, path: Path) -> Value:
        c = self.scalar(e.test, guard, path)
        if c is TRUE:
            return self.value(e.then, guard, path)
        if c is FALSE:
            return self.value(e.other, guard, path)
        then = self.value(e.then, t.conj(guard, c), path)
        return choose(c, then, self.value(e.other, t.conj(guard, t.neg(c)), path))

    def _arith(self, e: n.Arith, guard: Term, path: Path) -> Value:
        a, b = widened(self.scalar(e.left, guard, path), self.scalar(e.right, guard, path))
        signed = a.width == RESULT_WIDTH
        if e.op == "+":
            out = t.add(a, b)
            if not signed and a.top + b.top >= 1 << a.width:
                self.record.trap(t.conj(guard, t.ult(out, a)), "integer out of range", e.place)
            return out
        if not signed:
            self.record.trap(t.conj(guard, t.ult(a, b)), "integer out of range", e.place)
        return t.sub(a, b, None if signed else a.top)

    def _compare(self, e: n.Compare, guard: Term, path: Path) -> Value:
        left, right = self.value(e.left, guard, path), self.value(e.right, guard, path)
        if e.op in ("==", "!="):
            equal = same(left, right)
            return equal if e.op == "==" else t.neg(equal)
        assert isinstance(left, Term) and isinstance(right, Term)
        a, b = widened(left, right)
        if e.op in (">", "<="):
            a, b = b, a
        if a.width == RESULT_WIDTH:
            half = t.number(1 << RESULT_WIDTH - 1, RESULT_WIDTH)
            a, b = t.add(a, half), t.add(b, half)
        less = t.ult(a, b)
        return less if e.op in ("<", ">") else t.neg(less)

    def _member(self, e: n.Member, guard: Term, path: Path) -> Value:
        ref = self.scalar(e.item, guard, path)
        return selected(ref, self.members(e.domain, guard, path))

    def _set_of(self, e: n.SetOf, guard: Term, path: Path) -> Value:
        assert isinstance(e.type, SetType)
        out = [FALSE] * self.layout.slots[e.type.entity]
        for item in e.items:
            ref = self.scalar(item, guard, path)
            self.trap_none(ref, guard, item.place)
            out = [t.disj(m, t.eq(ref, t.number(i, ref.width))) for i, m in enumerate(out, 1)]
        return tuple(out)

    def _set_op(self, e: n.SetOp, guard: Term, path: Path) -> Value:
        left, right = self.members(e.left, guard, path), self.members(e.right, guard, path)
        pairs = zip(left, right, strict=True)
        if e.op == "|":
            return tuple(t.disj(x, y) for x, y in pairs)
        if e.op == "&":
            return tuple(t.conj(x, y) for x, y in pairs)
        return tuple(t.conj(x, t.neg(y)) for x, y in pairs)

    def _each(self, var: str, e: Expr, guard: Term, path: Path) -> list[tuple[int, Term, Path]]:
        """Slot, membership and path of each possible member of a set that `var` ranges over."""
        assert isinstance(e.type, SetType)
        width = self.layout.width(RefType(e.type.entity))
        out = []
        for i, member in enumerate(self.members(e, guard, path), 1):
            if member is not FALSE:
                out.append((i, member, path.with_local((self.activation, var), t.number(i, width))))
        return out

    def _quantified(self, e: n.Quantified, guard: Term, path: Path) -> Value:
        if e.kind in ("any", "all"):
            return self._any_or_all(e, guard, path)
        found: list[tuple[int, Term]] = []
        for i, member, inner in self._each(e.var, e.domain, guard, path):
            found.append((i, t.conj(member, self.scalar(e.condition, t.conj(guard, member), inner))))
        if e.kind == "count":
            width = max(self.layout.width(e.type), len(found).bit_length())
            total = t.number(0, width)
            for _, condition in found:
                total = t.add(total, t.ite(condition, t.number(1, width), t.number(0, width)))
            return total
        width = self.layout.width(e.type)
        out, some, several = t.number(0, width), FALSE, FALSE
        for i, condition in reversed(found):
            several = t.disj(several, t.conj(some, condition))
            some = t.disj(some, condition)
            out = t.ite(condition, t.number(i, width), out)
        self.record.trap(t.conj(guard, several), "the(…) found several objects", e.place)
        return out

    def _any_or_all(self, e: n.Quantified, guard: Term, path: Path) -> Term:
        out = FALSE
        for _, member, inner in self._each(e.var, e.domain, guard, path):
            here = t.conj(guard, t.conj(member, t.neg(out)))
            condition = self.scalar(e.condition, here, inner)
            body = self.scalar(e.body, t.conj(here, condition), inner)
            decides = body if e.kind == "any" else t.neg(body)
            out = t.disj(out, t.conj(member, t.conj(condition, decides)))
            if out is TRUE:
                break
        return out if e.kind == "any" else t.neg(out)

    def _filter(self, e: n.Filter, guard: Term, path: Path) -> Value:
        assert isinstance(e.type, SetType)
        out = [FALSE] * self.layout.slots[e.type.entity]
        for i, member, inner in self._each(e.var, e.domain, guard, path):
            out[i - 1] = t.conj(member, self.scalar(e.condition, t.conj(guard, member), inner))
        return tuple(out)

    def _entry(self, e: n.Entry, guard: Term, path: Path) -> Value:
        entries = self.members(e.map, guard, path)
        key = self.scalar(e.key, guard, path)
        self.trap_none(key, guard, e.key.place)
        return self.select(entries, key, self.layout.zero(e.type))

    def _empty_map(self, e: n.EmptyMap, guard: Term, path: Path) -> Value:
        assert isinstance(e.type, MapType)
        return self.layout.zero(e.type)

    def _call(self, e: n.Call, guard: Term, path: Path) -> Value:
        args = [self.value(a, guard, path) for a in e.args]
        return self.call(e.callee, args, guard, path)[1]

    def _switch(self, e: n.SwitchOn, guard: Term, path: Path) -> Value:
        return t.boolean(e.switch in self.switches)

    def _slot_of(self, e: n.SlotOf, guard: Term, path: Path) -> Value:
        ref = self.object(e.item, guard, path)
        return t.resize(ref, max(ref.width, self.layout.width(e.type)))


def widened(a: Term, b: Term) -> tuple[Term, Term]:
    """Two numbers with the width of the wider one."""
    width = max(a.width, b.width)
    return t.resize(a, width), t.resize(b, width)


def reads(definition: Definition, known: dict[Definition, tuple[ColumnName, ...]]) -> tuple[ColumnName, ...]:
    """The columns that a definition and its callees may read; remembered in `known`."""
    found = known.get(definition)
    if found is None:
        names: set[ColumnName] = set()
        _collect(definition.body, names, known)
        found = known[definition] = tuple(sorted(names, key=lambda name: (name[0].__name__, name[1])))
    return found


def _collect(part: Any, names: set[ColumnName], known: dict[Definition, tuple[ColumnName, ...]]) -> None:
    if isinstance(part, tuple):
        for inner in part:
            _collect(inner, names, known)
        return
    if not isinstance(part, n.Expr | n.Stmt):
        return
    if isinstance(part, n.FieldOf):
        names |= {(part.entity, part.field), (part.entity, LIVE)}
    elif isinstance(part, n.LiveSet):
        names.add((part.entity, LIVE))
    elif isinstance(part, n.Call):
        names.update(reads(part.callee, known))
    for field_name in part.__dataclass_fields__:
        _collect(getattr(part, field_name), names, known)
