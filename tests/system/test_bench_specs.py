"""The benchmark specs are the transition systems of the reference models: their counts are known exactly."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nsmodel.engines.interface import Limits, Search
from nsmodel.engines.reference import Reference
from nsmodel.ir.language import Switch
from nsmodel.system.load import load_file, scope_of
from nsmodel.system.spec import Spec
from nsmodel.system.transition import make_system

SPECS = Path(__file__).parents[2] / "specs"
PIDNS, MOUNTS = load_file(SPECS / "bench_pidns.py"), load_file(SPECS / "bench_mounts.py")
KILLS = [(loaded.spec, bug, name) for loaded in (PIDNS, MOUNTS) for bug, name in loaded.spec.kills.items()]


def searched(spec: Spec, depth: int, bounds: dict[str, int], mutant: Switch | None = None) -> Search:
    loaded = PIDNS if spec.name == PIDNS.spec.name else MOUNTS
    made = make_system(spec, scope_of(loaded, None, bounds, depth), mutant=mutant)
    return Reference().search(made, Limits(), lambda _: None, symmetry=False)


PIDNS_COUNTS = [
    ({}, 5, 763, 3025),
    ({"tasks": 4, "namespaces": 3}, 4, 1180, 2380),
]
MOUNTS_COUNTS = [
    ({}, 5, 1787, 6774),
    ({"mounts": 4, "namespaces": 2}, 3, 663, 1210),
    ({"mounts": 5, "namespaces": 2}, 3, 768, 1420),
]


@pytest.mark.parametrize(("bounds", "depth", "states", "transitions"), PIDNS_COUNTS)
def test_pidns_counts(bounds: dict[str, int], depth: int, states: int, transitions: int) -> None:
    """As many as the reference model has within as many steps; it has 5,198 states and 41,771 transitions in all."""
    done = searched(PIDNS.spec, depth, bounds)
    assert (done.states, done.transitions, done.depth, done.found) == (states, transitions, depth, {})


@pytest.mark.parametrize(("bounds", "depth", "states", "transitions"), MOUNTS_COUNTS)
def test_mounts_counts(bounds: dict[str, int], depth: int, states: int, transitions: int) -> None:
    """As many as the reference model has within as many steps; it has 9,702 states in all. Transitions are those that
    are not cut for want of mounts, which are steps without effect there: 75,606 in all."""
    done = searched(MOUNTS.spec, depth, bounds)
    assert (done.states, done.transitions, done.depth, done.found) == (states, transitions, depth, {})


@pytest.mark.parametrize(("spec", "bug", "name"), KILLS, ids=[bug.name for _, bug, _ in KILLS])
def test_each_bug_breaks_its_property(spec: Spec, bug: Switch, name: str) -> None:
    only = tuple(p for p in spec.properties if p.name == name)
    alone = dataclasses.replace(spec, properties=only, expect={}, kills={})
    assert searched(alone, 4, {}, bug).found.keys() == {name}


def test_each_property_has_a_bug() -> None:
    for spec in (PIDNS.spec, MOUNTS.spec):
        assert set(spec.kills.values()) == {p.name for p in spec.properties}


def test_peer_groups_follow_the_mounts() -> None:
    assert scope_of(MOUNTS, None, {"mounts": 4}, None).bounds["groups"] == 4
