"""Types of the rule language and how a Python annotation names one.

A type says what a field, a local or a parameter may hold; it never mentions a bound of a spec by number. Bounds
(slots of an entity, the top of an integer range) come with the scope: see :class:`nsmodel.ir.schema.Schema`.
"""

from __future__ import annotations

import enum
import types
import typing
from dataclasses import dataclass
from typing import Any

from nsmodel.ir.language import Entity, Flags, Live, Map, Range


@dataclass(frozen=True)
class Type:
    """Base of all types."""


@dataclass(frozen=True)
class BoolType(Type):
    """True or False."""

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True)
class IntType(Type):
    """An integer; `high` is a number, the name of a bound, or None for "as many as there are holders"."""

    low: int = 0
    high: int | str | None = 255

    def __str__(self) -> str:
        return "int"


@dataclass(frozen=True)
class EnumType(Type):
    """A member of a Python enumeration, stored as its position."""

    cls: type[enum.Enum]

    def __str__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True)
class RefType(Type):
    """A reference to an object of `entity`; `optional` when it may be None."""

    entity: type[Entity]
    optional: bool = False

    def __str__(self) -> str:
        return self.entity.__name__ + (" | None" if self.optional else "")


@dataclass(frozen=True)
class SetType(Type):
    """A set of objects of one entity; a value, never shared."""

    entity: type[Entity]

    def __str__(self) -> str:
        return f"set[{self.entity.__name__}]"


@dataclass(frozen=True)
class MapType(Type):
    """A total map from the objects of `entity` to a bool, integer, enumeration or optional reference."""

    entity: type[Entity]
    value: Type

    def __str__(self) -> str:
        return f"Map[{self.entity.__name__}, {self.value}]"


@dataclass(frozen=True)
class FlagsType(Type):
    """A record of booleans, enumerations and integers; only a rule's parameter, read by field."""

    cls: type[Flags]

    def __str__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True)
class NoneType(Type):
    """The type of None."""

    def __str__(self) -> str:
        return "None"


@dataclass(frozen=True)
class GeneratorType(Type):
    """What a helper generator yields."""

    item: Type

    def __str__(self) -> str:
        return f"Iterator[{self.item}]"


BOOL = BoolType()
INT = IntType()
NONE = NoneType()


class NotAType(TypeError):
    """An annotation that the rule language has no type for; the message says what to write instead."""


def of_annotation(hint: Any) -> Type:
    """The type that an evaluated annotation names.

    Raises :class:`NotAType` for anything else than bool, int (with an optional `Range`), an enumeration, an entity
    (optionally `| None`), `set[Entity]`, `Map[Entity, value]`, `Flags` or an `Iterator` of one of them.
    """
    if hint is bool:
        return BOOL
    if hint is int:
        return INT
    if hint is None or hint is types.NoneType:
        return NONE
    if isinstance(hint, typing.TypeVar) and hint.__bound__ is not None:
        return of_annotation(hint.__bound__)
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _annotated(hint)
    if origin in (typing.Union, types.UnionType):
        rest = [a for a in typing.get_args(hint) if a is not types.NoneType]
        if len(rest) == 1 and isinstance(inner := of_annotation(rest[0]), RefType):
            return RefType(inner.entity, optional=True)
        raise NotAType(f"{hint}: only `Entity | None` is a union here")
    if origin in (set, frozenset, Live):
        (item,) = typing.get_args(hint)
        if _is(item, Entity):
            return SetType(item)
        raise NotAType(f"{hint}: a set holds objects of one entity")
    if origin is Map:
        key, value = typing.get_args(hint)
        return MapType(key, of_annotation(value))
    if origin is not None and origin.__name__ in ("Iterator", "Generator", "Iterable"):
        return GeneratorType(of_annotation(typing.get_args(hint)[0]))
    if _is(hint, Entity):
        return RefType(hint)
    if _is(hint, Flags):
        return FlagsType(hint)
    if _is(hint, enum.Enum):
        return EnumType(hint)
    raise NotAType(
        f"{hint!r}: use bool, int, an Enum, an Entity, `Entity | None`, set[Entity], Map[Entity, …] or Flags"
    )


def _annotated(hint: Any) -> Type:
    base, *extras = typing.get_args(hint)
    for extra in extras:
        if isinstance(extra, Range) and base is int:
            return IntType(extra.low, extra.high)
    return of_annotation(base)


def _is(hint: Any, cls: type) -> bool:
    return isinstance(hint, type) and issubclass(hint, cls)
