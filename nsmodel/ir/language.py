"""The words that a rule is written in: entities, flags, ordered checks, and the decorators that read a function.

A rule is ordinary Python. Importing its module checks that it stays inside the subset (:mod:`nsmodel.ir.subset`),
types it (:mod:`nsmodel.ir.lower`) and gives back a function that runs it directly (:mod:`nsmodel.ir.direct`).
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NoReturn, ParamSpec, TypeVar, dataclass_transform

P = ParamSpec("P")
R = TypeVar("R")
K = TypeVar("K")
V = TypeVar("V")
E = TypeVar("E", bound="Entity")


class Entity:
    """Base of every kind of object; annotated class attributes are its fields.

    `class Namespace(Entity, abstract=True)` has no objects of its own: helpers may take it, and are specialised for
    each concrete entity that they are called with.
    """

    slot: int
    """Number of the object among its kind, from 1; the smallest free one is given first."""
    is_abstract: ClassVar[bool] = True

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        cls.is_abstract = abstract

    def __repr__(self) -> str:
        return f"{type(self).__name__}#{self.slot}"


class Static(Entity, abstract=True):
    """An entity whose objects exist from the start and never change (a dentry in a bounded state)."""


class Frame(Entity, abstract=True):
    """What an interleaved call of a task keeps between two of its steps; its fields are the rule's locals."""


@dataclass_transform(frozen_default=True)
class Flags:
    """Base of a record of booleans, enumerations and integers, the options of a call; every field has a default."""

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True)(cls)


class Live(Generic[E]):
    """The live objects of one entity, iterated in slot order; annotates a collection of the state."""

    def __iter__(self) -> Iterator[E]:
        raise TypeError("only a state has collections")

    def __contains__(self, item: object) -> bool:
        raise TypeError("only a state has collections")

    def __sub__(self, other: set[E]) -> set[E]:
        raise TypeError("only a state has collections")


class Map(Generic[K, V]):
    """A total map from the objects of an entity; what was never stored reads as 0, False or None."""

    def __init__(self, default: Any = 0) -> None:
        self.entries: dict[K, V] = {}
        self.default = default

    def __getitem__(self, key: K) -> V:
        return self.entries.get(key, self.default)  # type: ignore[no-any-return]

    def __setitem__(self, key: K, value: V) -> None:
        self.entries[key] = value


@dataclass(frozen=True)
class Range:
    """Bounds of an integer field, `Annotated[int, Range(0, "levels")]`: a number, or the name of a spec's bound."""

    low: int
    high: int | str | None


HOLDERS = Range(0, None)
"""The range of a reference count: as high as the scope has fields that can hold the object."""


@dataclass(frozen=True)
class Switch:
    """A known bug, or a difference between kernel versions, as a compile-time constant of a rule."""

    name: str
    toggle: str
    summary: str
    source: str
    kernels: tuple[str, ...] = ()
    """Kernel versions that have the bug."""
    program: bool = False
    """It is a bug of a program, which no kernel keeps from happening."""
    introduced: str = ""
    """The version that brought it, and its commit; empty where that is not known."""
    fixed: str = ""
    """The version that ended it, and its commit; empty where that is not known, or it lives."""


class Errno(enum.IntEnum):
    """Error numbers of Linux (asm-generic/errno-base.h and errno.h, v6.18)."""

    EPERM = 1
    ENOENT = 2
    ESRCH = 3
    EINTR = 4
    EIO = 5
    E2BIG = 7
    EBADF = 9
    ECHILD = 10
    EAGAIN = 11
    ENOMEM = 12
    EACCES = 13
    EBUSY = 16
    EEXIST = 17
    EXDEV = 18
    ENOTDIR = 20
    EISDIR = 21
    EINVAL = 22
    ENFILE = 23
    EMFILE = 24
    ENOTTY = 25
    ENOSPC = 28
    EROFS = 30
    ERANGE = 34
    ENOTEMPTY = 39
    ELOOP = 40
    EOVERFLOW = 75
    EUSERS = 87
    ESTALE = 116


EPERM, ENOENT, ESRCH, EINTR = Errno.EPERM, Errno.ENOENT, Errno.ESRCH, Errno.EINTR
E2BIG, EBADF, ECHILD, EAGAIN = Errno.E2BIG, Errno.EBADF, Errno.ECHILD, Errno.EAGAIN
ENOMEM, EACCES, EBUSY, EEXIST = Errno.ENOMEM, Errno.EACCES, Errno.EBUSY, Errno.EEXIST
ENOTDIR, EINVAL, ENOTTY, ENOSPC = Errno.ENOTDIR, Errno.EINVAL, Errno.ENOTTY, Errno.ENOSPC
EROFS, ERANGE, ELOOP, EOVERFLOW = Errno.EROFS, Errno.ERANGE, Errno.ELOOP, Errno.EOVERFLOW
EUSERS, ESTALE, EXDEV = Errno.EUSERS, Errno.ESTALE, Errno.EXDEV
EISDIR, ENOTEMPTY = Errno.EISDIR, Errno.ENOTEMPTY


class Refused(Exception):
    """A check applied: the call fails with `errno` and changes nothing."""

    def __init__(self, errno: Errno, reason: str) -> None:
        super().__init__(errno, reason)
        self.errno = errno
        self.reason = reason


class NotEnabled(Exception):
    """The combination of arguments is no call at all (a dead task calls nothing); engines leave it out."""


class Broken(Exception):
    """A clause of a property does not hold."""

    def __init__(self, clause: str, objects: tuple[Entity | None, ...], prop: str | None = None) -> None:
        super().__init__(clause, objects, prop)
        self.clause = clause
        self.objects = objects
        self.property = prop


class Trap(Exception):
    """A rule did what no rule may do: read through None, touch a freed object, outrun a loop bound."""


class UseAfterFree(Trap):
    """A rule touched a freed object, or left a reference to one behind."""


class ScopeCut(Exception):
    """The call needs an object beyond the scope's bound: it is cut off and counted, never taken for an errno."""

    def __init__(self, entity: str) -> None:
        super().__init__(entity)
        self.entity = entity


def fail(errno: Errno, reason: str) -> NoReturn:
    """An ordered check applied: the call ends with `errno` and changes nothing. Not allowed after an effect."""
    if PASSED and _place_of_caller() in PASSED:
        return  # type: ignore[misc]  # whoever asks what else would refuse the call
    raise Refused(errno, reason)


PASSED: set[tuple[str, int]] = set()
"""Checks (file and line) that the direct reading passes over; see :mod:`nsmodel.system.precedence`."""


def _place_of_caller() -> tuple[str, int]:
    frame = sys._getframe(2)
    return frame.f_code.co_filename, frame.f_lineno


def given(condition: bool) -> None:
    """The call exists only where `condition` holds (the caller is alive); elsewhere it is no step, not an error."""
    if not condition:
        raise NotEnabled


def error(errno: Errno, reason: str) -> int:
    """The result of a call that fails *and keeps what it did* (`return error(EAGAIN, …)`); FAIL_ATOMIC judges it."""
    return -int(errno)


def require(condition: bool, clause: str, *objects: Entity | None) -> None:
    """A clause of a state invariant: `condition` holds, or the property is violated by `objects`."""
    JUDGED.add(clause)
    if not condition:
        raise Broken(clause, objects)


def assure(prop: str, condition: bool, clause: str, *objects: Entity | None) -> None:
    """A clause of a step property, judged where a rule takes its effect (who receives this signal?). The step goes on;
    whoever ran it finds what broke in `BROKEN`."""
    JUDGED.add(prop)
    if not condition:
        BROKEN.append(Broken(clause, objects, prop))


JUDGED: set[str] = set()
"""Clauses of state properties and names of step properties that the direct reading has come to; whoever asks which
clears it first."""
BROKEN: list[Broken] = []
"""Clauses of step properties that the running call broke; whoever runs a call clears it first."""


def the(items: Iterable[E]) -> E | None:
    """The only object among `items`, or None; more than one is a trap in every reading."""
    found = list(items)
    if len(found) > 1:
        raise Trap(f"the(…) found {len(found)} objects: {found}")
    return found[0] if found else None


def count(items: Iterable[Entity]) -> int:
    """How many objects."""
    return sum(1 for _ in items)


def slot_of(item: Entity) -> int:
    """The slot of an object as a number: allowed in an `@observed` helper only, whose value never enters the state."""
    return item.slot


@dataclass
class Function:
    """A function of the rule language as it was read: kind, source, syntax tree, and its typed form once lowered."""

    name: str
    kind: str
    """`syscall`, `helper`, `observed`, `invariant`, `prelude` or `interleaved`."""
    source: str
    python: Callable[..., Any]
    """The undecorated function."""
    file: str
    line: int
    tree: Any = None
    direct: Callable[..., Any] | None = None
    title: str = ""
    split: Any = None
    """The steps of an interleaved rule (:class:`nsmodel.ir.interleave.Split`)."""
    interleaved: bool = False
    """One step of an interleaved rule."""
    keeps: tuple[Errno, ...] = ()
    """Failures that keep what the call did, as documented; FAIL_ATOMIC does not judge them."""
    lowered: dict[Any, Any] = field(default_factory=dict)
    hints: dict[str, Any] | None = None
    """Its annotations, evaluated."""

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


def _register(kind: str, source: str = "", title: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    def decorate(fn: Callable[P, R]) -> Callable[P, R]:
        from nsmodel.ir.reading import read

        return read(fn, kind, source, title)

    return decorate


def syscall(*, source: str, keeps: Errno | tuple[Errno, ...] = ()) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A system call as one atomic step.

    `source`: kernel function and version, or manual page; `keeps`: the failure that is documented to leave something
    behind (umount2 with MNT_EXPIRE: EAGAIN).
    """
    register = _register("syscall", source)

    def decorate(fn: Callable[P, R]) -> Callable[P, R]:
        out = register(fn)
        record = function_of(out)
        assert record is not None
        record.keeps = keeps if isinstance(keeps, tuple) else (keeps,)
        return out

    return decorate


def interleaved(*, source: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A system call in several atomic steps: every `yield` ends one; other tasks run between them."""
    return _register("interleaved", source)


def helper(fn: Callable[P, R]) -> Callable[P, R]:
    """A function that rules call; a generator helper is read in place by the `for` that uses it."""
    return _register("helper")(fn)


def observed(fn: Callable[P, R]) -> Callable[P, R]:
    """A pure helper whose value a process sees and no rule stores; it alone may use `slot_of`."""
    return _register("observed")(fn)


def invariant(name: str, *, source: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A state property: a function of `require` clauses. Several functions may carry one property's name."""
    return _register("invariant", source, name)


def function_of(fn: Any) -> Function | None:
    """What was read of a decorated function, or None for an ordinary one."""
    return getattr(fn, "__nsmodel__", None)
