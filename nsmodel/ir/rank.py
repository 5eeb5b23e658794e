"""How often the body of a `while` may run: the same bound in the symbolic and the native reading."""

from __future__ import annotations

from collections.abc import Sequence

from nsmodel.ir import nodes as n
from nsmodel.ir.nodes import Stmt
from nsmodel.ir.schema import Sizes
from nsmodel.ir.types import IntType, SetType


def most_rounds(s: n.While, sizes: Sizes) -> int:
    """How often the body of a `while` may run; once more is a trap.

    A pointer chase visits each slot of its entity at most once, and each level where objects have a `level`;
    `while changed` changes at most as often as the largest set that it stores has slots (once where that has none,
    because something else may change), and once more nothing.
    """
    if s.rank is None:
        grown = {kind.entity for kind in _stored_sets(s.body)}
        every = [sizes.slots(e.cls) for e in sizes.schema.entities]
        return max(1, max((sizes.slots(e) for e in grown), default=max(every, default=0))) + 1
    level = sizes.schema.by_class[s.rank].by_name.get("level")
    if level is not None and isinstance(level.type, IntType):
        return min(sizes.slots(s.rank), sizes.top(level.type, s.rank) + 1)
    return sizes.slots(s.rank)


def _stored_sets(body: Sequence[Stmt]) -> list[SetType]:
    """Types of the sets that statements store."""
    out: list[SetType] = []
    for stmt in body:
        if isinstance(stmt, n.Assign) and isinstance(stmt.value.type, SetType):
            out.append(stmt.value.type)
        if isinstance(stmt, n.Store) and isinstance(stmt.value.type, SetType):
            out.append(stmt.value.type)
        for name in ("body", "then", "other"):
            out += _stored_sets(getattr(stmt, name, ()))
    return out
