"""`nsmodel bench`: reports of peers are read rightly, counts are compared, bad input is refused."""

import shutil

import pytest

from nsmodel.bench import cases, ours, peers
from nsmodel.system.problem import Problem
from tests.cli.commands import nsmodel

Capture = pytest.CaptureFixture[str]
PAN = """State-vector 52 byte, depth reached 128011, errors: 0
   393067 states, stored
pan: elapsed time 0.98 seconds
"""


def test_reports_of_peers() -> None:
    assert (peers.spin_states(PAN), peers.spin_seconds(PAN)) == (393_066, 0.98)
    assert peers.rumur_states("Status:\n\n\tNo error found.\n\n\t5198 states, 41771 rules fired in 0s.\n") == 5_198
    assert (
        peers.tlc_states("Progress: 7 distinct states found\n9 generated, 5,198 distinct states found, 0 left") == 5_198
    )
    for read in (peers.spin_states, peers.rumur_states, peers.tlc_states):
        with pytest.raises(Problem, match="did not finish"):
            read("Killed")


def test_a_verifier_that_ran_out_of_depth_did_not_finish() -> None:
    with pytest.raises(Problem, match="did not finish"):
        peers.spin_states("error: max search depth too small\n 5199 states, stored\n")


def test_cases() -> None:
    assert [case.name for case in cases.chosen(("pidns-322",), quick=False)] == ["pidns-322"]
    assert all(case.states < cases.QUICK for case in cases.chosen((), quick=True))
    assert cases.CASES[0].again(2).endswith("--bound tasks=3 --bound namespaces=2 --bound levels=2 --threads 2")


@pytest.mark.parametrize("peer", ["none", "spin"])
def test_one_case(capfd: Capture, peer: str) -> None:
    if peer != "none" and (shutil.which("spin") is None or shutil.which("gcc") is None):
        pytest.skip(reason="spin or gcc is not installed")
    done = nsmodel(capfd, "bench", "pidns-322", "--peer", peer, "--json", "-")
    assert done.status == 0
    assert [(c["states"], c["threads"]) for c in done.json["cases"]] == [(5_198, 1), (5_198, 2)]
    assert done.json["cases"][0]["compile_seconds"] > 0
    assert (done.json["cases"][0]["ratio"] is None) == (peer == "none")


def test_a_wrong_count_is_told(capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ours.Measured(5_199, 1, 1.0, 0.0, 1.0, 1.0)
    monkeypatch.setattr(ours, "measure", lambda *_: wrong)
    done = nsmodel(capfd, "bench", "pidns-322", "--peer", "none", "--json", "-")
    assert done.status == 70
    assert "counts 5,199 states" in done.json["miscounted"]


@pytest.mark.parametrize(
    ("arguments", "says"), [(("pidns-323",), "unknown case"), (("--peer", "murphi"), "unknown peer murphi")]
)
def test_refused(capfd: Capture, arguments: tuple[str, ...], says: str) -> None:
    assert says in nsmodel(capfd, "bench", *arguments).message
