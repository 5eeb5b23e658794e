"""Every check of an operation: where its rule and the helpers that it calls refuse a call, read off the typed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nsmodel.ir import nodes as n
from nsmodel.ir.lower import definition_of
from nsmodel.ir.nodes import Definition, Place
from nsmodel.system.operation import Operation


@dataclass(frozen=True)
class RuleCheck:
    """One check: the error and its reason, file and line of its `fail`, and of the condition that it stands under
    (the first statement of the function, where it stands under none)."""

    errno: str
    reason: str
    file: str
    line: int
    guard: int

    @property
    def place(self) -> tuple[str, int]:
        """File and line of the `fail`, which is what tells it from others."""
        return self.file, self.line


def checks_of(operation: Operation, switches: frozenset[str] | None = None) -> list[RuleCheck]:
    """The checks of an operation in the order of its text, each once.

    `switches` are the known bugs that are on: what only another kernel asks is left out. None keeps all.
    """
    found: dict[tuple[str, int], RuleCheck] = {}
    for check in _of(definition_of(operation.function), switches, set()):
        found.setdefault(check.place, check)
    return list(found.values())


def _of(definition: Definition, switches: frozenset[str] | None, seen: set[int]) -> Iterator[RuleCheck]:
    if id(definition) in seen or not definition.body:
        return
    seen.add(id(definition))
    yield from _in(definition.body, definition.body[0].place, switches, seen)


def _in(node: Any, guard: Place, switches: frozenset[str] | None, seen: set[int]) -> Iterator[RuleCheck]:
    """The checks below a node that stands under a condition at `guard`."""
    if isinstance(node, tuple):
        for part in node:
            yield from _in(part, guard, switches, seen)
    elif isinstance(node, n.Fail):
        yield RuleCheck(node.errno.name, node.reason, node.place.file, node.place.line, guard.line)
    elif isinstance(node, n.If):
        known = None if switches is None else _known(node.test, switches)
        yield from _in(node.test, guard, switches, seen)
        if known is not False:
            yield from _in(node.then, node.test.place, switches, seen)
        if known is not True:
            yield from _in(node.other, node.test.place, switches, seen)
    elif isinstance(node, n.Stmt | n.Expr):
        if isinstance(node, n.Call):
            yield from _of(node.callee, switches, seen)
        for name in node.__dataclass_fields__:
            part = getattr(node, name)
            if isinstance(part, n.Stmt | n.Expr | tuple):
                yield from _in(part, guard, switches, seen)


def _known(test: n.Expr, switches: frozenset[str]) -> bool | None:
    """What a condition comes to by the known bugs alone; None where that is not all it asks."""
    if isinstance(test, n.SwitchOn):
        return test.switch in switches
    if isinstance(test, n.Const):
        return bool(test.value)
    if isinstance(test, n.Not):
        inner = _known(test.operand, switches)
        return None if inner is None else not inner
    if isinstance(test, n.Junction):
        sides = (_known(test.left, switches), _known(test.right, switches))
        decides = test.op == "or"
        if decides in sides:
            return decides
        return None if None in sides else not decides
    return None
