"""Statements of the intermediate form in flat form: helpers and generators read in place, exits as labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nsmodel.export import flat
from nsmodel.export.cells import Cells, MapPlace
from nsmodel.export.effects import effects_of
from nsmodel.export.expressions import ExpressionFlattener, Frame, Meaning, where_of
from nsmodel.export.flat import (
    CUT,
    FALSE,
    REFUSED,
    TRUE,
    Assert,
    Block,
    Branch,
    Count,
    Expr,
    Leave,
    Number,
    Set,
    Stmt,
    Truth,
    Var,
    While,
)
from nsmodel.ir import nodes as n
from nsmodel.ir.language import Entity
from nsmodel.ir.nodes import Definition
from nsmodel.ir.rank import most_rounds
from nsmodel.ir.types import BoolType, IntType, MapType, NoneType, RefType, Type

DONE = "done"
"""The label of a rule's regular end."""


class Flattener(ExpressionFlattener):
    """Reads one rule (`properties` are the step properties judged in it) or one invariant."""

    def __init__(self, cells: Cells, switches: frozenset[str], properties: frozenset[str], name: str = "") -> None:
        super().__init__(cells, switches, Frame(_NOTHING, {}))
        self.properties = properties
        self.judged = name
        """The property of an invariant; a clause that does not hold leaves to the label of this name."""
        self._late: dict[tuple[type[Entity], str], int] = {}
        """Fields whose bound is judged at the end of the rule only, since it may free the objects again."""
        self._statements: dict[type[n.Stmt], Callable[[Any], None]] = {
            n.Assign: self._assign,
            n.Store: self._store,
            n.StoreEntry: self._store_entry,
            n.If: self._if,
            n.ForEach: self._for_each,
            n.ForYield: self._for_yield,
            n.While: self._while,
            n.Yield: self._yield,
            n.Break: lambda s: self.out.append(Leave(self.frame.loops[-1][1])),
            n.Continue: lambda s: self.out.append(Leave(self.frame.loops[-1][0])),
            n.Return: self._return,
            n.Fail: lambda s: self.out.append(Leave(REFUSED)),
            n.Given: self._given,
            n.Check: self._check,
            n.Require: self._require,
            n.Free: self._free,
            n.Do: self._do,
        }

    def rule(self, definition: Definition, arguments: Mapping[str, Expr]) -> tuple[Stmt, ...]:
        """The body of a rule or invariant; it ends behind the block `DONE`, or leaves to `REFUSED` or `CUT`."""
        self.frame = Frame(definition, dict(arguments), DONE)
        for name in _stored_names(definition.body) & arguments.keys():
            self.frame.names[name] = self._own(name, arguments[name])
        effects = effects_of(definition.body)
        for info in self.cells.sizes.schema.entities:
            for f in info.fields:
                if isinstance(f.type, IntType) and isinstance(f.type.high, str) and info.cls in effects.freed:
                    if (info.cls, f.name) in effects.stored:
                        self._late[info.cls, f.name] = self.cells.sizes.top(f.type)
        self.block(definition.body)
        return (Block(DONE, tuple(self.out)), *self._beyond())

    def _beyond(self) -> list[Stmt]:
        """Cut off a call that leaves a number beyond the bound of the scope, where its store could not tell."""
        out: list[Stmt] = []
        for (entity, field), top in self._late.items():
            for slot in range(1, self.cells.slots(entity) + 1):
                value = self.cells.read(entity, field, Number(slot))  # a free slot's is 0
                out.append(flat.leaving(flat.compared(">", value, Number(top)), CUT))
        return out

    def block(self, body: Sequence[n.Stmt]) -> None:
        """Statements one after the other, as far as control gets."""
        for stmt in body:
            if self.out and isinstance(self.out[-1], Leave):
                return
            self._statements[type(stmt)](stmt)

    # -- calls --------------------------------------------------------------------------------------------------------

    def call(self, e: n.Call) -> Meaning:
        """Read a helper in place; its value."""
        return self.perform(e) or Number(0)

    def perform(self, e: n.Call) -> Meaning | None:
        """Read a helper in place; its value, if it has one."""
        callee = e.callee
        frame = Frame(callee, self._bound(e), self.scratch.label(callee.name))
        first = callee.body[0] if len(callee.body) == 1 else None
        outer, self.frame = self.frame, frame
        if isinstance(first, n.Return) and first.value is not None and not isinstance(callee.result, MapType):
            value: Meaning | None = self._evaluated(first.value)
        else:
            value = frame.result = self._result(callee)
            with self.nested() as inner:
                self.block(callee.body)
            self.out.append(Block(frame.label, tuple(inner)))
        self.frame = outer
        return value

    def _do(self, s: n.Do) -> None:
        self.perform(s.call)

    def _result(self, callee: Definition) -> Var | MapPlace | None:
        if isinstance(callee.result, NoneType):
            return None
        if isinstance(callee.result, MapType):
            return self.new_map(callee.name, callee.result)
        return self.scratch.variable(callee.name, boolean=isinstance(callee.result, BoolType))

    def _bound(self, e: n.Call) -> dict[str, Meaning]:
        """Parameters with their meanings: an argument that no store can change stands for itself."""
        stored = _stored_names(e.callee.body)
        out: dict[str, Meaning] = {}
        for argument, (name, kind) in zip(e.args, e.callee.params, strict=True):
            if isinstance(kind, MapType):
                place = self.map(argument)
                if name in stored or place.state:
                    own = self.new_map(name, kind)
                    self.copy(own, place)
                    place = own
                out[name] = place
                continue
            value = self.value(argument)
            self._filled(argument, value)
            own_value = name in stored or not isinstance(value, Number | Truth | Var) or getattr(value, "state", False)
            out[name] = self._own(name, value) if own_value else value
        return out

    def _own(self, name: str, value: Expr) -> Var:
        made = self.scratch.variable(name.replace(".", "_"), boolean=flat.is_boolean(value))
        self.out.append(Set(made, value))
        return made

    def _filled(self, e: n.Expr, value: Expr) -> None:
        """Into a local that may not be None goes no field of a new object that was not stored yet."""
        if isinstance(e, n.FieldOf) and isinstance(e.type, RefType) and not e.type.optional and self._may_be_none(e):
            self._not_none(value, e.place)

    # -- stores -------------------------------------------------------------------------------------------------------

    def _evaluated(self, e: n.Expr) -> Expr:
        """A right side: the only place of an allocation or of a call with an effect."""
        if isinstance(e, n.New):
            return self._new(e)
        return self.value(e)

    def _new(self, e: n.New) -> Expr:
        count = self.cells.slots(e.entity)
        if not count:
            self.out.append(Leave(CUT))
            return Number(0)
        live = self.cells.live(e.entity)
        every = Number(self.cells.every(e.entity))
        self.out.append(flat.leaving(flat.compared("==", live, every), CUT))
        lowest: Expr = Number(count)
        for slot in range(count - 1, 0, -1):
            lowest = flat.chosen(flat.negated(flat.bit(live, Number(slot))), Number(slot), lowest)
        made = self.temporary("new", lowest)
        self.out += self.cells.born(e.entity, made)
        self.done.made.add(e.entity)
        return made

    def _local(self, e: n.Local) -> Expr:
        if e.name not in self.frame.names:  # never stored on this path, so never read
            return FALSE if isinstance(e.type, BoolType) else Number(0)
        return super()._local(e)

    def _variable(self, name: str, kind: Type) -> Var:
        found = self.frame.names.get(name)
        if isinstance(found, Var) and not found.state and name in self.frame.definition.locals:
            if found.name in self.scratch.variables:
                return found
        made = self.scratch.variable(name, boolean=isinstance(kind, BoolType))
        self.frame.names[name] = made
        return made

    def _assign(self, s: n.Assign) -> None:
        kind = self.frame.definition.locals[s.name]
        if isinstance(kind, MapType):
            place = self.frame.names.get(s.name)
            if not isinstance(place, MapPlace):
                place = self.new_map(s.name, kind)
            if isinstance(s.value, n.EmptyMap):
                self.clear(place)
            else:
                self.copy(place, self.map(s.value))
            self.frame.names[s.name] = place
            return
        value = self._evaluated(s.value)
        self._filled(s.value, value)
        if not (self.out and isinstance(self.out[-1], Leave)):
            self.out.append(Set(self._variable(s.name, kind), value))

    def _store(self, s: n.Store) -> None:
        value = self._evaluated(s.value)
        if self.out and isinstance(self.out[-1], Leave):
            return
        slot = self.object(s.item)
        kind = self.cells.sizes.schema.by_class[s.entity].by_name[s.field].type
        value = self._fitted(value, kind, s)
        self.out += self.cells.write(s.entity, s.field, slot, value)
        self.done.stored.add((s.entity, s.field))

    def _fitted(self, value: Expr, kind: Type, s: n.Store | n.StoreEntry) -> Expr:
        """A number as a field holds it: out of range is a trap, beyond the bound of the scope a cut."""
        if not isinstance(kind, IntType) or s.entity is None:
            return value
        value = value if flat.weight(value, 6) < 6 else self.temporary("value", value)
        text = f"a number is out of range ({where_of(s.place)})"
        if isinstance(value, flat.Binary) and value.op == "-":
            enough = flat.compared(">=", value.left, flat.added(value.right, Number(kind.low)))
            self.out.append(Assert(enough, text))
        top = Number(self.cells.sizes.top(kind, s.entity))
        within = flat.compared("<=", value, top)
        if within == TRUE:
            return value
        if not isinstance(kind.high, str):
            if flat.weight(value, 3) > 1:
                self.out.append(Assert(within, text))
        elif isinstance(s, n.StoreEntry) or (s.entity, s.field) not in self._late:
            self.out.append(flat.leaving(flat.negated(within), CUT))
        return value

    def _store_entry(self, s: n.StoreEntry) -> None:
        value = self._evaluated(s.value)
        key = self.value(s.key)
        if self._may_be_none(s.key):
            self._not_none(key, s.key.place)
        if s.item is None or s.entity is None:
            place = self.frame.names[s.name]
            assert isinstance(place, MapPlace)
        else:
            place = self.cells.map(s.entity, s.name, self.object(s.item))
            kind = self.cells.sizes.schema.by_class[s.entity].by_name[s.name].type
            assert isinstance(kind, MapType)
            value = self._fitted(value, kind.value, s)
            self.done.stored.add((s.entity, s.name))
        if place.keys and place.array:
            self.out.append(Set(place.at(key), value))

    def _free(self, s: n.Free) -> None:
        slot = self.object(s.item)
        if self.cells.slots(s.entity):
            if not isinstance(slot, Var | Number):
                slot = self.temporary("gone", slot)
            self.out += self.cells.free(s.entity, slot)
        self.done.freed.add(s.entity)

    # -- leaving and judging ------------------------------------------------------------------------------------------

    def _return(self, s: n.Return) -> None:
        result = self.frame.result
        if s.value is not None and (result is not None or _does_something(s.value)):
            if isinstance(result, MapPlace):
                self.copy(result, self.map(s.value))
            else:
                value = self._evaluated(s.value)
                if result is not None:
                    self.out.append(Set(result, value))
        if not (self.out and isinstance(self.out[-1], Leave)):
            self.out.append(Leave(self.frame.label))

    def _given(self, s: n.Given) -> None:
        self.out.append(flat.leaving(flat.negated(self.value(s.condition)), REFUSED))

    def _check(self, s: n.Check) -> None:
        condition = self.value(s.condition)
        if condition != TRUE:
            self.out.append(Assert(condition, f"an assertion of the rule ({where_of(s.place)})"))

    def _require(self, s: n.Require) -> None:
        if s.prop is not None and s.prop not in self.properties:
            return
        condition = self.value(s.condition)
        if s.prop is not None:
            self.out.append(Assert(condition, f"{s.prop}: {s.clause} ({where_of(s.place)})"))
        else:
            self.out.append(flat.leaving(flat.negated(condition), self.judged))

    # -- branches and loops -------------------------------------------------------------------------------------------

    def _if(self, s: n.If) -> None:
        test = self.value(s.test)
        if isinstance(test, Truth):
            self.block(s.then if test.value else s.other)
            return
        with self.nested() as then:
            self.block(s.then)
        with self.nested() as other:
            self.block(s.other)
        self.out.append(Branch(test, tuple(then), tuple(other)))

    def _body(self, body: Sequence[n.Stmt], following: str, done: str) -> Stmt:
        self.frame.loops.append((following, done))
        with self.nested() as inner:
            self.block(body)
        self.frame.loops.pop()
        return Block(following, tuple(inner))

    def _for_each(self, s: n.ForEach) -> None:
        entity, count = self.slots_of(s.domain.type)
        inside = effects_of(s.body)
        domain = self.value(s.domain)
        if not count:
            return
        changes = entity in inside.freed | inside.made or not isinstance(domain, Var | Number)
        domain = self.temporary("those", domain) if changes or not getattr(domain, "state", False) else domain
        self.done.add(inside)
        done, following = self.scratch.label("break"), self.scratch.label("next")
        counter = self.scratch.variable(s.var)
        with self.nested() as inner:
            # the local keeps the last member after the loop, and the body may store to it
            self.out.append(Set(self._variable(s.var, RefType(entity)), counter))
            self.out.append(self._body(s.body, following, done))
        loop = Count(counter, count, (Branch(flat.bit(domain, counter), tuple(inner)),))
        self.out.append(Block(done, (loop,)))

    def _while(self, s: n.While) -> None:
        self._expect(s.body)
        most = most_rounds(s, self.cells.sizes)
        rounds = self.scratch.variable("rounds")
        done, following = self.scratch.label("break"), self.scratch.label("next")
        with self.nested() as before:
            test = self.value(s.test)
        bounded = Assert(flat.compared("<", rounds, Number(most)), f"a loop runs too long ({where_of(s.place)})")
        counted: list[Stmt] = [bounded, Set(rounds, flat.added(rounds, Number(1)))]
        body = self._body(s.body, following, done)
        if before:
            inner = [*before, flat.leaving(flat.negated(test), done), *counted, body]
            loop = While(TRUE, tuple(inner), most + 1)
        else:
            loop = While(test, (*counted, body), most + 1)
        self.out += [Set(rounds, Number(0)), Block(done, (loop,))]

    def _expect(self, body: Sequence[n.Stmt]) -> None:
        """A later round starts with what earlier ones did."""
        self.done.add(effects_of(body))

    def _for_yield(self, s: n.ForYield) -> None:
        self._expect(s.body)
        consumer, done = self.frame, self.scratch.label("break")
        generator = Frame(s.call.callee, self._bound(s.call), done)

        def consume(y: n.Yield) -> None:
            value = self.value(y.value)
            self.frame = consumer
            kind = consumer.definition.locals.get(s.var, y.value.type)
            self.out.append(Set(self._variable(s.var, kind), value))
            self.out.append(self._body(s.body, self.scratch.label("next"), done))
            self.frame = generator

        generator.consume = consume
        self.frame = generator
        with self.nested() as inner:
            self.block(s.call.callee.body)
        self.frame = consumer
        self.out.append(Block(done, tuple(inner)))

    def _yield(self, s: n.Yield) -> None:
        assert self.frame.consume is not None
        self.frame.consume(s)


def _does_something(e: n.Expr) -> bool:
    return isinstance(e, n.New) or (isinstance(e, n.Call) and not e.callee.pure)


def _stored_names(body: Sequence[n.Stmt]) -> set[str]:
    """Locals that statements store."""
    out: set[str] = set()
    for stmt in body:
        if isinstance(stmt, n.Assign | n.StoreEntry):
            out.add(stmt.name)
        if isinstance(stmt, n.ForEach | n.ForYield):
            out.add(stmt.var)
        for name in ("then", "other", "body"):
            out |= _stored_names(getattr(stmt, name, ()))
    return out


_NOTHING = Definition("", "", (), NoneType(), (), {})
