"""Pairs of checks of one system call that refuse it both, met in random traces: which wins, and how one gets there."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from nsmodel.ir.state import Frozen
from nsmodel.oracle.live.conform import Cells, Plan, again, draw
from nsmodel.system.operation import Call
from nsmodel.system.precedence import Check, refusals
from nsmodel.system.transition import TransitionSystem

LONGEST = 14
"""Calls of a trace, at most: most pairs are met near the initial state."""

Key = tuple[str, str, str]
"""Operation, and the places of both checks."""


@dataclass(frozen=True)
class Pair:
    """Two checks of an operation that refuse one call, `winner` first. The last of `calls` meets them."""

    operation: str
    winner: Check
    loser: Check
    calls: tuple[Call, ...]

    @property
    def key(self) -> Key:
        """What makes it one pair."""
        return self.operation, self.winner.place, self.loser.place


@dataclass
class Survey:
    """What random traces met."""

    traces: int = 0
    refused: int = 0
    """Calls that were refused."""
    pairs: dict[Key, Pair] = field(default_factory=dict)
    interrupted: bool = False


def survey(system: TransitionSystem, plan: Plan, traces: int, told: Callable[[Survey], None]) -> Survey:
    """The pairs that some random traces meet, each with calls of which none can be left out."""
    out, cells = Survey(), Cells()
    try:
        for index in range(traces):
            name = f"{plan.seed}/{index}"
            drawn = draw(system, name, random.Random(f"length {name}").randint(1, plan.length or LONGEST), plan, cells)
            frozen = system.initial
            for number, done in enumerate(drawn.outcomes, 1):
                if done.reason is not None:
                    out.refused += 1
                    _meet(out, system, frozen, tuple(drawn.calls[:number]))
                frozen = done.state or frozen
            out.traces += 1
            told(out)
        out.pairs = {key: _shortest(system, pair) for key, pair in sorted(out.pairs.items())}
    except KeyboardInterrupt:
        out.interrupted = True
    return out


def _meet(out: Survey, system: TransitionSystem, frozen: Frozen, calls: tuple[Call, ...]) -> None:
    for pair in met(system, frozen, calls):
        known = out.pairs.get(pair.key)
        if known is None or len(calls) < len(known.calls):
            out.pairs[pair.key] = pair


def met(system: TransitionSystem, frozen: Frozen, calls: tuple[Call, ...]) -> list[Pair]:
    """The pairs that the last of some calls meets in a state: the check that refuses it, with each that would."""
    call = calls[-1]
    checks = refusals(system.operation(call.operation), lambda: system.thaw(frozen), call).checks
    return [Pair(call.operation, checks[0], other, calls) for other in checks[1:]]


def _shortest(system: TransitionSystem, pair: Pair) -> Pair:
    """The same pair with every call left out that it does not take."""
    at = len(pair.calls) - 2
    while at >= 0:
        shorter = again(system, [*pair.calls[:at], *pair.calls[at + 1 :]])
        if shorter.calls and shorter.calls[-1] == pair.calls[-1]:
            before = [o.state for o in shorter.outcomes[:-1] if o.state is not None]
            same = met(system, before[-1] if before else system.initial, tuple(shorter.calls))
            pair = next((other for other in same if other.key == pair.key), pair)
        at = min(at, len(pair.calls) - 1) - 1
    return pair
