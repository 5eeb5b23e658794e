"""The mountinfo that a state says each task would read is what it reads on the running kernel."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from nsmodel.kernel.versions import running, switches_of
from nsmodel.oracle.errors import OracleUnavailable
from nsmodel.oracle.live.conform import Plan, draw, whole_system
from nsmodel.oracle.live.driver import Sandbox
from nsmodel.oracle.live.replay import Replayer, shown_types, steps_of_trace
from nsmodel.system.snapshot import View
from nsmodel.traces.mount_facts import MountFacts
from nsmodel.traces.mountinfo import Ages, tables
from nsmodel.traces.names import Names
from nsmodel.traces.read import load_trace
from nsmodel.traces.record import record
from nsmodel.traces.trace import State, Trace

pytestmark = pytest.mark.kernel
KEPT = Path(__file__).parents[3] / "counterexamples"


@pytest.fixture(scope="module", autouse=True)
def machine() -> None:
    try:
        with Sandbox():
            pass
    except OracleUnavailable as why:
        pytest.skip(reason=f"the kernel cannot be asked: {why.what}: {why.cause}")


@pytest.mark.parametrize("name", ["MP19", "rbind_mntns_loop"])
def test_of_kept_traces(name: str) -> None:
    assert compared(load_trace(KEPT / name / "trace.json")) > 5


def test_of_random_traces() -> None:
    release = running()
    system = whole_system(release, switches_of(release))
    for seed in ("2", "4"):
        drawn = draw(system, seed, 30, Plan(1, area="mount"))
        assert compared(record(system, drawn.calls)) > 30


def compared(trace: Trace) -> int:
    """How many tables were compared."""
    names, ages = Names(), Ages()
    with Sandbox(shown_types(View(trace.start))) as box:
        replayer = Replayer(box, View(trace.start))
        total = looked(replayer, trace.start, names, ages)
        for told, step in zip((*trace.prelude, *trace.steps), steps_of_trace(trace), strict=True):
            replayer.perform(step)
            assert told.state is not None
            total += looked(replayer, told.state, names, ages)
    return total


def looked(replayer: Replayer, state: State, names: Names, ages: Ages) -> int:
    running_tasks = {row["id"] for row in state["tasks"] if row["state"] == "RUNNING"}
    total = 0
    for table in tables(MountFacts(state, dict(names.see(state))), ages.see(state)):
        for task in running_tasks & set(table.tasks):
            file = Path(replayer.box.folder(replayer.world.workers[task])) / "mountinfo"
            assert told([str(line) for line in table.lines]) == told(file.read_text().splitlines()), f"task {task}"
            total += 1
    return total


def told(lines: list[str]) -> Counter[tuple[str, ...]]:
    """Lines without what a kernel numbers as it likes: a mount by its path, the one that it is on by its path, a group
    by the paths of who is in it; and without their order, which for copies that one call makes is that of lists."""
    split = [line.split(" - ")[0].split() for line in lines]
    points = {words[0]: words[4] for words in split}
    groups: dict[str, list[str]] = {}
    for words in split:
        for tag in words[6:]:
            kind, _, number = tag.partition(":")
            groups.setdefault(number, []).append(f"{kind} {words[4]}")
    named = {number: ",".join(sorted(members)) for number, members in groups.items()}
    return Counter(
        (
            points.get(words[1], "-"),
            re.sub(r"\[.*\]", "[]", words[3]),
            *words[4:6],
            *(f"{tag.partition(':')[0]}:{named[tag.partition(':')[2]]}" for tag in words[6:]),
        )
        for words in split
    )
