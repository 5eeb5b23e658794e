"""The state of a system as variables and arrays of numbers: names, ranges, and where each field of an object is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nsmodel.export import flat
from nsmodel.export.flat import Expr, Item, Number, Set, Stmt, Var
from nsmodel.ir.language import Entity
from nsmodel.ir.schema import EntityInfo
from nsmodel.ir.state import Row
from nsmodel.ir.types import BoolType, IntType, MapType, RefType, SetType, Type
from nsmodel.system.problem import Problem
from nsmodel.system.transition import TransitionSystem

MOST_SLOTS = 30
"""Slots that fit in a mask of 32 bits with bit 0 for None."""


@dataclass(frozen=True)
class Cell:
    """A variable of the state, or an array of `size` items; numbers from 0 to `top`."""

    name: str
    size: int | None
    top: int
    boolean: bool
    initial: tuple[int, ...]
    comment: str
    constant: bool = False


@dataclass(frozen=True)
class MapPlace:
    """Where a map is: consecutive items of an array, one for each key."""

    array: str
    base: Expr
    keys: int
    boolean: bool
    state: bool
    constant: bool = False

    def at(self, key: Expr) -> Item:
        """The entry of a key."""
        index = flat.added(self.base, flat.subtracted(key, Number(1)))
        return Item(self.array, index, self.boolean, self.state, self.constant)


class Cells:
    """The cells of a system. `packed`: boolean fields are masks, one bit for each object, else arrays."""

    def __init__(self, system: TransitionSystem, *, packed: bool) -> None:
        self.system = system
        self.sizes = system.sizes
        self.packed = packed
        self.declared: dict[str, Cell] = {}
        self._names: dict[tuple[type[Entity], str], str] = {}
        for info, rows in zip(self.sizes.schema.entities, system.initial, strict=True):
            if self.slots(info.cls) > MOST_SLOTS:
                place = f"--bound {info.collection}={self.slots(info.cls)}"
                raise Problem("the scope is too large to export", place=place, fix=f"at most {MOST_SLOTS} slots")
            if self.slots(info.cls):
                self._declare(info, rows)

    def slots(self, entity: type[Entity]) -> int:
        """Slots of an entity."""
        return self.sizes.slots(entity)

    def every(self, entity: type[Entity]) -> int:
        """The mask of all slots of an entity."""
        return (1 << self.slots(entity) + 1) - 2

    def is_static(self, entity: type[Entity]) -> bool:
        """Whether the objects of an entity never change."""
        return self.sizes.schema.by_class[entity].static

    def top(self, kind: Type, owner: type[Entity]) -> int:
        """The largest number that a cell holds, in passing too where the scope tops the range."""
        if isinstance(kind, SetType):
            return self.every(kind.entity)
        if isinstance(kind, IntType) and isinstance(kind.high, str):
            return 255
        return self.sizes.top(kind, owner)

    # -- reading and writing ----------------------------------------------------------------------------------------

    def live(self, entity: type[Entity]) -> Expr:
        """The mask of the live objects."""
        if not self.slots(entity):
            return Number(0)
        if self.is_static(entity):
            at = [e.cls for e in self.sizes.schema.entities].index(entity)
            return Number(_mask(self.system.initial[at]))
        return Var(self._names[entity, ""], state=True)

    def read(self, entity: type[Entity], field: str, slot: Expr) -> Expr:
        """The value of a scalar field."""
        boolean = isinstance(self._kind(entity, field), BoolType)
        if not self.slots(entity):
            return flat.FALSE if boolean else Number(0)
        name = self._names[entity, field]
        cell = self.declared[name]
        if cell.size is None:
            return flat.bit(Var(name, state=True), slot)
        index = flat.subtracted(slot, Number(1))
        if cell.constant and isinstance(index, Number) and 0 <= index.value < len(cell.initial):
            found = cell.initial[index.value]
            return flat.Truth(bool(found)) if boolean else Number(found)
        return Item(name, index, boolean, not cell.constant, cell.constant)

    def write(self, entity: type[Entity], field: str, slot: Expr, value: Expr) -> list[Stmt]:
        """Store in a scalar field."""
        if not self.slots(entity):
            return []
        name = self._names[entity, field]
        cell = self.declared[name]
        if cell.size is None:
            mask = Var(name, state=True)
            off, on = flat.difference(mask, flat.one(slot)), flat.union(mask, flat.one(slot))
            return [Set(mask, flat.chosen(value, on, off))]
        return [Set(Item(name, flat.subtracted(slot, Number(1)), cell.boolean, True), value)]

    def map(self, entity: type[Entity], field: str, slot: Expr) -> MapPlace:
        """Where a map field is."""
        kind = self._kind(entity, field)
        assert isinstance(kind, MapType)
        keys = self.slots(kind.entity)
        name = self._names.get((entity, field), "")
        base = flat.scaled(flat.subtracted(slot, Number(1)), Number(keys))
        cell = self.declared.get(name)
        constant = cell is not None and cell.constant
        return MapPlace(name, base, keys, isinstance(kind.value, BoolType), cell is not None and not constant, constant)

    def born(self, entity: type[Entity], slot: Expr) -> list[Stmt]:
        """Make an object: its fields are zero already, as :meth:`free` left them."""
        live = self.live(entity)
        assert isinstance(live, Var)
        out: list[Stmt] = [Set(live, flat.union(live, flat.one(slot)))]
        for f in self.sizes.schema.by_class[entity].fields:
            if isinstance(f.type, IntType) and f.type.low:
                out += self.write(entity, f.name, slot, Number(f.type.low))
        return out

    def free(self, entity: type[Entity], slot: Expr) -> list[Stmt]:
        """Free an object and zero its fields."""
        live = self.live(entity)
        assert isinstance(live, Var)
        out: list[Stmt] = [Set(live, flat.difference(live, flat.one(slot)))]
        for f in self.sizes.schema.by_class[entity].fields:
            if isinstance(f.type, MapType):
                place = self.map(entity, f.name, slot)
                zero = flat.FALSE if place.boolean else Number(0)
                out += [Set(place.at(Number(key)), zero) for key in range(1, place.keys + 1)]
            else:
                zero = flat.FALSE if isinstance(f.type, BoolType) else Number(0)
                out += self.write(entity, f.name, slot, zero)
        return out

    # -- declaring ----------------------------------------------------------------------------------------------------

    def _kind(self, entity: type[Entity], field: str) -> Type:
        return self.sizes.schema.by_class[entity].by_name[field].type

    def _declare(self, info: EntityInfo, rows: Sequence[Row]) -> None:
        count = self.slots(info.cls)
        if not info.static:
            name = self._name(info, "live")
            self._names[info.cls, ""] = name
            self.declared[name] = Cell(name, None, self.every(info.cls), False, (_mask(rows),), f"live {info.name}")
        for at, f in enumerate(info.fields):
            values = [row[at] if row is not None else None for row in rows]
            values += [None] * (count - len(values))
            name = self._name(info, f.name)
            self._names[info.cls, f.name] = name
            kind, comment, size = f.type, f"{info.name}.{f.name}: {f.type}", count
            if isinstance(kind, BoolType) and self.packed and not info.static:
                mask = sum(1 << slot for slot, value in enumerate(values, 1) if value)
                self.declared[name] = Cell(name, None, self.every(info.cls), False, (mask,), comment)
                continue
            if isinstance(kind, MapType):
                keys = self.slots(kind.entity)
                entries = [dict(pairs or ()) for pairs in values]
                values = [entry.get(key, 0) for entry in entries for key in range(1, keys + 1)]
                kind, size = kind.value, count * keys
            if size:
                found = tuple(int(v or 0) for v in values)
                top, boolean = self.top(kind, info.cls), isinstance(kind, BoolType)
                self.declared[name] = Cell(name, size, top, boolean, found, comment, info.static)

    def _name(self, info: EntityInfo, field: str) -> str:
        name = f"{info.collection}_{field}"
        while name in self.declared:
            name += "_"
        return name

    def references(self) -> list[tuple[type[Entity], str, RefType | SetType, bool]]:
        """Every field that names objects: entity, field, what it names, and whether it may be None."""
        out: list[tuple[type[Entity], str, RefType | SetType, bool]] = []
        for info in self.sizes.schema.entities:
            for f in info.fields:
                kind = f.type
                if info.static or not self.slots(info.cls) or not isinstance(kind, RefType | SetType):
                    continue
                out.append((info.cls, f.name, kind, isinstance(kind, RefType) and kind.optional))
        return out


def _mask(rows: Sequence[Row]) -> int:
    return sum(1 << slot for slot, row in enumerate(rows, 1) if row is not None)
