"""Judges of mutants: each kind of kill, what survives, and what is the same to whoever looks from outside."""

from pathlib import Path

import pytest

from nsmodel.ir.state import Frozen, freeze
from nsmodel.kernel.objects import Mount, Task, UtsNamespace
from nsmodel.mutation import recordings, searches, steps
from nsmodel.mutation.corpus import campaign, judged_system
from nsmodel.mutation.install import refused
from nsmodel.mutation.kill import Kill
from nsmodel.mutation.mutants import Mutant, all_mutants
from nsmodel.mutation.probes import Probes
from nsmodel.mutation.shown import Shown
from nsmodel.oracle.live.conform import Plan
from nsmodel.system.load import load_specs
from nsmodel.system.problem import Problem

RECORDING = Path("tests/data/recordings/pid_init.json")


def mutant(function: str, kind: str, words: str) -> Mutant:
    (found,) = [m for m in all_mutants() if m.function == function and m.kind == kind and words in m.text]
    return found


STATE = mutant("kill_processes", "effect left out", "leader.state")
COUNT = mutant("clone3", "effect left out", "old.count += 1")
NO_SESSION = mutant("setsid", "errno changed", "session already")
SETTLED = mutant("kill_processes", "effect left out", "settle")
UNSEEN = mutant("kill_processes", "effect left out", "leader.exe = None")


@pytest.fixture(scope="module")
def judge() -> steps.Judge:
    system = judged_system()
    probes = Probes([STATE, COUNT, NO_SESSION, UNSEEN])
    return steps.Judge(system, campaign(system, Plan(1, area="process"), range(8), probes, lambda corpus: None))


def killed(judge: steps.Judge, mutant: Mutant) -> Kill:
    assert judge.comes_to(mutant)
    found = judge.kill(mutant)
    assert found is not None
    assert found.mutant == mutant.id
    return found


def test_killed_by_a_campaign(judge: steps.Judge) -> None:
    found = killed(judge, NO_SESSION)
    assert found.by == "campaign"
    assert found.how.startswith("EXDEV, not EPERM; process 1/")


def test_killed_by_a_property(judge: steps.Judge) -> None:
    found = killed(judge, COUNT)
    assert found.by == "property"
    assert "REF_EXACT" in found.how or "NO_UAF" in found.how


def test_the_rules_survive(judge: steps.Judge) -> None:
    """A change that changes nothing here: nobody has executed a program, so that there is nothing to forget."""
    assert judge.comes_to(UNSEEN)
    assert judge.kill(UNSEEN) is None


def test_killed_by_a_recording() -> None:
    by_recording = recordings.Judge(RECORDING, [SETTLED, NO_SESSION])
    assert by_recording.comes_to(SETTLED)
    assert not by_recording.comes_to(NO_SESSION)
    found = by_recording.kill(SETTLED)
    assert found is not None
    assert found.by == "recording"
    assert "pid_init.json, step" in found.how


def test_a_recording_that_does_not_agree_judges_nothing(tmp_path: Path) -> None:
    text = RECORDING.read_text().replace('"errno":"ESRCH"', '"errno":"EPERM"')
    wrong = tmp_path / "wrong.json"
    wrong.write_text(text)
    assert text != RECORDING.read_text()
    with pytest.raises(Problem, match="can judge nothing"):
        recordings.Judge(wrong, [STATE])


def test_killed_by_a_search_of_interleavings() -> None:
    (loaded,) = load_specs(["mntput_race"])
    some = [m for m in all_mutants() if m.function == "umount_sync" and not refused(m)]
    judge = searches.Judge(loaded.spec, some)
    early = mutant("umount_sync", "effect left out", "m.sync = True")
    assert judge.comes_to(early)
    found = judge.kill(early)
    assert found is not None
    assert found.how.startswith("SYNC_UMOUNT_IDLE; spec mntput_race")


def test_counts_and_names_of_objects_are_not_seen() -> None:
    system = judged_system()
    shown = Shown(system.sizes.schema)

    def changed(change: str) -> Frozen:
        k = system.thaw(system.initial)
        (task,) = k.live(Task)
        if change == "count":
            task.user_ns.count += 1
            k.live(Mount)[0].locked = True
        elif change == "slot":
            k.new(UtsNamespace)
            other = k.new(UtsNamespace)
            other.owner, other.count, task.nsproxy.uts = task.user_ns, 1, other
        elif change == "user":
            task.euid = 1
        elif change == "unbindable":
            k.live(Mount)[-1].unbindable = True
        return freeze(k)

    assert shown.same(system.initial, changed("count"))
    assert shown.same(system.initial, changed("slot"))
    assert not shown.same(system.initial, changed("user"))
    assert not shown.same(system.initial, changed("unbindable"))
