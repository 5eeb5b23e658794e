"""Judging recordings: agreement on real ones, and a divergence where one was changed."""

from __future__ import annotations

import json
from pathlib import Path

from nsmodel.oracle.validate import JUDGES, validate

DATA = Path(__file__).parents[1] / "data" / "recordings"
CASES = sorted(DATA.glob("*.json"))


def test_recordings_agree() -> None:
    done = validate(CASES)
    assert done.files == len(CASES) and done.differences == []
    assert done.steps == done.modelled + sum(done.uncovered.values())
    of_tasks = {name: cell for name, cell in done.cells.items() if name.split("|")[0] in JUDGES}
    judged = sum(c["agreed"] for c in of_tasks.values())
    assert judged >= 0.9 * sum(sum(c.values()) for c in of_tasks.values())


def test_a_changed_result_is_found(tmp_path: Path) -> None:
    case = json.loads((DATA / "pid_init.json").read_text())
    step = next(s for s in case["steps"] if s["op"] == "getpid")
    step["rc"] += 1
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(case))
    (found,) = [d for d in validate([changed]).differences if d.operation == "getpid"]
    assert found.step == step["i"] and found.what == "number"
