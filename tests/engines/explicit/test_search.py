"""The explicit engine against the reference one: what it counts, what it finds, and where it stops."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from nsmodel.engines.explicit import crew, search, store
from nsmodel.engines.explicit.search import Explicit
from nsmodel.engines.interface import Limits, Progress, Resources, Search
from nsmodel.engines.native.library import Library, compiled
from nsmodel.engines.native.program import Program
from nsmodel.engines.reference import Reference
from nsmodel.kernel.versions import find_switch
from nsmodel.system.load import load_file
from nsmodel.system.operation import Call
from nsmodel.system.spec import Scope
from nsmodel.system.transition import Runner, TransitionSystem, make_system
from tests.models import threefold
from tests.models.threefold import SPECS, system

WIDE = {"tasks": 3, "namespaces": 3, "levels": 3}
"""Bounds of bench_pidns with 77,824 states, 19,621 up to renaming."""
MUTANTS = [
    ("bench_pidns", "bench_fd_not_counted", 4),
    ("bench_mounts", "bench_slave_of_itself", 3),
    ("nsproxy_access", "nsproxy_null_ignored", 5),
    ("pid_fork_race", "PD04i", 3),
    ("pid_lifetime", "setns_pid_ancestor", 3),
]


class Kept:
    """Gives every search of one system the same machine code: compiling it takes longer than any search here."""

    def __init__(self) -> None:
        self.code: dict[tuple[int, bool], Library] = {}
        self.systems: dict[tuple[str, str | None], TransitionSystem] = {}

    def library(self, made: TransitionSystem, *, symmetry: bool) -> Library:
        """The code of a system."""
        key = (id(made), symmetry)
        if key not in self.code:
            self.code[key] = next(
                (threefold.library(p.stem) for p in SPECS if symmetry and system(p.stem) is made), None
            ) or compiled(Program(made, symmetry=symmetry))
        return self.code[key]

    def made(self, name: str, bug: str | None = None) -> TransitionSystem:
        """A spec in its small scope, with a known bug; `wide` is bench_pidns with more states."""
        if bug is None and name != "wide":
            return system(name)
        if (name, bug) not in self.systems:
            (path,) = (p for p in SPECS if p.stem == ("bench_pidns" if name == "wide" else name))
            spec = load_file(path).spec
            scope = Scope(WIDE) if name == "wide" else spec.scope("small")
            self.systems[name, bug] = make_system(spec, scope, mutant=_switch(spec.kills, bug))
        return self.systems[name, bug]


def _switch(kills: Any, bug: str | None) -> Any:
    if bug is None:
        return None
    own = [switch for switch in kills if switch.name == bug]
    return own[0] if own else find_switch(bug)


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    out = Kept()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "Program", out.library)
        patch.setattr(search, "compiled", lambda code: code)
        yield out


def quiet(progress: Progress) -> None:
    """Tell nobody."""


def explicit(made: TransitionSystem, limits: Limits, *, symmetry: bool = True, threads: int = 1) -> Search:
    return Explicit().search(made, limits, quiet, symmetry=symmetry, resources=Resources(threads=threads))


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


@pytest.mark.parametrize("name", [p.stem for p in SPECS])
def test_counts_are_those_of_the_reference(name: str, kept: Kept) -> None:
    made = kept.made(name)
    native, reference = explicit(made, Limits()), Reference().search(made, Limits(), quiet)
    assert counts(native) == counts(reference)
    assert native.found == reference.found == {}
    assert native.states > 10


def test_a_complete_search_is_complete(kept: Kept) -> None:
    made = kept.made("bench_pidns")
    out, deep = (explicit(made, Limits(depth=depth)) for depth in (16, 40))
    assert (deep.complete, deep.stopped, deep.states, deep.depth) == (True, None, 2650, 16)
    assert (out.complete, out.states) == (False, 2650)
    assert explicit(made, Limits(depth=40), symmetry=False).states == 5198


@pytest.mark.parametrize(("name", "bug", "depth"), MUTANTS, ids=[m[1] for m in MUTANTS])
def test_traces_are_as_short_as_the_references(name: str, bug: str, depth: int, kept: Kept) -> None:
    made, limits = kept.made(name, bug), Limits(depth=depth)
    expected = None
    for symmetry in (True, False):
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


def test_a_known_bug_is_found_without_help() -> None:
    """The same without a fixture: the engine compiles what it needs."""
    out = explicit(system("nsproxy_access"), Limits(depth=2))
    assert (out.found, out.depth, out.engine) == ({}, 2, "explicit")


# -- threads ----------------------------------------------------------------------------------------------------------


class Levels:
    """Notes the states of each level, and the state that each was found from, in the order in which they are stored."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.seen: list[int] = []
        seal = store.Store.seal

        def noted(own: store.Store) -> None:
            seal(own)
            for rank in range(own.width):
                number = own.frontier.number(rank, 4)
                parent = own.parent(number)
                assert parent is not None
                self.seen.append(hash((own.words_of(number), own.words_of(parent))))

        patch.setattr(store.Store, "seal", noted)

    def taken(self) -> list[int]:
        """What was noted since the last time."""
        out, self.seen = self.seen, []
        return out


def test_threads_make_no_difference(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces so small, and a table that grows so often, that threads meet all the time."""
    monkeypatch.setattr(crew, "PIECE", 16)
    monkeypatch.setattr(crew, "FEW", 1)
    monkeypatch.setattr(store, "FIRST_TABLE", 64)
    levels, made = Levels(monkeypatch), kept.made("wide")
    alone = counts(explicit(made, Limits()))
    order = levels.taken()
    assert alone[0] == len(order) + 1 == 19_621
    for threads in (2, 4, 4, 4):
        assert counts(explicit(made, Limits(), threads=threads)) == alone
        assert levels.taken() == order


def test_the_order_of_pieces_makes_no_difference(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread of two that works through the ranks of each level in any order: links are the least all the same."""
    levels, made = Levels(monkeypatch), kept.made("wide")
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
def test_threads_find_one_trace(name: str, bug: str, depth: int, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "PIECE", 4)
    monkeypatch.setattr(crew, "FEW", 1)
    made = kept.made(name, bug)
    alone = explicit(made, Limits(depth=depth))
    assert alone.found
    for threads in (2, 4):
        several = explicit(made, Limits(depth=depth), threads=threads)
        assert counts(several) == counts(alone)
        assert several.found == alone.found


# -- budgets ----------------------------------------------------------------------------------------------------------


def test_a_depth_is_part_of_the_scope(kept: Kept) -> None:
    made = kept.made("bench_pidns")
    found = [explicit(made, Limits(depth=depth)) for depth in range(4)]
    assert [(out.depth, out.stopped, out.complete) for out in found] == [(d, None, False) for d in range(4)]
    assert found[0].states == 1
    assert found[0].transitions == 0
    assert [out.states for out in found] == sorted({out.states for out in found})
    assert explicit(made, Limits()).depth == made.depth == 4


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
def test_a_spent_budget_keeps_what_was_reached(limits: Limits, reason: str, threads: int, kept: Kept) -> None:
    made = kept.made("wide")
    out = explicit(made, limits, symmetry=False, threads=threads)
    assert out.stopped is not None
    assert out.stopped.startswith(reason)
    assert not out.complete
    assert 1 <= out.states < 77_824
    assert (out.transitions, out.states > 1) == (out.coverage.total(), out.transitions > 0)
    if limits.seconds is None:
        assert out.states >= 3000
        assert out.depth >= 5


def test_a_violation_is_kept_when_a_budget_is_spent(kept: Kept) -> None:
    made = kept.made("bench_pidns", "bench_fd_not_counted")
    out = explicit(made, Limits(states=60))
    assert out.stopped == "the limit of 60 states is reached"
    assert "REFCOUNT" in replayed(made, out.found["REFCOUNT"].calls)
