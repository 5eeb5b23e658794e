"""A state in the direct reading: objects with fields, the collections of a state, and its frozen form.

The frozen form is a tuple with one tuple of rows for each entity; a row is a tuple of integers (None for a free slot):
a bool or enumeration as its number, a reference as its slot (0 for None), a set as a bit mask with bit `slot` set, a
map as sorted (key slot, value) pairs of the entries that are not zero.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nsmodel.ir.language import Entity, Map, ScopeCut, Switch, Trap, UseAfterFree
from nsmodel.ir.schema import EntityInfo, Schema, schema_of
from nsmodel.ir.types import BoolType, EnumType, IntType, MapType, RefType, SetType, Type

E = TypeVar("E", bound=Entity)

Row = tuple[Any, ...] | None
Frozen = tuple[tuple[Row, ...], ...]


class LiveView(Generic[E]):
    """The live objects of one entity; iterating it takes a snapshot in slot order."""

    def __init__(self) -> None:
        self.slots: list[E | None] = [None]

    def __iter__(self) -> Iterator[E]:
        return iter([o for o in self.slots if o is not None])

    def __len__(self) -> int:
        return sum(o is not None for o in self.slots)

    def __contains__(self, item: object) -> bool:
        return any(o is item for o in self.slots if o is not None)

    def _set(self) -> frozenset[E]:
        return frozenset(self)

    def __sub__(self, other: Iterable[E]) -> frozenset[E]:
        return self._set() - frozenset(other)

    def __and__(self, other: Iterable[E]) -> frozenset[E]:
        return self._set() & frozenset(other)

    def __or__(self, other: Iterable[E]) -> frozenset[E]:
        return self._set() | frozenset(other)


_FREED: dict[type[Entity], type[Entity]] = {}


def _freed_class(cls: type[Entity]) -> type[Entity]:
    """A class that a freed object turns into: whoever touches it is told."""
    if cls not in _FREED:

        def touched(self: Entity, name: str, *value: object) -> Any:
            if name in ("__class__", "__dict__"):
                return object.__getattribute__(self, name)
            raise UseAfterFree(f"{name} of a freed {cls.__name__}")

        body = {"__getattribute__": touched, "__setattr__": touched, "__repr__": lambda self: f"freed {cls.__name__}"}
        _FREED[cls] = type(f"Freed{cls.__name__}", (cls,), body)
    return _FREED[cls]


class State:
    """Base of a model's state: its `Live[E]` annotations become collections.

    `bounds` maps collection names to slots; without bounds a collection grows as it must. `switches` names the known
    bugs that are on.
    """

    def __init__(self, bounds: Mapping[str, int] | None = None, switches: frozenset[str] = frozenset()) -> None:
        self.schema: Schema = schema_of(type(self))
        self.bounds = bounds
        self.switches = switches
        self._views: dict[type[Entity], LiveView[Any]] = {}
        for info in self.schema.entities:
            view: LiveView[Any] = LiveView()
            self._views[info.cls] = view
            setattr(self, info.collection, view)

    def new(self, cls: type[E]) -> E:
        """A new object in the smallest free slot, all fields zero; beyond the bound the call is cut off."""
        view = self._views[cls]
        try:
            slot = view.slots.index(None, 1)
        except ValueError:
            slot = len(view.slots)
            info = self.schema.by_class[cls]
            if self.bounds is not None and slot > self.bounds.get(info.collection, 0):
                raise ScopeCut(info.collection) from None
            view.slots.append(None)
        item = cls.__new__(cls)
        item.slot = slot
        item.__dict__.update({f.name: zero(f.type) for f in self.schema.by_class[cls].fields})
        view.slots[slot] = item
        return item

    def like(self, item: E) -> E:
        """A new object of the same entity as `item` (in a helper for an abstract entity)."""
        return self.new(type(item))

    def kin(self, item: E) -> LiveView[E]:
        """All live objects of the same entity as `item`."""
        return self._views[type(item)]

    def free(self, item: Entity) -> None:
        """Free an object: whoever touches it afterwards is trapped."""
        view = self._views.get(type(item))
        if view is None or view.slots[item.slot] is not item:
            raise UseAfterFree(f"{item!r} was freed already")
        view.slots[item.slot] = None
        item.__class__ = _freed_class(type(item))

    def bug(self, switch: Switch) -> bool:
        """True when the known bug is on."""
        return switch.name in self.switches

    def at(self, cls: type[E], slot: int) -> E | None:
        """The object in a slot, or None."""
        slots = self._views[cls].slots
        return slots[slot] if 0 < slot < len(slots) else None

    def live(self, cls: type[E]) -> list[E]:
        """The live objects of an entity in slot order."""
        return list(self._views[cls])


def zero(kind: Type) -> Any:
    """The value of a field that was never stored."""
    if isinstance(kind, BoolType):
        return False
    if isinstance(kind, EnumType):
        return next(iter(kind.cls))
    if isinstance(kind, IntType):
        return kind.low
    if isinstance(kind, SetType):
        return frozenset()
    if isinstance(kind, MapType):
        return Map(zero(kind.value))
    return None


@dataclass(frozen=True)
class _Codec:
    """Freezes and thaws the rows of one entity: straight-line code, made once from the schema."""

    freeze: Callable[[dict[str, Any]], tuple[Any, ...]]
    thaw: Callable[[dict[str, Any], tuple[Any, ...], list[Any]], None]


@functools.cache
def _codecs(schema: Schema) -> tuple[_Codec, ...]:
    index = {info.cls: i for i, info in enumerate(schema.entities)}
    out = []
    for info in schema.entities:
        space: dict[str, Any] = {"mask": _mask, "pairs": _pairs, "members": _members, "entries": _entries}
        frozen, thawed = [], []
        for i, f in enumerate(info.fields):
            got, read = f"d[{f.name!r}]", f"row[{i}]"
            kind = f.type
            if isinstance(kind, RefType):
                frozen.append(f"0 if {got} is None else {got}.slot" if kind.optional else f"{got}.slot")
                thawed.append(f"views[{index[kind.entity]}][{read}]")
            elif isinstance(kind, SetType):
                frozen.append(f"mask({got})")
                thawed.append(f"members(views[{index[kind.entity]}], {read})")
            elif isinstance(kind, MapType):
                space[f"kind{i}"], space[f"zero{i}"] = kind.value, zero(kind.value)
                frozen.append(f"pairs({got})")
                values = f"views[{index[kind.value.entity]}]" if isinstance(kind.value, RefType) else f"kind{i}"
                thawed.append(f"entries(views[{index[kind.entity]}], {read}, {values}, zero{i})")
            elif isinstance(kind, EnumType):
                space[f"enum{i}"] = tuple(kind.cls)
                frozen.append(f"int({got})")
                thawed.append(f"enum{i}[{read}]")
            else:
                frozen.append(f"int({got})")
                thawed.append(f"{read} != 0" if isinstance(kind, BoolType) else read)
        stores = [f"d[{f.name!r}] = {value}" for f, value in zip(info.fields, thawed, strict=True)] or ["pass"]
        code = f"def freeze(d): return ({', '.join(frozen)}{',' if frozen else ''})\n"
        code += "def thaw(d, row, views):\n    " + "\n    ".join(stores)
        exec(code, space)
        out.append(_Codec(space["freeze"], space["thaw"]))
    return tuple(out)


def _mask(items: Iterable[Entity]) -> int:
    mask = 0
    for item in items:
        mask |= 1 << item.slot
    return mask


def _pairs(values: Map[Any, Any]) -> tuple[tuple[int, int], ...]:
    """The entries of a map that are not zero; a zero entry may name a freed key, which is forgotten."""
    found = [(key.slot, int(v.slot if isinstance(v, Entity) else v)) for key, v in values.entries.items() if v]
    return tuple(sorted(found))


_NONE: frozenset[Any] = frozenset()


def _members(slots: list[Any], mask: int) -> frozenset[Any]:
    return frozenset(o for i, o in enumerate(slots) if mask >> i & 1) if mask else _NONE


def _entries(keys: list[Any], pairs: tuple[tuple[int, int], ...], values: Any, default: Any) -> Map[Any, Any]:
    out: Map[Any, Any] = Map(default)
    for key, value in pairs:
        if isinstance(values, list):
            out.entries[keys[key]] = values[value]
        elif isinstance(values, EnumType):
            out.entries[keys[key]] = values.cls(value)
        else:
            out.entries[keys[key]] = bool(value) if isinstance(values, BoolType) else value
    return out


def freeze(state: State) -> Frozen:
    """The frozen form of a state.

    Raises :class:`UseAfterFree` when a field names a freed object, :class:`Trap` when a reference that may not be
    None is or a number falls below zero, :class:`ScopeCut` when one exceeds the bound that tops its range.
    """
    out = []
    for info, codec in zip(state.schema.entities, _codecs(state.schema), strict=True):
        rows: list[Row] = []
        for item in state._views[info.cls].slots[1:]:
            if item is None:
                rows.append(None)
                continue
            try:
                rows.append(codec.freeze(item.__dict__))
            except (UseAfterFree, AttributeError):
                raise _blame(item, info) from None
        while rows and rows[-1] is None:
            rows.pop()
        out.append(tuple(rows))
    if state.bounds is not None:
        for entity, at, name in _numbers(state.schema):
            values = [row[at] for row in out[entity] if row is not None]
            if name is not None and values and max(values) > state.bounds.get(name, 0):
                raise ScopeCut(name)
            if values and min(values) < 0:
                raise Trap("a number falls below zero")
    return tuple(out)


@functools.cache
def _numbers(schema: Schema) -> tuple[tuple[int, int, str | None], ...]:
    """Entity and field of every integer that is topped by the scope, whose bound is the third, or by its holders."""
    return tuple(
        (i, at, f.type.high)
        for i, info in enumerate(schema.entities)
        for at, f in enumerate(info.fields)
        if isinstance(f.type, IntType) and not isinstance(f.type.high, int)
    )


def freeze_loosely(state: State) -> Frozen:
    """The frozen form of a state that a rule left broken: references to freed objects, and None where none may be,
    are frozen as None."""
    for view in state._views.values():
        for item in view:
            for name, value in item.__dict__.items():
                if type(value) in _FREED.values():
                    item.__dict__[name] = None
                elif isinstance(value, frozenset):
                    kept = (o for o in value if o is not None and type(o) not in _FREED.values())
                    item.__dict__[name] = frozenset(kept)
                elif isinstance(value, Map):
                    freed = set(_FREED.values())
                    value.entries = {
                        k: v for k, v in value.entries.items() if type(k) not in freed and type(v) not in freed
                    }
    out = []
    for info, codec in zip(state.schema.entities, _codecs(state.schema), strict=True):
        rows: list[Row] = []
        for item in state._views[info.cls].slots[1:]:
            if item is not None:
                missing = [f.name for f in info.fields if isinstance(f.type, RefType) and item.__dict__[f.name] is None]
                fields = {**item.__dict__, **dict.fromkeys(missing, _NOTHING)}
                rows.append(codec.freeze(fields))
            else:
                rows.append(None)
        out.append(tuple(rows))
    return tuple(out)


class _Nothing:
    slot = 0


_NOTHING = _Nothing()


def _blame(item: Entity, info: EntityInfo) -> Trap:
    """Which field of an object keeps it from being frozen."""
    for f in info.fields:
        value = item.__dict__[f.name]
        where = f"{item!r}.{f.name}"
        if value is None and isinstance(f.type, RefType) and not f.type.optional:
            return Trap(f"{where} is None, but {f.type} is not optional")
        named = [value]
        if isinstance(value, frozenset):
            named = list(value)
        if isinstance(value, Map):
            named = [*value.entries, *value.entries.values()]
        for other in named:
            if type(other) in _FREED.values():
                return UseAfterFree(f"{where} still names a {other!r}")
    return Trap(f"{item!r} cannot be frozen")


def thaw(
    cls: type[State], frozen: Frozen, bounds: Mapping[str, int] | None = None, switches: frozenset[str] = frozenset()
) -> Any:
    """The state whose frozen form is `frozen`, as fresh objects; static ones, which nothing changes, are shared."""
    state = cls(bounds, switches)
    views = [state._views[info.cls].slots for info in state.schema.entities]
    statics = tuple([rows for info, rows in zip(state.schema.entities, frozen, strict=True) if info.static])
    known = _STATICS.get(cls)
    shared = known[1] if known is not None and known[0] == statics else None
    for info, rows, slots in zip(state.schema.entities, frozen, views, strict=True):
        if shared is not None and info.static:
            slots.extend(shared[info.cls])
            continue
        make = info.cls.__new__
        for slot, row in enumerate(rows, 1):
            item = None
            if row is not None:
                item = make(info.cls)
                item.slot = slot
            slots.append(item)
    for info, codec, rows, slots in zip(state.schema.entities, _codecs(state.schema), frozen, views, strict=True):
        if shared is not None and info.static:
            continue
        fill = codec.thaw
        for slot, row in enumerate(rows, 1):
            if row is not None:
                fill(slots[slot].__dict__, row, views)
    if shared is None and _self_contained(state.schema):
        _STATICS[cls] = (
            statics,
            {info.cls: state._views[info.cls].slots[1:] for info in state.schema.entities if info.static},
        )
    return state


_STATICS: dict[type[State], tuple[tuple[tuple[Row, ...], ...], dict[type[Entity], list[Any]]]] = {}
"""The static objects of the last state of each class, by their rows."""


@functools.cache
def _self_contained(schema: Schema) -> bool:
    """Static objects name static objects only, so that they can be shared between states."""
    kinds = [f.type for info in schema.entities if info.static for f in info.fields]
    named = [kind.entity for kind in kinds if isinstance(kind, RefType | SetType | MapType)]
    return all(schema.by_class[entity].static for entity in named)
