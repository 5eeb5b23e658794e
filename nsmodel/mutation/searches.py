"""Mutants against a spec: one dies where a property that holds of the rules does not hold of the mutant."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from nsmodel.engines.explicit.search import Explicit
from nsmodel.engines.interface import Limits
from nsmodel.engines.retrace import ReadingsDiffer
from nsmodel.ir.language import Function, function_of
from nsmodel.mutation import steps
from nsmodel.mutation.corpus import Corpus, walks
from nsmodel.mutation.install import everywhere
from nsmodel.mutation.kill import Kill
from nsmodel.mutation.mutants import Mutant, module_of
from nsmodel.mutation.probes import Probes
from nsmodel.system.spec import Spec, SpecError
from nsmodel.system.transition import TransitionSystem, make_system
from nsmodel.system.verdict import Verdict

SECONDS = 20.0
"""The time of one search."""


class Judge:
    """Judges mutants by the properties of one spec, in its own scope: along random walks, and where calls are
    interleaved, so that properties speak of what comes in between, by a search of all states."""

    def __init__(self, spec: Spec, mutants: Iterable[Mutant]) -> None:
        holding = tuple(p for p in spec.properties if spec.expect.get(p.name, Verdict.HOLDS) is Verdict.HOLDS)
        self.spec = replace(spec, properties=holding, expect={}, kills={})
        called = _called(spec)
        mine = [m for m in mutants if (m.module, m.function) in called]
        self.interleaved = any(o.function.interleaved for o in spec.operations)
        corpus = walks(self._system(), Probes(mine)) if mine else Corpus()
        self.walked = steps.Judge(self._system(), corpus, holding, judged=False)

    def _system(self) -> TransitionSystem:
        return make_system(self.spec, self.spec.scope(None))

    def comes_to(self, mutant: Mutant) -> bool:
        """Some random walk sees the change."""
        return self.walked.comes_to(mutant)

    def kill(self, mutant: Mutant) -> Kill | None:
        """A property that breaks."""
        found = self.walked.kill(mutant)
        if found is None and self.interleaved:
            found = self._counterexample(mutant)
        return found

    def _counterexample(self, mutant: Mutant) -> Kill | None:
        with everywhere(mutant):
            try:
                found = Explicit().search(self._system(), Limits(seconds=SECONDS), lambda progress: None).found
            except SpecError as error:
                return Kill(mutant.id, "property", f"{error}; spec {self.spec.name}")
            except ReadingsDiffer:  # the direct reading knows no ranges
                return Kill(mutant.id, "property", f"a value leaves its range; spec {self.spec.name}")
        if not found:
            return None
        name, shortest = min(found.items(), key=lambda item: len(item[1].calls))
        return Kill(mutant.id, "property", f"{name}; spec {self.spec.name}, {len(shortest.calls)} steps")


def _called(spec: Spec) -> frozenset[tuple[str, str]]:
    """The rules that operations of a spec are, and the helpers that they call, by module and name."""
    found: set[tuple[str, str]] = set()
    seen: set[int] = set()
    todo: list[Function] = [o.function for o in spec.operations]
    while todo:
        rule = todo.pop()
        if id(rule) in seen:
            continue
        seen.add(id(rule))
        found.add((module_of(rule), rule.title if rule.interleaved else rule.name))
        space = rule.python.__globals__
        named = {node.id for node in ast.walk(rule.tree) if isinstance(node, ast.Name)}
        todo += [f for name in named if (f := function_of(space.get(name))) is not None and f.kind == "helper"]
    return frozenset(found)
