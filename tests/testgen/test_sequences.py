"""All sequences of calls, one of those that differ by a renaming."""

import dataclasses
import functools
from collections import Counter

from nsmodel.ir.state import Frozen
from nsmodel.system.operation import Call
from nsmodel.system.transition import Runner, TransitionSystem
from nsmodel.testgen.explore import Counted, explorable
from nsmodel.testgen.seen import Seen, along
from nsmodel.testgen.sequences import distinct, sequences
from tests.testgen.systems import system


@functools.cache
def few() -> TransitionSystem:
    """Few calls, and room for twins."""
    whole = system("pid_lifetime", 3, tasks=3, pids=3)
    kept = tuple(o for o in whole.spec.operations if o.name in ("clone3", "exit_group", "set_child_subreaper"))
    return dataclasses.replace(whole, spec=dataclasses.replace(whole.spec, operations=kept, edges=()))


def runs(small: TransitionSystem, length: int, state: Frozen | None = None) -> list[tuple[Call, ...]]:
    """Every sequence by brute force, renamings and all, each as long as it gets."""
    state = small.initial if state is None else state
    out: list[tuple[Call, ...]] = []
    for operation in small.spec.operations:
        for call in operation.calls(small.thaw(state)):
            done = Seen(Runner(small, state), operation, call).outcome
            if done is None or done.state is None:
                continue
            further = runs(small, length - 1, done.state) if length > 1 and done.errno is None else []
            out += [(call, *rest) for rest in further] or [(call,)]
    return out


def shape(small: TransitionSystem, calls: tuple[Call, ...]) -> tuple[object, ...]:
    """What renaming leaves as it is: operations, results, and the least form of each state."""
    steps = along(small, calls)
    states = [s.outcome.state for s in steps if s.outcome is not None and s.outcome.state is not None]
    return tuple((s.call.operation, s.result, small.canonical.exact(t)) for s, t in zip(steps, states, strict=True))


def test_each_sequence_once() -> None:
    small = few()
    every = runs(small, 3)
    found = sequences(small, 3)
    kept = list(found.values())
    assert set(kept) <= set(every)
    assert {shape(small, run) for run in kept} == {shape(small, run) for run in every}
    assert len(kept) < len(every)
    assert len({cell.name for cell in found}) == len(found)


def test_twins_are_one() -> None:
    small = few()
    child = next(iter(small.operation("clone3").calls(small.thaw(small.initial))))
    twins = along(small, (child, child))[-1].outcome
    assert twins is not None and twins.state is not None
    calls = Counter(seen.call.operation for seen in distinct(Counted(explorable(small)), twins.state))
    assert len(list(small.operation("exit_group").calls(small.thaw(twins.state)))) == 3
    assert calls["exit_group"] == 2
