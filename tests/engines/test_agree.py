"""Every engine tells the same of every known bug: the property fails, after equally many steps, and nothing fails
without the bug."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nsmodel.engines.bmc import Bmc
from nsmodel.engines.interface import Limits
from nsmodel.engines.reference import Reference
from nsmodel.kernel.versions import find_switch
from nsmodel.system.load import load_file
from nsmodel.system.operation import op
from nsmodel.system.spec import Spec, prop
from nsmodel.system.transition import TransitionSystem, make_system
from tests.models import pidns

pytestmark = pytest.mark.agreement
SPECS = Path(__file__).parents[2] / "specs"
BUGS = [
    ("nsproxy_access", "nsproxy_read_unlocked", "LOCKSET"),
    ("nsproxy_access", "nsproxy_null_ignored", "STEP_TOTAL"),
    ("pid_fork_race", "PD04i", "DEAD_NS_EMPTY"),
    ("pid_lifetime", "setns_pid_ancestor", "PID_VIS"),
    ("nsproxy_refcount", "PD07", "GROUP_NS"),
    ("nsproxy_refcount", "unshare_no_put", "REF_EXACT"),
]


def system(name: str, bug: str | None, prop: str) -> TransitionSystem:
    spec = load_file(SPECS / f"{name}.py").spec
    only = dataclasses.replace(
        spec, properties=tuple(p for p in spec.properties if p.name == prop), expect={}, kills={}
    )
    return make_system(only, spec.scope("small"), mutant=find_switch(bug) if bug else None)


@pytest.mark.parametrize(("name", "bug", "prop"), BUGS, ids=[b[1] for b in BUGS])
def test_engines_find_equally_short_traces(name: str, bug: str, prop: str) -> None:
    made = system(name, bug, prop)
    lengths = {}
    for engine in (Reference(), Bmc()):
        found = engine.search(made, Limits(depth=5), lambda _: None).found
        lengths[engine.name] = len(found[prop].calls)
    assert lengths["reference"] == lengths["bmc"], lengths


def test_nothing_is_found_without_a_bug() -> None:
    made = system("nsproxy_access", None, "LOCKSET")
    for engine in (Reference(), Bmc()):
        done = engine.search(made, Limits(depth=4), lambda _: None)
        assert done.found == {} and done.depth == 4


def test_exact_counts() -> None:
    spec = load_file(SPECS / "nsproxy_access.py").spec
    done = Reference().search(make_system(spec, spec.scope(None)), Limits(), lambda _: None)
    assert (done.states, done.transitions, done.depth, done.complete) == (140, 300, 14, True)


def test_a_toy_has_the_orbits_that_brute_force_finds() -> None:
    """The pid namespace model that other checkers were measured on: 5,198 states, 2,650 up to renaming, depth 16."""
    rules = (pidns.fork, pidns.clone, pidns.unshare, pidns.setns, pidns.open_ns, pidns.close, pidns.subreaper)
    operations = tuple(op(rule) for rule in (*rules, pidns.leave, pidns.reap))
    properties = (prop("REFCOUNT", "", pidns.refcount), prop("VISIBLE", "", pidns.visible))
    bounds = {"tasks": 3, "nss": 2, "levels": 1}
    spec = Spec("pidns", "", pidns.K, pidns.base, bounds, operations, properties)
    done = Reference().search(make_system(spec, spec.scope(None)), Limits(), lambda _: None)
    assert (done.states, done.depth, done.complete, done.found) == (2650, 16, True, {})


def test_budgets_end_a_search() -> None:
    spec = load_file(SPECS / "pid_lifetime.py").spec
    made = make_system(spec, spec.scope(None))
    assert "states" in str(Reference().search(made, Limits(states=20), lambda _: None).stopped)
    assert "time" in str(Reference().search(made, Limits(seconds=0.0), lambda _: None).stopped)
