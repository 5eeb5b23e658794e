"""Lanes of peer groups."""

from nsmodel.report.picture.lanes import lanes_of
from nsmodel.report.picture.rows import Row


def row(group: str | None = None, master: str | None = None) -> Row:
    return Row((), "shared", "/", group=group, master=master)


def test_masters_are_left_of_their_slaves() -> None:
    lanes = lanes_of([row("1", "2"), row("2"), row("1", "2"), row(master="1")])
    assert [(lane.group, lane.column) for lane in lanes] == [("2", 0), ("1", 1)]
    assert (lanes[1].members, lanes[1].slaves) == ((0, 2), (3,))


def test_groups_that_lie_apart_share_a_lane() -> None:
    lanes = lanes_of([row("1"), row("1"), row(), row("2"), row("3"), row("2")])
    assert {lane.group: lane.column for lane in lanes} == {"1": 0, "2": 0, "3": 1}


def test_a_circle_of_masters() -> None:
    lanes = lanes_of([row("1", "2"), row("2", "1")])
    assert sorted(lane.column for lane in lanes) == [0, 1]
