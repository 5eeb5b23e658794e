"""Judging pidfd_open and the ioctls of namespace files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.oracle.recorded.tampering import Step, call, fails, judged, succeeds, tampered


def test_a_recording_agrees() -> None:
    done = judged("namespace_files")
    assert done.differences == []
    assert done.cells["ioctl|-|ok"]["agreed"] > 20 and done.cells["ioctl|-|EPERM"]["agreed"] > 5
    assert done.cells["ioctl|-|ENOTTY"]["agreed"] == 3
    assert done.cells["pidfd_open|-|EINVAL"]["agreed"] > 5
    assert all(not name.startswith("ioctl") or not c["uncovered"] for name, c in done.cells.items())


def other_namespace(step: Step) -> None:
    step["out"]["newfd"]["ns"] = "uts1"


def other_type(step: Step) -> None:
    step["rc"] += 1


def other_process(step: Step) -> None:
    step["out"]["newfd"]["pid"] = "P9"


@pytest.mark.parametrize(
    ("wanted", "change"),
    [
        (call("ioctl", None, cmd="NS_GET_USERNS"), other_namespace),
        (call("ioctl", None, cmd="NS_GET_NSTYPE"), other_type),
        (call("ioctl", "EPERM", cmd="NS_GET_PARENT"), fails("EINVAL")),
        (call("ioctl", "EINVAL", cmd="NS_GET_PARENT"), fails("EPERM")),
        (call("ioctl", "ENOTTY", cmd="NS_GET_USERNS"), fails("EINVAL")),
        (call("pidfd_open", "EINVAL"), succeeds),
        (call("pidfd_open", None), other_process),
    ],
)
def test_a_change_is_found(wanted: Callable[[Step], bool], change: Callable[[Step], None], tmp_path: Path) -> None:
    done, step = tampered("namespace_files", wanted, change, tmp_path)
    assert done.differences[0].step == step["i"]
