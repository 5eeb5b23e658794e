"""What a definition and all that it calls may do: which entities it creates and frees, which fields it stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nsmodel.ir import nodes as n
from nsmodel.ir.language import Entity
from nsmodel.ir.nodes import Definition


@dataclass(frozen=True)
class Summary:
    """Effects of a call."""

    creates: frozenset[type[Entity]] = frozenset()
    frees: frozenset[type[Entity]] = frozenset()
    stores: frozenset[tuple[type[Entity], str]] = frozenset()

    def __or__(self, other: Summary) -> Summary:
        return Summary(self.creates | other.creates, self.frees | other.frees, self.stores | other.stores)


class Summaries:
    """Summaries of definitions, each made once."""

    def __init__(self) -> None:
        self._known: dict[Definition, Summary] = {}

    def of(self, definition: Definition) -> Summary:
        """The summary of a definition."""
        found = self._known.get(definition)
        if found is None:
            found = Summary()
            for part in parts(definition.body):
                found = found | self._own(part)
            self._known[definition] = found
        return found

    def _own(self, part: n.Expr | n.Stmt) -> Summary:
        if isinstance(part, n.New):
            return Summary(creates=frozenset({part.entity}))
        if isinstance(part, n.Free):
            return Summary(frees=frozenset({part.entity}))
        if isinstance(part, n.Store):
            return Summary(stores=frozenset({(part.entity, part.field)}))
        if isinstance(part, n.StoreEntry) and part.entity is not None:
            return Summary(stores=frozenset({(part.entity, part.name)}))
        if isinstance(part, n.Call):
            return self.of(part.callee)
        return Summary()


def parts(node: Any) -> Iterator[n.Expr | n.Stmt]:
    """Every expression and statement below (and including) a node, callees left out."""
    if isinstance(node, tuple):
        for inner in node:
            yield from parts(inner)
    elif isinstance(node, n.Expr | n.Stmt):
        yield node
        for name in node.__dataclass_fields__:
            yield from parts(getattr(node, name))


def callees(definition: Definition) -> list[Definition]:
    """The helpers that a definition calls, in the order of the text."""
    return [part.callee for part in parts(definition.body) if isinstance(part, n.Call)]


def has_effect(stmt: n.Stmt) -> bool:
    """Whether a statement may change the state."""
    for part in parts(stmt):
        if isinstance(part, n.Store | n.Free | n.New) or (isinstance(part, n.StoreEntry) and part.entity is not None):
            return True
        if isinstance(part, n.Call) and (part.callee.effects or part.callee.allocates):
            return True
    return False
