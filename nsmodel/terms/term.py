"""Hash-consed, immutable terms over two kinds of sort: Bool and unsigned bit vectors.

Terms are made by the functions of this module only. Structurally equal terms are the same object, so `is` compares
them, and each is simplified once, when it is made: constants are folded, double negations and absorbed conjuncts
vanish, a comparison with a constant moves into an `ite` that has constant branches. `or` is written with `and` and
`not`, which makes more terms equal.

Every bit vector knows a `top`, a value that it never exceeds. It follows from the operation, or was promised by
whoever made a variable or a subtraction; comparisons beyond it fold. A promise that an engine does not also assert
(:meth:`nsmodel.ir.symbolic.Symbolic.well_formed`) makes the folded terms wrong, so promise little.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

BOOL: Final = 0
"""The `width` of a Bool."""
PUSH_DEPTH: Final = 48
"""How many nested `ite` a comparison with a constant moves into."""


class Term:
    """One term. `width` is 0 for a Bool; `payload` is the value of a constant or the name of a variable."""

    __slots__ = ("args", "id", "op", "payload", "top", "width")

    op: str
    """`const`, `var`, `not`, `and`, `eq`, `ult`, `ite`, `add`, `sub`, `extend` or `low`."""
    args: tuple[Term, ...]
    payload: int | str
    width: int
    top: int
    id: int
    """Number in the order of creation: arguments have smaller ones."""

    @property
    def is_const(self) -> bool:
        """True for a constant."""
        return self.op == "const"

    def __repr__(self) -> str:
        return render(self)


_table: dict[tuple[str, int, int | str, int, tuple[Term, ...]], Term] = {}


def _make(op: str, width: int, args: tuple[Term, ...], payload: int | str = 0, top: int = 1) -> Term:
    key = (op, width, payload, top, args)
    found = _table.get(key)
    if found is None:
        found = Term()
        found.op, found.width, found.args, found.payload, found.top = op, width, args, payload, top
        found.id = len(_table)
        _table[key] = found
    return found


FALSE: Final = _make("const", BOOL, (), 0, 0)
TRUE: Final = _make("const", BOOL, (), 1, 1)


def boolean(value: bool) -> Term:
    """The Bool constant."""
    return TRUE if value else FALSE


def number(value: int, width: int) -> Term:
    """A bit-vector constant; a negative value is taken modulo `2**width`."""
    if width < 1:
        raise ValueError(f"a bit vector of width {width}")
    value &= (1 << width) - 1
    return _make("const", width, (), value, value)


def variable(name: str, width: int = BOOL, top: int | None = None) -> Term:
    """A variable, Bool by default; `top` promises that a bit vector does not exceed it."""
    most = (1 << width) - 1 if width else 1
    return _make("var", width, (), name, most if top is None else min(top, most))


def value_of(term: Term) -> int | None:
    """The value of a constant (a Bool as 0 or 1), else None."""
    return int(term.payload) if term.op == "const" else None


# -- Bool -------------------------------------------------------------------------------------------------------------


def neg(a: Term) -> Term:
    """Not `a`."""
    if a.op == "not":
        return a.args[0]
    if a is TRUE:
        return FALSE
    if a is FALSE:
        return TRUE
    return _make("not", BOOL, (a,))


def conj(a: Term, b: Term) -> Term:
    """`a` and `b`."""
    if a is FALSE or b is FALSE:
        return FALSE
    if a is TRUE or a is b:
        return b
    if b is TRUE:
        return a
    found = _absorbed(a, b) or _absorbed(b, a)
    if found is not None:
        return found
    return _make("and", BOOL, (a, b) if a.id < b.id else (b, a))


def _absorbed(a: Term, b: Term) -> Term | None:
    """What `a and b` is when one step inside `b` tells, else None."""
    if b.op == "not":
        inner = b.args[0]
        if inner is a:
            return FALSE
        if inner.op == "and":
            x, y = inner.args
            if x is a:
                return conj(a, neg(y))
            if y is a:
                return conj(a, neg(x))
            not_a = neg(a)
            if x is not_a or y is not_a:
                return a
        elif inner.op == "eq" and a.op == "eq" and _other_constant(a, inner):
            return a
    elif b.op == "and":
        x, y = b.args
        if x is a or y is a:
            return b
        not_a = neg(a)
        if x is not_a or y is not_a:
            return FALSE
    elif b.op == "eq" and a.op == "eq" and _other_constant(a, b):
        return FALSE
    return None


def _other_constant(a: Term, b: Term) -> bool:
    """Both compare one term, with two different constants (which stand on the right)."""
    return a.args[0] is b.args[0] and a.args[1].op == "const" == b.args[1].op and a.args[1] is not b.args[1]


def disj(a: Term, b: Term) -> Term:
    """`a` or `b`."""
    return neg(conj(neg(a), neg(b)))


def implies(a: Term, b: Term) -> Term:
    """`b` wherever `a`."""
    return neg(conj(a, neg(b)))


def conj_all(terms: Iterable[Term]) -> Term:
    """All of them."""
    out = TRUE
    for term in terms:
        out = conj(out, term)
    return out


def disj_all(terms: Iterable[Term]) -> Term:
    """At least one of them."""
    out = FALSE
    for term in terms:
        out = disj(out, term)
    return out


# -- any sort ---------------------------------------------------------------------------------------------------------


def ite(c: Term, a: Term, b: Term) -> Term:
    """`a` where `c` holds, else `b`; both of one sort."""
    if a is b or c is TRUE:
        return a
    if c is FALSE:
        return b
    if a.width != b.width:
        raise TypeError(f"ite of widths {a.width} and {b.width}")
    if c.op == "not":
        c, a, b = c.args[0], b, a
    if a.op == "ite" and a.args[0] is c:
        a = a.args[1]
    if b.op == "ite":
        inner, then, other = b.args
        if inner is c:
            return ite(c, a, other)
        if then is a:
            return ite(disj(c, inner), a, other)
        if inner.op == "and":
            not_c = neg(c)
            x, y = inner.args
            if x is not_c or y is not_c:
                return ite(c, a, ite(y if x is not_c else x, then, other))
    if a is b:
        return a
    if a.width == BOOL:
        return _ite_bool(c, a, b)
    return _make("ite", a.width, (c, a, b), 0, max(a.top, b.top))


def _ite_bool(c: Term, a: Term, b: Term) -> Term:
    if a is TRUE or a is c:
        return disj(c, b)
    if b is FALSE or b is c:
        return conj(c, a)
    not_c = neg(c)
    if a is FALSE or a is not_c:
        return conj(not_c, b)
    if b is TRUE or b is not_c:
        return disj(not_c, a)
    if a is neg(b):
        return eq(c, a)
    return _make("ite", BOOL, (c, a, b))


def eq(a: Term, b: Term) -> Term:
    """`a` equals `b`; both of one sort."""
    if a is b:
        return TRUE
    if a.width != b.width:
        raise TypeError(f"eq of widths {a.width} and {b.width}")
    if a.op == "const":
        a, b = b, a
    if a.width == BOOL:
        return _iff(a, b)
    if b.op == "const":
        return _eq_const(a, b, PUSH_DEPTH)
    return _make("eq", BOOL, (a, b) if a.id < b.id else (b, a))


def _iff(a: Term, b: Term) -> Term:
    if b is TRUE:
        return a
    if b is FALSE:
        return neg(a)
    if a.op == "not" and b.op == "not":
        return _iff(a.args[0], b.args[0])
    if a.op == "not" or b.op == "not":
        a, b = (a.args[0] if a.op == "not" else a), (b.args[0] if b.op == "not" else b)
        return FALSE if a is b else neg(_iff(a, b))
    return _make("eq", BOOL, (a, b) if a.id < b.id else (b, a))


def _eq_const(a: Term, k: Term, fuel: int) -> Term:
    if a.op == "const":
        return boolean(a is k)
    if k.top > a.top:
        return FALSE
    if a.op == "ite" and fuel and (a.args[1].op == "const" or a.args[2].op == "const"):
        c, x, y = a.args
        return ite(c, _eq_const(x, k, fuel - 1), _eq_const(y, k, fuel - 1))
    if a.op == "extend":
        inner = a.args[0]
        return _eq_const(inner, number(k.top, inner.width), fuel)
    return _make("eq", BOOL, (a, k))


def distinct(a: Term, b: Term) -> Term:
    """`a` differs from `b`."""
    return neg(eq(a, b))


# -- bit vectors ------------------------------------------------------------------------------------------------------


def ult(a: Term, b: Term) -> Term:
    """`a` is less than `b`, both unsigned and of one width."""
    if a.width != b.width or not a.width:
        raise TypeError(f"ult of widths {a.width} and {b.width}")
    if a is b:
        return FALSE
    x, y = value_of(a), value_of(b)
    if x is not None and y is not None:
        return boolean(x < y)
    if x is not None and x >= b.top:
        return FALSE
    if y is not None and a.top < y:
        return TRUE
    if x == 0:
        return distinct(b, a)
    if y == 0:
        return FALSE
    if y == 1:
        return eq(a, number(0, a.width))
    for term, other in ((a, y), (b, x)):
        if other is not None and term.op == "ite" and (term.args[1].op == "const" or term.args[2].op == "const"):
            c, then, rest = term.args
            return ite(c, ult(then, b), ult(rest, b)) if term is a else ite(c, ult(a, then), ult(a, rest))
    return _make("ult", BOOL, (a, b))


def add(a: Term, b: Term) -> Term:
    """`a + b` modulo `2**width`."""
    if a.width != b.width or not a.width:
        raise TypeError(f"add of widths {a.width} and {b.width}")
    if a.op == "const":
        a, b = b, a
    if b.op == "const":
        if b.top == 0:
            return a
        if a.op == "const":
            return number(a.top + b.top, a.width)
        if a.op == "add" and a.args[1].op == "const":
            return add(a.args[0], number(a.args[1].top + b.top, a.width))
        if a.op == "ite" and a.args[1].op == "const" and a.args[2].op == "const":
            return ite(a.args[0], add(a.args[1], b), add(a.args[2], b))
        args = (a, b)
    else:
        args = (a, b) if a.id < b.id else (b, a)
    most = (1 << a.width) - 1
    total = a.top + b.top
    return _make("add", a.width, args, 0, min(total, most))


def sub(a: Term, b: Term, top: int | None = None) -> Term:
    """`a - b` modulo `2**width`; `top` promises that the result does not exceed it (it does where `a < b`)."""
    if a.width != b.width or not a.width:
        raise TypeError(f"sub of widths {a.width} and {b.width}")
    if a is b:
        return number(0, a.width)
    if b.op == "const":
        if b.top == 0:
            return a
        if a.op == "const":
            return number(a.top - b.top, a.width)
        if a.op == "add" and a.args[1] is b:
            return a.args[0]
    most = (1 << a.width) - 1
    return _make("sub", a.width, (a, b), 0, most if top is None else min(top, most))


def resize(a: Term, width: int) -> Term:
    """`a` with `width` bits: zeros in front, or its low bits."""
    if a.width == width:
        return a
    if not a.width or width < 1:
        raise TypeError(f"resize of width {a.width} to {width}")
    if a.op == "const":
        return number(a.top, width)
    if a.op == "ite" and (a.args[1].op == "const" or a.args[2].op == "const"):
        return ite(a.args[0], resize(a.args[1], width), resize(a.args[2], width))
    if a.op == "extend" and (width >= a.args[0].width):
        return resize(a.args[0], width)
    if width > a.width:
        return _make("extend", width, (a,), 0, a.top)
    return _make("low", width, (a,), 0, min(a.top, (1 << width) - 1))


# -- graphs of terms --------------------------------------------------------------------------------------------------


def topological(roots: Iterable[Term]) -> list[Term]:
    """All terms below `roots`, arguments before what uses them."""
    seen: set[int] = set()
    stack = list(roots)
    out: list[Term] = []
    while stack:
        term = stack.pop()
        if term.id not in seen:
            seen.add(term.id)
            out.append(term)
            stack += term.args
    out.sort(key=_number)
    return out


def _number(term: Term) -> int:
    return term.id


def variables(roots: Iterable[Term]) -> list[Term]:
    """The variables below `roots`, in order of creation."""
    return [t for t in topological(roots) if t.op == "var"]


def substitute(roots: Sequence[Term], values: dict[Term, Term]) -> list[Term]:
    """The roots with variables (or any subterms) replaced and simplified again."""
    done: dict[int, Term] = {}
    for term in topological(roots):
        found = values.get(term)
        if found is None:
            found = _rebuild(term, [done[a.id] for a in term.args]) if term.args else term
        done[term.id] = found
    return [done[root.id] for root in roots]


def _rebuild(term: Term, args: list[Term]) -> Term:
    if all(a is b for a, b in zip(args, term.args, strict=True)):
        return term
    match term.op:
        case "not":
            return neg(args[0])
        case "and":
            return conj(args[0], args[1])
        case "ite":
            return ite(args[0], args[1], args[2])
        case "eq":
            return eq(args[0], args[1])
        case "ult":
            return ult(args[0], args[1])
        case "add":
            return add(args[0], args[1])
        case "sub":
            return sub(args[0], args[1], term.top)
        case _:
            return resize(args[0], term.width)


def render(term: Term, depth: int = 6) -> str:
    """A term as text for people, cut off below `depth`."""
    if term.op == "const":
        return str(bool(term.payload)) if term.width == BOOL else str(term.payload)
    if term.op == "var":
        return str(term.payload)
    if depth == 0:
        return f"#{term.id}"
    return f"({term.op} {' '.join(render(a, depth - 1) for a in term.args)})"
