"""`nsmodel check`: verdict lines, exit statuses, machine output."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nsmodel.engines import registry, vacuity
from nsmodel.engines.interface import ALONE, Limits, Report, Resources, Search
from nsmodel.engines.reference import Reference
from nsmodel.schema import schema
from nsmodel.system.transition import TransitionSystem
from nsmodel.traces.read import load_trace
from tests.cli.commands import nsmodel

Capture = pytest.CaptureFixture[str]
SHALLOW = ("check", "pid_lifetime", "--depth", "3")


def test_verdict_lines(capfd: Capture) -> None:
    done = nsmodel(capfd, *SHALLOW)
    assert done.status == 0
    assert done.err == ""
    lines = [line for line in done.out.splitlines() if line.startswith("HOLDS")]
    assert len(lines) == 11
    assert "pid_lifetime  DEAD_NS_EMPTY  default, depth 3  explicit" in lines[0]
    assert "scope reached" in done.out
    assert "every expectation met" in done.out


def test_json(capfd: Capture) -> None:
    done = nsmodel(capfd, *SHALLOW, "--json", "-", "--bound", "tasks=2", "--kernel", "6.18")
    first = done.json["results"][0]
    assert done.status == 0
    assert (first["verdict"], first["expected"], first["as_expected"]) == ("HOLDS", "HOLDS", True)
    assert (first["depth"], first["complete"], first["trace"], first["mutant"]) == (3, False, None, None)
    assert first["scope"]["bounds"]["tasks"] == 2
    assert first["scope"]["depth"] == 3
    assert first["kernel"] == "6.18"
    assert first["states"] > 1
    assert "HOLDS" in done.err, "text for people goes to standard error"


def test_complete_search_and_forked_specs(capfd: Capture, tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    done = nsmodel(capfd, "check", "nsproxy_access", "pid_fork_race", "--json", file, "--threads", "2")
    assert done.status == 0
    assert "default, complete" in done.out
    specs = {r["spec"]: r for r in nsmodel_json(file)["results"]}
    assert list(specs) == ["nsproxy_access", "pid_fork_race"]
    assert specs["pid_fork_race"]["complete"]
    assert specs["pid_fork_race"]["cuts"]["pids"] > 0


def nsmodel_json(file: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(file.read_text())
    jsonschema.validate(data, schema("check"))
    return data


def test_mutant_is_a_kill(capfd: Capture, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    done = nsmodel(capfd, *SHALLOW, "--mutant", "newpid_twice", "--trace-out", file, "--json", "-")
    assert done.status == 1
    broken = {r["property"]: r for r in done.json["results"] if not r["as_expected"]}
    assert broken["GROUP_NS"]["verdict"] == "VIOLATED"
    assert broken["GROUP_NS"]["mutant"] == "newpid_twice"
    assert broken["GROUP_NS"]["objects"][0]["name"] == "P1"
    assert "is violated with newpid_twice on" in done.err
    trace = load_trace(file)
    assert len(trace.steps) == min(len(r["trace"]["steps"]) for r in broken.values())
    shown = nsmodel(capfd, "show", file)
    assert shown.status == 0
    assert shown.out in done.err
    assert nsmodel(capfd, "show", file, "--json", "-").json["trace"]["spec"] == "pid_lifetime"


def test_forms_of_a_search_out_of_budget(capfd: Capture, tmp_path: Path) -> None:
    junit, sarif = tmp_path / "out.xml", tmp_path / "out.sarif"
    limited = ("check", "pid_lifetime", "--engine", "reference", "--state-limit", "5")
    assert nsmodel(capfd, *limited, "--junit", junit, "--sarif", sarif).status == 3
    assert 'skipped="11"' in junit.read_text()
    (run,) = json.loads(sarif.read_text())["runs"]
    assert {r["kind"] for r in run["results"]} == {"open"}
    for option in ("--junit", "--sarif"):
        assert "there is no folder" in nsmodel(capfd, *limited, option, tmp_path / "no" / "out").message


def test_some_properties_only(capfd: Capture) -> None:
    limited = ("check", "pid_lifetime", "orphans", "--scope", "small", "--engine", "reference")
    done = nsmodel(capfd, *limited, "--property", "INIT_LAST", "--property", "PID_VIS", "--json", "-")
    assert [(r["spec"], r["property"]) for r in done.json["results"] if " " not in r["property"]] == [
        ("pid_lifetime", "INIT_LAST"),
        ("pid_lifetime", "PID_VIS"),
        ("orphans", "INIT_LAST"),
    ]
    assert "did you mean INIT_LAST?" in nsmodel(capfd, *limited, "--property", "INIT_LST").message


NEVER = """
from nsmodel.ir.language import invariant, require
from nsmodel.system.spec import prop

@invariant("NEVER")
def never(k: Kernel) -> None:
    \"\"\"Only one task.\"\"\"
    for t in k.tasks:
        require(t.parent is None, "there is a child", t)

PROPERTIES = (prop("NEVER", "nobody forks", never),)
SPEC = """


def forbidding(folder: Path, expected: str) -> Path:
    """A spec with a property that does not hold, and what it expects of it."""
    text = Path("specs/pid_lifetime.py").read_text()
    text = (
        text.replace("SPEC = ", NEVER)
        .replace("Verdict.HOLDS for", f"Verdict.{expected} for")
        .replace("kills={", "kills={} and {")
    )
    path = folder / "forbidding.py"
    path.write_text(text)
    return path


def test_expected_counterexample(capfd: Capture, tmp_path: Path) -> None:
    done = nsmodel(capfd, "check", forbidding(tmp_path, "VIOLATED"), "--json", "-")
    assert done.status == 0
    assert done.json["results"][0]["as_expected"]
    assert "in 1 step (as expected)" in done.err
    assert "counterexample" not in done.err, "what was expected needs no explanation"
    assert nsmodel(capfd, "check", tmp_path, "--depth", "0").status == 1, "it did not come"
    done = nsmodel(capfd, "check", tmp_path, "--mutant", "PD04", "--json", "-")
    assert done.status == 1, "with a mutant, properties are expected to hold"
    assert done.json["results"][0]["expected"] == "HOLDS"


def test_unexpected_counterexample(capfd: Capture, tmp_path: Path) -> None:
    done = nsmodel(capfd, "check", forbidding(tmp_path, "HOLDS"), "--json", "-")
    assert done.status == 1
    result = done.json["results"][0]
    assert result["clause"] == "there is a child"
    assert result["objects"] == [{"collection": "tasks", "id": 2, "name": "P1.1"}]
    assert "broken by step 1" in done.err


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--state-limit", "5"), "the limit of 5 states is reached"),
        (("--time-limit", "0"), "the time limit of 0 s is spent"),
        (("--memory-limit", "1"), "the memory limit of 1 MB for states is reached"),
    ],
)
def test_budgets(capfd: Capture, option: tuple[str, ...], says: str) -> None:
    done = nsmodel(capfd, "check", "pid_visibility", *option, "--json", "-")
    assert done.status == 3
    assert {r["verdict"] for r in done.json["results"]} == {"UNKNOWN"}
    assert says in done.err


def test_depth_zero_and_scopes(capfd: Capture) -> None:
    assert nsmodel(capfd, "check", "pid_lifetime", "--depth", "0", "--json", "-").json["results"][0]["states"] == 1
    small = nsmodel(capfd, *SHALLOW, "--scope", "small", "--json", "-").json["results"][0]
    assert small["scope"]["name"] == "small"
    assert small["scope"]["bounds"]["tasks"] == 2


def test_no_symmetry_sees_more_states(capfd: Capture) -> None:
    with_symmetry = nsmodel(capfd, *SHALLOW, "--json", "-").json["results"][0]["states"]
    assert nsmodel(capfd, *SHALLOW, "--no-symmetry", "--json", "-").json["results"][0]["states"] > with_symmetry


def test_vacuous_operation(capfd: Capture) -> None:
    done = nsmodel(capfd, "check", "pid_fork_race", "--bound", "pids=3", "--json", "-")
    assert done.status in (0, 4)
    vacuous = [r["property"] for r in done.json["results"] if r["verdict"] == "VACUOUS"]
    assert (done.status == 4) == bool(vacuous)
    done = nsmodel(capfd, "check", "nsproxy_access", "--bound", "unshare_uts_frames=0", "--json", "-")
    assert done.status == 4
    assert "operation unshare_uts" in [r["property"] for r in done.json["results"]]
    assert "never succeeds in the whole scope: it needs more unshare_uts_frames" in done.err


def test_idle_property(capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A property that speaks of what no call of the spec makes; where the scope is not the spec's own, nobody asks."""
    monkeypatch.setattr(vacuity, "WALKS", 20)
    path = tmp_path / "idle.py"
    text = Path("specs/pid_fork_race.py").read_text().replace("NO_UAF, REAPER", "LOCK_COVER, NO_UAF, REAPER")
    path.write_text(text.replace("PROPERTIES = (", "PROPERTIES = (LOCK_COVER, "))
    done = nsmodel(capfd, "check", path, "--threads", "1", "--json", "-")
    assert done.status == 4
    (idle,) = [r for r in done.json["results"] if r["verdict"] == "VACUOUS"]
    assert idle["property"] == "LOCK_COVER"
    assert "comes to a clause" in idle["reason"]
    assert nsmodel(capfd, "check", path, "--bound", "tasks=3", "--json", "-").status == 0


class Liar(Reference):
    """Sees nothing."""

    name = "liar"

    def search(
        self,
        system: TransitionSystem,
        limits: Limits,
        report: Report,
        *,
        symmetry: bool = True,
        resources: Resources = ALONE,
    ) -> Search:
        """Forget what was found."""
        out = super().search(system, limits, report, symmetry=symmetry)
        out.engine = self.name
        out.found.clear()
        return out


def test_engines_side_by_side(capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "two.py"
    path.write_text(
        Path("specs/nsproxy_access.py").read_text().replace("kills={", 'engines=("reference", "liar"), kills={')
    )
    modules = {"reference": registry.MODULES["reference"], "liar": (__name__, "Liar")}
    monkeypatch.setattr(registry, "MODULES", modules)
    done = nsmodel(capfd, "check", path, "--engine", "all", "--json", "-")
    assert done.status == 0
    assert {r["engine"] for r in done.json["results"]} == {"reference", "liar"}
    done = nsmodel(capfd, "check", path, "--engine", "all", "--mutant", "nsproxy_switch_unlocked", "--json", "-")
    assert done.status == 70
    assert done.json["disagreements"][0]["engines"] == ["reference", "liar"]
    assert "DISAGREE" in done.err


def test_engine_that_does_not_fit(capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {"reference": registry.MODULES["reference"], "liar": (__name__, "Liar")}
    monkeypatch.setattr(registry, "MODULES", modules)
    done = nsmodel(capfd, "check", "nsproxy_access", "--engine", "liar", "--json", "-")
    assert done.status == 3
    assert "does not fit" in done.json["results"][0]["reason"]
