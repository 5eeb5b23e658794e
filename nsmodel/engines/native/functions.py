"""The functions of a module: every rule, invariant and helper that a system needs, and the tables of static objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir as ll

from nsmodel.engines.native import context
from nsmodel.engines.native.emit import I1, I8, I32, I64, POINTER, VOID, Code, declare
from nsmodel.engines.native.layout import Layout, mask_bytes
from nsmodel.engines.native.sites import Sites
from nsmodel.engines.native.statements import DefinitionCode
from nsmodel.engines.native.summary import Summaries
from nsmodel.ir.language import Entity
from nsmodel.ir.nodes import Definition
from nsmodel.ir.types import BoolType, IntType, MapType, NoneType, SetType, Type


class Functions:
    """Declares and writes functions as they are asked for.

    `properties` are the names of those that are judged, in order: a violated one is its bit in a mask. `switches` are
    the known bugs that are on.
    """

    def __init__(
        self, module: Any, layout: Layout, switches: frozenset[str] = frozenset(), properties: Sequence[str] = ()
    ) -> None:
        self.module = module
        self.layout = layout
        self.schema = layout.sizes.schema
        self.switches = switches
        self.properties = tuple(properties)
        self.sites = Sites()
        self.summaries = Summaries()
        self._declared: dict[tuple[Definition, bool], Any] = {}
        self._pending: list[tuple[Definition, bool]] = []
        self._statics: dict[tuple[type[Entity], str], tuple[Any, Any, int]] = {}

    @property
    def trap(self) -> Any:
        """`trap(context, slot, none, freed)`: note the first trap of a call, `none` where the slot is 0."""
        found = self.module.globals.get("trap")
        if found is None:
            found = declare(self.module, "trap", VOID, [POINTER, I8, I64, I64])
            for attribute in ("cold", "noinline"):
                found.attributes.add(attribute)
            code = Code(found)
            ctx, slot, none, freed = found.args
            with code.when(code.same(context.get(code, ctx, "trap"), I64(0))):
                context.put(code, ctx, "trap", code.b.select(code.same(slot, I8(0)), none, freed))
            code.b.ret_void()
            code.finish()
        return found

    def release(self, entity: type[Entity]) -> Any:
        """`release(state, slot)`: free an object; the row of a free slot is zero."""
        name = f"release.{entity.__name__}"
        found = self.module.globals.get(name)
        if found is None:
            found = declare(self.module, name, VOID, [POINTER, I8])
            code = Code(found)
            state, slot = found.args
            column = self.layout.live[entity]
            kind = ll.IntType(8 * column.size)
            mask = code.byte(state, column.offset)
            gone = code.b.not_(code.bit(slot, kind))
            code.store(code.b.and_(code.load(mask, kind), gone), mask)
            for f in self.schema.by_class[entity].fields:
                column = self.layout.columns[entity, f.name]
                if column.significant:
                    at = code.b.mul(code.wide(slot), I64(column.stride))
                    code.zero(code.byte(state, code.b.add(at, I64(column.offset))), column.stride)
            code.b.ret_void()
            code.finish()
        return found

    def kind(self, t: Type) -> Any:
        """The LLVM type of values of a type."""
        if isinstance(t, BoolType):
            return I1
        if isinstance(t, IntType):
            return I32
        if isinstance(t, SetType):
            return ll.IntType(8 * mask_bytes(self.layout.slots(t.entity)))
        return POINTER if isinstance(t, MapType) else I8

    def local_entry(self, t: MapType) -> Any:
        """The LLVM type of the entries of a local map."""
        kind = self.kind(t.value)
        return I8 if kind is I1 else kind

    def collection(self, cls: type[Entity]) -> str:
        """The name of an entity's bound."""
        return self.schema.by_class[cls].collection

    def of(self, definition: Definition, *, rule: bool = False) -> Any:
        """The function of a helper or invariant; of a rule, which works on a copy of the state."""
        key = (definition, rule)
        found = self._declared.get(key)
        if found is None:
            own = [self.kind(t) for _, t in definition.params]
            parameters = [POINTER, POINTER, POINTER, *own] if rule else [POINTER, POINTER, *own]
            result = I32 if rule else I8 if isinstance(definition.result, NoneType) else self.kind(definition.result)
            name = self.module.get_unique_name(definition.key)
            found = self._declared[key] = declare(self.module, name, result, parameters)
            self._pending.append(key)
        return found

    def write(self) -> None:
        """Write every function that was asked for, and what those ask for."""
        while self._pending:
            definition, rule = self._pending.pop(0)
            DefinitionCode(self, definition, self._declared[definition, rule], rule=rule).write()

    def static(self, cls: type[Entity], field: str) -> tuple[Any, Any, int]:
        """The table of a field of a static entity, the LLVM type of its items, and how many there are in a row."""
        found = self._statics.get((cls, field))
        if found is None:
            info = self.schema.by_class[cls]
            at = list(info.by_name).index(field)
            t = info.by_name[field].type
            keys = self.layout.slots(t.entity) + 1 if isinstance(t, MapType) else 1
            part = t.value if isinstance(t, MapType) else t
            kind = I64 if isinstance(part, SetType) else I32 if isinstance(part, IntType) else I8
            values = [0] * keys
            for row in self.layout.statics.get(cls, ()):
                assert row is not None
                values += [dict(row[at]).get(key, 0) for key in range(keys)] if isinstance(t, MapType) else [row[at]]
            table = ll.GlobalVariable(self.module, ll.ArrayType(kind, len(values)), f"{info.name}.{field}")
            table.global_constant = True
            table.linkage = "internal"
            table.initializer = ll.Constant(table.value_type, values)
            table.type = POINTER
            found = self._statics[cls, field] = (table, kind, keys)
        return found
