"""Every call of a system in native code: what one call does to a state, judged like any successor.

For each operation a function `step(before, after, context, arguments)` runs the rule, traps where the successor names
a freed object or holds None where none may be, cuts where a number went beyond the scope's bound, and notes which
properties the step violates. :meth:`CallsCode.each` loops over the arguments that the spec offers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llvmlite import ir as ll

from nsmodel.engines.native import context, sites
from nsmodel.engines.native.emit import I1, I8, I32, I64, POINTER, Code, Value, declare
from nsmodel.engines.native.functions import Functions
from nsmodel.engines.native.sites import Cut, Trapping
from nsmodel.engines.native.summary import parts
from nsmodel.ir import nodes as n
from nsmodel.ir.language import Entity
from nsmodel.ir.lower import definition_of, flag_fields, flattened
from nsmodel.ir.nodes import Definition
from nsmodel.ir.schema import EntityInfo, Field
from nsmodel.ir.types import BOOL, FlagsType, IntType, MapType, RefType, SetType, Type
from nsmodel.system.operation import Operation
from nsmodel.system.spec import FAIL_ATOMIC


@dataclass(frozen=True)
class Rule:
    """An operation with its definition and the function of its steps."""

    operation: Operation
    definition: Definition
    step: Any


class CallsCode:
    """Steps of all operations of a system."""

    def __init__(self, functions: Functions, operations: tuple[Operation, ...]) -> None:
        self.functions = functions
        self.layout = functions.layout
        self.rules: list[Rule] = []
        for operation in operations:
            definition = definition_of(operation.function)
            kinds = [functions.kind(t) for _, t in definition.params]
            name = functions.module.get_unique_name(f"step.{operation.name}")
            step = declare(functions.module, name, I32, [POINTER, POINTER, POINTER, *kinds])
            self.rules.append(Rule(operation, definition, step))
        self._guards = {r.operation.name: {i: functions.of(g) for i, g in guards_of(r).items()} for r in self.rules}

    # -- one step -----------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Write the step of each operation."""
        for rule in self.rules:
            self._write_step(rule)

    def _write_step(self, rule: Rule) -> None:
        code = Code(rule.step)
        b = code.b
        before, after, ctx, *args = rule.step.args
        for name in ("status", "trap", "broken", "result"):
            context.put(code, ctx, name, 0)
        status = b.call(self.functions.of(rule.definition, rule=True), [before, after, ctx, *args])
        with code.when(code.differs(context.get(code, ctx, "trap"), I64(0)), rare=True):
            context.put(code, ctx, "result", 0)
            self._trapped(code, ctx, I64(0))
        with code.when(code.same(status, I32(sites.OK))):
            self._judge(code, rule, before, after, ctx)
        b.ret(status)
        code.finish()

    def _trapped(self, code: Code, ctx: Value, besides: Value) -> None:
        """Leave: the call violates the property of its trap, and those `besides`."""
        own = self._property_of_trap(code, context.get(code, ctx, "trap"))
        context.put(code, ctx, "broken", code.b.or_(besides, own))
        code.b.ret(I32(sites.TRAPPED))

    def _judge(self, code: Code, rule: Rule, before: Value, after: Value, ctx: Value) -> None:
        summary = self.functions.summaries.of(rule.definition)
        self._beyond(code, after, summary.stores)
        atomic = FAIL_ATOMIC.name in self.functions.properties and not rule.operation.function.interleaved
        if atomic and isinstance(rule.definition.result, IntType):
            result = context.get(code, ctx, "result")
            failed = code.b.icmp_signed("<", result, I64(0))
            for errno in rule.operation.function.keeps:
                failed = code.b.and_(failed, code.differs(result, I64(-errno)))
            with code.when(failed, rare=True), code.when(code.b.call(self.changed, [before, after])):
                bit = 1 << self.functions.properties.index(FAIL_ATOMIC.name)
                context.put(code, ctx, "broken", code.b.or_(context.get(code, ctx, "broken"), I64(bit)))
        if summary.frees or summary.creates or self._stores_needed(summary.stores):
            with code.when(code.differs(code.b.call(self.dangling, [after, ctx]), I8(0)), rare=True):
                self._trapped(code, ctx, context.get(code, ctx, "broken"))

    @functools.cached_property
    def changed(self) -> Any:
        """`changed(before, after)`: whether two working states differ."""
        function = declare(self.functions.module, "changed", I1, [POINTER, POINTER])
        code = Code(function)
        before, after = function.args
        with code.count(I64(0), I64(self.layout.size // 8)) as i:
            x, y = (code.load(code.item(state, i, I64), I64) for state in (before, after))
            with code.when(code.differs(x, y)):
                code.b.ret(I1(1))
        code.b.ret(I1(0))
        code.finish()
        return function

    def _rows(self, code: Code, state: Value, cls: type[Entity]) -> Any:
        column = self.layout.live[cls]
        return code.bits(code.load(code.byte(state, column.offset), ll.IntType(8 * column.size)), I64)

    def _cell(self, code: Code, state: Value, info: EntityInfo, f: Field, slot: Value) -> tuple[Value, Any]:
        column = self.layout.columns[info.cls, f.name]
        at = code.b.add(code.b.mul(slot, I64(column.stride)), I64(column.offset))
        return code.byte(state, at), ll.IntType(8 * column.size)

    def _beyond(self, code: Code, state: Value, stores: frozenset[tuple[type[Entity], str]]) -> None:
        """Cut where a number went beyond the bound that the scope names for it."""
        for info in self.layout.entities:
            for f in info.fields:
                if (info.cls, f.name) in stores and isinstance(f.type, IntType) and isinstance(f.type.high, str):
                    top = self.layout.sizes.top(f.type)
                    with self._rows(code, state, info.cls) as (slot, _):
                        address, kind = self._cell(code, state, info, f, slot)
                        above = code.b.icmp_unsigned(">", code.load(address, kind), kind(top))
                        with code.when(above, rare=True):
                            code.b.ret(I32(self.functions.sites.number(Cut(f.type.high))))

    def _stores_needed(self, stores: frozenset[tuple[type[Entity], str]]) -> frozenset[type[Entity]]:
        """Entities with a stored field that may not be None: what was narrowed may be None where a helper voided it."""
        schema = self.functions.schema
        kinds = ((cls, schema.by_class[cls].by_name[name].type) for cls, name in stores if cls in self.layout.live)
        return frozenset(cls for cls, t in kinds if isinstance(t, RefType) and not t.optional)

    @functools.cached_property
    def dangling(self) -> Any:
        """`dangling(state, context)`: trap, and give back 1, where a field names an object that is not live or is None
        and may not be. Looks at what the rules can free, create and store, and no further."""
        function = declare(self.functions.module, "dangling", I8, [POINTER, POINTER])
        code = Code(function)
        state, ctx = function.args
        done = [self.functions.summaries.of(rule.definition) for rule in self.rules]
        frees = frozenset(self.layout.live).intersection(*[frozenset().union(*(s.frees for s in done))])
        filled = frozenset().union(*(s.creates | self._stores_needed(s.stores) for s in done))
        for info in self.layout.entities:
            naming = [f for f in info.fields if named(f.type) & frees]
            needed = [f for f in info.fields if isinstance(f.type, RefType) and not f.type.optional]
            if naming or (needed and info.cls in filled):
                with self._rows(code, state, info.cls) as (slot, _):
                    dead = [self._dangling_field(code, state, info, f, slot) for f in naming]
                    self._trap_when(code, ctx, dead, f"a field of {info.name} names a freed object")
                    none = [self._none(code, state, info, f, slot) for f in needed]
                    self._trap_when(code, ctx, none, f"a field of {info.name} is None")
        code.b.ret(I8(0))
        code.finish()
        return function

    def _none(self, code: Code, state: Value, info: EntityInfo, f: Field, slot: Value) -> Value:
        address, kind = self._cell(code, state, info, f, slot)
        return code.same(code.load(address, kind), kind(0))

    def _dangling_field(self, code: Code, state: Value, info: EntityInfo, f: Field, slot: Value) -> Value:
        """Whether a field names an object that is not live."""
        address, kind = self._cell(code, state, info, f, slot)
        if isinstance(f.type, RefType):
            return self._dead(code, state, f.type.entity, code.load(address, kind))
        if isinstance(f.type, SetType):
            dead = code.b.and_(code.load(address, kind), code.b.not_(self._live(code, state, f.type.entity, kind)))
            return code.differs(dead, kind(0))
        assert isinstance(f.type, MapType)
        out = code.variable(I8(0))
        with code.count(I64(1), I64(self.layout.slots(f.type.entity) + 1)) as key:
            value = code.load(code.item(address, key, kind), kind)
            dead = code.b.and_(code.differs(value, kind(0)), self._dead(code, state, f.type.entity, key))
            if isinstance(f.type.value, RefType):
                dead = code.b.or_(dead, self._dead(code, state, f.type.value.entity, value))
            code.store(code.b.or_(code.load(out, I8), code.fit(dead, I8)), out)
        return code.differs(code.load(out, I8), I8(0))

    def _live(self, code: Code, state: Value, cls: type[Entity], kind: Any) -> Value:
        column = self.layout.live.get(cls)
        if column is None:
            return kind(self.layout.members(cls))
        return code.fit(code.load(code.byte(state, column.offset), ll.IntType(8 * column.size)), kind)

    def _dead(self, code: Code, state: Value, cls: type[Entity], slot: Value) -> Value:
        """Whether a slot is neither None nor live."""
        alive = code.b.or_(self._live(code, state, cls, I64), I64(1))
        return code.b.not_(code.has(alive, slot))

    def _trap_when(self, code: Code, ctx: Value, conditions: list[Value], what: str) -> None:
        if conditions:
            any_of = functools.reduce(code.b.or_, conditions)
            with code.when(any_of, rare=True):
                context.put(code, ctx, "trap", self.functions.sites.number(Trapping(what, None)))
                code.b.ret(I8(1))

    def _property_of_trap(self, code: Code, trap: Value) -> Value:
        """The bit of the property that a trap violates; the table of them is filled in when all sites are known."""
        table = self.functions.module.globals.get("trap_properties")
        if table is None:
            table = ll.GlobalVariable(self.functions.module, ll.ArrayType(I8, 4096), "trap_properties")
            table.linkage = "internal"
            table.type = POINTER
        bit = code.load(code.item(table, trap, I8), I8)
        return code.b.select(code.same(bit, I8(255)), I64(0), code.b.shl(I64(1), code.wide(bit)))

    def fill_trap_properties(self) -> None:
        """Tell the table which property each trap violates."""
        table = self.functions.module.globals.get("trap_properties")
        if table is None:
            return
        known = self.functions.properties
        values = [255] * sites.FIRST
        for site in self.functions.sites.table:
            judged = isinstance(site, Trapping) and site.property in known
            values.append(known.index(site.property) if judged and isinstance(site, Trapping) else 255)
        table.initializer = ll.Constant(table.value_type, values + [255] * (4096 - len(values)))
        table.global_constant = True

    # -- all calls of a state -----------------------------------------------------------------------------------------

    def most_calls(self) -> int:
        """The most calls that a state can offer."""
        total = 0
        for rule in self.rules:
            product = 1
            for (_, t), offered in zip(rule.operation.parameters, rule.operation.values, strict=True):
                product *= len(offered) if offered is not None else self.layout.slots(_entity(t)) + 1
            total += product
        return total

    def each(self, code: Code, rule: Rule, state: Value, ctx: Value, body: Callable[[list[Value]], None]) -> None:
        """Loop over the arguments that a spec offers a rule in a state.

        What a rule is given of its first parameters is judged before the loops over the others begin: where it does
        not hold, no call is there at all. Where it traps, the rule itself will tell.
        """
        guards = self._guards[rule.operation.name]
        parameters = list(zip(rule.operation.parameters, rule.operation.values, strict=True))

        def nest(position: int, chosen: list[Value]) -> None:
            if position == len(parameters):
                body(chosen)
                return
            (_, t), offered = parameters[position]
            with self._choice(code, rule, position, t, offered, state) as values:
                here = [*chosen, *values]
                guard = guards.get(position)
                if guard is None:
                    nest(position + 1, here)
                    return
                context.put(code, ctx, "trap", 0)
                holds = code.b.call(guard, [state, ctx, *here])
                trapped = code.differs(context.get(code, ctx, "trap"), I64(0))
                with code.when(code.b.or_(holds, trapped)):
                    nest(position + 1, here)

        nest(0, [])

    @contextmanager
    def _choice(
        self, code: Code, rule: Rule, position: int, t: Type, offered: tuple[Any, ...] | None, state: Value
    ) -> Iterator[list[Value]]:
        """Each value of one parameter, flattened."""
        if isinstance(t, RefType):
            if offered is not None:
                yield [I8(0)]
                return
            live = self._live(code, state, t.entity, I64)
            members = code.b.or_(live, I64(1)) if t.optional else live
            with code.bits(members, I8) as (slot, _):
                yield [slot]
            return
        rows = [flat_argument(t, value) for value in offered or ()]
        kinds = [self.functions.kind(part) for part in flat_types(t)]
        if len(rows) == 1:
            yield [kind(value) for kind, value in zip(kinds, rows[0], strict=True)]
            return
        name = f"{rule.operation.name}.{position}"
        table = self.functions.module.globals.get(name)
        if table is None:
            flat = [value for row in rows for value in row]
            table = ll.GlobalVariable(self.functions.module, ll.ArrayType(I32, len(flat)), name)
            table.linkage, table.global_constant = "internal", True
            table.initializer = ll.Constant(table.value_type, flat)
            table.type = POINTER
        with code.count(I64(0), I64(len(rows))) as i:
            first = code.b.mul(i, I64(len(kinds)))
            yield [
                code.fit(code.load(code.item(table, code.b.add(first, I64(k)), I32), I32), kind)
                for k, kind in enumerate(kinds)
            ]


def guards_of(rule: Rule) -> dict[int, Definition]:
    """What a rule is given of its first parameters alone, by the last parameter that it takes; the rule's beginning."""
    formal = [name for name, _ in rule.operation.parameters]
    conditions: dict[int, list[n.Expr]] = {}
    earliest = -1  # a condition that may trap is not passed over
    for stmt in rule.definition.body:
        if not isinstance(stmt, n.Given):
            break
        for condition in _conjuncts(stmt.condition):
            used = {part.name.split(".")[0] for part in parts(condition) if isinstance(part, n.Local)}
            last = max(earliest, max((formal.index(name) for name in used & set(formal)), default=-1))
            earliest = last if may_trap(condition) else earliest
            if 0 <= last < len(formal) - 1:
                conditions.setdefault(last, []).append(condition)
    out = {}
    for last, found in conditions.items():
        known = [p for p in rule.definition.params if formal.index(p[0].split(".")[0]) <= last]
        whole = functools.reduce(lambda a, b: n.Junction(BOOL, a.place, "and", a, b), found)
        name = f"{rule.definition.name}.given.{last}"
        body = (n.Return(whole.place, whole),)
        out[last] = Definition(name, name, tuple(known), BOOL, body, dict(known))
    return out


def may_trap(condition: Any) -> bool:
    """Whether what a rule is given may trap: nothing was changed yet, so every object is live, and what was narrowed
    still is; left are loops, assertions and `the(…)`."""
    for part in parts(condition):
        if isinstance(part, n.While | n.Check) or (isinstance(part, n.Quantified) and part.kind == "the"):
            return True
        if isinstance(part, n.Call) and may_trap(part.callee.body):
            return True
    return False


def _conjuncts(e: n.Expr) -> Iterator[n.Expr]:
    if isinstance(e, n.Junction) and e.op == "and":
        yield from _conjuncts(e.left)
        yield from _conjuncts(e.right)
    else:
        yield e


def named(t: Type) -> frozenset[type[Entity]]:
    """The entities whose objects a field of a type can name."""
    if isinstance(t, MapType):
        return named(t.value) | {t.entity}
    return frozenset({t.entity}) if isinstance(t, RefType | SetType) else frozenset()


def flat_types(t: Type) -> list[Type]:
    """The types of a parameter's parts."""
    return [part for _, part in flattened("", t)]


def flat_argument(t: Type, value: Any) -> list[int]:
    """An argument as numbers: the fields of a flags record one by one."""
    if isinstance(t, FlagsType):
        return [int(getattr(value, name)) for name in flag_fields(t.cls)]
    return [0 if value is None else int(value)]


def _entity(t: Type) -> type[Entity]:
    assert isinstance(t, RefType)
    return t.entity
