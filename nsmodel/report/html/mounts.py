"""The mount forest as rows of a table, with the lanes of peer groups beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nsmodel.report.html.moment import Moment
from nsmodel.report.picture.lanes import Lane, lanes_of
from nsmodel.report.picture.mounts import mount_blocks
from nsmodel.report.picture.rows import Block, Row


@dataclass(frozen=True)
class Knot:
    """Where a lane meets a row: how it comes from above and goes on below (`solid` between peers, `dashed` to slaves),
    and who is there: a `member` or a `slave` of the group."""

    up: str = ""
    down: str = ""
    node: str = ""
    group: str = ""


@dataclass(frozen=True)
class MountLine:
    """A mount, or the heading of a block where `row` is None."""

    block: str
    note: str
    broken: bool
    row: Row | None
    knots: tuple[Knot, ...]


@dataclass(frozen=True)
class Forest:
    """The lines in blocks, one for each namespace."""

    blocks: tuple[tuple[MountLine, ...], ...]
    lanes: int
    stacked: bool


def forest(now: Moment, before: Moment | None) -> Forest | None:
    """The mounts of a state, and what changed since `before`; None where there are none."""
    blocks = mount_blocks(
        now.mounts, before.mounts if before is not None else None, now.breaks("mounts"), now.breaks("mnt_namespaces")
    )
    if not blocks:
        return None
    rows = [row for block in blocks for row in block.rows]
    lanes = lanes_of(rows)
    across = max((lane.column + 1 for lane in lanes), default=0)
    # Headings have a place too, which lanes go through.
    places: list[int] = []
    at = 0
    for block in blocks:
        at += 1
        places += range(at, at + len(block.rows))
        at += len(block.rows)
    knots = _knots(lanes, places, at, across)
    return Forest(tuple(_lines(block, knots) for block in blocks), across, any("^" in row.name for row in rows))


def _lines(block: Block, knots: list[tuple[Knot, ...]]) -> tuple[MountLine, ...]:
    lines = [MountLine(block.heading, block.note, block.broken, None, knots.pop(0))]
    lines += [MountLine(block.heading, "", row.broken, row, knots.pop(0)) for row in block.rows]
    return tuple(lines)


def _knots(lanes: Sequence[Lane], places: Sequence[int], height: int, across: int) -> list[tuple[Knot, ...]]:
    grid = [[Knot() for _ in range(across)] for _ in range(height)]
    for lane in lanes:
        members = [places[i] for i in lane.members]
        slaves = [places[i] for i in lane.slaves if i not in lane.members]
        first, last = min((*members, *slaves)), max((*members, *slaves))
        for y in range(first, last + 1):
            node = "member" if y in members else "slave" if y in slaves else ""
            up = _kind(members, y - 1, y) if y > first else ""
            down = _kind(members, y, y + 1) if y < last else ""
            grid[y][lane.column] = Knot(up, down, node, lane.group if node else "")
    return [tuple(row) for row in grid]


def _kind(members: Sequence[int], upper: int, lower: int) -> str:
    """How a lane is drawn between two neighbours: between its first and its last peer it is solid."""
    return "solid" if members and members[0] <= upper and lower <= members[-1] else "dashed"
