"""A state as terms: one column for each field of an entity, one value in it for each slot.

A value is a term (a bool, number, enumeration, or the slot of a reference with 0 for None), a tuple of Bools (a set:
one for each slot of its entity) or a tuple of terms (a map: one for each slot of its keys). Rows of free slots hold
zeros. A state is never changed: stores give another one that shares the other columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from nsmodel.ir.language import Entity
from nsmodel.ir.schema import EntityInfo, Sizes
from nsmodel.ir.state import Frozen, Row
from nsmodel.ir.types import BoolType, EnumType, IntType, MapType, NoneType, RefType, SetType, Type
from nsmodel.terms import term as t
from nsmodel.terms.term import BOOL, FALSE, TRUE, Term

Value: TypeAlias = Term | tuple[Term, ...]
Column: TypeAlias = tuple[Value, ...]
ColumnName: TypeAlias = tuple[type[Entity], str]
Cell: TypeAlias = tuple[type[Entity], str, int] | tuple[type[Entity], str, int, int]
"""A place of one term: entity, field (or `live`), slot, and for sets and maps the slot of the member or key."""

LIVE = "live"
RESULT_WIDTH = 32
"""Width of what a call returns, in two's complement; natural numbers inside of rules are narrower."""


def width_of(sizes: Sizes, kind: Type) -> int:
    """How many bits a scalar takes: the one place where this is decided.

    References and enumerations take what their largest value needs; all integers share one width, one bit more than
    the largest range of a field needs, so that a single sum of two fields does not wrap.
    """
    if isinstance(kind, BoolType):
        return BOOL
    if isinstance(kind, IntType):
        fields = [(f.type, e.cls) for e in sizes.schema.entities for f in e.fields]
        tops = [sizes.top(each, owner) for each, owner in fields if isinstance(each, IntType)]
        own = sizes.top(kind).bit_length() if isinstance(kind.high, int) else 1
        return max(max(tops, default=1).bit_length() + 1, own)
    if isinstance(kind, RefType):
        return max(1, sizes.slots(kind.entity).bit_length())
    if isinstance(kind, EnumType):
        return max(1, sizes.top(kind).bit_length())
    if isinstance(kind, NoneType):
        return 1
    raise TypeError(f"{kind} is no scalar")


@dataclass(frozen=True, eq=False)
class SymbolicState:
    """Columns by entity and field; `live` is a column too."""

    columns: Mapping[ColumnName, Column]

    def live(self, cls: type[Entity]) -> tuple[Term, ...]:
        """Which slots hold a live object."""
        return self.columns[cls, LIVE]  # type: ignore[return-value]

    def with_columns(self, changed: Mapping[ColumnName, Column]) -> SymbolicState:
        """The state with some columns replaced."""
        return SymbolicState({**self.columns, **changed})


def choose(c: Term, a: Value, b: Value) -> Value:
    """`a` where `c` holds, else `b`; numbers of unequal width are widened."""
    if a is b:
        return a
    if isinstance(a, tuple):
        assert isinstance(b, tuple)
        return tuple(t.ite(c, x, y) for x, y in zip(a, b, strict=True))
    assert isinstance(b, Term)
    width = max(a.width, b.width)
    return t.ite(c, t.resize(a, width), t.resize(b, width))


def merge(c: Term, a: SymbolicState, b: SymbolicState) -> SymbolicState:
    """`a` where `c` holds, else `b`."""
    if a is b:
        return a
    changed: dict[ColumnName, Column] = {}
    for name, x in a.columns.items():
        y = b.columns[name]
        if x is not y:
            changed[name] = tuple(choose(c, v, w) for v, w in zip(x, y, strict=True))
    return SymbolicState({**b.columns, **changed}) if changed else a


@dataclass(frozen=True)
class Dangling:
    """A reference that names no live object, wherever `guard` holds."""

    guard: Term
    description: str


class Layout:
    """Shapes of a scope's states and their conversions. `statics` gives the frozen rows of static entities."""

    def __init__(self, sizes: Sizes, statics: Mapping[type[Entity], Sequence[Row]] | None = None) -> None:
        self.sizes = sizes
        self.entities: tuple[EntityInfo, ...] = sizes.schema.entities
        self.slots = {e.cls: sizes.slots(e.cls) for e in self.entities}
        self._widths: dict[Type, int] = {}
        for info in self.entities:
            if LIVE in info.by_name:
                raise ValueError(f"{info.name}.{LIVE}: this name is taken")
        self._static_rows = {cls: tuple(rows) for cls, rows in (statics or {}).items()}
        self._static = {
            name: column
            for info in self.entities
            if info.static
            for name, column in self._constant_columns(info, self._static_rows.get(info.cls, ())).items()
        }

    def width(self, kind: Type) -> int:
        """How many bits a scalar type takes here."""
        found = self._widths.get(kind)
        if found is None:
            found = self._widths[kind] = width_of(self.sizes, kind)
        return found

    def scalar(self, kind: Type, value: int) -> Term:
        """A constant of a scalar type; a number beyond all ranges (an argument that stands for none) is as wide as it
        is."""
        width = self.width(kind)
        if isinstance(kind, IntType):
            width = max(width, value.bit_length())
        return t.boolean(bool(value)) if width == BOOL else t.number(value, width)

    def zero(self, kind: Type) -> Value:
        """What a field holds that was never stored."""
        if isinstance(kind, SetType):
            return (FALSE,) * self.slots[kind.entity]
        if isinstance(kind, MapType):
            zero = self.zero(kind.value)
            assert isinstance(zero, Term)
            return (zero,) * self.slots[kind.entity]
        return self.scalar(kind, kind.low if isinstance(kind, IntType) else 0)

    def built(self, kind: Type, cell: Callable[[Type, int], Term]) -> Value:
        """A value of any type from its parts: `cell(scalar type, member or key slot)`, slot 0 for a scalar itself."""
        if isinstance(kind, SetType):
            return tuple(cell(BoolType(), j) for j in range(1, self.slots[kind.entity] + 1))
        if isinstance(kind, MapType):
            return tuple(cell(kind.value, j) for j in range(1, self.slots[kind.entity] + 1))
        return cell(kind, 0)

    # -- making states ------------------------------------------------------------------------------------------------

    def variables(self, prefix: str = "", steady: Mapping[Cell, Term] | None = None) -> SymbolicState:
        """A state of fresh variables, named `PREFIXMount.parent.2`; cells in `steady` have the terms given there."""
        known = steady or {}
        columns = dict(self._static)
        for info in self._dynamic():
            slots = range(1, self.slots[info.cls] + 1)
            columns[info.cls, LIVE] = tuple(
                known[info.cls, LIVE, i]
                if (info.cls, LIVE, i) in known
                else t.variable(prefix + name_of((info.cls, LIVE, i)))
                for i in slots
            )
            for f in info.fields:
                columns[info.cls, f.name] = tuple(
                    self._variable(prefix, info.cls, f.name, i, f.type, known) for i in slots
                )
        return SymbolicState(columns)

    def _variable(
        self, prefix: str, cls: type[Entity], field: str, slot: int, kind: Type, known: Mapping[Cell, Term]
    ) -> Value:
        def cell(part: Type, member: int) -> Term:
            place: Cell = (cls, field, slot, member) if member else (cls, field, slot)
            return known[place] if place in known else self.fresh(prefix + name_of(place), part, cls)

        return self.built(kind, cell)

    def fresh(self, name: str, kind: Type, owner: type[Entity] | None = None) -> Term:
        """A variable of a scalar type; the constant where the type has one value only (an entity without slots)."""
        top = self.sizes.top(kind, owner)
        return t.variable(name, self.width(kind), top) if top else self.scalar(kind, 0)

    def constant(self, frozen: Frozen) -> SymbolicState:
        """The state whose frozen form is `frozen`; rows of static entities are those of the layout."""
        columns = dict(self._static)
        for info, rows in zip(self.entities, frozen, strict=True):
            if not info.static:
                columns.update(self._constant_columns(info, rows))
        return SymbolicState(columns)

    def _constant_columns(self, info: EntityInfo, rows: Sequence[Row]) -> dict[ColumnName, Column]:
        count = self.slots[info.cls]
        if len(rows) > count:
            raise ValueError(f"{len(rows)} rows of {info.name}, the scope has {count} slots")
        padded = [*rows, *[None] * (count - len(rows))]
        columns: dict[ColumnName, Column] = {(info.cls, LIVE): tuple(t.boolean(row is not None) for row in padded)}
        for at, f in enumerate(info.fields):
            columns[info.cls, f.name] = tuple(
                self.zero(f.type) if row is None else self._decoded(f.type, row[at]) for row in padded
            )
        return columns

    def _decoded(self, kind: Type, value: Any) -> Value:
        return self.built(kind, lambda part, j: self.scalar(part, _part(kind, value, j)))

    # -- cells --------------------------------------------------------------------------------------------------------

    def flatten(self, state: SymbolicState) -> dict[Cell, Term]:
        """Every term of a state by its place, static entities left out."""
        out: dict[Cell, Term] = {}
        for info in self._dynamic():
            for field in (LIVE, *info.by_name):
                for i, value in enumerate(state.columns[info.cls, field], 1):
                    if isinstance(value, Term):
                        out[info.cls, field, i] = value
                    else:
                        for j, part in enumerate(value, 1):
                            out[info.cls, field, i, j] = part
        return out

    def environment(self, frozen: Frozen, prefix: str = "") -> dict[str, int]:
        """Values of the variables of :meth:`variables` that make them the state `frozen`."""
        flat = self.flatten(self.constant(frozen))
        return {prefix + name_of(cell): t.value_of(term) or 0 for cell, term in flat.items()}

    def frozen(self, values: Mapping[Cell, int]) -> Frozen:
        """The frozen form of a state from the values of its cells."""
        out: list[tuple[Row, ...]] = []
        for info in self.entities:
            if info.static:
                out.append(self._static_rows.get(info.cls, ()))
                continue
            rows: list[Row] = []
            for i in range(1, self.slots[info.cls] + 1):
                alive = values[info.cls, LIVE, i]
                row = tuple(self._encoded(info.cls, f.name, f.type, i, values) for f in info.fields)
                rows.append(row if alive else None)
            while rows and rows[-1] is None:
                rows.pop()
            out.append(tuple(rows))
        return tuple(out)

    def _encoded(self, cls: type[Entity], field: str, kind: Type, slot: int, values: Mapping[Cell, int]) -> Any:
        if isinstance(kind, SetType):
            return sum(1 << j for j in range(1, self.slots[kind.entity] + 1) if values[cls, field, slot, j])
        if isinstance(kind, MapType):
            pairs = [(j, int(values[cls, field, slot, j])) for j in range(1, self.slots[kind.entity] + 1)]
            return tuple((j, v) for j, v in pairs if v)
        return int(values[cls, field, slot])

    def _dynamic(self) -> Iterator[EntityInfo]:
        return (info for info in self.entities if not info.static)

    # -- what every state satisfies -----------------------------------------------------------------------------------

    def well_formed(self, state: SymbolicState) -> Term:
        """Values in range, rows of free slots zero, references to live objects: assumed of an arbitrary state."""
        parts = [t.neg(d.guard) for d in self.dangling(state)]
        for info in self._dynamic():
            alive = state.live(info.cls)
            for f in info.fields:
                zero = self.zero(f.type)
                for live, value in zip(alive, state.columns[info.cls, f.name], strict=True):
                    parts.append(t.disj(live, same(value, zero)))
                    parts.append(self.in_range(f.type, value, info.cls))
        return t.conj_all(parts)

    def in_range(self, kind: Type, value: Value, owner: type[Entity] | None = None) -> Term:
        """A value that its type allows."""
        if isinstance(kind, SetType | BoolType):
            return TRUE
        if isinstance(kind, MapType):
            assert isinstance(value, tuple)
            return t.conj_all(self.in_range(kind.value, part, owner) for part in value)
        assert isinstance(value, Term)
        low = kind.low if isinstance(kind, IntType) else 0
        top = min(self.sizes.top(kind, owner), (1 << value.width) - 1)
        if isinstance(value.payload, str):  # a variable promises its top, so that the comparison would fold
            value = t.variable(value.payload, value.width)
        above = t.ult(value, t.number(low, value.width)) if low else FALSE
        return t.neg(t.disj(above, t.ult(t.number(top, value.width), value)))

    def dangling(self, state: SymbolicState) -> list[Dangling]:
        """References of live rows that name no live object, and None where the type forbids it."""
        out: list[Dangling] = []
        for info in self._dynamic():
            alive = state.live(info.cls)
            for f in info.fields:
                for i, value in enumerate(state.columns[info.cls, f.name]):
                    if alive[i] is not FALSE:
                        what = f"{info.name}#{i + 1}.{f.name}"
                        found = t.conj(alive[i], self.names_dead(f.type, value, state))
                        out += [Dangling(found, f"{what} names a freed object")] if found is not FALSE else []
                        if isinstance(f.type, RefType) and not f.type.optional:
                            assert isinstance(value, Term)
                            none = t.conj(alive[i], t.eq(value, t.number(0, value.width)))
                            out += [Dangling(none, f"{what} is None")] if none is not FALSE else []
        return out

    def names_dead(self, kind: Type, value: Value, state: SymbolicState) -> Term:
        """Where a value names an object that is not live (None is no object)."""
        if isinstance(kind, RefType):
            assert isinstance(value, Term)
            return t.neg(t.disj(t.eq(value, t.number(0, value.width)), selected(value, state.live(kind.entity))))
        if isinstance(kind, SetType):
            assert isinstance(value, tuple)
            return t.disj_all(t.conj(m, t.neg(a)) for m, a in zip(value, state.live(kind.entity), strict=True))
        if isinstance(kind, MapType):
            assert isinstance(value, tuple)
            zero = self.zero(kind.value)
            keys = [t.conj(t.neg(same(v, zero)), t.neg(a)) for v, a in zip(value, state.live(kind.entity), strict=True)]
            return t.disj(t.disj_all(keys), t.disj_all(self.names_dead(kind.value, v, state) for v in value))
        return FALSE


def selected(ref: Term, members: Sequence[Term]) -> Term:
    """The Bool at slot `ref`; False for None."""
    return t.disj_all(
        t.conj(t.eq(ref, t.number(i, ref.width)), member) for i, member in enumerate(members, 1) if member is not FALSE
    )


def same(a: Value, b: Value) -> Term:
    """Equality of two values of one type; numbers of unequal width are widened."""
    if isinstance(a, tuple):
        assert isinstance(b, tuple)
        return t.conj_all(t.eq(x, y) for x, y in zip(a, b, strict=True))
    assert isinstance(b, Term)
    width = max(a.width, b.width)
    return t.eq(t.resize(a, width), t.resize(b, width))


def name_of(cell: Cell) -> str:
    """`Mount.parent.2`, `Task.vis.1.3`."""
    return ".".join([cell[0].__name__, *map(str, cell[1:])])


def _part(kind: Type, value: Any, member: int) -> int:
    if isinstance(kind, SetType):
        return int(value) >> member & 1
    if isinstance(kind, MapType):
        return int(dict(value).get(member, kind.value.low if isinstance(kind.value, IntType) else 0))
    return int(value)
