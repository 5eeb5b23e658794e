"""Limits on namespaces that a recording sets."""

from __future__ import annotations

from pathlib import Path

from tests.oracle.recorded.tampering import Step, call, fails, judged, tampered


def test_limits_are_counted() -> None:
    done = judged("limits")
    assert done.differences == [] and done.modelled == done.steps
    assert sum(c["agreed"] for name, c in done.cells.items() if name == "unshare|-|ENOSPC") == 3


def test_another_limit_leaves_the_rest_open(tmp_path: Path) -> None:
    """What is refused for a limit may be so for one that is not recorded: no agreement, and no divergence."""

    def more(step: Step) -> None:
        step["args"]["data"] = "9\n"

    done, _ = tampered("limits", lambda s: "max_mnt" in str(s["args"].get("fd")), more, tmp_path)
    assert done.differences == []
    assert done.reasons["unshare: ENOSPC: not all limits and uses are recorded"] == 1


def test_a_write_that_is_no_number(tmp_path: Path) -> None:
    def word(step: Step) -> None:
        step["args"]["data"] = "x\n"

    done, step = tampered("limits", lambda s: "max_pid" in str(s["args"].get("fd")), word, tmp_path)
    assert (done.differences[0].step, done.differences[0].expected) == (step["i"], "EINVAL")


def test_a_refused_write_is_found(tmp_path: Path) -> None:
    done, step = tampered("limits", lambda s: "max_pid" in str(s["args"].get("fd")), fails("EPERM"), tmp_path)
    assert done.differences[0].step == step["i"]


def test_another_error_than_the_limit_is_found(tmp_path: Path) -> None:
    done, step = tampered("limits", call("unshare", "ENOSPC"), fails("EINVAL"), tmp_path)
    assert done.reasons or done.differences[0].step == step["i"]
