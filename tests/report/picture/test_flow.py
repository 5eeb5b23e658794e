"""The picture of the propagation graph."""

from nsmodel.report import propagation
from nsmodel.report.picture import flow
from nsmodel.traces.receivers import Propagation
from nsmodel.traces.trace import State
from tests.golden import same
from tests.report.picture.boxes import boxes_of, overlapping
from tests.traces.mounted import BOTTOM, EVERYTHING, facts_of, mount, state


def drawn(shown: State) -> str:
    graph = Propagation(facts_of(shown))
    return flow.draw(graph, propagation.senders_of(graph), propagation.silent_of(graph), "made: propagation")


def test_golden() -> None:
    same("propagation_everything.svg", drawn(EVERYTHING))


def test_nothing_overlaps() -> None:
    assert overlapping(boxes_of(drawn(EVERYTHING))) == []


def test_no_groups() -> None:
    assert "nothing propagates" in drawn(state(BOTTOM, mount(2, 1, 1, 1, 1)))


def test_a_circle_of_masters() -> None:
    broken = state(BOTTOM, mount(2, 1, 1, 1, 1, group=1, master=2), mount(3, 1, 2, 2, 1, group=2, master=1))
    assert drawn(broken).count("peer group") == 2
