"""Id maps of recordings: the text, maps of many extents, and what depends on them later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmodel.kernel.objects import Extent, IdKind, UserNamespace
from nsmodel.kernel.user.map_files import MapText
from nsmodel.oracle.recorded.id_maps import Line, Written, overlap, parse, parse_word, parts_of, write_parts
from nsmodel.oracle.recorded.recordings import load
from nsmodel.oracle.recorded.state import World
from nsmodel.oracle.recorded.validate import validate
from tests.oracle.recorded.tampering import DATA, Step, call, fails, judged, tampered

LINES = st.lists(st.tuples(*[st.integers(0, 50)] * 2, st.integers(1, 20)).map(lambda t: Line(*t)), max_size=12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 1500 1\n1 100000 65535\n", [Line(0, 1500, 1), Line(1, 100000, 65535)]),
        (" 0  0\t1 ", [Line(0, 0, 1)]),
        ("0 0 1", [Line(0, 0, 1)]),
        ("0 0 1\0x", [Line(0, 0, 1)]),
        ("0 0 4294967295", [Line(0, 0, 4294967295)]),
        ("0 0 0", [Line(0, 0, 0)]),
        ("", MapText.NOTHING),
        ("\n", MapText.NOTHING),
        ("0 0", MapText.JUNK),
        ("0 0 1 1", MapText.JUNK),
        ("0 0 x", MapText.JUNK),
        ("0 -1 1", MapText.JUNK),
        ("0 0 1\n\n1 1 1", MapText.JUNK),
        ("0 4294967295 1", MapText.NO_ID),
        ("1 0 4294967295", MapText.WRAPS),
        ("\n".join(f"{i} {i} 1" for i in range(341)), MapText.JUNK),
    ],
)
def test_the_text_of_a_map(text: str, expected: Written) -> None:
    assert parse(text, len(text)) == expected


def test_a_page_is_too_much() -> None:
    assert parse("0 0 1", 4096) is MapText.PAGE


@pytest.mark.parametrize(
    ("text", "expected"),
    [("deny", False), ("allow\n", True), ("deny  ", False), ("denyx", None), ("", None), ("allow   ", None)],
)
def test_the_word_about_setgroups(text: str, expected: bool | None) -> None:
    assert parse_word(text, len(text)) is expected


@given(LINES)
def test_parts_are_the_whole(lines: list[Line]) -> None:
    parts = parts_of(lines)
    back = [
        Line(*found)
        for p in parts
        for found in [(p.first, p.lower, p.count), (p.first2, p.lower2, p.count2), (p.first3, p.lower3, p.count3)][
            : p.size
        ]
    ]
    assert back == lines
    assert len(parts) <= 1 or all(p.size > 1 for p in parts)


@given(LINES)
def test_overlap_is_a_number_named_twice(lines: list[Line]) -> None:
    inside = [i for r in lines for i in range(r.first, r.first + r.count)]
    outside = [i for r in lines for i in range(r.lower, r.lower + r.count)]
    assert overlap(lines) == (len(set(inside)) < len(inside) or len(set(outside)) < len(outside))


def test_a_map_of_many_extents() -> None:
    case = load(DATA / "id_maps.json")
    here = World(dict(case.initial.procs), case.kernel)
    root, k = here.tasks["P1"], here.k
    ns = k.new(UserNamespace)
    ns.owner, ns.creator = root.user_ns, root.euid
    lines = [Line(10 * i, 1000 + i, 1) for i in range(7)]
    assert write_parts(k, root, ns, IdKind.UID, lines) == 0
    assert [(e.first, e.lower, e.count) for e in k.live(Extent)] == [(r.first, r.lower, r.count) for r in lines]


def test_another_map_shows_other_ids(tmp_path: Path) -> None:
    assert judged("id_maps").differences == []

    def other(step: Step) -> None:
        step["args"]["data"] = "5 1500 1\n10 100000 65535\n"
        step["rc"] = step["args"]["count"] = len(step["args"]["data"])

    done, step = tampered("id_maps", call("write", None), other, tmp_path)
    assert done.differences and done.differences[0].step > step["i"], "what is shown later depends on the map"


def test_a_refused_write_is_found(tmp_path: Path) -> None:
    done, step = tampered("id_maps", call("write", None), fails("EPERM"), tmp_path)
    assert (done.differences[0].step, done.differences[0].got) == (step["i"], "EPERM")


def test_part_of_what_was_written_is_found(tmp_path: Path) -> None:
    def less(step: Step) -> None:
        step["rc"] -= 1

    done, step = tampered("id_maps", call("write", None), less, tmp_path)
    assert done.differences[0].what == "how much was written" and done.differences[0].step == step["i"]


def test_a_map_that_is_written_before_the_namespace_is_recorded(tmp_path: Path) -> None:
    """A call of another process that is still under way: the map belongs to the user namespace that it makes."""
    case = json.loads((DATA / "id_maps.json").read_text())
    steps = case["steps"]
    making = next(s for s in steps if s["op"] == "unshare" and "NEWUSER" in s["args"]["flags"])
    writing = next(s for s in steps if s["op"] == "write" and "uid_map" in s["args"]["fd"]["link"])
    moved = {k: v for k, v in writing.items() if k != "procs"} | {"i": making["i"], "procs": making.pop("procs")}
    moved["p"], moved["args"]["data"] = "P1", "0 0 9"
    moved["args"]["count"] = moved["rc"] = 5
    rest = [s for s in steps if s["i"] < making["i"]]
    making["i"] += 1
    case["steps"] = [*rest, moved, making]
    case["steps"][-1].pop("after", None)
    file = tmp_path / "early.json"
    file.write_text(json.dumps(case))
    done = validate([file])
    assert done.differences == []
    assert done.reasons["write: a file of a process that is under way to another user namespace"] == 1
