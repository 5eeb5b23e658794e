"""What a page says, read as text."""

import re
from dataclasses import replace

import msgspec
import pytest

from nsmodel.kernel.mount.umount import UmountFlags
from nsmodel.kernel.objects import IdKind
from nsmodel.kernel.user.map_files import MapLines
from nsmodel.report.calls import NO_ID
from nsmodel.report.html.judged import Replay
from nsmodel.report.html.timeline import columns_of, rails
from nsmodel.report.output import DivergenceInfo
from nsmodel.system.operation import Call
from nsmodel.traces.record import record
from nsmodel.traces.trace import Trace
from tests.report.html.pages import Balance, kept, page_of, step_of, text_of
from tests.traces.runs import run, system_of


@pytest.fixture(scope="module")
def umount() -> str:
    return page_of(kept("MP19"))


@pytest.fixture(scope="module")
def dead() -> str:
    return page_of(kept("PD04"))


def test_one_file_that_is_sound_and_asks_for_nothing(umount: str, dead: str) -> None:
    for page in (umount, dead):
        assert Balance(page).wrong == []
        assert not re.search(r"https?://(?!www\.w3\.org)", page), "nothing comes from elsewhere"
        assert "default-src 'none'" in page
    assert umount == page_of(kept("MP19")), "the same page for the same trace"


def test_the_head_tells_what_is_broken(umount: str) -> None:
    head = text_of(umount.partition("<header")[2].partition("</header>")[0])
    assert "SYNC_UMOUNT_IDLE is violated" in head
    assert "what a synchronous umount takes along is idle at step 5" in head
    assert "Not replayed on a kernel. To perform it: nsmodel report trace.json --replay --out report.html" in head


def test_calls_are_in_lanes(dead: str) -> None:
    trace = kept("PD04")
    assert columns_of(trace) == ["P1", "P1.1", "P1.2"]
    lanes = rails(trace)
    assert [[rail.task for rail in row if rail.dot] for row in lanes] == [[], ["P1"], ["P1"], ["P1.1"], ["P1"]]
    assert [rail.born for rail in lanes[2]] == [False, True, False]
    assert (lanes[3][1].up, lanes[3][1].down) == ("solid", "dashed"), "it exits and stays a zombie"
    calls = text_of(dead.partition('<nav class="calls"')[2].partition("</nav>")[0])
    assert "3 calls P1.1 exit_group ( code=0 ) = 0" in calls
    assert "breaks the clause" in calls


def test_mounts_peer_groups_and_what_changed(umount: str) -> None:
    step = step_of(umount, 3)
    assert "new mount 1:/a shows fs2:/a shared:1" in step
    assert "changed /a^2 fs2:/ shared:1 moved in group 1" in step
    last = step_of(umount, 5)
    assert "The clause breaks here. SYNC_UMOUNT_IDLE" in last
    assert "in no namespace changed / fs2:/ fd:1 unmounted, was shared:1" in last
    assert "gone in this step gone 1:/a fs2:/a shared:1" in last


def test_processes_have_a_number_at_each_level(dead: str) -> None:
    step = step_of(dead, 4)
    assert "process number at level 0 number at level 1" in step
    assert "P1.1 1002 1 zombie init pid:1.1" in step
    assert "new P1.2 1003 1003 running pid:1.1 nsproxy:2 breaks the clause" in step


def test_namespaces_owners_counts_and_holders(dead: str) -> None:
    step = step_of(dead, 4)
    assert "changed pid:1.1 user:1 2 3 for children in nsproxy:2 numbers of P1.1 P1.2 level 1" in step
    assert "changed nsproxy:2 1 2 P1 P1.2 pid for children pid:1.1" in step


def test_mountinfo_and_what_of_it_changed(umount: str) -> None:
    step = step_of(umount, 5)
    assert "P1 2 1 0:2 / / rw,relatime shared:1 - tmpfs tmpfs rw gone 3 5 0:2 / /a" in step


def test_what_stays_is_told_once(umount: str) -> None:
    assert "Processes Unchanged since the initial state ." in step_of(umount, 5)
    for like, kind in re.findall(r'data-kind="(\w+)" data-like="(\d+)"', umount):
        source = umount.partition(f'id="step-{kind}"')[2].partition(f'data-kind="{like}"')[2]
        assert source.startswith(">"), f"step {kind} shows {like} itself"


def test_the_check_that_decided_with_its_source() -> None:
    page = page_of(
        run(
            "mount_umount",
            ("umount2", {"task": 1, "at": 2, "dentry": 2, "flags": UmountFlags(force=True, expire=True)}),
        )
    )
    step = step_of(page, 1)
    assert re.search(r"refuses: E[A-Z]+ – ", step)
    assert re.search(r"decided by \w+ , nsmodel/kernel/mount/\w+\.py:\d+ .*v6\.18", step)
    assert "What changed Nothing." in step


def test_the_kernels_word_at_each_step() -> None:
    trace = kept("PD04")
    says = DivergenceInfo(trace="x", step=3, operation="exit_group", expected="0", got="EPERM", what="result")
    page = page_of(trace, Replay("6.18.9", 2, 0, says))
    assert "Linux 6.18.9 differs at step 3: result; the trace says 0, the kernel EPERM." in text_of(page)
    assert "does the same result and everything that can be seen, on Linux 6.18.9" in step_of(page, 2)
    assert "differs: EPERM , not 0" in step_of(page, 3)
    assert "not reached Linux 6.18.9 differed at step 3" in step_of(page, 4)
    agreed = page_of(trace, Replay("6.18.9", 4, 0))
    assert "Linux 6.18.9 does the same at every step." in text_of(agreed)
    ends = msgspec.structs.replace(says, operation="end", step=4)
    last = Replay("6.18.9", 4, 0, ends)
    assert "differs in a last look at the end" in text_of(page_of(trace, last))
    assert last.of(4) == "same"
    early = replace(last, divergence=msgspec.structs.replace(says, step=0))
    assert "differs already in the preparation" in text_of(page_of(trace, early))
    assert early.of(1) == "not reached"


def test_a_user_sees_who_is_who_and_the_preparation() -> None:
    opened = Call("open_map", (("task", 1), ("target", 2), ("kind", IdKind.UID), ("setgroups", False)))
    becomes = Call("setresuid", (("task", 1), ("ruid", NO_ID), ("euid", 0), ("suid", NO_ID)))
    written = Call("write_map_file", (("task", 1), ("file", 1), ("lines", MapLines(lower=2))))
    page = page_of(record(system_of("user_maps", "US05"), [opened, becomes, written]))
    assert "3 calls of preparation P1 setresuid (" in text_of(page)
    assert "user 0 of user:1, all capabilities was user 0 (effective 1) of user:1, no capability" in step_of(page, 2)
    assert "made by user 1 maps uid 0→2" in step_of(page, 3)


def test_models_of_their_own_and_trapped_steps() -> None:
    race = page_of(kept("PD04i"))
    assert Balance(race).wrong == []
    assert "fork racing frames new fork_racing(P1) caller P1" in step_of(race, 1)
    trap = kept("PD04")
    trap.steps[-1].state = None
    page = page_of(trap)
    assert "The rule was trapped: there is no state after it." in step_of(page, 4)
    assert Balance(page).wrong == []


def test_nothing_of_a_trace_is_taken_for_markup() -> None:
    trace = kept("PD04")
    assert trace.violates is not None
    odd = Trace(**{name: getattr(trace, name) for name in trace.__struct_fields__})
    odd.violates = msgspec.structs.replace(trace.violates, clause="<img src=x onerror=alert(1)>")
    page = page_of(odd, file="</script><b>&.json")
    assert "<img" not in page and "</script><b>" not in page
    assert Balance(page).wrong == []
    assert "nsmodel show &#39;&lt;/script&gt;" in page
