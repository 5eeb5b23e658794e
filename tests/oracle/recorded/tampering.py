"""Recordings changed at one step, to see that the change is found there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nsmodel.oracle.recorded.judgement import Judgement
from nsmodel.oracle.recorded.validate import validate

DATA = Path(__file__).parents[2] / "data" / "recordings"
Step = dict[str, Any]


def judged(name: str) -> Judgement:
    """A recording as it is."""
    return validate([DATA / f"{name}.json"])


def tampered(
    name: str, wanted: Callable[[Step], bool], change: Callable[[Step], None], folder: Path
) -> tuple[Judgement, Step]:
    """A recording whose first step of a kind was changed, judged; and that step."""
    case = json.loads((DATA / f"{name}.json").read_text())
    step = next(s for s in case["steps"] if wanted(s))
    change(step)
    file = folder / "tampered.json"
    file.write_text(json.dumps(case))
    return validate([file]), step


def fails(errno: str) -> Callable[[Step], None]:
    """The step failed."""

    def change(step: Step) -> None:
        step["rc"], step["errno"] = -1, errno

    return change


def succeeds(step: Step) -> None:
    """The step succeeded."""
    step["rc"] = 0
    del step["errno"]


def call(op: str, errno: str | None = None, **arguments: Any) -> Callable[[Step], bool]:
    """A call with this result and these arguments."""
    return lambda s: s["op"] == op and s.get("errno") == errno and arguments.items() <= s["args"].items()
