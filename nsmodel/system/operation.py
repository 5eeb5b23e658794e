"""Operations: a rule with the arguments that a spec offers it, and single calls of it."""

from __future__ import annotations

import enum
import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from nsmodel.ir.language import Entity, Flags, Function, function_of
from nsmodel.ir.lower import parameters
from nsmodel.ir.state import State
from nsmodel.ir.types import BoolType, EnumType, FlagsType, IntType, RefType, Type


class OperationError(ValueError):
    """A spec offers a rule arguments that it does not take."""


@dataclass(frozen=True)
class Call:
    """One call: the operation's name and its arguments; an object is its slot, None stays None."""

    operation: str
    arguments: tuple[tuple[str, Any], ...]

    @property
    def by_name(self) -> dict[str, Any]:
        """Arguments by name."""
        return dict(self.arguments)

    def __str__(self) -> str:
        return f"{self.operation}({', '.join(f'{n}={show(v)}' for n, v in self.arguments)})"


@dataclass(frozen=True)
class Operation:
    """A rule and, for each parameter, either None (every object of its entity) or the values offered."""

    name: str
    function: Function
    parameters: tuple[tuple[str, Type], ...]
    values: tuple[tuple[Any, ...] | None, ...]

    @property
    def run(self) -> Callable[..., Any]:
        """The direct reading of the rule."""
        assert self.function.direct is not None
        return self.function.direct

    def calls(self, state: State) -> Iterator[Call]:
        """Every call that the spec offers in a state, in a fixed order."""
        domains = [
            self._domain(state, kind, offered) for (_, kind), offered in zip(self.parameters, self.values, strict=True)
        ]
        names = [name for name, _ in self.parameters]
        for chosen in itertools.product(*domains):
            yield Call(self.name, tuple(zip(names, chosen, strict=True)))

    def some_call(self, state: State, dice: random.Random) -> Call | None:
        """A call by chance, each argument by itself; None where there is nothing to take."""
        chosen = []
        for (name, kind), offered in zip(self.parameters, self.values, strict=True):
            domain = list(self._domain(state, kind, offered))
            if not domain:
                return None
            chosen.append((name, dice.choice(domain)))
        return Call(self.name, tuple(chosen))

    def _domain(self, state: State, kind: Type, offered: tuple[Any, ...] | None) -> Iterable[Any]:
        if not isinstance(kind, RefType):
            return offered or ()
        slots = [o.slot for o in state.live(kind.entity)]
        if offered is not None:
            return [v for v in offered if v is None or v in slots]
        return [None, *slots] if kind.optional else slots

    def bind(self, state: State, call: Call) -> list[Any]:
        """The arguments of a call as objects of a state.

        Raises :class:`OperationError` when an object is not there or an argument is missing.
        """
        given = call.by_name
        out = []
        for name, kind in self.parameters:
            if name not in given:
                raise OperationError(f"{call.operation}: argument {name} is missing")
            value = given[name]
            if isinstance(kind, RefType) and value is not None:
                item = state.at(kind.entity, value)
                if item is None:
                    raise OperationError(f"{call}: there is no {kind.entity.__name__} {value}")
                value = item
            out.append(value)
        return out


def op(rule: Callable[..., Any], **offered: Iterable[Any]) -> Operation:
    """An operation of a spec: `op(clone3, flags=[CloneFlags()], tids=[SetTid()])`.

    A parameter that is not named takes every live object, both booleans, every member of an enumeration, or the
    default flags. Raises :class:`OperationError` for a name that the rule has not, or an integer without values.
    """
    fn = function_of(rule)
    if fn is None or fn.kind not in ("syscall", "interleaved"):
        raise OperationError(f"{getattr(rule, '__name__', rule)!r} is no @syscall or @interleaved rule")
    formal = parameters(fn)
    unknown = set(offered) - {name for name, _ in formal}
    if unknown:
        raise OperationError(f"{fn.name} has no parameter {', '.join(sorted(unknown))}")
    values = [_values(fn, name, kind, offered.get(name)) for name, kind in formal]
    return Operation(fn.name, fn, tuple(formal), tuple(values))


def steps(rule: Callable[..., Any], **offered: Iterable[Any]) -> tuple[Operation, ...]:
    """The operations of an interleaved rule: its first step with the arguments offered, and the later ones."""
    fn = function_of(rule)
    if fn is None or fn.split is None:
        raise OperationError(f"{getattr(rule, '__name__', rule)!r} is no @interleaved rule")
    first, *later = fn.split.steps
    return (op(first.direct, **offered), *(op(step.direct) for step in later))


def _values(fn: Function, name: str, kind: Type, offered: Iterable[Any] | None) -> tuple[Any, ...] | None:
    if isinstance(kind, RefType):
        if offered is not None and any(v is not None for v in offered):
            raise OperationError(f"{fn.name}: {name} cannot name slots: objects are alike; let the rule ask for a role")
        return None if offered is None else tuple(offered)
    if offered is not None:
        return tuple(offered)
    if isinstance(kind, BoolType):
        return (False, True)
    if isinstance(kind, EnumType):
        return tuple(kind.cls)
    if isinstance(kind, FlagsType):
        return (kind.cls(),)
    raise OperationError(f"{fn.name}: name the values of {name}")


def show(value: Any) -> str:
    """An argument as text: `CLONE_NEWPID|…` style for flags, names for enumerations."""
    if isinstance(value, Flags):
        return "|".join(flag_words(value)) or "0"
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, Entity):
        return repr(value)
    return str(value)


def flag_words(value: Flags) -> list[str]:
    """The fields of a flags record that differ from their defaults."""
    out = []
    for f in fields(value):  # type: ignore[arg-type]
        got = getattr(value, f.name)
        if got is True:
            out.append(f.name)
        elif got != f.default:
            out.append(f"{f.name}={show(got)}")
    return out


def to_json(value: Any) -> Any:
    """An argument as JSON: flags as an object of what differs from the defaults, enumerations by name."""
    if isinstance(value, Flags):
        differing = {f.name: getattr(value, f.name) for f in fields(value)}  # type: ignore[arg-type]
        return {n: to_json(v) for n, v in differing.items() if v != value.__dataclass_fields__[n].default}  # type: ignore[attr-defined]
    if isinstance(value, enum.Enum):
        return value.name
    return value


def from_json(kind: Type, value: Any) -> Any:
    """The inverse of :func:`to_json` for a parameter's type; raises :class:`OperationError` when it does not fit."""
    try:
        if isinstance(kind, FlagsType) and isinstance(value, Mapping):
            return kind.cls(**value)
        if isinstance(kind, EnumType):
            return kind.cls[value]
        if isinstance(kind, BoolType) and isinstance(value, bool):
            return value
        if isinstance(kind, IntType) and isinstance(value, int):
            return value
        if isinstance(kind, RefType) and (value is None or isinstance(value, int)):
            return value
    except (KeyError, TypeError):
        pass
    raise OperationError(f"{value!r} is no {kind}")
