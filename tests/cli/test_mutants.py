"""`nsmodel mutants`: known bugs die, and kept counterexamples are the same bytes every time."""

from pathlib import Path

import pytest

from nsmodel.kernel.versions import find_switch
from nsmodel.report import written
from nsmodel.report.picture import page
from nsmodel.system.load import load_specs
from nsmodel.system.transition import make_system
from nsmodel.traces.read import load_trace
from nsmodel.traces.record import calls_of, record
from nsmodel.traces.trace import encode
from tests.cli.commands import nsmodel

Capture = pytest.CaptureFixture[str]


LONG = {"MP18": "mount_move", "rbind_mntns_loop": "mount_namespace_files"}
"""Kept counterexamples that take long to find, with their specs."""


def test_table_and_json(capfd: Capture) -> None:
    done = nsmodel(capfd, "mutants", "nsproxy_refcount", "--no-replay", "--json", "-")
    assert done.status == 0
    by_id = {m["id"]: m for m in done.json["mutants"]}
    assert by_id["PD07"]["killed"]
    assert by_id["PD07"]["toggle"] == "thread_in_other_pidns"
    assert by_id["PD07"]["specs"] == ["nsproxy_refcount"]
    assert by_id["PD07"]["trace_length"] == 2
    assert by_id["PD07"]["replay"] is None
    assert "killed  PD07" in done.err


def test_replayed_on_this_kernel(capfd: Capture) -> None:
    done = nsmodel(capfd, "mutants", "nsproxy_refcount", "--id", "PD07", "--id", "PD02", "--json", "-")
    by_id = {m["id"]: m for m in done.json["mutants"]}
    if by_id["PD07"]["replay"] is None:
        pytest.skip(reason=by_id["PD07"]["why_not"])
    assert by_id["PD07"]["replay"] == "diverges"
    assert by_id["PD02"]["replay"] == "not observable"
    assert "no process can see" in by_id["PD02"]["why_not"]


def test_alive(capfd: Capture, tmp_path: Path) -> None:
    path = tmp_path / "weak.py"
    path.write_text(
        Path("specs/pid_fork_race.py").read_text().replace("properties=PROPERTIES,", "properties=PROPERTIES, depth=1,")
    )
    done = nsmodel(capfd, "mutants", path, "--json", "-")
    assert done.status == 1
    assert done.json["mutants"][0]["why_not"] == "no counterexample in the scope"
    assert "ALIVE" in done.err


def test_properties_that_no_known_bug_breaks(capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All specs together have a killer for each property; one of them alone in its folder has not."""
    loaded = load_specs(())
    broken = {name for one in loaded for name in one.spec.kills.values()}
    assert {p.name for one in loaded for p in one.spec.properties} == broken
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/alone.py").write_text(Path("specs/pid_fork_race.py").read_text())
    monkeypatch.chdir(tmp_path)
    done = nsmodel(capfd, "mutants", "--no-replay", "--json", "-")
    assert done.status == 4
    assert "INIT_LAST" in done.json["unkilled"]
    assert "DEAD_NS_EMPTY" not in done.json["unkilled"]
    assert "VACUOUS  INIT_LAST: no known bug breaks it" in done.err
    assert nsmodel(capfd, "mutants", "alone", "--no-replay").status == 0


def test_budget(capfd: Capture) -> None:
    done = nsmodel(capfd, "mutants", "pid_fork_race", "--state-limit", "2", "--json", "-")
    assert done.status == 3
    assert "limit of 2 states" in done.json["mutants"][0]["why_not"]


def test_written_twice_the_same(capfd: Capture, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        done = nsmodel(capfd, "mutants", "--no-replay", "--write", tmp_path / folder, "--id", "PD01", "--id", "PD04")
        assert done.status == 0
    for name in ("PD01", "PD04"):
        for file in ("README.md", "trace.json", "picture.svg"):
            assert (tmp_path / "a" / name / file).read_bytes() == (tmp_path / "b" / name / file).read_bytes()
    trace = load_trace(tmp_path / "a" / "PD01" / "trace.json")
    assert trace.mutant == "PD01"
    assert "kill(-1)" in (tmp_path / "a" / "PD01" / "README.md").read_text()


def test_kept_counterexamples_are_current(capfd: Capture, tmp_path: Path) -> None:
    kept = Path("counterexamples")
    if not kept.is_dir():
        pytest.skip(reason="this checkout keeps no counterexamples")
    names = sorted(p.name for p in kept.iterdir() if p.is_dir() and p.name not in LONG)
    wanted = [part for name in names for part in ("--id", name)]
    assert nsmodel(capfd, "mutants", "--no-replay", "--write", tmp_path, *wanted).status == 0
    for name in names:
        for file in ("README.md", "trace.json", "picture.svg"):
            assert (kept / name / file).read_bytes() == (tmp_path / name / file).read_bytes(), (
                f"{name}/{file} is not current"
            )


@pytest.mark.parametrize("name", LONG)
def test_long_counterexamples_are_current(name: str) -> None:
    """Looking for them takes long, so their calls are run again: the same states, and the same files of them."""
    kept = Path("counterexamples") / name
    trace, switch = load_trace(kept / "trace.json"), find_switch(name)
    (loaded,) = load_specs((LONG[name],))
    spec = loaded.spec
    system = make_system(spec, spec.scope(None), mutant=switch)
    operations = {o.name: o for o in (*spec.operations, *spec.prelude_operations)}
    again = record(system, calls_of(trace.steps, operations))
    again.violates = trace.violates
    assert encode(again) == (kept / "trace.json").read_bytes()
    assert written.readme(switch, again) == (kept / "README.md").read_text(encoding="utf-8")
    assert page.draw(again) == (kept / "picture.svg").read_text(encoding="utf-8")
