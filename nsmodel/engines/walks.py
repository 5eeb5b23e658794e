"""Quick random walks: calls by chance over their arguments, without a look at all that could be called."""

from __future__ import annotations

import random
from collections.abc import Iterator

from nsmodel.ir.language import ScopeCut
from nsmodel.ir.state import Frozen
from nsmodel.system.operation import Call
from nsmodel.system.transition import Outcome, Runner, TransitionSystem

TRIES = 300
"""Calls that are tried before a walk ends early; most of them are not enabled."""


def walk(system: TransitionSystem, dice: random.Random, steps: int) -> Iterator[tuple[Frozen, Call, Outcome]]:
    """The calls of one walk from the initial state, each with the state before it and what it did."""
    here = system.initial
    for _ in range(steps):
        runner = Runner(system, here)
        for _ in range(TRIES):
            operation = dice.choice(system.operations)
            call = operation.some_call(runner.state, dice)
            try:
                done = runner.run(call) if call is not None else None
            except ScopeCut:
                continue
            if call is not None and done is not None:
                yield here, call, done
                break
        else:
            return
        if done is None or done.state is None:
            return
        here = done.state
