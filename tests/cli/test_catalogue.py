"""The catalogue of known bugs: every one has a story, and what is kept of it is current."""

import pytest

from nsmodel.cli.keep import SAID, Found, files, table
from nsmodel.cli.verify import told_apart, without_bug
from nsmodel.ir.language import Switch
from nsmodel.kernel.catalogue import catalogue
from nsmodel.kernel.versions import all_switches
from nsmodel.report import written
from nsmodel.system.load import load_specs
from nsmodel.system.operation import Call
from nsmodel.system.transition import Runner, TransitionSystem, make_system
from nsmodel.traces.read import load_trace
from nsmodel.traces.record import calls_of, record
from tests.cli.commands import ROOT

KEPT = ROOT / "counterexamples"
HISTORICAL = [s for s in all_switches() if s.source != "synthetic"]


def test_every_bug_has_a_story_and_nothing_else_has() -> None:
    assert {s.name for s in HISTORICAL} == set(catalogue().stories)
    assert not {s.name for s in all_switches()} & set(catalogue().not_yet)
    for name, story in catalogue().stories.items():
        for text in (story.could, story.why, story.shows):
            assert text.endswith("."), name


def test_every_bug_says_since_when_or_until_when() -> None:
    assert [s.name for s in HISTORICAL if not (s.introduced or s.fixed)] == []
    assert [s.name for s in HISTORICAL if not s.fixed and not s.kernels] == [], "it lives, or it does not"


def test_what_is_kept() -> None:
    names = {p.parent.name for p in KEPT.glob("*/trace.json")}
    assert names == {s.name for s in HISTORICAL}
    assert (KEPT / "README.md").read_text(encoding="utf-8") == table(KEPT)
    for switch in HISTORICAL:
        if switch.kernels:
            told = (KEPT / switch.name / SAID).read_text(encoding="utf-8")
            chance = switch.name == "ns_id_batches"  # replay stays on one processor, where it does not come about
            assert chance or f"as on Linux {switch.kernels[-1]}" in told, switch.name
            assert chance or (KEPT / switch.name / written.BY_HAND).exists()


def broken(system: TransitionSystem, calls: tuple[Call, ...]) -> set[str]:
    """The properties that the last of some calls breaks."""
    here, out = system.initial, set()
    for call in calls:
        done = Runner(system, here).run(call)
        assert done is not None
        out = {v.property for v in done.violations}
        here = done.state if done.state is not None else here
    return out | {v.property for v in system.violations(here, system.spec.properties)}


@pytest.mark.parametrize("switch", HISTORICAL, ids=lambda s: s.name)
def test_kept_counterexample_is_current(switch: Switch) -> None:
    """Looking for them all takes minutes, so their calls are run again: they still break the property with the bug, and
    give the same files."""
    folder = KEPT / switch.name
    trace = load_trace(folder / "trace.json")
    (loaded,) = load_specs((trace.spec,))
    spec = loaded.spec
    system = make_system(spec, spec.scope(None), mutant=switch)
    operations = {o.name: o for o in (*spec.operations, *spec.prelude_operations)}
    calls = tuple(calls_of(trace.steps, operations))
    again = record(system, calls)
    assert trace.violates is not None
    assert spec.kills[switch] == trace.violates.property
    assert trace.violates.property in broken(system, calls)
    again.violates = trace.violates
    right = without_bug(make_system(spec, spec.scope(None)), calls)
    found = Found(switch, spec, again, right, told_apart(again, right))
    for name, data in files(folder, found).items():
        assert data == (folder / name).read_bytes(), f"{name} is not current"
