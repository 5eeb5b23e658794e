"""Random walks: the same seed, the same walks; what they find is a real run."""

import dataclasses
from pathlib import Path

from nsmodel.engines.interface import Limits, Progress
from nsmodel.engines.simulate import Simulate
from nsmodel.kernel.mutants import NEWPID_TWICE
from nsmodel.system.load import load_file
from nsmodel.system.transition import TransitionSystem, make_system
from nsmodel.traces.record import record

LOADED = load_file(Path(__file__).parents[2] / "specs" / "pid_lifetime.py")


def system(mutant: bool = False) -> TransitionSystem:
    return make_system(LOADED.spec, LOADED.spec.scope(None), mutant=NEWPID_TWICE if mutant else None)


def quiet(progress: Progress) -> None:
    pass


def test_same_seed_same_walks() -> None:
    one, two = (Simulate(5, 20, 7).search(system(), Limits(), quiet) for _ in range(2))
    assert (one.states, one.transitions, one.coverage) == (two.states, two.transitions, two.coverage)
    other = Simulate(5, 20, 8).search(system(), Limits(), quiet)
    assert other.coverage != one.coverage
    assert not one.complete
    assert not one.found


def test_finds_a_run_that_breaks_it() -> None:
    found = Simulate(40, 20, 1).search(system(mutant=True), Limits(), quiet).found["GROUP_NS"]
    assert not found.minimal
    trace = record(system(mutant=True), found.calls, found.violation, minimal=False)
    assert [s.operation for s in trace.steps].count("unshare") >= 2


def test_limits() -> None:
    assert Simulate(50, 40, 1).search(system(), Limits(states=10), quiet).stopped == "the limit of 10 states is reached"
    assert Simulate(5, 40, 1).search(system(), Limits(depth=3), quiet).depth == 3


def test_ctrl_c() -> None:
    def hit(progress: Progress) -> None:
        if progress.depth == 2:
            raise KeyboardInterrupt

    out = Simulate(50, 5, 1).search(system(), Limits(), hit)
    assert out.stopped == "interrupted"
    assert out.states > 0


def test_broken_initial_state() -> None:
    spec = dataclasses.replace(LOADED.spec, base=lambda k: setattr(LOADED.spec.base(k), "nsproxy", None), expect={})
    out = Simulate(3, 5, 1).search(make_system(spec, spec.scope(None)), Limits(), quiet)
    assert all(f.calls == () for f in out.found.values())
    assert "REF_EXACT" in out.found
