"""What says nothing in a scope: a property none of whose clauses is ever come to, an operation that is always refused.

Both are looked for along random walks in the direct reading, which end as soon as everything was met.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter

from nsmodel.engines.walks import walk
from nsmodel.ir.language import JUDGED, Broken, ScopeCut
from nsmodel.ir.state import Frozen
from nsmodel.system.operation import Call, Operation
from nsmodel.system.precedence import Check, refusals
from nsmodel.system.spec import BUILT_IN, Property
from nsmodel.system.transition import Runner, TransitionSystem

WALKS, STEPS = 1500, 12
"""Walks, and the most steps of each, before a property is called idle."""
LOOKS, STATES = 200, 100
"""Calls of an operation in one state that are asked which check refuses them, at most, and states."""


def idle(system: TransitionSystem) -> list[str]:
    """Names of the properties none of whose clauses a random walk comes to. Those that every call is judged by (no use
    of what was freed, …) have no clauses; those that a known bug of the spec breaks say something for certain."""
    shown = {*system.spec.kills.values(), *(p.name for p in BUILT_IN)}
    left = {p.name: p for p in system.spec.properties if p.name not in shown}
    steps = min(STEPS, system.depth if system.depth is not None else STEPS)
    for number in range(WALKS):
        JUDGED.clear()
        for here, _, _ in walk(system, random.Random(number), steps) if left else ():
            left = {name: prop for name, prop in left.items() if name not in JUDGED}
            left = {name: prop for name, prop in left.items() if not _comes_to(system, here, prop)}
            JUDGED.clear()
    return list(left)


def _comes_to(system: TransitionSystem, state: Frozen, prop: Property) -> bool:
    """A state has something that a clause of a property speaks of."""
    objects = system.thaw(state)
    for fn in prop.functions:
        assert fn.direct is not None
        JUDGED.clear()
        try:
            fn.direct(objects)
        except Broken:
            return True
        if JUDGED:
            return True
    return False


def blocked(system: TransitionSystem, operation: Operation) -> str:
    """What keeps an operation from succeeding in the states of random walks: the check that refuses most of its calls,
    with its place."""
    ends: Counter[Check | str] = Counter()
    walks = (walk(system, random.Random(number), STEPS) for number in range(WALKS))
    for here, _, _ in itertools.islice(itertools.chain.from_iterable(walks), STATES):
        runner = Runner(system, here)
        for call in itertools.islice(operation.calls(runner.state), LOOKS):
            end = _refusal(runner, operation, call)
            ends.update([end] if end is not None else [])
        if ends.total() > LOOKS:
            break
    if not ends:
        return "no call of it is enabled"
    most = ends.most_common(1)[0][0]
    return most if isinstance(most, str) else f"{most.errno}, {most.reason} ({most.place})"


def _refusal(runner: Runner, operation: Operation, call: Call) -> Check | str | None:
    """What keeps one call from succeeding; None for one that is not enabled, or succeeds."""
    try:
        done = runner.run(call)
    except ScopeCut as cut:
        return f"it needs more {cut.entity} than the scope has"
    if done is None or done.result >= 0:
        return None
    found = refusals(operation, lambda: runner.system.thaw(runner.frozen), call)
    return found.checks[0] if found.checks else found.end
