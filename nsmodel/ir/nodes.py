"""The typed intermediate form of a rule: branches and loops kept, every node with its place in the source.

Bounds are not part of it: loops run over sets of slots, and an engine gives the slots. Calls to helpers stay calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nsmodel.ir.language import Entity, Errno
from nsmodel.ir.types import Type


@dataclass(frozen=True)
class Place:
    """A place in a source file."""

    file: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, eq=False)
class Expr:
    """Base of expressions."""

    type: Type
    place: Place


@dataclass(frozen=True, eq=False)
class Const(Expr):
    """A constant: bool, int (enumerations by position), or 0 for None."""

    value: int


@dataclass(frozen=True, eq=False)
class Local(Expr):
    """A local, a parameter, or a field of a flags parameter (`flags.newpid`)."""

    name: str


@dataclass(frozen=True, eq=False)
class FieldOf(Expr):
    """A field of an object."""

    entity: type[Entity]
    field: str
    item: Expr


@dataclass(frozen=True, eq=False)
class LiveSet(Expr):
    """All live objects of an entity."""

    entity: type[Entity]


@dataclass(frozen=True, eq=False)
class Not(Expr):
    """Negation."""

    operand: Expr


@dataclass(frozen=True, eq=False)
class Junction(Expr):
    """Short-circuit `and` / `or`."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, eq=False)
class Conditional(Expr):
    """`then if test else other`."""

    test: Expr
    then: Expr
    other: Expr


@dataclass(frozen=True, eq=False)
class Arith(Expr):
    """`+` or `-` on integers."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, eq=False)
class Compare(Expr):
    """`==`, `!=`, `<`, `<=`, `>`, `>=` on scalars; `is` on references comes as `==`; sets know `==` and `!=`."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, eq=False)
class Member(Expr):
    """`item in set`; an item that is None is in no set."""

    item: Expr
    domain: Expr


@dataclass(frozen=True, eq=False)
class SetOf(Expr):
    """A set display; no items is the empty set."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, eq=False)
class SetOp(Expr):
    """`|`, `&` or `-` on sets."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, eq=False)
class Quantified(Expr):
    """`any`, `all`, `count` or `the` over a set (`the`: the only member that satisfies `body`, or None)."""

    kind: str
    var: str
    domain: Expr
    condition: Expr
    body: Expr


@dataclass(frozen=True, eq=False)
class Filter(Expr):
    """`{var for var in domain if condition}`."""

    var: str
    domain: Expr
    condition: Expr


@dataclass(frozen=True, eq=False)
class Entry(Expr):
    """`map[key]` of a local map or of a map field."""

    map: Expr
    key: Expr


@dataclass(frozen=True, eq=False)
class EmptyMap(Expr):
    """A fresh local map."""


@dataclass(frozen=True, eq=False)
class Call(Expr):
    """A helper call."""

    callee: Any
    """The lowered :class:`Definition`."""
    args: tuple[Expr, ...]


@dataclass(frozen=True, eq=False)
class New(Expr):
    """A new object in the smallest free slot; beyond the bound the step is cut."""

    entity: type[Entity]


@dataclass(frozen=True, eq=False)
class SwitchOn(Expr):
    """Whether a known bug is on; a constant once a system is made."""

    switch: str


@dataclass(frozen=True, eq=False)
class SlotOf(Expr):
    """The slot of an object as an integer (observed helpers only)."""

    item: Expr


@dataclass(frozen=True, eq=False)
class Stmt:
    """Base of statements."""

    place: Place


@dataclass(frozen=True, eq=False)
class Assign(Stmt):
    """Store in a local."""

    name: str
    value: Expr


@dataclass(frozen=True, eq=False)
class Store(Stmt):
    """Store in a field."""

    entity: type[Entity]
    field: str
    item: Expr
    value: Expr


@dataclass(frozen=True, eq=False)
class StoreEntry(Stmt):
    """Store in a map: a local's (`item` is None) or a field's."""

    name: str
    entity: type[Entity] | None
    item: Expr | None
    key: Expr
    value: Expr


@dataclass(frozen=True, eq=False)
class If(Stmt):
    """Branch."""

    test: Expr
    then: tuple[Stmt, ...]
    other: tuple[Stmt, ...]


@dataclass(frozen=True, eq=False)
class ForEach(Stmt):
    """Loop over a snapshot of a set in slot order."""

    var: str
    domain: Expr
    body: tuple[Stmt, ...]


@dataclass(frozen=True, eq=False)
class ForYield(Stmt):
    """Loop over what a helper generator yields, read in place."""

    var: str
    call: Call
    body: tuple[Stmt, ...]


@dataclass(frozen=True, eq=False)
class While(Stmt):
    """Loop with a rank: a pointer chase over `rank` (an entity: at most its slots), or rounds until nothing changes."""

    test: Expr
    body: tuple[Stmt, ...]
    rank: type[Entity] | None


@dataclass(frozen=True, eq=False)
class Yield(Stmt):
    """What a helper generator yields."""

    value: Expr


@dataclass(frozen=True, eq=False)
class Break(Stmt):
    """Leave the loop."""


@dataclass(frozen=True, eq=False)
class Continue(Stmt):
    """Next round."""


@dataclass(frozen=True, eq=False)
class Return(Stmt):
    """Return from the function."""

    value: Expr | None


@dataclass(frozen=True, eq=False)
class Fail(Stmt):
    """An ordered check applied."""

    errno: Errno
    reason: str


@dataclass(frozen=True, eq=False)
class Given(Stmt):
    """The call exists only under this condition."""

    condition: Expr


@dataclass(frozen=True, eq=False)
class Check(Stmt):
    """An `assert`: the author's promise, a trap where it does not hold."""

    condition: Expr


@dataclass(frozen=True, eq=False)
class Require(Stmt):
    """A clause of a property; `prop` names it when a rule judges a step property in passing."""

    condition: Expr
    clause: str
    objects: tuple[Expr, ...]
    prop: str | None


@dataclass(frozen=True, eq=False)
class Free(Stmt):
    """Free an object."""

    entity: type[Entity]
    item: Expr


@dataclass(frozen=True, eq=False)
class Do(Stmt):
    """A helper call for its effect."""

    call: Call


@dataclass(eq=False)
class Definition:
    """A lowered function: parameters, body, and what it may do (computed over its calls)."""

    name: str
    key: str
    """Unique name: the function's, with the entity it is specialised for."""
    params: tuple[tuple[str, Type], ...]
    result: Type
    body: tuple[Stmt, ...]
    locals: dict[str, Type]
    effects: bool = False
    refuses: bool = False
    """Contains `fail` or `given`."""
    allocates: bool = False
    """Contains an allocation, which a scope can cut."""
    requires: bool = False
    """Contains a clause of a property."""
    generator: bool = False
    observed: bool = False
    frees: frozenset[type[Entity]] = frozenset()
    place: Place = Place("", 0)

    @property
    def pure(self) -> bool:
        """Neither effects nor failure: its value depends on arguments and state alone."""
        return not (self.effects or self.refuses or self.allocates or self.requires)
