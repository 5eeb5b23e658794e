"""From runs to cases: which are kept, what kills them, where a known bug makes them go otherwise."""

from collections.abc import Iterable

from nsmodel.kernel.arguments import CloneFlags
from nsmodel.kernel.mount.type import Propagation
from nsmodel.system.operation import Call
from nsmodel.system.spec import call
from nsmodel.testgen.again import Again, End, made_again, told_apart
from nsmodel.testgen.cells import Cell
from nsmodel.testgen.covers.checks import Checks
from nsmodel.testgen.covers.errnos import Errnos
from nsmodel.testgen.seen import along
from nsmodel.testgen.suite import Suite, make_suite
from nsmodel.traces.record import record
from tests.testgen.systems import system

NEWPID = call("unshare", task=1, flags=CloneFlags(newpid=True))


def suite_of(name: str, covers: Iterable[Errnos | Checks], *runs: tuple[Call, ...], **bounds: int) -> Suite:
    """The suite of some runs, each into the cells of its last call."""
    asked = system(name, 3, **bounds)
    by_cell: dict[Cell, tuple[Call, ...]] = {}
    for run in sorted(runs, key=len):
        for cover in covers:
            for cell in cover.of(along(asked, run)[-1]):
                by_cell.setdefault(cell, run)
    return make_suite(asked, tuple(covers), by_cell)


def test_a_case_for_each_errno_and_fewer_for_checks() -> None:
    runs = (NEWPID,), (NEWPID, NEWPID)
    suite = suite_of("pid_lifetime", [Errnos(), Checks()], *runs)
    assert [case.name for case in suite.cases] == ["unshare-ok", "unshare-EINVAL"]
    first, second = suite.cases
    assert first.title == "unshare succeeds"
    assert second.title == "unshare fails with EINVAL: the pid namespace for children is not the active one"
    assert first.cells[0] == "errnos unshare|ok" and second.cells[0] == "errnos unshare|EINVAL"
    assert "errnos unshare|ok" in second.cells
    late = "checks unshare|passes EINVAL the pid namespace for children is not the active one"
    places = {cell.name: (place.case, place.step) for cell, place in suite.places.items()}
    assert places[late] == ("unshare-ok", 1)
    assert places["errnos unshare|EINVAL"] == ("unshare-EINVAL", 2)


def test_killers() -> None:
    suite = suite_of("pid_lifetime", [Errnos()], (NEWPID, NEWPID), (call("getpid", task=1),))
    by_name = {case.name: case for case in suite.cases}
    bug, check = by_name["unshare-EINVAL"].killers
    assert bug == "newpid_twice"
    assert check.startswith("no check at nsmodel/kernel/nsproxy.py:")
    # Nothing but its number would tell getpid from one that does nothing: kept for coverage.
    assert by_name["getpid-ok"].killers == ()


def test_an_effect_is_the_last_thing_to_kill() -> None:
    (case,) = suite_of("pid_lifetime", [Errnos()], (NEWPID,)).cases
    assert case.killers == ("unshare without its effect",)


def test_a_release_with_a_known_bug_has_a_variant() -> None:
    unbindable = call("mount_change_type", task=1, target=2, root=2, to=Propagation.UNBINDABLE, rec=False)
    copied = call("unshare", task=1, flags=CloneFlags(newns=True))
    bounds = {"nsproxies": 2, "mnt_namespaces": 2, "mounts": 5}
    (case,) = suite_of("mount_propagation", [Errnos()], (unbindable, copied), **bounds).cases
    (variant,) = case.variants
    assert (variant.kernel, variant.bugs) == ("6.18", ("MP17",))
    assert variant.trace.kernel == "6.18"
    assert "MP17" in case.killers
    right = [m["unbindable"] for m in (case.trace.steps[-1].state or {})["mounts"]]
    wrong = [m["unbindable"] for m in (variant.trace.steps[-1].state or {})["mounts"]]
    assert sum(right) > sum(wrong)


def test_runs_that_end_early_are_told_apart() -> None:
    asked = system("pid_lifetime", 3)
    child = call("clone3", task=1, flags=CloneFlags(), tids=asked.operation("clone3").values[2][0])  # type: ignore[index]
    leave = call("exit_group", task=2, code=0)
    right = record(asked, [child, leave]).steps
    assert made_again(asked, [leave]) == Again([], End.NO_CALL)  # there is no such task
    assert told_apart(right, Again(right[:1], End.NO_CALL))
    assert not told_apart(right, Again(right[:1], End.NO_ROOM))  # what comes then cannot be told
    assert not told_apart(right, Again(right[:1], End.BROKEN))
    assert not told_apart(right, Again(right, End.DONE))
    refused = record(asked, [NEWPID, NEWPID]).steps
    assert told_apart(refused, Again(refused[:1], End.BROKEN))  # whatever it does, it is not refused
