"""What is read from the output of each peer, and which cases a peer leaves out."""

from __future__ import annotations

import pytest

from nsmodel.bench import rumur, spin, tlc
from nsmodel.bench.cases import CASES
from nsmodel.bench.peer import Counted
from nsmodel.bench.processes import Done, Failed

BY_NAME = {case.name: case for case in CASES}

PAN = """
(Spin Version 6.5.2 -- 6 December 2019)

Full statespace search for:
\tnever claim         \t- (none specified)

State-vector 44 byte, depth reached 1806, errors: 0
     5199 states, stored
    42396 states, matched
    47595 transitions (= stored+matched)
hash conflicts:       160 (resolved)

Stats on memory usage (in Megabytes):
    0.317\tequivalent memory usage for states (stored*(State-vector + overhead))

pan: elapsed time 0.01 seconds
"""
RUMUR = """
Status:

\tNo error found.

State Space Explored:

\t5198 states, 41771 rules fired in 0s.
"""
TLC = """TLC2 Version 2.19 of 08 August 2024
Progress(9) at 2024-11-24 16:44:14: 27,084 states generated (27,084 s/min), 4,371 distinct states found (4,371 ds/min), 1,324 states left on queue.
Model checking completed. No error has been found.
82867 states generated, 9702 distinct states found, 0 states left on queue.
Finished in 07s at (2024-11-24 16:44:17)
"""  # noqa: E501


def test_pan() -> None:
    assert spin.counted(PAN) == Counted(5198, 0.01)  # without the state before the first step


def test_pan_that_loses_states() -> None:
    error = spin.counted("error: max search depth too small\n" + PAN).error
    assert error == "pan's stack is too short, states are missing"


def test_pan_that_finds_an_error() -> None:
    text = "pan:1: assertion violated REFCOUNT_holds (at depth 405)\n" + PAN.replace("errors: 0", "errors: 1")
    assert spin.counted(text).error == "assertion violated REFCOUNT_holds"


def test_pan_that_gives_up() -> None:
    with pytest.raises(Failed, match="pan: out of memory"):
        spin.counted("pan: reached -DMEMLIM bound\npan: out of memory\n")
    with pytest.raises(Failed, match="printed nothing"):
        spin.counted("")


def test_pan_gets_room() -> None:
    assert spin.arguments(5_198) == ["-m1000000", "-w24"]
    assert spin.arguments(393_066) == ["-m20000000", "-w24"]
    assert spin.arguments(5_861_468) == ["-m20000000", "-w26"]


def test_rumur() -> None:
    assert rumur.counted(Done(0, RUMUR, "", 0.25)) == Counted(5198, 0.25)


def test_rumur_that_finds_an_error() -> None:
    text = """
The following is the error trace for the error:

\tinvariant "VISIBLE" failed

Status:

\t1 error(s) found.

State Space Explored:

\t2 states, 2 rules fired in 0s.
"""
    assert rumur.counted(Done(1, text, "", 0.1)) == Counted(2, 0.1, 'invariant "VISIBLE" failed')


def test_rumur_that_is_killed() -> None:
    with pytest.raises(Failed, match="signal 9"):
        rumur.counted(Done(-9, "", "", 0.1))


def test_tlc() -> None:
    assert tlc.counted(Done(0, TLC, "", 7.5)) == Counted(9702, 7.5)


def test_tlc_that_finds_an_error() -> None:
    text = "Error: Invariant Refcount is violated.\n13 states generated, 9 distinct states found, 2 states left.\n"
    assert tlc.counted(Done(12, text, "", 1.0)) == Counted(9, 1.0, "Invariant Refcount is violated.")


def test_tlc_that_cannot_read_the_model() -> None:
    with pytest.raises(Failed, match="status 150"):
        tlc.counted(Done(150, "Error: Parsing or semantic analysis failed.\n", "", 1.0))


def test_tlc_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLA2TOOLS", "/nowhere/tla2tools.jar")
    assert "which is no file" in (tlc.Tlc().missing() or "")
    monkeypatch.delenv("TLA2TOOLS")
    monkeypatch.setenv("PATH", "")
    assert "set TLA2TOOLS" in (tlc.Tlc().missing() or "")


def test_what_a_peer_leaves_out() -> None:
    refused = {
        (peer.name, name)
        for peer in (spin.Spin(), rumur.Rumur(), tlc.Tlc())
        for name, case in BY_NAME.items()
        if peer.refuses(case)
    }
    large = {"pidns-432", "mounts-412", "mounts-512-symmetry"}
    assert refused == {(p, n) for p in ("rumur", "tlc") for n in large} | {("spin", "mounts-512-symmetry")}
