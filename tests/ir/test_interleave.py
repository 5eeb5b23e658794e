"""Interleaved rules: steps end at yields, what lives across one is in a frame, and others run in between."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from nsmodel.ir.interleave import with_frames
from nsmodel.ir.language import EBUSY, Entity, Live, NotEnabled, fail, function_of, given, interleaved
from nsmodel.ir.state import State


class Worker(Entity):
    busy: bool
    done: bool
    other: Worker | None


class Shop(State):
    workers: Live[Worker]


@interleaved(source="test")
def swap(k: Shop, worker: Worker, quick: bool) -> Generator[None, None, int]:
    given(not worker.busy)
    if worker.done:
        fail(EBUSY, "done already")
    partner = worker.other
    yield
    if quick:
        worker.done = True
        return 7
    yield
    given(partner is None or not partner.busy)
    worker.done = True
    worker.other = None
    return 8


def steps() -> list:  # type: ignore[type-arg]
    record = function_of(swap)
    assert record is not None
    return [step.direct for step in record.split.steps]


def shop() -> State:
    cls = with_frames(Shop, swap)
    k = cls({"workers": 2, "swap_frames": 2})
    k.new(Worker)
    return k  # type: ignore[no-any-return]


def test_a_step_at_a_time() -> None:
    k = shop()
    (worker,) = k.workers  # type: ignore[attr-defined]
    first, second, third = steps()
    assert first(k, worker, False) == 0 and worker.busy
    (frame,) = k.swap_frames  # type: ignore[attr-defined]
    with pytest.raises(NotEnabled):
        third(k, frame)
    second(k, frame)
    assert not worker.done
    assert third(k, frame) == 8
    assert worker.done and not worker.busy and len(k.swap_frames) == 0  # type: ignore[attr-defined]


def test_a_return_in_the_middle_ends_the_call() -> None:
    k = shop()
    (worker,) = k.workers  # type: ignore[attr-defined]
    first, second, _ = steps()
    first(k, worker, True)
    assert second(k, next(iter(k.swap_frames))) == 7  # type: ignore[attr-defined]
    assert not worker.busy and len(k.swap_frames) == 0  # type: ignore[attr-defined]


def test_a_busy_caller_calls_nothing() -> None:
    k = shop()
    (worker,) = k.workers  # type: ignore[attr-defined]
    steps()[0](k, worker, False)
    with pytest.raises(NotEnabled):
        steps()[0](k, worker, False)
