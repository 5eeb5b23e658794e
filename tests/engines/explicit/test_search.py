"""The explicit engine against the reference one: what it counts, what it finds, and where it stops."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from nsmodel.engines.explicit import crew, search, store
from nsmodel.engines.interface import Limits, Search
from nsmodel.engines.native.library import compiled
from nsmodel.engines.native.program import Program
from nsmodel.engines.reference import Reference
from nsmodel.system.operation import Call
from nsmodel.system.transition import Runner, TransitionSystem
from tests.models.searches import Levels, explicit, quiet, shared_code
from tests.models.threefold import SPECS, system

MUTANTS = [
    ("bench_pidns", "bench_fd_not_counted", 4),
    ("bench_mounts", "bench_slave_of_itself", 3),
    ("nsproxy_access", "nsproxy_null_ignored", 5),
    ("pid_fork_race", "PD04i", 3),
]


@pytest.fixture(autouse=True, scope="module")
def shared() -> Iterator[None]:
    """Code is made once."""
    with shared_code():
        yield


def counts(out: Search) -> tuple[Any, ...]:
    """What engines must agree on."""
    return out.states, out.transitions, out.depth, out.complete, out.stopped, out.coverage, out.cuts


def replayed(made: TransitionSystem, calls: tuple[Call, ...]) -> set[str]:
    """The properties that are violated after the last of some calls; each must be a call that does something."""
    state = made.initial
    for number, call in enumerate(calls, 1):
        done = Runner(made, state).run(call)
        assert done is not None, call
        if number == len(calls) and done.violations:
            return {v.property for v in done.violations}
        assert done.state is not None, call
        state = done.state
    return {v.property for v in made.violations(state, made.spec.properties)}


@pytest.mark.agreement
@pytest.mark.parametrize("name", [p.stem for p in SPECS])
def test_counts_are_those_of_the_reference(name: str) -> None:
    made = system(name)
    native, reference = explicit(made, Limits()), Reference().search(made, Limits(), quiet)
    assert counts(native) == counts(reference)
    assert native.found == reference.found == {}
    assert native.states > 2


def test_a_complete_search_is_complete() -> None:
    made = system("bench_pidns")
    out, deep = (explicit(made, Limits(depth=depth)) for depth in (16, 40))
    assert (deep.complete, deep.stopped, deep.states, deep.depth) == (True, None, 2650, 16)
    assert (out.complete, out.states) == (False, 2650)
    assert explicit(made, Limits(depth=40), symmetry=False).states == 5198


@pytest.mark.parametrize(("name", "bug", "depth"), MUTANTS, ids=[m[1] for m in MUTANTS])
def test_traces_are_as_short_as_the_references(name: str, bug: str, depth: int) -> None:
    made, limits = system(name, bug), Limits(depth=depth)
    expected = None
    for symmetry in (True, False) if name in ("bench_pidns", "nsproxy_access") else (True,):
        native = explicit(made, limits, symmetry=symmetry)
        reference = Reference().search(made, limits, quiet, symmetry=symmetry)
        lengths = {prop: len(found.calls) for prop, found in native.found.items()}
        assert lengths == {prop: len(found.calls) for prop, found in reference.found.items()}
        assert lengths == (expected or lengths)
        assert counts(native) == counts(reference)
        for prop, found in native.found.items():
            assert found.violation.property == prop
            assert prop in replayed(made, found.calls)
        expected = lengths
    assert expected


def test_the_engine_compiles_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "Program", Program)
    monkeypatch.setattr(search, "compiled", compiled)
    out = explicit(system("nsproxy_access"), Limits(depth=2))
    assert (out.found, out.depth, out.engine) == ({}, 2, "explicit")


# -- threads ----------------------------------------------------------------------------------------------------------


def test_threads_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces so small, and a table that grows so often, that threads meet all the time."""
    monkeypatch.setattr(crew, "PIECE", 16)
    monkeypatch.setattr(crew, "FEW", 1)
    monkeypatch.setattr(store, "FIRST_TABLE", 64)
    levels, made = Levels(monkeypatch), system("wide")
    alone = counts(explicit(made, Limits()))
    order = levels.taken()
    assert alone[0] == len(order) + 1 == 19_621
    for threads in (2, 4, 4, 4):
        assert counts(explicit(made, Limits(), threads=threads)) == alone
        assert levels.taken() == order


def test_the_order_of_pieces_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread of two that works through the ranks of each level in any order: links are the least all the same."""
    levels, made = Levels(monkeypatch), system("wide")
    limits = Limits(depth=12)
    alone = counts(explicit(made, limits))
    order = levels.taken()
    chance = random.Random(1)
    take = crew.Level._take

    def shuffled(own: crew.Level) -> tuple[int, int] | None:
        if len(own.left) == 1:  # cut it into pieces first
            ((start, end),) = own.left
            own.left = [(at, min(at + 16, end)) for at in range(start, end, 16)]
        chance.shuffle(own.left)
        return take(own)

    monkeypatch.setattr(crew, "FEW", 1 << 40)
    monkeypatch.setattr(crew.Level, "_take", shuffled)
    assert counts(explicit(made, limits, threads=2)) == alone
    assert levels.taken() == order


@pytest.mark.parametrize(("name", "bug", "depth"), MUTANTS[:2], ids=[m[1] for m in MUTANTS[:2]])
def test_threads_find_one_trace(name: str, bug: str, depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "PIECE", 4)
    monkeypatch.setattr(crew, "FEW", 1)
    made = system(name, bug)
    alone = explicit(made, Limits(depth=depth))
    assert alone.found
    for threads in (2, 4):
        several = explicit(made, Limits(depth=depth), threads=threads)
        assert counts(several) == counts(alone)
        assert several.found == alone.found


# -- budgets ----------------------------------------------------------------------------------------------------------


def test_a_depth_is_part_of_the_scope() -> None:
    made = system("bench_pidns")
    found = [explicit(made, Limits(depth=depth)) for depth in range(4)]
    assert [(out.depth, out.stopped, out.complete) for out in found] == [(d, None, False) for d in range(4)]
    assert found[0].states == 1
    assert found[0].transitions == 0
    assert [out.states for out in found] == sorted({out.states for out in found})
    assert explicit(made, Limits()).depth == made.depth == 3


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(states=3000), "the limit of 3000 states is reached"),
        (Limits(seconds=0.0), "the time limit of 0 s is spent"),
        (Limits(memory_mb=1), "the memory limit of 1 MB for states is reached"),
    ],
    ids=["states", "seconds", "memory"],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_spent_budget_keeps_what_was_reached(limits: Limits, reason: str, threads: int) -> None:
    made = system("wide")
    out = explicit(made, limits, symmetry=False, threads=threads)
    assert out.stopped is not None
    assert out.stopped.startswith(reason)
    assert not out.complete
    assert 1 <= out.states < 77_824
    assert (out.transitions, out.states > 1) == (out.coverage.total(), out.transitions > 0)
    if limits.seconds is None:
        assert out.states >= 3000
        assert out.depth >= 5


def test_a_violation_is_kept_when_a_budget_is_spent() -> None:
    made = system("bench_pidns", "bench_fd_not_counted")
    out = explicit(made, Limits(states=60))
    assert out.stopped == "the limit of 60 states is reached"
    assert "REFCOUNT" in replayed(made, out.found["REFCOUNT"].calls)
