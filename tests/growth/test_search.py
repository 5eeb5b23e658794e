"""The most mounts after k calls, by search; scripts on the rules and on the running kernel."""

import pytest

from nsmodel.growth import search
from nsmodel.growth.bound import Size, most
from nsmodel.growth.measure import measure
from nsmodel.growth.script import Command, growth_system, paths, resolve, run, size_of
from nsmodel.growth.search import BoundBroken, BranchAndBound, every_run, grow, start_of
from nsmodel.growth.series import SERIES
from nsmodel.kernel.objects import Task
from nsmodel.oracle.errors import OracleUnavailable

RBIND = Command("rbind", "/", "/")


@pytest.mark.parametrize("shared", [False, True])
def test_branch_and_bound_meets_the_bound(shared: bool) -> None:
    system = growth_system()
    start = start_of(system, shared=shared)
    size = size_of(system.thaw(start))
    assert size == Size(1, int(shared))
    for calls in range(1, 4):
        found = BranchAndBound(system, start).search(calls)
        assert found.mounts == most(size, calls)
        script = found.script if not shared else (Command("make-shared", "/"), *found.script)
        assert grow(script)[-1] == found.mounts, "the last call is counted right without running it"


def test_every_run_of_two_calls() -> None:
    system = growth_system()
    found = every_run(system, system.initial, 2)
    assert (found.mounts, found.states) == (4, 15)


def test_every_run_from_a_shared_mount() -> None:
    system = growth_system()
    assert every_run(system, start_of(system, shared=True), 2).mounts == 6


def test_a_wrong_bound_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    system = growth_system()
    monkeypatch.setattr(search, "size_of", lambda k: Size(len(k.mounts) ** 3, 0))
    with pytest.raises(BoundBroken):
        every_run(system, system.initial, 1)


def test_paths_lead_over_mounts() -> None:
    system = growth_system()
    k = system.thaw(run(system, run(system, system.initial, Command("bind", "/a", "/")), Command("bind", "/", "/a")))
    task = k.live(Task)[0]
    assert list(paths(k, task)) == ["/", "/a", "/a/a"]
    assert resolve(k, task, "/")[0] is not resolve(k, task, "/a")[0], "/ itself is the task's root, whatever lies on it"


def test_commands_as_a_person_types_them() -> None:
    assert str(RBIND) == "mount --rbind / /"
    assert str(Command("make-shared", "/")) == "mount --make-shared /"


def test_series() -> None:
    doubling, tripling = SERIES
    assert grow(doubling.script(4))[1:] == [2, 4, 8, 16]
    assert grow(tripling.script(4))[2:] == [1 + 2 * 3**n for n in range(4)]


def test_the_running_kernel() -> None:
    script = (Command("make-shared", "/"), *[RBIND] * 4)
    try:
        measured = measure(script)
    except OracleUnavailable as why:
        pytest.skip(reason=f"the kernel cannot be asked: {why.what}")
    assert list(measured.mounts) == grow(script) == [1, 2, 6, 42, 1806]
    for series in SERIES:
        assert list(measure(series.script(4)).mounts) == grow(series.script(4))
    assert measure((Command("bind", "/a/a", "/"),)).errno == "ENOENT"
