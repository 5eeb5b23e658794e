"""The rules of the kernel model read alike: random walks through every spec, each call directly and symbolically."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nsmodel.ir.language import ScopeCut
from nsmodel.ir.lower import definition_of, flattened
from nsmodel.ir.symbolic import Outcome, Symbolic, signed
from nsmodel.ir.types import FlagsType
from nsmodel.system.load import load_file
from nsmodel.system.operation import Call, Operation
from nsmodel.system.transition import Runner, TransitionSystem, make_system
from nsmodel.terms.evaluate import Evaluator
from tests.models.threefold import REPEATED, SPECS

pytestmark = pytest.mark.agreement
WALKS, LENGTH = 4, 10


@dataclass
class Prepared:
    """A rule executed once on a state of variables."""

    outcome: Outcome
    cells: dict[Any, Any]
    dangling: list[Any]
    evaluate: Evaluator


class Symbolically:
    """The symbolic reading of a system's rules, each executed once and then evaluated state by state."""

    def __init__(self, system: TransitionSystem) -> None:
        self.symbolic = Symbolic(system.sizes, system.switches, system.statics)
        self.variables = self.symbolic.variables()
        self.rules: dict[str, Prepared] = {}

    def prepared(self, operation: Operation) -> Prepared:
        if operation.name not in self.rules:
            definition = definition_of(operation.function)
            arguments, _ = self.symbolic.parameters(definition, self.variables, "arg ")
            out = self.symbolic.run(definition, self.variables, arguments)
            cells = self.symbolic.layout.flatten(out.state)
            dangling = list(self.symbolic.dangling(out.state))
            guards = [x.guard for group in (out.refusals, out.traps, dangling) for x in group]
            roots = [out.ok, out.cut, out.disabled, out.result, *guards, *cells.values()]
            self.rules[operation.name] = Prepared(out, cells, dangling, Evaluator(roots))
        return self.rules[operation.name]

    def tell(self, operation: Operation, state: Any, call: Call) -> tuple[Any, ...]:
        rule = self.prepared(operation)
        env = dict(self.symbolic.layout.environment(state))
        for name, kind in operation.parameters:
            value = call.by_name[name]
            if isinstance(kind, FlagsType):
                for flat, _ in flattened(name, kind):
                    env[f"arg {flat}"] = int(getattr(value, flat.split(".", 1)[1]))
            else:
                env[f"arg {name}"] = 0 if value is None else int(value)
        ok, cut, disabled, result, *rest = rule.evaluate(env)
        groups = []
        for group in (rule.outcome.refusals, rule.outcome.traps, rule.dangling):
            groups.append([x for x, holds in zip(group, rest, strict=False) if holds])
            rest = rest[len(group) :]
        refusals, traps, dangling = groups
        if traps or (ok and dangling):
            return ("trap",)
        if refusals:
            return ("refused", refusals[0].errno.name, refusals[0].reason)
        if cut:
            return ("cut",)
        if disabled:
            return ("disabled",)
        return ("ok", signed(result), self.symbolic.layout.frozen(dict(zip(rule.cells, rest, strict=True))))


def directly(runner: Runner, call: Call) -> tuple[Any, ...]:
    try:
        done = runner.run(call)
    except ScopeCut:
        return ("cut",)
    if done is None:
        return ("disabled",)
    if done.state is None:
        return ("trap",)
    if done.reason is not None:
        return ("refused", done.errno, done.reason)
    return ("ok", done.result, done.state)


@pytest.mark.parametrize("path", [p for p in SPECS if p.stem not in REPEATED], ids=lambda p: p.stem)
def test_random_walks_read_alike(path: Path) -> None:
    spec = load_file(path).spec
    system = make_system(spec, spec.scope("small"))
    symbolic = Symbolically(system)
    seen = 0
    for seed in range(WALKS):
        chance, state = random.Random(seed), system.initial
        for _ in range(LENGTH):
            runner = Runner(system, state)
            calls = list(runner.calls())
            if not calls:
                break
            call = chance.choice(calls)
            told = directly(runner, call)
            assert told == symbolic.tell(system.operation(call.operation), state, call), str(call)
            seen += 1
            if told[0] == "ok":
                state = told[2]
    assert seen > 10
