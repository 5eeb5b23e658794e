"""Draws one panel: a heading and blocks of rows, trees at the left, what is said of each row, groups at the right."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from nsmodel.report.picture import signs
from nsmodel.report.picture.lanes import Lane, lanes_of
from nsmodel.report.picture.rows import Block, Row, signs_in
from nsmodel.report.picture.svg import BAND, BROKEN, FAINT, INK, NEW, SOFT, Canvas, Style, width_of, wrapped

ROW, HEADING, GAP, LANE, PAD = 23.0, 24.0, 6.0, 27.0, 10.0
INDENT, DEEP = 17.0, 260.0
"""How far a level is indented, and all levels of a tree at most: deep ones are indented less."""
NAME = Style(12.5, mono=True)
SHOWS = Style(11.5, mono=True, ink=SOFT)
NOTE = Style(10.5, italic=True, ink=SOFT)
BLOCK = Style(12, bold=True)
BLOCK_NOTE = Style(10.5, ink=SOFT)
CALL = Style(11.5, mono=True)
WHO = Style(12.5, bold=True)
PLAIN = Style(11, ink=SOFT)
MARGIN_OF_BADGES = 22.0


@dataclass
class Panel:
    """A state or a step. `title` comes in bold, `call` is broken between its parts, `result` follows it, `lines` are
    below."""

    mark: str
    title: str
    call: list[str] = field(default_factory=list)
    result: str = ""
    lines: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """What is said of the clause that the step breaks."""

    def signs(self) -> set[str]:
        """What a legend must explain."""
        return set(signs.MEANINGS) & set(signs_in(self.blocks))

    def width(self) -> float:
        """How wide the panel must be for its rows, and its heading in at most two lines."""
        return max(_Shape(self.blocks).width, min(width_of("".join(self.call), CALL) / 2 + 120, 430))

    def draw(self, c: Canvas, x: float, y: float, width: float) -> float:
        """Draw it; gives its height. Draw on an empty canvas to measure."""
        bottom = self._heading(c, x, y, width)
        shape = _Shape(self.blocks)
        bottom = shape.draw(c, x, bottom + 4, width)
        for text in self.broken:
            first = True
            for part in wrapped(text, Style(11.5, bold=True), width - 30):
                bottom += 17
                if first:
                    signs.cross(c, x + 8, bottom - 4)
                    first = False
                c.text(x + 22, bottom, part, Style(11.5, bold=True, ink=BROKEN))
        return bottom + 8 - y

    def _heading(self, c: Canvas, x: float, y: float, width: float) -> float:
        ink = BROKEN if self.broken else INK
        c.circle(x + 10, y + 10, 10, ink=ink, fill=ink)
        c.text(x + 10, y + 14, self.mark, Style(11, bold=True, ink="#ffffff"), "middle")
        at = c.text(x + 27, y + 14.5, self.title, WHO) + 8
        left, base = at, y + 14.5
        for part in self.call:
            if at + width_of(part, CALL) > x + width and at > left:
                at, base = left + 14, base + 16
            at = c.text(at, base, part, CALL)
        if self.result:
            style = Style(11.5, mono=True, bold=True)
            if at + width_of(self.result, style) > x + width:
                at, base = left + 14, base + 16
            c.text(at, base, self.result, style)
        for text in self.lines:
            for part in wrapped(text, PLAIN, width - 30):
                base += 15
                c.text(x + 27, base, part, PLAIN)
        return base + 8


class _Shape:
    """Where the columns of a panel are."""

    def __init__(self, blocks: list[Block]) -> None:
        self.blocks = blocks
        self.rows = [row for block in blocks for row in block.rows]
        self.lanes = lanes_of(self.rows)
        self.indent = min(INDENT, DEEP / (max((len(r.trunk) for r in self.rows), default=0) or 1))
        self.names = max((self._tree_width(r) + width_of(r.name, NAME) + (16 if r.locked else 0) for r in self.rows),
                         default=0)  # fmt: skip
        self.shows = max((width_of(r.shows, SHOWS) for r in self.rows), default=0)
        words = max((self._words_width(r) for r in self.rows), default=0)
        self.words_at = MARGIN_OF_BADGES + self.names + 16 + self.shows + 14
        self.lanes_at = self.words_at + words + (34 if self.lanes else 0)
        columns = max((lane.column + 1 for lane in self.lanes), default=0)
        heading = max((width_of(b.heading, BLOCK) + width_of(b.note, BLOCK_NOTE) + 30 for b in blocks), default=0)
        self.width = max(self.lanes_at + columns * LANE + PAD, heading)

    def _tree_width(self, row: Row) -> float:
        return len(row.trunk) * self.indent + 20

    def _words_width(self, row: Row) -> float:
        wide = sum(signs.pill_width(p.text, p.locked) + 4 for p in row.pills)
        return wide + (width_of(row.note, NOTE) + 4 if row.note else 0)

    def draw(self, c: Canvas, x: float, y: float, width: float) -> float:
        """The blocks, one below the other."""
        places: list[float] = []
        tops: list[tuple[Block, float]] = []
        at = y
        for block in self.blocks:
            tops.append((block, at))
            at += HEADING + 2
            for _ in block.rows:
                places.append(at + ROW / 2)
                at += ROW
            at += GAP
        for block, top in tops:
            c.rect(x, top, width, HEADING - 4, fill=BAND, round=3)
            end = c.text(x + 8, top + 14.2, block.heading, BLOCK)
            c.text(end + 10, top + 14.2, block.note, BLOCK_NOTE)
            if block.broken:
                signs.flag(c, x, top, width, HEADING - 4)
        self._lanes(c, x, places)
        number = 0
        for block in self.blocks:
            ends: dict[int, float] = {}
            for row in block.rows:
                self._row(c, row, x, places[number], width, ends)
                number += 1
        return at

    def _row(self, c: Canvas, row: Row, x: float, y: float, width: float, ends: dict[int, float]) -> None:
        depth = len(row.trunk)
        left = x + MARGIN_OF_BADGES + 8
        sign_x = left + depth * self.indent
        if depth:
            above = left + (depth - 1) * self.indent
            c.line([(above, ends[depth - 1] + 5.5), (above, y), (sign_x - 6, y)], FAINT, 1.3)
        # A branch that goes on is drawn by the next row of its level; from this sign downwards begins a new one.
        ends[depth] = y
        if row.broken:
            signs.flag(c, x + MARGIN_OF_BADGES - 4, y - ROW / 2 + 1, width - MARGIN_OF_BADGES + 4, ROW - 2)
        signs.joint(c, row.sign, sign_x, y)
        signs.badge(c, row.change, x + 8, y)
        gone = row.change == "-"
        ink = SOFT if gone else NEW if row.change == "+" else INK
        style = Style(NAME.size, mono=True, bold=row.change == "+", ink=ink, struck=gone)
        end = c.text(sign_x + 12, y + 4.3, row.name, style)
        if row.locked:
            signs.lock(c, end + 9, y - 0.5)
        c.text(x + MARGIN_OF_BADGES + self.names + 16, y + 4, row.shows, SHOWS)
        at = x + self.words_at
        for pill in row.pills:
            at = signs.pill(c, pill.text, at, y, pill.kind, pill.locked) + 4
        if row.note:
            c.text(at, y + 3.8, row.note, NOTE)

    def _lanes(self, c: Canvas, x: float, places: list[float]) -> None:
        def across(lane: Lane) -> float:
            return x + self.lanes_at + lane.column * LANE + LANE / 2

        for lane in self.lanes:
            at = across(lane)
            inside, all_of = lane.members, sorted((*lane.members, *lane.slaves))
            if inside and inside[0] != inside[-1]:
                c.line([(at, places[inside[0]]), (at, places[inside[-1]])], INK, 2)
            for one, other in pairwise(all_of):
                if not inside or one < inside[0] or other > inside[-1]:
                    c.line([(at, places[one]), (at, places[other])], INK, 1.6, "4 3")
        for lane in self.lanes:
            for i in (*lane.members, *lane.slaves):
                self._leader(c, self.rows[i], x, places[i], across(lane))
        for lane in self.lanes:
            for i in lane.members:
                signs.member(c, lane.group, across(lane), places[i])
            for i in lane.slaves:
                if i not in lane.members:
                    signs.receiver(c, lane.group, across(lane), places[i])

    def _leader(self, c: Canvas, row: Row, x: float, y: float, at: float) -> None:
        """A thin line from a row to its sign on a lane."""
        used = self._words_width(row)
        start = x + self.words_at + used + 6
        if not used:
            start = x + MARGIN_OF_BADGES + self.names + 16 + width_of(row.shows, SHOWS) + 8
        c.line([(start, y), (at - 11, y)], FAINT, 1, "1 3")
