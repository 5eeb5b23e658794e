"""The state schema: which entities a state class has, their fields, and the sizes that a scope gives them."""

from __future__ import annotations

import enum
import functools
import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nsmodel.ir.language import Entity, Live, Static
from nsmodel.ir.types import EnumType, IntType, MapType, NotAType, RefType, SetType, Type, of_annotation


@dataclass(frozen=True)
class Field:
    """One field of an entity."""

    name: str
    type: Type


@dataclass(frozen=True)
class EntityInfo:
    """A concrete entity: its class, the state's collection of it, and its fields, inherited ones first."""

    cls: type[Entity]
    collection: str
    fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        """The class name."""
        return self.cls.__name__

    @property
    def static(self) -> bool:
        """True when its objects never change."""
        return issubclass(self.cls, Static)

    @functools.cached_property
    def by_name(self) -> dict[str, Field]:
        """Fields by name."""
        return {f.name: f for f in self.fields}


class SchemaError(TypeError):
    """A state class or an entity that the language cannot hold; the message names class and field."""


@dataclass(frozen=True, eq=False)
class Schema:
    """All entities of a state class, in the order of its annotations. There is one for each class, so it is itself
    alone, and what is kept by it is found at once."""

    state: type[Any]
    entities: tuple[EntityInfo, ...]

    @functools.cached_property
    def by_class(self) -> dict[type[Entity], EntityInfo]:
        """Entities by class."""
        return {e.cls: e for e in self.entities}

    @functools.cached_property
    def by_collection(self) -> dict[str, EntityInfo]:
        """Entities by the name of their collection."""
        return {e.collection: e for e in self.entities}

    @functools.cached_property
    def bound_names(self) -> frozenset[str]:
        """Names that a scope may bound: collections, and the named tops of integer ranges."""
        kinds = [f.type.value if isinstance(f.type, MapType) else f.type for e in self.entities for f in e.fields]
        tops = {t.high for t in kinds if isinstance(t, IntType)}
        return frozenset(self.by_collection) | {t for t in tops if isinstance(t, str)}

    def concrete(self, cls: type[Entity]) -> list[EntityInfo]:
        """The concrete entities that `cls` stands for: itself, or its subclasses in this state."""
        return [e for e in self.entities if issubclass(e.cls, cls)]


def schema_of(state: type[Any]) -> Schema:
    """Read a state class: every `Live[E]` annotation is the collection of one entity.

    Raises :class:`SchemaError` for a field whose annotation is no type of the language.
    """
    if state in _SCHEMAS:
        return _SCHEMAS[state]
    hints = typing.get_type_hints(state, include_extras=True)
    found: list[EntityInfo] = []
    for name, hint in hints.items():
        if typing.get_origin(hint) is Live:
            (cls,) = typing.get_args(hint)
            found.append(EntityInfo(cls, name, _fields(cls)))
    _SCHEMAS[state] = Schema(state, tuple(found))
    return _SCHEMAS[state]


_SCHEMAS: dict[type[Any], Schema] = {}
_FIELDS: dict[type[Entity], tuple[Field, ...]] = {}


def _fields(cls: type[Entity]) -> tuple[Field, ...]:
    if cls in _FIELDS:
        return _FIELDS[cls]
    fields: dict[str, Field] = {}
    for base in reversed(cls.__mro__):
        if not (issubclass(base, Entity) and base is not Entity and base is not Static):
            continue
        own = inspect.get_annotations(base)
        hints = typing.get_type_hints(base, include_extras=True) if own else {}
        for name in own:
            try:
                kind = of_annotation(hints[name])
            except NotAType as problem:
                raise SchemaError(f"{base.__module__}.{base.__name__}.{name}: {problem}") from None
            _check(base, name, kind)
            fields[name] = Field(name, kind)
    _FIELDS[cls] = tuple(fields.values())
    return _FIELDS[cls]


def fields_of(cls: type[Entity]) -> dict[str, Field]:
    """Fields of an entity class, abstract or not, by name."""
    return {f.name: f for f in _fields(cls)}


def _check(cls: type[Entity], name: str, kind: Type) -> None:
    if isinstance(kind, EnumType):
        values = [int(m.value) if isinstance(m.value, int) else -1 for m in kind.cls]
        if not issubclass(kind.cls, enum.IntEnum) or values != list(range(len(values))):
            raise SchemaError(f"{cls.__name__}.{name}: {kind.cls.__name__} must be an IntEnum that counts from 0")
    if isinstance(kind, MapType) and isinstance(kind.value, SetType | MapType):
        raise SchemaError(f"{cls.__name__}.{name}: a map holds bools, integers, enumerations or references")
    if isinstance(kind, MapType) and isinstance(kind.value, RefType) and not kind.value.optional:
        raise SchemaError(f"{cls.__name__}.{name}: a map's references are `| None`")


@dataclass(frozen=True)
class Sizes:
    """A schema with the bounds of one scope: slots of each entity and tops of integer ranges."""

    schema: Schema
    bounds: Mapping[str, int]

    def slots(self, cls: type[Entity]) -> int:
        """Slots of an entity; one that the scope does not name has none and costs nothing."""
        return self.bounds.get(self.schema.by_class[cls].collection, 0)

    def top(self, kind: Type, owner: type[Entity] | None = None) -> int:
        """The largest stored value of a scalar type (a reference counts as its slot, None as 0)."""
        if isinstance(kind, IntType):
            if isinstance(kind.high, int):
                return kind.high
            if isinstance(kind.high, str):
                return self.bounds.get(kind.high, 0)
            return self.holders(owner) if owner is not None else 255
        if isinstance(kind, EnumType):
            return len(kind.cls) - 1
        if isinstance(kind, RefType):
            return self.slots(kind.entity)
        return 1

    def holders(self, cls: type[Entity]) -> int:
        """The most references that the fields of a state can hold to one object of `cls`, and two more in passing."""
        total = 2
        for info in self.schema.entities:
            for f in info.fields:
                kind = f.type.value if isinstance(f.type, MapType) else f.type
                if isinstance(kind, RefType | SetType) and kind.entity is cls:
                    times = self.slots(f.type.entity) if isinstance(f.type, MapType) else 1
                    total += self.slots(info.cls) * times
        return total
