"""Shortest runs into cells, against looking at every run in the direct reading."""

import dataclasses
from collections.abc import Iterator

import pytest

from nsmodel.engines.interface import Limits
from nsmodel.ir.state import Frozen
from nsmodel.system.operation import Call, Operation
from nsmodel.system.precedence import decided
from nsmodel.system.transition import Runner, TransitionSystem
from nsmodel.testgen.cells import Cell
from nsmodel.testgen.covers.registry import COVERS
from nsmodel.testgen.find import Found, find
from nsmodel.testgen.seen import Seen, along
from tests.testgen.systems import system

DEPTH = 3


@pytest.fixture(scope="module")
def small() -> TransitionSystem:
    return system("pid_lifetime", DEPTH)


@pytest.fixture(scope="module")
def found(small: TransitionSystem) -> Found:
    return find(small, COVERS, Limits(DEPTH), 60.0, lambda text: None)


def tried(small: TransitionSystem) -> Iterator[tuple[int, Seen]]:
    """Every call after every run, no two states taken for one: how many calls with it, and the call."""
    states = {small.initial}
    known: set[Frozen] = set(states)
    offered: tuple[tuple[Operation, bool], ...] = (
        *((o, True) for o in small.spec.operations),
        *((o, False) for o in small.spec.edges),
    )
    for depth in range(1, DEPTH + 1):
        following: set[Frozen] = set()
        for state in states:
            runner = Runner(small, state)
            for operation, goes_on in offered:
                for call in operation.calls(small.thaw(state)):
                    seen = Seen(runner, operation, call)
                    if seen.outcome is not None:
                        yield depth, seen
                        if goes_on and seen.outcome.state is not None:
                            following.add(seen.outcome.state)
        states = following - known
        known |= states


def shortest(small: TransitionSystem) -> dict[Cell, int]:
    out: dict[Cell, int] = {}
    for depth, seen in tried(small):
        for cover in COVERS:
            for cell in cover.of(seen):
                out.setdefault(cell, depth)
    return out


@pytest.mark.agreement
def test_every_cell_by_a_shortest_run(small: TransitionSystem, found: Found) -> None:
    assert {cell: len(calls) for cell, calls in found.runs.items()} == shortest(small)
    assert set(found.looked.values()) == {DEPTH}


def test_runs_end_in_their_cell(small: TransitionSystem, found: Found) -> None:
    covers = {cover.name: cover for cover in COVERS}
    for cell, calls in found.runs.items():
        steps = along(small, calls)
        assert len(steps) == len(calls) <= DEPTH
        assert cell in set(covers[cell.cover].of(steps[-1]))


def test_what_each_cover_tells(small: TransitionSystem, found: Found) -> None:
    named = {cell.name: calls for cell, calls in found.runs.items()}
    assert [c.operation for c in named["errnos unshare|EINVAL"]] == ["unshare"]  # an edge: a flag that it does not know
    late = "EINVAL the pid namespace for children is not the active one"
    assert [c.operation for c in named[f"checks unshare|refuses {late}"]] == ["unshare", "unshare"]
    assert [c.operation for c in named[f"checks unshare|passes {late}"]] == ["unshare"]
    wrong = "EINVAL the namespace is not of the type asked for"
    ancestor = "EINVAL the pid namespace is not the active one or below it"
    (pair,) = (calls for name, calls in named.items() if name == f"pairs setns|{wrong}, before {ancestor}")
    last = pair[-1]
    check = decided(small.operation("setns"), small.thaw(before(small, pair)), last)
    assert last.by_name["wrong_type"] and check is not None and wrong.endswith(check.reason)


def test_what_is_not_reached_is_listed(found: Found) -> None:
    missing = {cell.name for cell in found.missing}
    assert "errnos setns|EUSERS" in missing
    assert not missing & {cell.name for cell in found.runs}
    # Every check of a rule is there both ways, found or not.
    checks = [cell for cell in (*found.runs, *found.missing) if cell.cover == "checks"]
    assert sum("|refuses " in c.name for c in checks) == sum("|passes " in c.name for c in checks) > 40


def test_propagation_cells() -> None:
    mounts = system("mount_propagation", 2)
    mounts = dataclasses.replace(mounts, spec=dataclasses.replace(mounts.spec, edges=()))
    transitions = [cover for cover in COVERS if cover.name == "transitions"]
    found = find(mounts, transitions, Limits(2), 60.0, lambda text: None)
    named = {cell.key: calls for cell, calls in found.runs.items() if cell.operation == "mount_bind"}
    assert len(named["source unbindable in private, at unbindable in private EINVAL"]) == 2
    assert len(named["source shared in private, at shared in private ok"]) == 2
    assert len(named["source private in private, at private in private ok"]) == 1


def before(small: TransitionSystem, calls: tuple[Call, ...]) -> Frozen:
    return along(small, calls)[-1].runner.frozen
