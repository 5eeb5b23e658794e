"""Expressions of the intermediate form in flat form: quantifiers and helpers become statements and temporaries."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from nsmodel.export import flat
from nsmodel.export.cells import Cells, MapPlace
from nsmodel.export.effects import Effects
from nsmodel.export.flat import FALSE, TRUE, Assert, Block, Branch, Count, Expr, Leave, Number, Set, Stmt, Truth, Var
from nsmodel.ir import nodes as n
from nsmodel.ir.language import Entity
from nsmodel.ir.nodes import Definition, Place
from nsmodel.ir.schema import fields_of
from nsmodel.ir.types import BoolType, MapType, RefType, SetType, Type

Meaning: TypeAlias = Expr | MapPlace
"""What a local stands for."""


@dataclass
class Scratch:
    """The scratch variables and arrays of one rule; their names are its own, other rules use the same again."""

    variables: dict[str, Var] = field(default_factory=dict)
    arrays: dict[str, tuple[int, bool]] = field(default_factory=dict)
    """Items and whether they are conditions, by name."""
    labels: int = 0
    _counts: dict[str, int] = field(default_factory=dict)

    def _fresh(self, name: str) -> str:
        name = "".join(c if c.isalnum() else "_" for c in name).strip("_") or "x"
        self._counts[name] = self._counts.get(name, 0) + 1
        return f"{name}_{self._counts[name]}"

    def variable(self, name: str, *, boolean: bool = False) -> Var:
        """A new variable."""
        made = Var(self._fresh(("is_" if boolean else "") + name), boolean)
        self.variables[made.name] = made
        return made

    def array(self, name: str, size: int, *, boolean: bool) -> str:
        """A new array."""
        made = self._fresh(("has_" if boolean else "map_") + name)
        self.arrays[made] = (size, boolean)
        return made

    def label(self, name: str) -> str:
        """A new label."""
        self.labels += 1
        return f"{name}_{self.labels}"


@dataclass
class Frame:
    """A function that is read in place: what its locals mean, and where `return` leads."""

    definition: Definition
    names: dict[str, Meaning]
    label: str = ""
    result: Var | MapPlace | None = None
    loops: list[tuple[str, str]] = field(default_factory=list)
    """Labels of `continue` and `break`."""
    consume: Callable[[n.Yield], None] | None = None


class ExpressionFlattener:
    """Reads expressions of one rule or invariant; what an expression needs first is put into :attr:`out`."""

    def __init__(self, cells: Cells, switches: frozenset[str], frame: Frame) -> None:
        self.cells = cells
        self.switches = switches
        self.frame = frame
        self.scratch = Scratch()
        self.done = Effects()
        """What may have happened to the state so far."""
        self.out: list[Stmt] = []
        self._readers: dict[type[n.Expr], Callable[[Any], Expr]] = {
            n.Const: self._const,
            n.Local: self._local,
            n.FieldOf: self._field,
            n.LiveSet: lambda e: self.cells.live(e.entity),
            n.Not: lambda e: flat.negated(self.value(e.operand)),
            n.Junction: self._junction,
            n.Conditional: self._conditional,
            n.Arith: lambda e: flat.binary(e.op, self.value(e.left), self.value(e.right)),
            n.Compare: lambda e: flat.compared(e.op, self.value(e.left), self.value(e.right)),
            n.Member: self._member,
            n.SetOf: self._set_of,
            n.SetOp: self._set_op,
            n.Quantified: self._quantified,
            n.Filter: self._filter,
            n.Entry: self._entry,
            n.Call: self._call,
            n.SwitchOn: lambda e: Truth(e.switch in self.switches),
            n.SlotOf: lambda e: self.object(e.item),
        }

    @abstractmethod
    def call(self, e: n.Call) -> Meaning:
        """Read a helper in place: what it returns."""

    # -- results of a kind --------------------------------------------------------------------------------------------

    def value(self, e: n.Expr) -> Expr:
        """The value of an expression that is no map."""
        return self._readers[type(e)](e)

    def map(self, e: n.Expr) -> MapPlace:
        """Where a map is."""
        if isinstance(e, n.FieldOf):
            return self.cells.map(e.entity, e.field, self.object(e.item))
        found: Meaning
        if isinstance(e, n.Local):
            found = self.frame.names[e.name]
        elif isinstance(e, n.Call):
            found = self.call(e)
        else:
            assert isinstance(e, n.EmptyMap) and isinstance(e.type, MapType)
            found = self.new_map("map", e.type)
            self.clear(found)
        assert isinstance(found, MapPlace)
        return found

    def new_map(self, name: str, kind: MapType) -> MapPlace:
        """A scratch map, its entries undefined."""
        keys = self.cells.slots(kind.entity)
        boolean = isinstance(kind.value, BoolType)
        array = self.scratch.array(name, max(keys, 1), boolean=boolean)
        return MapPlace(array, Number(0), keys, boolean, False)

    def clear(self, place: MapPlace) -> None:
        """Zero the entries of a scratch map."""
        zero: Expr = FALSE if place.boolean else Number(0)
        self.out += [Set(place.at(Number(key)), zero) for key in range(1, max(place.keys, 1) + 1)]

    def copy(self, to: MapPlace, source: MapPlace) -> None:
        """Copy a map."""
        if to != source:
            keys = range(1, to.keys + 1)
            self.out += [Set(to.at(Number(key)), source.at(Number(key))) for key in keys]

    def object(self, e: n.Expr) -> Expr:
        """The slot of an object that is about to be touched, with what would trap asserted before."""
        slot = self.value(e)
        assert isinstance(e.type, RefType)
        if isinstance(slot, Number) and slot.value:
            return slot
        if not self.cells.slots(e.type.entity):
            return slot
        if e.type.entity in self.done.freed:
            self._assert(flat.bit(self.cells.live(e.type.entity), slot), "a freed object or None is touched", e.place)
        elif self._may_be_none(e):
            self._not_none(slot, e.place)
        return slot

    def _not_none(self, slot: Expr, place: Place) -> None:
        self._assert(flat.compared("!=", slot, Number(0)), "None is read through", place)

    def _assert(self, condition: Expr, text: str, place: Place) -> None:
        if condition != TRUE:
            self.out.append(Assert(condition, f"{text} ({where_of(place)})"))

    def _may_be_none(self, e: n.Expr) -> bool:
        """Whether a reference that is known not to be None may be: a field of an object just made, or stored since."""
        if isinstance(e, n.FieldOf):
            optional = getattr(fields_of(e.entity)[e.field].type, "optional", False)
            return e.entity in self.done.made or (optional and (e.entity, e.field) in self.done.stored)
        return isinstance(e, n.Entry | n.Call | n.Conditional)

    @contextmanager
    def nested(self) -> Iterator[list[Stmt]]:
        """Collect the statements of a part on its own."""
        outer, self.out = self.out, []
        try:
            yield self.out
        finally:
            self.out = outer

    def temporary(self, name: str, value: Expr) -> Expr:
        """A value as it is now, whatever is stored later."""
        if isinstance(value, Number | Truth):
            return value
        made = self.scratch.variable(name, boolean=flat.is_boolean(value))
        self.out.append(Set(made, value))
        return made

    # -- one method for each node -------------------------------------------------------------------------------------

    def _const(self, e: n.Const) -> Expr:
        return Truth(bool(e.value)) if isinstance(e.type, BoolType) else Number(e.value)

    def _local(self, e: n.Local) -> Expr:
        found = self.frame.names[e.name]
        assert not isinstance(found, MapPlace)
        return found

    def _field(self, e: n.FieldOf) -> Expr:
        return self.cells.read(e.entity, e.field, self.object(e.item))

    def _junction(self, e: n.Junction) -> Expr:
        left = self.value(e.left)
        decided = e.op == "or"
        if left == Truth(decided):
            return left
        with self.nested() as further:
            right = self.value(e.right)
        if further:
            left = self._settled(left)
            self.out.append(Branch(flat.negated(left) if decided else left, tuple(further)))
        return flat.either(left, right) if decided else flat.both(left, right)

    def _settled(self, test: Expr) -> Expr:
        """A condition that is tested more than once."""
        return test if flat.weight(test, 8) < 8 else self.temporary("test", test)

    def _conditional(self, e: n.Conditional) -> Expr:
        test = self.value(e.test)
        if isinstance(test, Truth):
            return self.value(e.then if test.value else e.other)
        with self.nested() as first:
            then = self.value(e.then)
        with self.nested() as second:
            other = self.value(e.other)
        if first or second:
            test = self._settled(test)
            self.out.append(Branch(test, tuple(first), tuple(second)))
        return flat.chosen(test, then, other)

    def _member(self, e: n.Member) -> Expr:
        item = self.value(e.item)
        return flat.bit(self.value(e.domain), item)

    def _set_of(self, e: n.SetOf) -> Expr:
        out: Expr = Number(0)
        for item in e.items:
            slot = self.value(item)
            if self._may_be_none(item):
                self._not_none(slot, item.place)
            out = flat.union(out, flat.one(slot))
        return out

    def _set_op(self, e: n.SetOp) -> Expr:
        left, right = self.value(e.left), self.value(e.right)
        if e.op == "|":
            return flat.union(left, right)
        return flat.intersection(left, right) if e.op == "&" else flat.difference(left, right)

    def domain(self, e: n.Expr) -> Expr:
        """A set as a loop reads it."""
        found = self.value(e)
        return found if isinstance(found, Var | Number) else self.temporary("those", found)

    def slots_of(self, kind: Type) -> tuple[type[Entity], int]:
        """The entity of a set, and its slots."""
        assert isinstance(kind, SetType)
        return kind.entity, self.cells.slots(kind.entity)

    def _each(self, e: n.Quantified | n.Filter, then: Callable[[Var], list[Stmt]]) -> list[Stmt]:
        """A loop over the members that satisfy the condition; `then` gives the statements for one."""
        domain = self.domain(e.domain)
        var = self.scratch.variable(e.var.split(".")[0])
        self.frame.names[e.var] = var
        member = flat.bit(domain, var)
        with self.nested() as tested:
            condition = self.value(e.condition)
            with self.nested() as inner:
                inner += then(var)
            tested.append(Branch(condition, tuple(inner))) if condition != TRUE else tested.extend(inner)
        body: tuple[Stmt, ...] = tuple(tested)
        if len(body) == 1 and isinstance(body[0], Branch) and not body[0].other:
            body = (Branch(flat.both(member, body[0].test), body[0].then),)
        else:
            body = (Branch(member, body),)
        return [Count(var, self.slots_of(e.domain.type)[1], body)]

    def _quantified(self, e: n.Quantified) -> Expr:
        if not self.slots_of(e.domain.type)[1]:
            return Truth(e.kind == "all") if e.kind in ("any", "all") else Number(0)
        if e.kind in ("any", "all"):
            return self._any_or_all(e)
        found = self.scratch.variable(e.kind)
        start = Set(found, Number(0))

        def then(var: Var) -> list[Stmt]:
            if e.kind == "count":
                return [Set(found, flat.added(found, Number(1)))]
            single = flat.compared("==", found, Number(0))
            return [Assert(single, f"the() finds several objects ({where_of(e.place)})"), Set(found, var)]

        loop = self._each(e, then)
        self.out += [start, *loop]
        return found

    def _any_or_all(self, e: n.Quantified) -> Expr:
        some = e.kind == "any"
        found = self.scratch.variable("any" if some else "all", boolean=True)
        label = self.scratch.label("found")

        def then(_: Var) -> list[Stmt]:
            decision: list[Stmt] = [Set(found, Truth(some)), Leave(label)]
            with self.nested() as tested:
                body = self.value(e.body)
            decides = body if some else flat.negated(body)
            tested += decision if decides == TRUE else [Branch(decides, tuple(decision))]
            return tested

        loop = self._each(e, then)
        self.out += [Set(found, Truth(not some)), Block(label, tuple(loop))]
        return found

    def _filter(self, e: n.Filter) -> Expr:
        if not self.slots_of(e.domain.type)[1]:
            return Number(0)
        found = self.scratch.variable("set")
        loop = self._each(e, lambda var: [Set(found, flat.union(found, flat.one(var)))])
        self.out += [Set(found, Number(0)), *loop]
        return found

    def _entry(self, e: n.Entry) -> Expr:
        place = self.map(e.map)
        key = self.value(e.key)
        if self._may_be_none(e.key):
            self._not_none(key, e.key.place)
        if not place.keys:
            return FALSE if place.boolean else Number(0)
        return place.at(key)

    def _call(self, e: n.Call) -> Expr:
        found = self.call(e)
        assert not isinstance(found, MapPlace)
        return found


def where_of(place: Place) -> str:
    """A place in the source, for the text of an assertion."""
    return f"{place.file.rsplit('/', 1)[-1]}:{place.line}"
