"""Whole pictures: well-formed, self-contained, nothing on top of anything else; one of them as a golden file."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nsmodel.report.picture.page import MANY, draw, panels_of
from nsmodel.report.picture.svg import Style, width_of, wrapped
from nsmodel.system.problem import Problem
from nsmodel.traces.read import load_trace
from nsmodel.traces.trace import ObjectRef, State, Trace, Violates
from tests.golden import same
from tests.report.picture.boxes import boxes_of, overlapping
from tests.traces.mounted import BOTTOM, EVERYTHING, ROOT, mount, state, trace_of

ALONE = state(BOTTOM, ROOT)
PLAIN = state(BOTTOM, mount(2, 1, 1, 1, 1))
KEPT = Path(__file__).parents[3] / "counterexamples"


def small() -> Trace:
    trace = trace_of(
        PLAIN,
        ALONE,
        state(BOTTOM, ROOT, mount(3, 3, 2, 2, 1, group=1, locked=True)),
        state(BOTTOM, ROOT, mount(3, 3, 2, 3, 1, master=1, attributes=[1], locked_attributes=[1])),
        state(BOTTOM, ROOT),
    )
    trace.violates = Violates("PROP_EXACT", "a receiver has no copy", [ObjectRef("mounts", 2, "1:/")], 4)
    return trace


def test_golden() -> None:
    same("picture_small.svg", draw(small()))


def test_self_contained() -> None:
    text = draw(small())
    root = ElementTree.fromstring(text)
    assert {re.sub("{.*}", "", e.tag) for e in root.iter()} <= {"svg", "title", "rect", "path", "circle", "text"}
    assert text.count("http") == 1, "the name space of SVG is all that it names"
    assert float(root.attrib["width"]) <= 1000


@pytest.mark.parametrize("states", [(EVERYTHING,), (PLAIN, EVERYTHING), (EVERYTHING, PLAIN)])
def test_nothing_overlaps(states: tuple[State, ...]) -> None:
    assert overlapping(boxes_of(draw(trace_of(*states)))) == []


@pytest.mark.parametrize(
    "kept", sorted(p.with_name("trace.json") for p in KEPT.glob("*/picture.svg")), ids=lambda p: p.parent.name
)
def test_kept_counterexamples_can_be_drawn(kept: Path) -> None:
    text = draw(load_trace(str(kept)))
    assert overlapping(boxes_of(text)) == []
    assert "breaks the clause" in text or "violates" not in text


def test_what_is_drawn_of_a_long_trace() -> None:
    states = [ALONE if i % 2 else PLAIN for i in range(MANY + 5)]
    panels = panels_of(trace_of(*states))
    assert [bool(p.blocks) for p in panels] == [True] + [False] * (MANY + 1) + [True] * 3


def test_a_state_that_stays_is_drawn_once() -> None:
    panels = panels_of(trace_of(PLAIN, PLAIN))
    assert (panels[1].blocks, panels[1].lines) == ([], ["all mounts stay as they are"])


def test_nothing_to_draw() -> None:
    with pytest.raises(Problem, match="nothing to draw"):
        draw(trace_of({"tasks": [{"id": 1}]}))


def test_a_circle_of_mounts_is_drawn() -> None:
    text = draw(trace_of(state(BOTTOM, mount(2, 1, 3, 2, 1), mount(3, 1, 2, 2, 1))))
    assert text.count("mount#") == 2


def test_long_texts_are_broken() -> None:
    style = Style(12)
    lines = wrapped("a receiver of the place has no copy " * 4, style, 200)
    assert len(lines) > 3
    assert all(width_of(text, style) <= 200 for text in lines)
