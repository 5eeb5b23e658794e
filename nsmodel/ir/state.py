"""A state in the direct reading: objects with fields, the collections of a state, and its frozen form.

The frozen form is a tuple with one tuple of rows for each entity; a row is a tuple of integers (None for a free slot):
a bool or enumeration as its number, a reference as its slot (0 for None), a set as a bit mask with bit `slot` set, a
map as sorted (key slot, value) pairs of the entries that are not zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


def _encode(kind: Type, value: Any, where: str) -> Any:
    try:
        if isinstance(kind, RefType):
            return 0 if value is None else value.slot
        if isinstance(kind, SetType):
            mask = 0
            for item in value:
                mask |= 1 << item.slot
            return mask
        if isinstance(kind, MapType):
            pairs = [(key.slot, _encode(kind.value, v, where)) for key, v in value.entries.items()]
            return tuple(sorted((s, v) for s, v in pairs if v))
    except UseAfterFree as problem:
        raise UseAfterFree(f"{where} still names {str(problem).split(' of ', 1)[-1]}") from None
    return int(value)


def freeze(state: State) -> Frozen:
    """The frozen form of a state.

    Raises :class:`UseAfterFree` when a field names a freed object, :class:`Trap` when a reference that may not be
    None is.
    """
    return tuple(_freeze_entity(state, info) for info in state.schema.entities)


def _freeze_entity(state: State, info: EntityInfo) -> tuple[Row, ...]:
    rows: list[Row] = []
    for item in state._views[info.cls].slots[1:]:
        if item is None:
            rows.append(None)
            continue
        fields = item.__dict__
        row = []
        for f in info.fields:
            value = fields[f.name]
            kind = f.type
            if value is None and isinstance(kind, RefType) and not kind.optional:
                raise Trap(f"{item!r}.{f.name} is None, but {kind} is not optional")
            if value is None:
                row.append(0)
            elif value is False or value is True:
                row.append(int(value))
            else:
                row.append(_encode(kind, value, f"{item!r}.{f.name}"))
        rows.append(tuple(row))
    while rows and rows[-1] is None:
        rows.pop()
    return tuple(rows)


def thaw(
    cls: type[State], frozen: Frozen, bounds: Mapping[str, int] | None = None, switches: frozenset[str] = frozenset()
) -> Any:
    """The state whose frozen form is `frozen`, as fresh objects."""
    state = cls(bounds, switches)
    for info, rows in zip(state.schema.entities, frozen, strict=True):
        slots = state._views[info.cls].slots
        for slot, row in enumerate(rows, 1):
            item = None
            if row is not None:
                item = info.cls.__new__(info.cls)
                item.slot = slot
            slots.append(item)
    for info, rows in zip(state.schema.entities, frozen, strict=True):
        slots = state._views[info.cls].slots
        for slot, row in enumerate(rows, 1):
            if row is not None:
                target = slots[slot].__dict__
                for f, value in zip(info.fields, row, strict=True):
                    target[f.name] = _decode(state, f.type, value)
    return state


def _decode(state: State, kind: Type, value: Any) -> Any:
    if isinstance(kind, RefType):
        return state._views[kind.entity].slots[value] if value else None
    if isinstance(kind, BoolType):
        return bool(value)
    if isinstance(kind, EnumType):
        return kind.cls(value)
    if isinstance(kind, SetType):
        slots = state._views[kind.entity].slots
        return frozenset(o for i, o in enumerate(slots) if value >> i & 1)
    if isinstance(kind, MapType):
        keys = state._views[kind.entity].slots
        out: Map[Any, Any] = Map(zero(kind.value))
        for key, entry in value:
            out.entries[keys[key]] = _decode(state, kind.value, entry)
        return out
    return value
