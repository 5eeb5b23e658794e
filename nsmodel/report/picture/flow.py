"""The propagation graph of a state as a picture: a box for each peer group, arrows from masters to slaves, and below
what each receiver gets of what is put on a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import networkx as nx

from nsmodel.report.output import PlaceInfo, SenderInfo, SilentInfo
from nsmodel.report.picture import signs
from nsmodel.report.picture.svg import BAND, FAINT, INK, SOFT, Canvas, Style, width_of, wrapped
from nsmodel.traces.mount_facts import MountFacts
from nsmodel.traces.receivers import Propagation

WIDE, EDGE, GUTTER = 1000.0, 28.0, 28.0
LINE, HEAD, BETWEEN, ACROSS = 21.0, 25.0, 18.0, 74.0
CARDS = 40
"""The most places that are drawn; the text tells them all."""
TITLE = Style(19, bold=True)
SECTION = Style(13, bold=True)
NAME = Style(12, mono=True)
SHOWS = Style(11, mono=True, ink=SOFT)
PLAIN = Style(11, ink=SOFT)
GROUP = Style(12, bold=True)


@dataclass
class Box:
    """Mounts that are drawn together: a peer group, or the slaves of one that are in no group."""

    title: str
    mounts: tuple[int, ...]
    peers: bool
    x: float = 0
    y: float = 0
    wide: float = 0
    high: float = 0
    links: list[Box] = field(default_factory=list)
    """Who receives from it."""


def draw(graph: Propagation, senders: Sequence[SenderInfo], silent: Sequence[SilentInfo], title: str) -> str:
    """The picture of a state's propagation."""
    c = Canvas()
    y = EDGE + 16
    for part in wrapped(title, TITLE, WIDE - 2 * EDGE):
        c.text(EDGE, y, part, TITLE)
        y += 26
    boxes = _boxes(graph)
    wide, y = _place(boxes, y + 4)
    wide = max(WIDE, wide)
    for box in boxes:
        _arrows(c, box)
    for box in boxes:
        _box(c, graph.facts, box)
    if not boxes:
        c.text(EDGE, y + 8, "There are no peer groups: nothing propagates.", PLAIN)
        y += 26
    y = _landings(c, senders, y + 8, wide)
    lonely = [(s, m) for s in silent for m in graph.facts.rows if graph.facts.name(m) == s.mount
              and graph.facts.rows[m]["master"] is None]  # fmt: skip
    if lonely:
        y = _section(c, "neither receive nor hand on", y, wide)
        for told, mount in lonely:
            signs.joint(c, graph.facts.kind(mount), EDGE + 12, y + 6)
            end = c.text(EDGE + 26, y + 10, told.mount, NAME)
            c.text(end + 12, y + 10, told.why, PLAIN)
            y += LINE
    y = _legend(c, y + 10, wide)
    return c.document(wide, y + 12, title)


def _boxes(graph: Propagation) -> list[Box]:
    facts = graph.facts
    order: nx.DiGraph[int] = nx.DiGraph()
    made: dict[int, Box] = {}
    out: list[Box] = []
    for g in graph.groups():
        made[g.group] = Box(f"peer group {facts.group(g.group)}", g.members, True)
        out.append(made[g.group])
        order.add_node(g.group)
    for g in graph.groups():
        if g.slaves:
            slaves = Box("slaves", g.slaves, False)
            made[g.group].links.append(slaves)
            out.append(slaves)
        for master in g.masters:
            # A circle of masters, which only a broken state has, is cut open where it closes.
            if not nx.has_path(order, g.group, master):
                order.add_edge(master, g.group)
            made[master].links.append(made[g.group])
    for box in out:
        rows = [_row_width(facts, m) for m in box.mounts]
        box.wide = max([width_of(box.title, GROUP) + 24, *rows]) + 8
        box.high = HEAD + len(box.mounts) * LINE + 8
    return out


def _row_width(facts: MountFacts, mount: int) -> float:
    return 34 + width_of(facts.name(mount), NAME) + 12 + width_of(facts.shows(mount), SHOWS)


def _place(boxes: Sequence[Box], top: float) -> tuple[float, float]:
    """Put boxes left to right by how far they are from a group without a master, each tree in a band of its own;
    gives how wide and where the picture ends."""
    depth: dict[int, int] = {}
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(boxes)))
    index = {id(box): i for i, box in enumerate(boxes)}
    for box in boxes:
        for other in box.links:
            if not nx.has_path(graph, index[id(other)], index[id(box)]):
                graph.add_edge(index[id(box)], index[id(other)])
    for level, nodes in enumerate(nx.topological_generations(graph)):
        depth |= dict.fromkeys(nodes, level)
    columns: dict[int, float] = {}
    for i, level in depth.items():
        columns[level] = max(columns.get(level, 0), boxes[i].wide)
    lefts = {level: EDGE + sum(columns[k] + ACROSS for k in range(level)) for level in columns}

    def put(i: int, y: float) -> float:
        """Put a box and what receives from it below `y`; gives where they end."""
        below = list(graph.succ[i])
        end = y
        for child in below:
            end = put(child, end)
        box = boxes[i]
        box.x = lefts[depth[i]]
        middle = (boxes[below[0]].y + boxes[below[-1]].y + boxes[below[-1]].high) / 2 if below else y + box.high / 2
        box.y = max(y, middle - box.high / 2)
        return max(end, box.y + box.high + BETWEEN)

    y = top
    for i in range(len(boxes)):
        if not graph.pred[i]:
            y = put(i, y)
    right = max((lefts[level] + columns[level] for level in columns), default=0) + EDGE
    return right, y


def _box(c: Canvas, facts: MountFacts, box: Box) -> None:
    c.rect(box.x, box.y, box.wide, box.high, ink=INK, fill="#ffffff", round=6, width=1.8 if box.peers else 1.2,
           dash="" if box.peers else "5 3")  # fmt: skip
    c.text(box.x + 12, box.y + 17, box.title, GROUP)
    if box.peers:
        c.line([(box.x, box.y + HEAD), (box.x + box.wide, box.y + HEAD)], FAINT)
    names = max(width_of(facts.name(m), NAME) for m in box.mounts) if box.mounts else 0
    y = box.y + HEAD + 4
    for m in box.mounts:
        signs.joint(c, facts.kind(m), box.x + 17, y + LINE / 2)
        c.text(box.x + 30, y + LINE / 2 + 4.2, facts.name(m), NAME)
        c.text(box.x + 30 + names + 12, y + LINE / 2 + 4, facts.shows(m), SHOWS)
        y += LINE


def _arrows(c: Canvas, box: Box) -> None:
    """From a group to who receives from it."""
    for i, other in enumerate(box.links):
        x, y = box.x + box.wide, box.y + box.high / 2
        tx, ty = other.x, other.y + other.high / 2
        if tx <= x:  # back to a master of a master: a broken state
            c.path(f"M{x:.1f} {y:.1f}C{x + 60:.1f} {y - 60 - 8 * i:.1f} {tx + other.wide + 60:.1f} {ty - 60:.1f} "
                   f"{tx + other.wide:.1f} {ty:.1f}", width=1.5, dash="6 3")  # fmt: skip
            continue
        half = (x + tx) / 2
        c.path(f"M{x:.1f} {y:.1f}C{half:.1f} {y:.1f} {half:.1f} {ty:.1f} {tx - 8:.1f} {ty:.1f}", width=1.5)
        c.path(f"M{tx:.1f} {ty:.1f}l-10 -5v10Z", fill=INK, width=0)


def _section(c: Canvas, text: str, y: float, wide: float) -> float:
    c.line([(EDGE, y), (wide - EDGE, y)], FAINT, 0.8)
    c.text(EDGE, y + 22, text, SECTION)
    return y + 36


def _landings(c: Canvas, senders: Sequence[SenderInfo], y: float, wide: float) -> float:
    """A card for each place, in two columns."""
    cards = [place for s in senders for place in s.places if place.copies]
    if not cards:
        return y
    y = _section(c, "what is mounted on a place is copied to", y, wide)
    width = (wide - 2 * EDGE - GUTTER) / 2
    for start in range(0, min(len(cards), CARDS), 2):
        pair = cards[start : start + 2]
        y += max(_card(c, place, EDGE + i * (width + GUTTER), y, width) for i, place in enumerate(pair)) + 12
    if len(cards) > CARDS:
        c.text(EDGE, y + 6, f"{len(cards) - CARDS} more places are in the text.", PLAIN)
        y += 20
    return y


def _card(c: Canvas, place: PlaceInfo, x: float, y: float, width: float) -> float:
    c.rect(x, y, width, 21, fill=BAND, round=3)
    c.text(x + 8, y + 15, place.place, Style(12, mono=True, bold=True))
    at = y + 25
    names = max(width_of(copy.mount, NAME) for copy in place.copies)
    for copy in place.copies:
        signs.badge(c, "+" if copy.gets else "-", x + 10, at + 8)
        gone = Style(12, mono=True, ink=INK if copy.gets else SOFT)
        c.text(x + 24, at + 12, copy.mount, gone)
        lines = wrapped(f"at {copy.at}: {copy.why}" if copy.gets else f"none: {copy.why}", PLAIN, width - names - 44)
        for part in lines:
            c.text(x + 24 + names + 14, at + 12, part, PLAIN)
            at += 16
        at += 4
    return at - y


def _legend(c: Canvas, y: float, wide: float) -> float:
    c.line([(EDGE, y), (wide - EDGE, y)], INK, 1)
    y += 22
    texts = [
        ("shared", "shared"), ("both", "slave and shared"), ("slave", "slave"), ("private", "private"),
        ("unbindable", "unbindable"),
    ]  # fmt: skip
    x = EDGE
    for sign, text in texts:
        signs.sample(c, sign, x + 14, y)
        x = c.text(x + 30, y + 4, text, PLAIN) + 22
    c.line([(x, y), (x + 24, y)], INK, 1.5)
    c.path(f"M{x + 34:.1f} {y:.1f}l-10 -5v10Z", fill=INK, width=0)
    x = c.text(x + 40, y + 4, "hands on to slaves", PLAIN) + 22
    y += 22
    signs.badge(c, "+", EDGE + 14, y)
    x = c.text(EDGE + 30, y + 4, "gets a copy", PLAIN) + 22
    signs.badge(c, "-", x + 14, y)
    c.text(x + 30, y + 4, "receives, but gets no copy", PLAIN)
    return y + 14
