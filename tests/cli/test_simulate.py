"""`nsmodel simulate`: never complete, the same for the same seed."""

import pytest

from tests.cli.commands import nsmodel

Capture = pytest.CaptureFixture[str]


def test_walks(capfd: Capture) -> None:
    arguments = ("simulate", "pid_lifetime", "--seed", "3", "--walks", "10", "--steps", "10", "--json", "-")
    one, two = (nsmodel(capfd, *arguments).json for _ in range(2))
    assert one["exit"] == 0
    first = one["results"][0]
    assert (first["engine"], first["complete"], first["depth"]) == ("simulate", False, None)
    drop = ("seconds",)
    assert [{k: v for k, v in r.items() if k not in drop} for r in one["results"]] == [
        {k: v for k, v in r.items() if k not in drop} for r in two["results"]
    ]


def test_finds_a_bug(capfd: Capture) -> None:
    done = nsmodel(capfd, "simulate", "pid_lifetime", "--mutant", "newpid_twice", "--walks", "40", "--json", "-")
    assert done.status == 1
    assert "perhaps not the shortest" in done.err
    broken = next(r for r in done.json["results"] if r["property"] == "GROUP_NS")
    assert [s["operation"] for s in broken["trace"]["steps"]] == ["unshare", "unshare"]
