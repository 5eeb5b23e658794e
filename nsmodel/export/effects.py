"""What statements may do to the state, calls included: which traps can happen behind them at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nsmodel.ir import nodes as n
from nsmodel.ir.language import Entity
from nsmodel.ir.nodes import Definition, Stmt


@dataclass
class Effects:
    """Entities whose objects were freed or made, and fields that were stored.

    In a state every reference names a live object and none that may not be None is: until an object is freed, made or
    stored to, a rule cannot touch a freed object or read through None.
    """

    freed: set[type[Entity]] = field(default_factory=set)
    made: set[type[Entity]] = field(default_factory=set)
    stored: set[tuple[type[Entity], str]] = field(default_factory=set)

    def add(self, other: Effects) -> None:
        """Effects that come on top."""
        self.freed |= other.freed
        self.made |= other.made
        self.stored |= other.stored


def effects_of(body: Sequence[Stmt]) -> Effects:
    """The effects that statements may have."""
    out = Effects()
    for stmt in body:
        if isinstance(stmt, n.Free):
            out.freed.add(stmt.entity)
        if isinstance(stmt, n.Store):
            out.stored.add((stmt.entity, stmt.field))
        if isinstance(stmt, n.StoreEntry) and stmt.entity is not None:
            out.stored.add((stmt.entity, stmt.name))
        value = getattr(stmt, "call" if isinstance(stmt, n.Do | n.ForYield) else "value", None)
        if isinstance(value, n.New):
            out.made.add(value.entity)
        if isinstance(value, n.Call) and (value.callee.effects or value.callee.allocates):
            out.add(_of_definition(value.callee))
        for name in ("then", "other", "body"):
            out.add(effects_of(getattr(stmt, name, ())))
    return out


_KNOWN: dict[Definition, Effects] = {}


def _of_definition(callee: Definition) -> Effects:
    found = _KNOWN.get(callee)
    if found is None:
        found = _KNOWN[callee] = effects_of(callee.body)
    return found
