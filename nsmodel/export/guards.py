"""When a rule has a successor, as one expression over the state before it: what lets a peer skip the rule unrun.

The code of the rule is executed on expressions, loops unrolled, as far as a budget goes. Behind it the rule has to
find out for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nsmodel.export import flat
from nsmodel.export.flat import (
    FALSE,
    TRUE,
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
from nsmodel.export.simplify import FAILURES, fails

BUDGETS = ((60, 160, 4000), (16, 60, 1500))
"""Operators of one value and of the whole guard, and statements executed; the first that suffices."""


@dataclass(frozen=True)
class Guard:
    """`exact`: the rule has a successor just where the condition holds; else only if it does."""

    condition: Expr
    exact: bool


def guard_of(body: Body) -> Guard:
    """The guard of a rule's code."""
    if not fails(body):
        return Guard(TRUE, True)
    for value, whole, steps in BUDGETS:
        search = _Search(value, steps)
        found = search.enabled(body, _Values(), ())
        if flat.weight(found, whole) < whole:
            return Guard(found, search.exact)
    return Guard(TRUE, False)


_UNKNOWN = Var("?")
"""The value of a variable that is too long to know; whoever reads it spends the budget."""


class _TooMuch(Exception):
    """The budget is spent."""


@dataclass(frozen=True)
class _Values:
    """What variables and arrays hold: the latest value of each, and the stores to each array in order."""

    variables: Mapping[Var, Expr] = field(default_factory=dict)
    arrays: Mapping[str, tuple[tuple[Expr, Expr], ...]] = field(default_factory=dict)

    def of(self, leaf: Var | Item) -> Expr:
        """The value of a variable or item."""
        if isinstance(leaf, Var):
            found = self.variables.get(leaf, leaf)
            if found == _UNKNOWN:
                raise _TooMuch
            return found
        out: Expr = leaf
        for index, value in self.arrays.get(leaf.array, ()):
            if _UNKNOWN in (index, value):
                raise _TooMuch
            out = flat.chosen(flat.compared("==", leaf.index, index), value, out)
        return out

    def put(self, target: Var | Item, value: Expr) -> _Values:
        """The same after a store."""
        if isinstance(target, Var):
            return _Values({**self.variables, target: value}, self.arrays)
        stores = tuple(s for s in self.arrays.get(target.array, ()) if s[0] not in (target.index, _UNKNOWN))
        if target.index == _UNKNOWN:
            stores = ()
        return _Values(self.variables, {**self.arrays, target.array: (*stores, (target.index, value))})


_Outcome = tuple[Expr, _Values]
_Rest = tuple[tuple[str, Body], ...]
"""What follows: the statements behind each block around, the innermost first, with the block's label."""


class _Search:
    """One attempt within a budget."""

    def __init__(self, most: int, steps: int) -> None:
        self.most = most
        self.steps = steps
        self.exact = True

    def value(self, e: Expr, now: _Values) -> Expr:
        """An expression over the state before the rule."""
        out = flat.rebuilt(e, now.of)
        if flat.weight(out, self.most) >= self.most:
            raise _TooMuch
        return out

    def _stored(self, e: Expr, now: _Values) -> Expr:
        """An expression that is stored, and perhaps never read."""
        try:
            return self.value(e, now)
        except _TooMuch:
            return _UNKNOWN

    def _tick(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise _TooMuch

    # -- where a failure can still come -------------------------------------------------------------------------------

    def enabled(self, body: Sequence[Stmt], now: _Values, rest: _Rest) -> Expr:
        """The condition under which no failure is reached from here."""
        if not fails(body) and not any(fails(b) for _, b in rest):
            return TRUE
        try:
            return self._enabled(body, now, rest)
        except _TooMuch:
            self.exact = False
            return TRUE

    def _enabled(self, body: Sequence[Stmt], now: _Values, rest: _Rest) -> Expr:
        for i, s in enumerate(body):
            self._tick()
            after = tuple(body[i + 1 :])
            if isinstance(s, Leave):
                return FALSE if s.label in FAILURES else self._left(s.label, now, rest)
            if isinstance(s, Assert):  # a call that breaks it is run, to tell
                broken = flat.negated(self.value(s.condition, now))
                if broken != FALSE:
                    return flat.either(broken, self.enabled(after, now, rest))
                continue
            if not fails((s,)) and not escapes(s):
                found = self.outcomes((s,), now)
                now = found[None][1] if None in found else now
                continue
            if isinstance(s, Branch):
                test = self.value(s.test, now)
                if isinstance(test, Truth):
                    return self.enabled((*(s.then if test.value else s.other), *after), now, rest)
                if not s.other and isinstance(s.then[0], Leave) and s.then[0].label in FAILURES:
                    return flat.both(flat.negated(test), self.enabled(after, now, rest))
                then = self.enabled((*s.then, *after), now, rest)
                return flat.chosen(test, then, self.enabled((*s.other, *after), now, rest))
            if isinstance(s, Block):
                return self.enabled(s.body, now, ((s.label, after), *rest))
            if isinstance(s, Count):
                rounds: list[Stmt] = []
                for number in range(1, s.last + 1):
                    rounds += [Set(s.var, Number(number)), *s.body]
                return self.enabled((*rounds, *after), now, rest)
            assert isinstance(s, While)
            if s.most <= 0:
                return TRUE
            again = While(s.test, s.body, s.most - 1)
            return self.enabled((Branch(s.test, (*s.body, again), ()), *after), now, rest)
        if not rest:
            return TRUE
        return self.enabled(rest[0][1], now, rest[1:])

    def _left(self, label: str, now: _Values, rest: _Rest) -> Expr:
        for i, (name, after) in enumerate(rest):
            if name == label:
                return self.enabled(after, now, rest[i + 1 :])
        return TRUE

    # -- where none comes: paths join again ---------------------------------------------------------------------------

    def outcomes(self, body: Sequence[Stmt], now: _Values) -> dict[str | None, _Outcome]:
        """How control leaves statements: by each label or at their end (None), under which condition."""
        out: dict[str | None, _Outcome] = {}
        alive: Expr = TRUE
        for s in body:
            self._tick()
            if isinstance(s, Set):
                target = s.target
                if isinstance(target, Item):
                    target = replace(target, index=self._stored(target.index, now))
                now = now.put(target, self._stored(s.value, now))
                continue
            found = self._of(s, now)
            end = found.pop(None, (FALSE, now))
            for label, (when, values) in found.items():
                self._take(out, label, flat.both(alive, when), values)
            alive, now = (flat.both(alive, end[0]), end[1]) if found else (alive, end[1])
            if end[0] == FALSE:
                return out
        self._take(out, None, alive, now)
        return out

    def _of(self, s: Stmt, now: _Values) -> dict[str | None, _Outcome]:
        if isinstance(s, Leave):
            return {s.label: (TRUE, now)}
        if isinstance(s, Branch):
            return self._branch(s, now)
        if isinstance(s, Block):
            found = self.outcomes(s.body, now)
            left = found.pop(s.label, None)
            if left is not None:
                self._take(found, None, *left)
            return found
        if isinstance(s, Count):
            rounds: list[Stmt] = []
            for number in range(1, s.last + 1):
                rounds += [Set(s.var, Number(number)), *s.body]
            return self.outcomes(rounds, now)
        if isinstance(s, While) and s.most > 0:
            again = While(s.test, s.body, s.most - 1)
            return self._branch(Branch(s.test, (*s.body, again), ()), now)
        return {None: (TRUE, now)}

    def _branch(self, s: Branch, now: _Values) -> dict[str | None, _Outcome]:
        test = self.value(s.test, now)
        if isinstance(test, Truth):
            return self.outcomes(s.then if test.value else s.other, now)
        out: dict[str | None, _Outcome] = {}
        for when, body in ((test, s.then), (flat.negated(test), s.other)):
            for label, (further, values) in self.outcomes(body, now).items():
                self._take(out, label, flat.both(when, further), values)
        return out

    def _take(self, out: dict[str | None, _Outcome], label: str | None, when: Expr, values: _Values) -> None:
        """Add a way to a label; ways exclude each other."""
        if when == FALSE:
            return
        before = out.get(label)
        if before is None:
            out[label] = (when, values)
        else:
            out[label] = (flat.either(before[0], when), self._merged(before[0], before[1], values))

    def _merged(self, when: Expr, a: _Values, b: _Values) -> _Values:
        variables = dict(b.variables)
        for var in {**a.variables, **b.variables}:
            x, y = a.variables.get(var), b.variables.get(var)
            if x == y:
                continue
            if var.state:
                x, y = x or var, y or var
            if x is None or y is None:  # a scratch variable that only one path has stored is not read after it
                variables[var] = x or y or var
            else:
                variables[var] = self._chosen(when, x, y)
        arrays = dict(b.arrays)
        for name in {**a.arrays, **b.arrays}:
            if a.arrays.get(name) != b.arrays.get(name):
                arrays[name] = ((_UNKNOWN, _UNKNOWN),)
        return _Values(variables, arrays)

    def _chosen(self, when: Expr, x: Expr, y: Expr) -> Expr:
        if _UNKNOWN in (x, y):
            return _UNKNOWN
        out = flat.chosen(when, x, y)
        return out if flat.weight(out, self.most) < self.most else _UNKNOWN


def escapes(s: Stmt, but: frozenset[str] = frozenset()) -> bool:
    """Whether control may leave a statement for a label outside of it, other than some."""
    inside = {x.label for x in flat.statements((s,)) if isinstance(x, Block)} | but
    return any(isinstance(x, Leave) and x.label not in inside for x in flat.statements((s,)))
