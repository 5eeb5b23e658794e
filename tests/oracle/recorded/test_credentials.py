"""Credentials of recordings: masks and objects, and what is compared after each call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmodel.kernel.credentials import every, holds
from nsmodel.kernel.objects import CapabilityKind, Kernel
from nsmodel.oracle.recorded.credentials import BITS, LAST
from nsmodel.oracle.recorded.judgement import Differs
from nsmodel.oracle.recorded.recordings import Proc, load
from nsmodel.oracle.recorded.state import World
from tests.oracle.recorded.tampering import DATA, Step, tampered

FULL = (1 << LAST + 1) - 1


def world(name: str = "id_maps") -> World:
    case = load(DATA / f"{name}.json")
    return World(dict(case.initial.procs), case.kernel)


@given(st.integers(min_value=0, max_value=FULL))
def test_masks_and_sets_are_the_same(mask: int) -> None:
    shown = WORLD.credentials
    assert shown.mask(shown.named(mask)) == mask


WORLD = world()


def test_every_kind_has_its_bit() -> None:
    assert set(BITS) == set(CapabilityKind) - {CapabilityKind.REST}
    k: Kernel = WORLD.k
    assert WORLD.credentials.mask(every(k)) == FULL
    for kind, bit in BITS.items():
        assert holds(k, WORLD.credentials.named(1 << bit), kind)  # type: ignore[arg-type]
        assert not holds(k, WORLD.credentials.named(FULL & ~(1 << bit)), kind)  # type: ignore[arg-type]


def test_what_is_taken_is_what_is_compared() -> None:
    here = world()
    proc = Proc(uid=(1, 2, 3, 4), gid=(5, 6, 7, 8), groups="9 10", cap_eff="1", cap_prm="3", cap_inh="4", nnp="1")
    assert here.take("P1", proc)
    assert not here.take("P1", proc)
    here.compare("P1", proc, "nothing")
    task = here.tasks["P1"]
    assert (task.uid, task.euid, task.suid, task.fsuid, task.sgid) == (1, 2, 3, 4, 7)
    assert sorted(g.gid for g in task.groups) == [9, 10] and task.no_new_privs
    for other in (Proc(groups="9"), Proc(uid=(1, 2, 3, 3)), Proc(cap_prm="7"), Proc(nnp="0")):
        with pytest.raises(Differs):
            here.compare("P1", other, "nothing")


def test_a_recording_that_leaves_credentials_out_changes_none() -> None:
    case = load(DATA / "id_maps.json")
    here = World(dict(case.initial.procs), case.kernel, follows=False)
    before = here.tasks["P1"].uid
    assert not here.take("P1", Proc(uid=(7, 7, 7, 7)))
    assert here.tasks["P1"].uid == before


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("uid", lambda ids: [*ids[:3], ids[3] + 1]),
        ("gid", lambda ids: [ids[0] + 1, *ids[1:]]),
        ("groups", lambda text: text + " 77"),
        ("cap_eff", lambda mask: f"{int(mask, 16) ^ 1 << 12:016x}"),
        ("cap_prm", lambda mask: f"{int(mask, 16) ^ 1 << 21:016x}"),
        ("cap_inh", lambda mask: f"{int(mask, 16) ^ 1:016x}"),
        ("cap_bnd", lambda mask: f"{int(mask, 16) ^ 1 << 40:016x}"),
    ],
)
def test_a_changed_credential_is_found(field: str, change: Any, tmp_path: Path) -> None:
    def shows(step: Step) -> bool:
        return step["op"] not in ("clone", "execve") and field in step.get("procs", {}).get(step["p"], {})

    def tamper(step: Step) -> None:
        proc = step["procs"][step["p"]]
        proc[field] = change(proc[field])

    done, step = tampered("random_credentials", shows, tamper, tmp_path)
    assert done.differences[0].step == step["i"]
    assert done.differences[0].what.startswith(f"{field} of {step['p']}; effect of ")


def test_a_child_with_other_credentials_is_found(tmp_path: Path) -> None:
    def tamper(step: Step) -> None:
        step["procs"][step["child"]]["cap_eff"] = "0" * 16

    done, step = tampered("random_credentials", lambda s: s["op"] == "clone", tamper, tmp_path)
    assert done.differences[0].step == step["i"]
