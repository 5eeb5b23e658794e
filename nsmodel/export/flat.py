"""The flat form of a rule: scalars, arrays and loops only, every helper read in place. Both printers print it.

A set is a bit mask with bit `slot` set, a reference its slot (0 for None), a map the consecutive items of an array.
Expressions are pure; the functions of this module fold constants as they build them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True)
class Number:
    """A constant number."""

    value: int


@dataclass(frozen=True)
class Truth:
    """A constant condition."""

    value: bool


@dataclass(frozen=True)
class Var:
    """A scalar variable: of the state where `state` is set, else a scratch variable or parameter of the rule."""

    name: str
    boolean: bool = False
    state: bool = False


@dataclass(frozen=True)
class Item:
    """An item of an array, counted from 0."""

    array: str
    index: Expr
    boolean: bool = False
    state: bool = False
    constant: bool = False
    """Of a static object: never changes, and is no part of the state."""


@dataclass(frozen=True)
class Not:
    """Negation of a condition."""

    operand: Expr


@dataclass(frozen=True)
class Complement:
    """Every bit of a mask turned."""

    operand: Expr


@dataclass(frozen=True)
class Binary:
    """`+ - * & | <<` on numbers, `== != < <= > >=` between them, `and or` on conditions."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Bit:
    """Whether a bit of a mask is set."""

    mask: Expr
    index: Expr


@dataclass(frozen=True)
class Choice:
    """One of two values."""

    test: Expr
    then: Expr
    other: Expr


Expr: TypeAlias = Number | Truth | Var | Item | Not | Complement | Binary | Bit | Choice
TRUE, FALSE = Truth(True), Truth(False)
RELATIONS = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
"""Comparisons with their negations."""


@dataclass(frozen=True, eq=False)
class Set:
    """Store in a variable or an item."""

    target: Var | Item
    value: Expr


@dataclass(frozen=True, eq=False)
class Branch:
    """`if`."""

    test: Expr
    then: tuple[Stmt, ...]
    other: tuple[Stmt, ...] = ()


@dataclass(frozen=True, eq=False)
class Count:
    """The body for each value of a variable from 1 to `last`."""

    var: Var
    last: int
    body: tuple[Stmt, ...]


@dataclass(frozen=True, eq=False)
class While:
    """The body as long as a condition holds; `most` is how often that may be."""

    test: Expr
    body: tuple[Stmt, ...]
    most: int


@dataclass(frozen=True, eq=False)
class Block:
    """Statements that may be left early."""

    label: str
    body: tuple[Stmt, ...]


@dataclass(frozen=True, eq=False)
class Leave:
    """Go on behind the block of this label."""

    label: str


@dataclass(frozen=True, eq=False)
class Assert:
    """What must hold here; `text` says what is wrong where it does not."""

    condition: Expr
    text: str


Stmt: TypeAlias = Set | Branch | Count | While | Block | Leave | Assert
Body: TypeAlias = tuple[Stmt, ...]

REFUSED = "refused"
"""The label that a call leaves to when a check applies, or when it is no call: nothing was changed."""
CUT = "cut"
"""The label that a call leaves to beyond the scope: what it changed must be undone."""


# -- building ---------------------------------------------------------------------------------------------------------


def is_boolean(e: Expr) -> bool:
    """Whether an expression is a condition."""
    if isinstance(e, Truth | Not | Bit):
        return True
    if isinstance(e, Var | Item):
        return e.boolean
    if isinstance(e, Choice):
        return is_boolean(e.then)
    return isinstance(e, Binary) and (e.op in RELATIONS or e.op in ("and", "or"))


def negated(e: Expr) -> Expr:
    """`not e`."""
    if isinstance(e, Truth):
        return Truth(not e.value)
    if isinstance(e, Not):
        return e.operand
    if isinstance(e, Binary) and e.op in RELATIONS and not is_boolean(e.left):
        return Binary(RELATIONS[e.op], e.left, e.right)
    return Not(e)


def both(a: Expr, b: Expr) -> Expr:
    """`a and b`."""
    if isinstance(a, Truth):
        return b if a.value else FALSE
    if (isinstance(b, Truth) and b.value) or a == b:
        return a
    return Binary("and", a, b) if b != FALSE else FALSE


def either(a: Expr, b: Expr) -> Expr:
    """`a or b`."""
    if isinstance(a, Truth):
        return TRUE if a.value else b
    if (isinstance(b, Truth) and not b.value) or a == b:
        return a
    return Binary("or", a, b) if b != TRUE else TRUE


def chosen(test: Expr, then: Expr, other: Expr) -> Expr:
    """`then if test else other`."""
    if isinstance(test, Truth):
        return then if test.value else other
    if then == other:
        return then
    if isinstance(test, Not):
        return chosen(test.operand, other, then)
    if isinstance(then, Truth):
        return either(test, other) if then.value else both(negated(test), other)
    if isinstance(other, Truth):
        return either(negated(test), then) if other.value else both(test, then)
    return Choice(test, then, other)


def bit(mask: Expr, index: Expr) -> Expr:
    """Whether a mask has a bit."""
    if isinstance(mask, Number) and isinstance(index, Number):
        return Truth(bool(mask.value >> index.value & 1))
    if mask == Number(0) or index == Number(0):
        return FALSE  # bit 0 stands for None
    if isinstance(mask, Binary) and isinstance(index, Number):
        a, b = mask.left, mask.right
        if mask.op == "|":
            return either(bit(a, index), bit(b, index))
        if mask.op == "&" and isinstance(b, Complement):
            return both(bit(a, index), negated(bit(b.operand, index)))
        if mask.op == "&":
            return both(bit(a, index), bit(b, index))
        if mask.op == "<<" and a == Number(1):
            return compared("==", b, index)
    if isinstance(mask, Choice):
        return chosen(mask.test, bit(mask.then, index), bit(mask.other, index))
    return Bit(mask, index)


def one(index: Expr) -> Expr:
    """The mask with one bit."""
    return Number(1 << index.value) if isinstance(index, Number) else Binary("<<", Number(1), index)


def added(a: Expr, b: Expr) -> Expr:
    """`a + b`."""
    if isinstance(a, Number) and isinstance(b, Number):
        return Number(a.value + b.value)
    if a == Number(0) or b == Number(0):
        return b if a == Number(0) else a
    if isinstance(b, Number) and isinstance(a, Binary) and a.op in "+-" and isinstance(a.right, Number):
        return added(a.left, Number(b.value + (a.right.value if a.op == "+" else -a.right.value)))
    if isinstance(b, Number) and b.value < 0:
        return subtracted(a, Number(-b.value))
    return Binary("+", a, b)


def subtracted(a: Expr, b: Expr) -> Expr:
    """`a - b`."""
    if isinstance(a, Number) and isinstance(b, Number):
        return Number(a.value - b.value)
    if isinstance(b, Number) and b.value <= 0:
        return added(a, Number(-b.value))
    return Binary("-", a, b)


def scaled(a: Expr, b: Expr) -> Expr:
    """`a * b`."""
    if isinstance(a, Number) and isinstance(b, Number):
        return Number(a.value * b.value)
    return a if b == Number(1) else Binary("*", a, b)


def union(a: Expr, b: Expr) -> Expr:
    """`a | b` of masks."""
    if isinstance(a, Number) and isinstance(b, Number):
        return Number(a.value | b.value)
    if a == Number(0) or b == Number(0):
        return b if a == Number(0) else a
    return Binary("|", a, b)


def intersection(a: Expr, b: Expr) -> Expr:
    """`a & b` of masks."""
    if isinstance(a, Number) and isinstance(b, Number):
        return Number(a.value & b.value)
    if a == Number(0) or b == Number(0):
        return Number(0)
    return Binary("&", a, b)


def complement(a: Expr) -> Expr:
    """Every bit turned; only under `&`, where no bit beyond the slots counts."""
    return Number(~a.value) if isinstance(a, Number) else Complement(a)


def difference(a: Expr, b: Expr) -> Expr:
    """`a - b` of masks."""
    if a == Number(0) or b == Number(0):
        return a
    if isinstance(a, Number) and isinstance(b, Number):
        return Number(a.value & ~b.value)
    return Binary("&", a, Complement(b))


def compared(op: str, a: Expr, b: Expr) -> Expr:
    """A comparison of two numbers or two conditions."""
    if isinstance(a, Truth | Number) and isinstance(b, Truth | Number):
        x, y = a.value, b.value
        found = {"==": x == y, "!=": x != y, "<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}
        return Truth(found[op])
    if a == b:
        return Truth(op in ("==", "<=", ">="))
    for this, that in ((a, b), (b, a)):
        if isinstance(this, Truth) and op in ("==", "!="):
            return that if this.value is (op == "==") else negated(that)
        if isinstance(this, Number) and isinstance(that, Choice) and op in ("==", "!="):
            if isinstance(that.then, Number) or isinstance(that.other, Number):
                return chosen(that.test, compared(op, that.then, this), compared(op, that.other, this))
    return Binary(op, a, b)


_MAKERS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "+": added,
    "-": subtracted,
    "*": scaled,
    "|": union,
    "&": intersection,
    "and": both,
    "or": either,
}


def binary(op: str, a: Expr, b: Expr) -> Expr:
    """Any binary operator, folded."""
    if op == "<<":
        return one(b)
    made = _MAKERS.get(op)
    return made(a, b) if made else compared(op, a, b)


def leaving(test: Expr, label: str) -> Branch:
    """Leave where a condition holds."""
    return Branch(test, (Leave(label),))


# -- walking ----------------------------------------------------------------------------------------------------------


def rebuilt(e: Expr, leaf: Callable[[Var | Item], Expr]) -> Expr:
    """An expression with its variables and items replaced, inner ones first, folded again."""
    if isinstance(e, Var):
        return leaf(e)
    if isinstance(e, Item):
        return leaf(replace(e, index=rebuilt(e.index, leaf)))
    if isinstance(e, Not):
        return negated(rebuilt(e.operand, leaf))
    if isinstance(e, Complement):
        return complement(rebuilt(e.operand, leaf))
    if isinstance(e, Bit):
        return bit(rebuilt(e.mask, leaf), rebuilt(e.index, leaf))
    if isinstance(e, Binary):
        left = rebuilt(e.left, leaf)
        if isinstance(left, Truth) and e.op in ("and", "or") and left.value is (e.op == "or"):
            return left
        return binary(e.op, left, rebuilt(e.right, leaf))
    if isinstance(e, Choice):
        test = rebuilt(e.test, leaf)
        if isinstance(test, Truth):
            return rebuilt(e.then if test.value else e.other, leaf)
        return chosen(test, rebuilt(e.then, leaf), rebuilt(e.other, leaf))
    return e


def with_values(e: Expr, values: Mapping[str, Expr]) -> Expr:
    """An expression with variables replaced by name."""
    return rebuilt(e, lambda v: values.get(v.name, v) if isinstance(v, Var) else v)


def leaves(e: Expr) -> Iterator[Var | Item]:
    """The variables and items that an expression reads."""
    if isinstance(e, Var):
        yield e
    elif isinstance(e, Item):
        yield e
        yield from leaves(e.index)
    elif isinstance(e, Not | Complement):
        yield from leaves(e.operand)
    elif isinstance(e, Bit):
        yield from leaves(e.mask)
        yield from leaves(e.index)
    elif isinstance(e, Binary):
        yield from leaves(e.left)
        yield from leaves(e.right)
    elif isinstance(e, Choice):
        for part in (e.test, e.then, e.other):
            yield from leaves(part)


def weight(e: Expr, most: int) -> int:
    """How many operators an expression has, counted to `most`."""
    total = 1
    for part in (
        getattr(e, name, None) for name in ("index", "operand", "mask", "left", "right", "test", "then", "other")
    ):
        if part is not None and total < most:
            total += weight(part, most - total)
    return total


def statements(body: Sequence[Stmt]) -> Iterator[Stmt]:
    """Every statement, outer ones first."""
    for s in body:
        yield s
        for name in ("then", "other", "body"):
            yield from statements(getattr(s, name, ()))


def expressions(s: Stmt) -> Iterator[Expr]:
    """The expressions of a statement itself, its target's index among them."""
    if isinstance(s, Set):
        yield s.value
        if isinstance(s.target, Item):
            yield s.target.index
    elif isinstance(s, Branch | While):
        yield s.test
    elif isinstance(s, Assert):
        yield s.condition
