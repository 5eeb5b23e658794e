"""Which changed places a call reaches: the rules run with a probe before each statement that some mutant changes."""

from __future__ import annotations

import ast
import copy
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from nsmodel.ir.direct import compile_direct
from nsmodel.mutation.install import Codes, exchanged
from nsmodel.mutation.mutants import Mutant, Place, rules, statement

PROBE = "__probe"


class Probes:
    """Probes at the places of some mutants; of an interleaved rule it is enough to know which call is a step of it."""

    def __init__(self, mutants: Iterable[Mutant]) -> None:
        self.seen: set[Place] = set()
        """The places reached since it was last cleared."""
        self.places = {m.place for m in mutants if m.rule.kind != "interleaved"}
        self.codes = self._codes()

    def _codes(self) -> Codes:
        by_rule: dict[tuple[str, str], list[Place]] = {}
        for place in self.places:
            by_rule.setdefault(place[:2], []).append(place)
        out = []
        for (module, name), places in by_rule.items():
            rule = rules()[module][name]
            tree: ast.FunctionDef = copy.deepcopy(rule.tree)
            numbers = {id(statement(tree, place[2])): place for place in places}
            space = rule.python.__globals__
            told: dict[str, Place] = space.setdefault(f"{PROBE}d", {})
            for node in list(ast.walk(tree)):
                for field in ("body", "orelse"):
                    block = getattr(node, field, None)
                    if isinstance(block, list):
                        setattr(node, field, [s for stmt in block for s in self._probed(stmt, numbers, told)])
            space[PROBE] = lambda key, told=told: self.seen.add(told[key])
            made = compile_direct(tree, rule.file, space, rule.python)
            assert isinstance(made, types.FunctionType) and isinstance(rule.direct, types.FunctionType)
            out.append((rule.direct, made.__code__))
        return tuple(out)

    def _probed(self, stmt: ast.stmt, numbers: dict[int, Place], told: dict[str, Place]) -> list[ast.stmt]:
        place = numbers.get(id(stmt))
        if place is None:
            return [stmt]
        key = f"{place[1]} {place[2]}"
        told[key] = place
        probe = ast.parse(f"{PROBE}({key!r})").body[0]
        for part in ast.walk(probe):
            ast.copy_location(part, stmt)
        return [probe, stmt]

    @contextmanager
    def on(self) -> Iterator[None]:
        """The rules run with their probes."""
        with exchanged(self.codes):
            yield
