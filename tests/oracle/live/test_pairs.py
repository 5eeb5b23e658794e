"""Pairs of checks: of two that refuse one call the kernel has the first, in traces of which no call can be left out."""

import pytest

from nsmodel.kernel.versions import running, switches_of
from nsmodel.oracle.errors import OracleUnavailable
from nsmodel.oracle.live.conform import Plan, again, replay_drawn, whole_system
from nsmodel.oracle.live.driver import Sandbox
from nsmodel.oracle.live.pairs import Survey, met, survey
from nsmodel.system.transition import TransitionSystem


@pytest.fixture(scope="module")
def system() -> TransitionSystem:
    return whole_system(running(), switches_of(running()))


@pytest.fixture(scope="module")
def surveyed(system: TransitionSystem) -> Survey:
    return survey(system, Plan(3), 12, lambda so_far: None)


def test_no_call_can_be_left_out(system: TransitionSystem, surveyed: Survey) -> None:
    assert len(surveyed.pairs) > 10
    for pair in surveyed.pairs.values():
        for at in range(len(pair.calls) - 1):
            shorter = again(system, [*pair.calls[:at], *pair.calls[at + 1 :]])
            if shorter.calls[-1:] != [pair.calls[-1]]:
                continue
            states = [system.initial, *(o.state for o in shorter.outcomes[:-1] if o.state is not None)]
            assert pair.key not in {other.key for other in met(system, states[-1], tuple(shorter.calls))}


@pytest.mark.kernel
def test_the_kernel_has_the_first(system: TransitionSystem, surveyed: Survey) -> None:
    try:
        with Sandbox():
            pass
    except OracleUnavailable as why:
        pytest.skip(reason=f"the kernel cannot be asked: {why.what}: {why.cause}")
    for pair in surveyed.pairs.values():
        drawn = again(system, list(pair.calls))
        assert drawn.outcomes[-1].reason == pair.winner.reason
        assert replay_drawn(system, drawn) is None, pair
