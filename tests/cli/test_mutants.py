"""`nsmodel mutants`: known bugs die, and kept counterexamples are the same bytes every time."""

from pathlib import Path

import pytest

from nsmodel.system.load import load_specs
from nsmodel.traces.read import load_trace
from tests.cli.commands import nsmodel

Capture = pytest.CaptureFixture[str]


def test_what_is_no_switch_yet(capfd: Capture) -> None:
    done = nsmodel(capfd, "mutants", "pid_fork_race", "--no-replay", "--json", "-")
    assert done.json["not_yet"] == [], "a table of one spec tells of its bugs alone"
    assert {"source": "3fd372262166", "introduced": "v3.8"}.items() <= done.json["mutants"][0].items()


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
        for file in ("README.md", "trace.json", "trace.itf.json", "picture.svg", "reproduce.c"):
            assert (tmp_path / "a" / name / file).read_bytes() == (tmp_path / "b" / name / file).read_bytes()
            assert (tmp_path / "a" / name / file).read_bytes() == Path("counterexamples", name, file).read_bytes()
    assert "[PD04](PD04/README.md)" in (tmp_path / "a" / "README.md").read_text()
    trace = load_trace(tmp_path / "a" / "PD01" / "trace.json")
    assert trace.mutant == "PD01"
    assert "kill(-1)" in (tmp_path / "a" / "PD01" / "README.md").read_text()
