"""Judging calls on credentials: agreement on what a kernel did, and a divergence where a result was changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from nsmodel.oracle.recorded.credential_judges import CREDENTIAL_JUDGES
from tests.oracle.recorded.tampering import Step, call, fails, judged, succeeds, tampered

SHOWN = {
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "capset", "capget", "prctl",
    "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "execve", "write",
}  # fmt: skip


def test_a_random_recording_agrees() -> None:
    done = judged("random_credentials")
    assert done.differences == []
    cells: dict[str, Counter[str]] = {}
    for name, counts in done.cells.items():
        cells.setdefault(name.split("|")[0], Counter()).update(counts)
    assert set(CREDENTIAL_JUDGES) & set(cells) == SHOWN
    for operation in SHOWN - {"prctl", "write", "execve"}:
        assert cells[operation]["uncovered"] == 0, operation
    assert done.resynced == 0


@pytest.mark.parametrize(
    ("wanted", "change", "got"),
    [
        (call("setresuid"), fails("EPERM"), "EPERM"),
        (call("setresgid", "EPERM"), succeeds, "success"),
        (call("setreuid", "EINVAL"), fails("EPERM"), "EPERM"),
        (call("setregid"), fails("EINVAL"), "EINVAL"),
        (call("setgroups", "EPERM"), succeeds, "success"),
        (call("capset", "EPERM"), succeeds, "success"),
        (call("prctl", "EPERM"), succeeds, "success"),
        (call("prctl", "EINVAL"), succeeds, "success"),
        (call("setuid", "EINVAL"), fails("EPERM"), "EPERM"),
        (call("setgid", "EPERM"), succeeds, "success"),
    ],
)
def test_a_changed_result_is_found(
    wanted: Callable[[Step], bool], change: Callable[[Step], None], got: str, tmp_path: Path
) -> None:
    done, step = tampered("random_credentials", wanted, change, tmp_path)
    first = done.differences[0]
    assert (first.step, first.got) == (step["i"], got)


@pytest.mark.parametrize("op", ["getuid", "geteuid", "getgid", "getegid", "getgroups"])
def test_another_number_is_found(op: str, tmp_path: Path) -> None:
    def other(step: Step) -> None:
        step["rc"] += 1

    done, step = tampered("random_credentials", call(op), other, tmp_path)
    assert done.differences[0].step == step["i"]


def test_what_a_file_gave_is_assumed(tmp_path: Path) -> None:
    """newuidmap belongs to root and is set-id, of which the recording tells only the effect."""
    plain = judged("id_maps")
    assert plain.differences == []

    def gives(step: Step) -> bool:
        return step["op"] == "execve" and "uid" in step.get("procs", {}).get(step["p"], {})

    def real_too(step: Step) -> None:
        step["procs"][step["p"]]["uid"][0] = 0

    done, step = tampered("id_maps", gives, real_too, tmp_path)
    assert done.differences[0].step == step["i"], "no file changes the real user"


def test_an_exec_that_fails(tmp_path: Path) -> None:
    done, step = tampered("id_maps", call("execve"), fails("EACCES"), tmp_path)
    assert not [d for d in done.differences if d.step == step["i"]]
    done, step = tampered("id_maps", call("execve"), fails("ENOEXEC"), tmp_path)
    assert any(reason.startswith("execve: ENOEXEC") for reason in done.reasons)


def test_groups_that_are_cut_off_are_said_to_be(tmp_path: Path) -> None:
    def many(step: Step) -> None:
        step["args"]["n"] = 20

    done, _ = tampered("random_credentials", call("setgroups"), many, tmp_path)
    assert done.reasons["setgroups: not all groups are recorded"] == 1
