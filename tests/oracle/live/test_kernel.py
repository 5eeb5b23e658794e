"""The running kernel as judge: the sandbox, replays, a short campaign. Skipped, with the reason, where it cannot be
asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nsmodel.kernel.versions import running, switches_of
from nsmodel.oracle.errors import OracleUnavailable
from nsmodel.oracle.live.conform import Campaign, Plan, campaign, draw, producible, replay_drawn, whole_system
from nsmodel.oracle.live.driver import Sandbox
from nsmodel.oracle.live.replay import replay_trace
from nsmodel.traces.read import load_trace

pytestmark = pytest.mark.kernel
KEPT = Path(__file__).parents[3] / "counterexamples"


@pytest.fixture(scope="module", autouse=True)
def machine() -> None:
    try:
        with Sandbox() as box:
            assert box.namespaces(0)["uts"].alive
    except OracleUnavailable as why:
        pytest.skip(reason=f"the kernel cannot be asked: {why.what}: {why.cause}")


def test_a_sandbox_and_what_is_seen_of_it() -> None:
    with Sandbox() as box:
        assert box.call(0, "p").result == 1
        assert box.clone(0, 1, 0x20000000).result > 1
        seen = box.see(1)
        assert seen.state == "running" and seen.numbers[1:] == (1,)
        uts = box.namespaces(1)["uts"]
        assert box.call(0, "K", seen.numbers[0], 9).result == 0
        assert box.settle(1, ("zombie",)).state == "zombie"
        assert box.call(0, "W", -1, 1).extra == (9,)
    assert not uts.alive


def test_nothing_is_left_behind() -> None:
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    pids = []
    for _ in range(5):
        with Sandbox() as box:
            box.clone(0, 1, 0)
            pids += list(box.pids.values())
    assert not [p for p in pids if Path(f"/proc/{p}").exists()]
    assert len(os.listdir("/proc/self/fd")) <= len(before) + 1  # noqa: PTH208


@pytest.mark.parametrize(("name", "step"), [("PD01", 3), ("PD04", 4), ("PD04i", 3)])
def test_known_bugs_diverge_where_they_leave_linux(name: str, step: int) -> None:
    found = replay_trace(load_trace(KEPT / name / "trace.json")).divergence
    assert found is not None and found.step == step


def test_random_traces_agree_with_the_kernel() -> None:
    seen: list[int] = []
    system = whole_system(running(), switches_of(running()))
    for area in ("process", None):
        plan = Plan(4242, area=area)

        def tell(so_far: Campaign) -> None:
            seen.append(so_far.traces)

        done = campaign(system, 45, plan, tell)
        assert [str(f) for f in done.findings] == []
        assert done.traces == 45 and seen[-1] == 45
        assert sum(done.coverage[p] > 0 for p in producible(system, plan)) > 40


def test_a_wrong_model_diverges() -> None:
    wrong = whole_system("fixed", frozenset({"PD04", "newpid_twice", "kill_outside"}))
    plan = Plan(1, area="process")
    assert any(replay_drawn(wrong, draw(wrong, f"wrong/{i}", 30, plan)) is not None for i in range(30))
