"""Makes flat code shorter: early exits become branches, what nobody reads is not computed, values are put in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nsmodel.export import flat
from nsmodel.export.flat import (
    CUT,
    REFUSED,
    Assert,
    Block,
    Body,
    Branch,
    Count,
    Expr,
    Item,
    Leave,
    Number,
    Set,
    Stmt,
    Truth,
    Var,
    While,
)

FAILURES = frozenset({REFUSED, CUT})


def tidy(body: Sequence[Stmt]) -> Body:
    """The same code without jumps that only skip the rest of a block, and without results that nobody reads."""
    now = _structured(body, frozenset())
    while True:
        now = with_values(now, _copies(now))
        read = {x.name if isinstance(x, Var) else x.array for s in flat.statements(now) for x in _reads(s)}
        shorter = _structured(_without_unread(now, read), frozenset())
        if _size(shorter) == _size(now):
            return shorter
        now = shorter


def _copies(body: Body) -> dict[str, Expr]:
    """Scratch variables that are stored once, and what they are another name for: a constant, a parameter, a counter
    in the loop that counts it."""
    stores: Counter[str] = Counter()
    reads: Counter[str] = Counter()
    values: dict[str, Expr] = {}
    for s in flat.statements(body):
        reads.update(x.name for x in _reads(s) if isinstance(x, Var))
        if isinstance(s, Count):
            stores[s.var.name] += 1
        elif isinstance(s, Set) and isinstance(s.target, Var) and not s.target.state:
            stores[s.target.name] += 1
            values[s.target.name] = s.value
    once = {name: value for name, value in values.items() if stores[name] == 1}
    out = {name: v for name, v in once.items() if isinstance(v, Number | Truth) or _is_parameter(v, stores)}
    for loop in flat.statements(body):
        if not isinstance(loop, Count) or stores[loop.var.name] > 1:
            continue
        inside: Counter[str] = Counter()
        for s in flat.statements(loop.body):
            inside.update(x.name for x in _reads(s) if isinstance(x, Var))
        out |= {name: v for name, v in once.items() if v == loop.var and inside[name] == reads[name]}
    return out


def _is_parameter(e: Expr, stores: Counter[str]) -> bool:
    return isinstance(e, Var) and not e.state and not stores[e.name]


def _reads(s: Stmt) -> list[Var | Item]:
    return [x for e in flat.expressions(s) for x in flat.leaves(e)]


def _size(body: Sequence[Stmt]) -> int:
    return sum(1 for _ in flat.statements(body))


def _structured(body: Sequence[Stmt], here: frozenset[str]) -> Body:
    """`here` are the labels whose end is where control goes behind these statements anyway."""
    out: list[Stmt] = []
    for i, s in enumerate(body):
        rest = body[i + 1 :]
        follows = here if not rest else frozenset()
        if isinstance(s, Leave):
            if s.label not in here:
                out.append(s)
            return tuple(out)
        if isinstance(s, Block):
            inner = _structured(s.body, follows | {s.label})
            if any(isinstance(x, Leave) and x.label == s.label for x in flat.statements(inner)):
                out.append(Block(s.label, inner))
                continue
            out += inner
            if inner and isinstance(inner[-1], Leave):
                return tuple(out)
        elif isinstance(s, Branch):
            out += _branch(s, rest, here)
            if rest and _moves(s):
                return tuple(out)
        elif isinstance(s, Count | While):
            inner = _structured(s.body, frozenset())
            if inner or isinstance(s, While):
                out.append(replace(s, body=inner))
        elif not (isinstance(s, Assert) and s.condition == flat.TRUE):
            out.append(s)
    return tuple(out)


def _moves(s: Branch) -> bool:
    """Whether what follows a branch is put into its other side, or into the side that is always taken."""
    return isinstance(s.test, Truth) or _ends(s.then) or _ends(s.other)


def _ends(body: Sequence[Stmt]) -> bool:
    """Whether a side of a branch goes elsewhere at its end; a side that does nothing else stays as it is."""
    if not body or (len(body) == 1 and isinstance(body[0], Leave) and body[0].label in FAILURES):
        return False
    last = body[-1]
    return isinstance(last, Leave) or (isinstance(last, Branch) and _ends(last.then) and _ends(last.other))


def _branch(s: Branch, rest: Sequence[Stmt], here: frozenset[str]) -> Body:
    if isinstance(s.test, Truth):
        return _structured((*(s.then if s.test.value else s.other), *rest), here)
    if _ends(s.then):
        then, other = _structured(s.then, here), _structured((*s.other, *rest), here)
    elif _ends(s.other):
        then, other = _structured((*s.then, *rest), here), _structured(s.other, here)
    else:
        follows = here if not rest else frozenset()
        then, other = _structured(s.then, follows), _structured(s.other, follows)
    if not then and not other:
        return ()
    return (Branch(s.test, then, other),) if then else (Branch(flat.negated(s.test), other),)


def _without_unread(body: Sequence[Stmt], read: set[str]) -> Body:
    out: list[Stmt] = []
    for s in body:
        if isinstance(s, Set) and not s.target.state:
            if (s.target.name if isinstance(s.target, Var) else s.target.array) not in read:
                continue
        if isinstance(s, Branch):
            s = replace(s, then=_without_unread(s.then, read), other=_without_unread(s.other, read))
        elif isinstance(s, Block | Count | While):
            s = replace(s, body=_without_unread(s.body, read))
        out.append(s)
    return tuple(out)


def with_values(body: Sequence[Stmt], values: Mapping[str, Expr]) -> Body:
    """Code with variables that are never stored replaced by name."""
    out: list[Stmt] = []
    for s in body:
        if isinstance(s, Set):
            target = s.target
            if isinstance(target, Item):
                target = replace(target, index=flat.with_values(target.index, values))
            out.append(Set(target, flat.with_values(s.value, values)))
        elif isinstance(s, Branch):
            test = flat.with_values(s.test, values)
            if isinstance(test, Truth):
                out += with_values(s.then if test.value else s.other, values)
            else:
                out.append(Branch(test, with_values(s.then, values), with_values(s.other, values)))
        elif isinstance(s, While):
            out.append(replace(s, test=flat.with_values(s.test, values), body=with_values(s.body, values)))
        elif isinstance(s, Count | Block):
            out.append(replace(s, body=with_values(s.body, values)))
        elif isinstance(s, Assert):
            out.append(replace(s, condition=flat.with_values(s.condition, values)))
        else:
            out.append(s)
    return tuple(out)


def without_failures(body: Sequence[Stmt]) -> Body:
    """Code that is run only where no check applies and nothing is cut."""
    out: list[Stmt] = []
    for s in body:
        if isinstance(s, Leave) and s.label in FAILURES:
            continue
        if isinstance(s, Branch):
            s = replace(s, then=without_failures(s.then), other=without_failures(s.other))
        elif isinstance(s, Block | Count | While):
            s = replace(s, body=without_failures(s.body))
        out.append(s)
    return tuple(out)


def with_early_cuts(body: Sequence[Stmt]) -> Body:
    """Code where a call that is cut off before anything was changed is just refused."""
    return _early(body, False)[0]


def _early(body: Sequence[Stmt], dirty: bool) -> tuple[Body, bool]:
    out: list[Stmt] = []
    for s in body:
        if isinstance(s, Leave) and s.label == CUT and not dirty:
            s = Leave(REFUSED)
        elif isinstance(s, Set):
            dirty = dirty or s.target.state
        elif isinstance(s, Branch):
            then, first = _early(s.then, dirty)
            other, second = _early(s.other, dirty)
            s, dirty = Branch(s.test, then, other), first or second
        elif isinstance(s, Count | While | Block):
            again = not isinstance(s, Block)  # a later round comes after what an earlier one changed
            dirty = dirty or (again and any(isinstance(x, Set) and x.target.state for x in flat.statements(s.body)))
            inner, dirty = _early(s.body, dirty)
            s = replace(s, body=inner)
        out.append(s)
    return tuple(out), dirty


def fails(body: Sequence[Stmt]) -> bool:
    """Whether code may find that the call has no successor."""
    return any(isinstance(s, Leave) and s.label in FAILURES for s in flat.statements(body))
