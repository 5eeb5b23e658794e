"""A system as flat code: one rule for each operation and choice of its options, and the invariants."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from nsmodel.export import flat
from nsmodel.export.cells import Cells
from nsmodel.export.expressions import Scratch
from nsmodel.export.flat import CUT, FALSE, REFUSED, Block, Body, Expr, Item, Leave, Number, Set, Truth, Var
from nsmodel.export.guards import Guard, guard_of
from nsmodel.export.simplify import tidy, with_early_cuts, without_failures
from nsmodel.export.statements import Flattener
from nsmodel.ir.language import Flags
from nsmodel.ir.lower import definition_of
from nsmodel.ir.types import BoolType, RefType, Type
from nsmodel.system.operation import Operation, show
from nsmodel.system.spec import NO_UAF, STEP_TOTAL
from nsmodel.system.transition import TransitionSystem


@dataclass(frozen=True)
class Parameter:
    """A parameter that ranges over the live objects of an entity, and None where `optional`."""

    var: Var
    live: Expr
    last: int
    optional: bool

    @property
    def slots(self) -> list[int]:
        """The values that it may have."""
        return list(range(0 if self.optional else 1, self.last + 1))

    @property
    def offered(self) -> Expr:
        """Whether the value is one."""
        there = flat.bit(self.live, self.var)
        return flat.either(flat.compared("==", self.var, Number(0)), there) if self.optional else there


@dataclass(frozen=True)
class Rule:
    """An operation with its options chosen.

    `body` ends in the successor, leaves to `REFUSED` with nothing changed, or to `CUT`: then :attr:`touched` is what
    has to be restored.
    """

    name: str
    parameters: tuple[Parameter, ...]
    guard: Guard
    body: Body
    scratch: Scratch

    @property
    def cut(self) -> bool:
        """Whether the call may turn out to be cut off after it has changed something."""
        return any(isinstance(s, Leave) and s.label == CUT for s in flat.statements(self.body))

    @property
    def refused(self) -> bool:
        """Whether the call may turn out to be refused."""
        return any(isinstance(s, Leave) and s.label == REFUSED for s in flat.statements(self.body))

    @property
    def matters(self) -> bool:
        """Whether the call can change or break anything."""
        return bool(self.touched) or any(isinstance(s, flat.Assert) for s in flat.statements(self.body))

    @property
    def touched(self) -> list[str]:
        """Variables and arrays of the state that it stores to."""
        targets = [s.target for s in flat.statements(self.body) if isinstance(s, Set) and s.target.state]
        return sorted({t.array if isinstance(t, Item) else t.name for t in targets})

    @property
    def offered(self) -> Expr:
        """Whether the call is offered, and the guard."""
        out: Expr = flat.TRUE
        for parameter in self.parameters:
            out = flat.both(out, parameter.offered)
        return flat.both(out, self.guard.condition)

    def instances(self) -> Iterator[dict[str, Expr]]:
        """Every choice of values of the parameters."""
        for chosen in itertools.product(*(p.slots for p in self.parameters)):
            yield {p.var.name: Number(slot) for p, slot in zip(self.parameters, chosen, strict=True)}


@dataclass(frozen=True)
class Invariant:
    """A clause function of a state property: its code leaves to `label` where a clause does not hold."""

    name: str
    label: str
    body: Body
    scratch: Scratch


@dataclass(frozen=True)
class Program:
    """All of a system."""

    system: TransitionSystem
    cells: Cells
    rules: tuple[Rule, ...]
    idle: tuple[str, ...]
    """Rules that can change nothing and break nothing: they are left out."""
    invariants: tuple[Invariant, ...]


def program_of(system: TransitionSystem, *, packed: bool) -> Program:
    """A system as flat code."""
    cells = Cells(system, packed=packed)
    judged = frozenset(p.name for p in system.spec.properties)
    rules = [rule for o in system.operations for rule in _rules(o, cells, judged)]
    invariants = []
    for prop in system.spec.properties:
        for number, fn in enumerate(prop.functions, 1):
            name = prop.name if len(prop.functions) == 1 else f"{prop.name}_{number}"
            reader = Flattener(cells, system.switches, judged, prop.name)
            body = reader.rule(definition_of(fn), {})
            invariants.append(Invariant(name, prop.name, tidy(body), reader.scratch))
    if judged & {NO_UAF.name, STEP_TOTAL.name}:
        invariants.append(_well_formed(cells))
    busy = tuple(rule for rule in rules if rule.matters)
    return Program(system, cells, busy, tuple(r.name for r in rules if not r.matters), tuple(invariants))


def _rules(operation: Operation, cells: Cells, judged: frozenset[str]) -> Iterator[Rule]:
    options: list[list[tuple[str, Type, Any, str]]] = []
    for (name, kind), offered in zip(operation.parameters, operation.values, strict=True):
        if isinstance(kind, RefType):
            only_none = offered is not None
            options.append([(name, kind, None, "None" if only_none else "")] if offered != () else [])
        else:
            several = len(offered or ()) > 1
            options.append([(name, kind, value, show(value) if several else "") for value in offered or ()])
    for chosen in itertools.product(*options):
        words = [f"{name}={text}" for name, _, _, text in chosen if text]
        reader = Flattener(cells, cells.system.switches, judged)
        arguments: dict[str, Expr] = {}
        parameters: list[Parameter] = []
        for (name, kind, value, _), offered in zip(chosen, operation.values, strict=True):
            if not isinstance(kind, RefType):
                arguments |= _scalars(name, kind, value)
            elif offered is not None:
                arguments[name] = Number(0)
            else:
                slots = cells.slots(kind.entity)
                live = cells.live(kind.entity)
                parameters.append(Parameter(reader.scratch.variable(name), live, slots, kind.optional))
                arguments[name] = parameters[-1].var
        code = reader.rule(definition_of(operation.function), arguments)
        body = tidy(code)
        guard = guard_of(body)
        if guard.exact:
            body = tidy(without_failures(body))
        else:
            body = with_early_cuts(body)
        if guard.condition != FALSE and all(p.slots for p in parameters):
            yield Rule(" ".join([operation.name, *words]), tuple(parameters), guard, body, reader.scratch)


def _scalars(name: str, kind: Type, value: Any) -> dict[str, Expr]:
    """An argument that is no reference: of a flags record, each field."""
    if isinstance(value, Flags):
        return {f"{name}.{f.name}": _constant(getattr(value, f.name)) for f in fields(value)}  # type: ignore[arg-type]
    return {name: Truth(bool(value)) if isinstance(kind, BoolType) else _constant(value)}


def _constant(value: Any) -> Expr:
    return Truth(value) if isinstance(value, bool) else Number(int(value))


def _well_formed(cells: Cells) -> Invariant:
    """References name live objects, and are not None where they may not be."""
    name = "WELL_FORMED"
    scratch = Scratch()
    slot = scratch.variable("slot")
    by_owner: dict[Any, list[Expr]] = {}
    for entity, field, kind, optional in cells.references():
        value = cells.read(entity, field, slot)
        live = cells.live(kind.entity)
        if cells.is_static(kind.entity):
            fine = flat.TRUE if optional else flat.compared("!=", value, Number(0))
        elif isinstance(kind, RefType):
            fine = flat.bit(live, value)
            fine = flat.either(flat.compared("==", value, Number(0)), fine) if optional else fine
        else:
            fine = flat.compared("==", flat.difference(value, live), Number(0))
        if fine != flat.TRUE:
            by_owner.setdefault(entity, []).append(fine)
    loops: list[flat.Stmt] = []
    for entity, parts in by_owner.items():
        inner = tuple(flat.leaving(flat.negated(part), name) for part in parts)
        loop = flat.Branch(flat.bit(cells.live(entity), slot), inner)
        loops.append(flat.Count(slot, cells.slots(entity), (loop,)))
    return Invariant(name, name, tidy((Block("done", tuple(loops)),)), scratch)
