"""Runs one call in the direct and in the symbolic reading and tells both results in the same words."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nsmodel.ir import language
from nsmodel.ir.language import Broken, Entity, NotEnabled, Refused, ScopeCut, Trap, function_of
from nsmodel.ir.lower import definition_of, parameters
from nsmodel.ir.nodes import Definition
from nsmodel.ir.schema import Sizes
from nsmodel.ir.state import Frozen, Row, State, freeze, thaw
from nsmodel.ir.symbolic import Outcome, Symbolic, signed
from nsmodel.ir.symbolic_state import Cell
from nsmodel.ir.types import FlagsType, RefType
from nsmodel.terms.evaluate import Evaluator

OVERSTATED = frozenset({"integer out of range", "loop bound"})
"""Traps that the symbolic reading alone has: the direct one has no bounds."""


@dataclass(frozen=True)
class Told:
    """What a reading says: `ok`, `refused`, `disabled`, `cut` or `trap`, and what belongs to it."""

    kind: str
    what: tuple[Any, ...] = ()
    state: Frozen | None = None
    broken: frozenset[str] = frozenset()


def defined(rule: Callable[..., Any]) -> Definition:
    """The lowered form of a rule."""
    record = function_of(rule)
    assert record is not None
    return definition_of(record)


def direct(
    cls: type[State], bounds: Mapping[str, int] | None, state: Frozen, rule: Callable[..., Any], args: Sequence[Any]
) -> Told:
    """The direct reading. `args` are numbers (slots of references), or a flags record."""
    k = thaw(cls, state, bounds)
    record = function_of(rule)
    assert record is not None
    values: list[Any] = []
    for (_, kind), given in zip(parameters(record), args, strict=True):
        values.append(k.at(kind.entity, given) if isinstance(kind, RefType) else given)
    language.BROKEN.clear()
    try:
        result = rule(k, *values)
        after = freeze(k)
    except Refused as refused:
        return Told("refused", (int(refused.errno), refused.reason))
    except NotEnabled:
        return Told("disabled")
    except ScopeCut:
        return Told("cut")
    except Broken as broken:
        return Told("ok", (0,), state, frozenset({broken.clause}))
    except (Trap, AttributeError, AssertionError) as trap:
        return Told("trap", (str(trap),))
    return Told("ok", (int(result or 0),), after, frozenset(b.clause for b in language.BROKEN))


class Reading:
    """The symbolic reading of a model in one scope: each rule executed once, evaluated often."""

    def __init__(
        self,
        cls: type[State],
        bounds: Mapping[str, int],
        statics: Mapping[type[Entity], tuple[Row, ...]] | None = None,
        switches: frozenset[str] = frozenset(),
    ) -> None:
        self.symbolic = Symbolic(Sizes(cls().schema, bounds), switches, statics)
        self.state = self.symbolic.variables()
        self._prepared: dict[Callable[..., Any], _Prepared] = {}

    def outcome(self, rule: Callable[..., Any]) -> Outcome:
        """The terms of a rule."""
        return self._prepare(rule).outcome

    def _prepare(self, rule: Callable[..., Any]) -> _Prepared:
        found = self._prepared.get(rule)
        if found is None:
            definition = defined(rule)
            args, _ = self.symbolic.parameters(definition, self.state, "arg ")
            found = self._prepared[rule] = _Prepared(self, definition, self.symbolic.run(definition, self.state, args))
        return found

    def tell(self, state: Frozen, rule: Callable[..., Any], args: Sequence[Any]) -> Told:
        """The symbolic reading, evaluated."""
        ready = self._prepare(rule)
        record = function_of(rule)
        assert record is not None
        environment = dict(self.symbolic.layout.environment(state))
        for (name, kind), given in zip(parameters(record), args, strict=True):
            if isinstance(kind, FlagsType):
                environment.update({f"arg {name}.{f}": int(value) for f, value in vars(given).items()})
            else:
                environment[f"arg {name}"] = int(given)
        return ready.tell(environment)

    def well_formed(self, state: Frozen) -> bool:
        """Whether a state is well-formed."""
        return bool(self._well_formed(self.symbolic.layout.environment(state))[0])

    @functools.cached_property
    def _well_formed(self) -> Evaluator:
        return Evaluator([self.symbolic.well_formed(self.state)])


class _Prepared:
    """The outcome of one rule, ready for evaluation."""

    def __init__(self, reading: Reading, definition: Definition, outcome: Outcome) -> None:
        self.reading = reading
        self.definition = definition
        self.outcome = outcome
        self.cells: dict[Cell, Any] = reading.symbolic.layout.flatten(outcome.state)
        self.dangling = reading.symbolic.dangling(outcome.state)
        self.evaluator = Evaluator(
            [
                outcome.ok,
                outcome.cut,
                outcome.disabled,
                outcome.result,
                *(r.guard for r in outcome.refusals),
                *(x.guard for x in outcome.traps),
                *(b.guard for b in outcome.broken),
                *(d.guard for d in self.dangling),
                *self.cells.values(),
            ]
        )

    def tell(self, environment: Mapping[str, int]) -> Told:
        """Evaluate; a trap is told before all else, the more telling kinds first."""
        o = self.outcome
        ok, cut, disabled, result, *rest = self.evaluator(environment)
        refused, rest = rest[: len(o.refusals)], rest[len(o.refusals) :]
        trapped, rest = rest[: len(o.traps)], rest[len(o.traps) :]
        broken, rest = rest[: len(o.broken)], rest[len(o.broken) :]
        dangling, cells = rest[: len(self.dangling)], rest[len(self.dangling) :]
        traps = [f"{x.kind} {x.place}" for x, hit in zip(o.traps, trapped, strict=True) if hit]
        if traps:
            return Told("trap", tuple(traps))
        reasons = [(int(r.errno), r.reason) for r, hit in zip(o.refusals, refused, strict=True) if hit]
        assert ok + cut + disabled + len(reasons) == 1, (ok, cut, disabled, reasons)
        if reasons:
            return Told("refused", reasons[0])
        if cut or disabled:
            return Told("cut" if cut else "disabled")
        found = [d.description for d, hit in zip(self.dangling, dangling, strict=True) if hit]
        if found:
            return Told("trap", tuple(found))
        after = self.reading.symbolic.layout.frozen(dict(zip(self.cells, cells, strict=True)))
        clauses = frozenset(b.clause for b, hit in zip(o.broken, broken, strict=True) if hit)
        return Told("ok", (signed(result),), after, clauses)


__all__ = ["OVERSTATED", "Reading", "Told", "defined", "direct"]
