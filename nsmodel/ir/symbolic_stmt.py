"""The symbolic reading of statements and calls: paths that branch, join, and leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nsmodel.ir import nodes as n
from nsmodel.ir.language import Entity
from nsmodel.ir.nodes import Definition, Place, Stmt
from nsmodel.ir.rank import most_rounds
from nsmodel.ir.symbolic_expr import ExpressionReader, Path, Record, reads
from nsmodel.ir.symbolic_state import (
    LIVE,
    RESULT_WIDTH,
    Column,
    ColumnName,
    Layout,
    SymbolicState,
    Value,
    choose,
    merge,
)
from nsmodel.ir.types import IntType, RefType, SetType, Type
from nsmodel.terms import term as t
from nsmodel.terms.term import FALSE, TRUE, Term


@dataclass
class _Exit:
    """Where control can leave to: the paths that did, in the order of the text, each with what selects it."""

    paths: list[tuple[Term, Path, Value | None]] = field(default_factory=list)

    def take(self, path: Path, value: Value | None = None, when: Term | None = None) -> None:
        self.paths.append((path.guard if when is None else when, path, value))


@dataclass
class _Activation:
    """A function that is being executed: its exits, and what `yield` does."""

    number: int
    returns: _Exit
    loops: list[tuple[_Exit, _Exit]] = field(default_factory=list)
    """`continue` and `break` of the loops around the current statement."""
    consume: Callable[[Path, Value], Path | None] | None = None


class StatementReader(ExpressionReader):
    """Executes statements; pure helpers once for each combination of arguments and of the columns that they read."""

    def __init__(self, layout: Layout, switches: frozenset[str]) -> None:
        super().__init__(layout, switches)
        self.sizes = layout.sizes
        self._activations = 0
        self._current = _Activation(0, _Exit())
        self._left = 0
        self._exits: list[_Exit] = []
        self._reads: dict[Definition, tuple[ColumnName, ...]] = {}
        self._pure: dict[tuple[Any, ...], tuple[tuple[Column, ...], Value, Record]] = {}
        self._executors: dict[type[Stmt], Callable[[Any, Path], Path | None]] = {
            n.Assign: self._assign,
            n.Store: self._store,
            n.StoreEntry: self._store_entry,
            n.If: self._if,
            n.ForEach: self._for_each,
            n.ForYield: self._for_yield,
            n.While: self._while,
            n.Yield: self._yield,
            n.Break: self._break,
            n.Continue: self._continue,
            n.Return: self._return,
            n.Fail: self._fail,
            n.Given: self._given,
            n.Check: self._check,
            n.Require: self._require,
            n.Free: self._free,
            n.Do: self._do,
        }

    # -- calls --------------------------------------------------------------------------------------------------------

    def call(self, callee: Definition, args: Sequence[Value], guard: Term, path: Path) -> tuple[Path | None, Value]:
        """Call a helper: the path after it (None if it never returns) and what it returns.

        The callee is executed for itself, its guards relative to the call, and what it met is then put under the
        caller's guard.
        """
        if callee.pure:
            value, record = self._pure_call(callee, args, path.state)
            self.record.include(guard, record)
            return path, value
        outer, self.record = self.record, Record()
        after, value = self._activate(callee, args, path.state)
        inner, self.record = self.record, outer
        self.record.include(guard, inner)
        if after is None:
            self._left += 1
            return None, value
        if after.guard is not TRUE:
            self._left += 1
        return Path(t.conj(guard, after.guard), after.state, path.locals), value

    def _pure_call(self, callee: Definition, args: Sequence[Value], state: SymbolicState) -> tuple[Value, Record]:
        columns = tuple(state.columns[name] for name in reads(callee, self._reads))
        key = (callee, tuple(args), tuple(map(id, columns)))
        found = self._pure.get(key)
        if found is None:
            outer, self.record = self.record, Record()
            _, value = self._activate(callee, args, state)
            found = self._pure[key] = (columns, value, self.record)
            self.record = outer
        return found[1], found[2]

    def _activate(self, callee: Definition, args: Sequence[Value], state: SymbolicState) -> tuple[Path | None, Value]:
        """Execute a body under the guard True."""
        outer, outer_number = self._current, self.activation
        mine = self._enter()
        start = Path(TRUE, state, self._bind(mine, callee, args))
        self._exits.append(mine.returns)
        left = self._left
        end = self.block(callee.body, start)
        self._exits.pop()
        if end is not None:
            mine.returns.take(end)
        stays = self._left == left
        self._left = left
        self._current, self.activation = outer, outer_number
        zero: Value = t.number(0, RESULT_WIDTH if isinstance(callee.result, IntType) else 1)
        path, value = self._join(mine.returns.paths)
        if path is not None and stays:
            path = path.under(TRUE)
        return path, zero if value is None else value

    def _enter(self) -> _Activation:
        self._activations += 1
        self._current = _Activation(self._activations, _Exit())
        self.activation = self._activations
        return self._current

    def _bind(self, mine: _Activation, callee: Definition, args: Sequence[Value]) -> dict[tuple[int, str], Value]:
        return {(mine.number, name): value for (name, _), value in zip(callee.params, args, strict=True)}

    # -- paths --------------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[Stmt], path: Path | None) -> Path | None:
        """Execute statements one after the other; None when control does not reach their end."""
        for stmt in body:
            if path is None or path.guard is FALSE:
                return None
            path = self._executors[type(stmt)](stmt, path)
        return path

    def _leavings(self) -> int:
        """How often a path has left a statement that is being executed."""
        return self._left + sum(len(e.paths) for e in self._exits)

    def _join(self, exits: Sequence[tuple[Term, Path, Value | None]]) -> tuple[Path | None, Value | None]:
        """One path out of several; where none was taken, it means nothing."""
        reached = [e for e in exits if e[1].guard is not FALSE]
        if not reached:
            return None, None
        _, last, value = reached[-1]
        guard, state, names = last.guard, last.state, last.locals
        for when, path, other in reversed(reached[:-1]):
            guard = t.disj(path.guard, guard)
            state = merge(when, path.state, state)
            names = _merge_locals(when, path.locals, names)
            if other is not None:
                value = choose(when, other, value) if value is not None else other
        return Path(guard, state, names), value

    def _rejoin(self, c: Term, start: Path, then: Path | None, other: Path | None, stayed: bool) -> Path | None:
        """The path after a branch on `c`, taken from `start`."""
        if then is None or then.guard is FALSE:
            return other if other is not None and other.guard is not FALSE else None
        if other is None or other.guard is FALSE:
            return then
        guard = start.guard if stayed else t.disj(then.guard, other.guard)
        return Path(guard, merge(c, then.state, other.state), _merge_locals(c, then.locals, other.locals))

    # -- stores -------------------------------------------------------------------------------------------------------

    def _evaluated(self, e: n.Expr, path: Path) -> tuple[Path | None, Value]:
        """A right side: the only place of an allocation or of a call with an effect."""
        if isinstance(e, n.New):
            return self._new(e, path)
        if isinstance(e, n.Call):
            args = [self.value(a, path.guard, path) for a in e.args]
            return self.call(e.callee, args, path.guard, path)
        return path, self.value(e, path.guard, path)

    def _new(self, e: n.New, path: Path) -> tuple[Path | None, Value]:
        live = path.state.live(e.entity)
        width = self.layout.width(e.type)
        after: list[Term] = []
        slot = t.number(0, width)
        full = TRUE
        for alive in live:
            after.append(t.disj(alive, full))
            full = t.conj(full, alive)
        for i, alive in reversed(list(enumerate(live, 1))):
            slot = t.number(i, width) if i == len(live) else t.ite(alive, slot, t.number(i, width))
        self.record.cut = t.disj(self.record.cut, t.conj(path.guard, full))
        if full is TRUE:
            self._left += 1
            return None, slot
        return path.with_columns({(e.entity, LIVE): tuple(after)}), slot

    def _assign(self, s: n.Assign, path: Path) -> Path | None:
        after, value = self._evaluated(s.value, path)
        if after is None:
            return None
        return after.with_local((self.activation, s.name), value)

    def _store(self, s: n.Store, path: Path) -> Path | None:
        after, value = self._evaluated(s.value, path)
        if after is None:
            return None
        ref = self.object(s.item, after.guard, after)
        kind = self.sizes.schema.by_class[s.entity].by_name[s.field].type
        if isinstance(value, Term):
            value = self._fitted(value, kind, s.entity, after.guard, s.place)
        column = after.state.columns[s.entity, s.field]
        stored = self._stored(column, ref, lambda _: value)
        return after.with_columns({(s.entity, s.field): stored})

    def _stored(self, column: Column, ref: Term, value: Callable[[Value], Value]) -> Column:
        """A column after a store at slot `ref`; `value` gives the new value from the old one."""
        out = []
        for i, old in enumerate(column, 1):
            here = t.eq(ref, t.number(i, ref.width))
            out.append(old if here is FALSE else choose(here, value(old), old))
        return column if all(a is b for a, b in zip(out, column, strict=True)) else tuple(out)

    def _fitted(self, value: Term, kind: Type, owner: type[Entity] | None, guard: Term, place: Place) -> Term:
        """A value with the width of its field; a number out of range is a trap."""
        if isinstance(kind, IntType):
            top = self.sizes.top(kind, owner)
            if isinstance(kind.high, str):  # judged at the end of the call, see `_beyond`
                top = (1 << self.layout.width(kind)) - 1
            above = t.ult(t.number(top, value.width), value) if top.bit_length() <= value.width else FALSE
            self.record.trap(t.conj(guard, above), "integer out of range", place)
            if kind.low:
                below = t.ult(value, t.number(kind.low, value.width))
                self.record.trap(t.conj(guard, below), "integer out of range", place)
        width = self.layout.width(kind)
        return t.resize(value, width) if value.width else value

    def _store_entry(self, s: n.StoreEntry, path: Path) -> Path | None:
        after, value = self._evaluated(s.value, path)
        if after is None:
            return None
        key = self.scalar(s.key, after.guard, after)
        self.trap_none(key, after.guard, s.key.place)
        assert isinstance(value, Term)
        if s.item is None or s.entity is None:
            name = (self.activation, s.name)
            entries = after.locals[name]
            assert isinstance(entries, tuple)
            width = max([e.width for e in entries] + [value.width])
            new = t.resize(value, width) if value.width else value
            wide = tuple(t.resize(e, width) if width else e for e in entries)
            return after.with_local(name, self._entered(wide, key, new))
        ref = self.object(s.item, after.guard, after)
        kind = self.sizes.schema.by_class[s.entity].by_name[s.name].type.value  # type: ignore[attr-defined]
        fitted = self._fitted(value, kind, s.entity, after.guard, s.place)
        column = self._stored(after.state.columns[s.entity, s.name], ref, lambda old: self._entered(old, key, fitted))
        return after.with_columns({(s.entity, s.name): column})

    def _entered(self, entries: Value, key: Term, value: Term) -> tuple[Term, ...]:
        assert isinstance(entries, tuple)
        return tuple(t.ite(t.eq(key, t.number(i, key.width)), value, old) for i, old in enumerate(entries, 1))

    def _free(self, s: n.Free, path: Path) -> Path | None:
        ref = self.object(s.item, path.guard, path)
        state = path.state
        alive = self._stored(state.columns[s.entity, LIVE], ref, lambda _: FALSE)
        changed: dict[ColumnName, Column] = {(s.entity, LIVE): alive}
        for f in self.sizes.schema.by_class[s.entity].fields:
            zero = self.layout.zero(f.type)
            changed[s.entity, f.name] = self._stored(state.columns[s.entity, f.name], ref, lambda _, zero=zero: zero)  # type: ignore[misc]
        return path.with_columns(changed)

    def _do(self, s: n.Do, path: Path) -> Path | None:
        return self._evaluated(s.call, path)[0]

    # -- leaving ------------------------------------------------------------------------------------------------------

    def _return(self, s: n.Return, path: Path) -> Path | None:
        if s.value is None:
            self._current.returns.take(path)
            return None
        after, value = self._evaluated(s.value, path)
        if after is not None:
            self._current.returns.take(after, value)
        return None

    def _fail(self, s: n.Fail, path: Path) -> Path | None:
        self.record.refuse(path.guard, s.errno, s.reason, s.place)
        self._left += 1
        return None

    def _given(self, s: n.Given, path: Path) -> Path | None:
        c = self.scalar(s.condition, path.guard, path)
        if c is TRUE:
            return path
        self.record.disabled = t.disj(self.record.disabled, t.conj(path.guard, t.neg(c)))
        self._left += 1
        return path.under(t.conj(path.guard, c))

    def _check(self, s: n.Check, path: Path) -> Path | None:
        c = self.scalar(s.condition, path.guard, path)
        self.record.trap(t.conj(path.guard, t.neg(c)), "assertion", s.place)
        return path

    def _require(self, s: n.Require, path: Path) -> Path | None:
        c = self.scalar(s.condition, path.guard, path)
        broken = t.conj(path.guard, t.neg(c))
        if broken is not FALSE:
            objects = tuple(self.value(o, broken, path) for o in s.objects)
            self.record.clause(broken, s.prop, s.clause, s.place, objects)
        return path

    def _break(self, s: n.Break, path: Path) -> Path | None:
        self._current.loops[-1][1].take(path)
        return None

    def _continue(self, s: n.Continue, path: Path) -> Path | None:
        self._current.loops[-1][0].take(path)
        return None

    def _yield(self, s: n.Yield, path: Path) -> Path | None:
        assert self._current.consume is not None
        return self._current.consume(path, self.value(s.value, path.guard, path))

    # -- branches and loops -------------------------------------------------------------------------------------------

    def _if(self, s: n.If, path: Path) -> Path | None:
        c = self.scalar(s.test, path.guard, path)
        then_guard, other_guard = t.conj(path.guard, c), t.conj(path.guard, t.neg(c))
        if then_guard is FALSE:
            return self.block(s.other, path)
        if other_guard is FALSE:
            return self.block(s.then, path)
        before = self._leavings()
        then = self.block(s.then, path.under(then_guard))
        other = self.block(s.other, path.under(other_guard))
        return self._rejoin(c, path, then, other, self._leavings() == before)

    def _body(self, body: Sequence[Stmt], path: Path, breaks: _Exit) -> Path | None:
        """One round of a loop: where `continue` and the end of the body meet."""
        continues = _Exit()
        self._exits.append(continues)
        self._current.loops.append((continues, breaks))
        before = self._leavings()
        end = self.block(body, path)
        stayed = self._leavings() - len(continues.paths) == before
        self._current.loops.pop()
        self._exits.pop()
        if continues.paths:
            if end is not None:
                continues.take(end)
            end, _ = self._join(continues.paths)
        return end.under(path.guard) if end is not None and stayed else end

    def _for_each(self, s: n.ForEach, path: Path) -> Path | None:
        assert isinstance(s.domain.type, SetType)
        width = self.layout.width(RefType(s.domain.type.entity))
        breaks = _Exit()
        start = path
        now: Path | None = path
        before = self._leavings()
        self._exits.append(breaks)
        for i, member in enumerate(self.members(s.domain, path.guard, path), 1):
            if now is None or now.guard is FALSE:
                break
            inside = t.conj(now.guard, member)
            if inside is FALSE:
                continue
            at_round = self._leavings()
            item = now.under(inside).with_local((self.activation, s.var), t.number(i, width))
            end = self._body(s.body, item, breaks)
            outside = now.under(t.conj(now.guard, t.neg(member)))
            now = self._rejoin(member, now, end, outside, self._leavings() == at_round)
        self._exits.pop()
        return self._after_loop(start, now, breaks, before)

    def _after_loop(self, start: Path, end: Path | None, breaks: _Exit, before: int) -> Path | None:
        if not breaks.paths:
            return end
        if end is not None:
            breaks.take(end)
        out, _ = self._join(breaks.paths)
        return out.under(start.guard) if out is not None and self._leavings() == before else out

    def _while(self, s: n.While, path: Path) -> Path | None:
        exits = _Exit()
        before = self._leavings()
        self._exits.append(exits)
        start, now = path, path
        rounds = most_rounds(s, self.sizes)
        for done in range(rounds + 1):
            c = self.scalar(s.test, now.guard, now)
            inside, outside = t.conj(now.guard, c), t.conj(now.guard, t.neg(c))
            if outside is not FALSE:
                exits.take(now.under(outside), when=t.neg(c))
            if inside is FALSE:
                break
            if done == rounds:
                self.record.trap(inside, "loop bound", s.place)
                break
            end = self._body(s.body, now.under(inside), exits)
            if end is None or end.guard is FALSE:
                break
            now = end
        self._exits.pop()
        out, _ = self._join(exits.paths)
        return out.under(start.guard) if out is not None and self._leavings() == before else out

    def _for_yield(self, s: n.ForYield, path: Path) -> Path | None:
        args = [self.value(a, path.guard, path) for a in s.call.args]
        consumer, breaks = self._current, _Exit()
        before = self._leavings()
        self._exits.append(breaks)
        generator = self._enter()
        self._exits.append(generator.returns)

        def consume(at: Path, value: Value) -> Path | None:
            self._current, self.activation = consumer, consumer.number
            end = self._body(s.body, at.with_local((consumer.number, s.var), value), breaks)
            self._current, self.activation = generator, generator.number
            return end

        generator.consume = consume
        names = {**path.locals, **self._bind(generator, s.call.callee, args)}
        end = self.block(s.call.callee.body, Path(path.guard, path.state, names))
        self._exits.pop()
        self._exits.pop()
        self._current, self.activation = consumer, consumer.number
        if end is not None:
            generator.returns.take(end)
        end, _ = self._join(generator.returns.paths)
        if end is not None and not breaks.paths and self._leavings() == before:
            end = end.under(path.guard)
        return self._after_loop(path, end, breaks, before)


def _merge_locals(c: Term, a: Mapping[Any, Value], b: Mapping[Any, Value]) -> Mapping[Any, Value]:
    """Locals of two paths; one that only one of them has is not read after it."""
    if a is b:
        return a
    out = dict(b)
    for name, x in a.items():
        y = b.get(name)
        if y is None:
            out[name] = x
        elif x is not y:
            out[name] = choose(c, x, y)
    return out
