"""Generated programs on the running kernel."""

from __future__ import annotations

import runpy
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest

from nsmodel.kernel.versions import running
from nsmodel.oracle.errors import OracleUnavailable
from nsmodel.oracle.live.driver import Sandbox
from nsmodel.testgen.case import Case
from nsmodel.testgen.form import Form
from nsmodel.traces.trace import Step
from tests.testgen.cases import RELEASE, busy_copy, drawn, drawn_without, exchanged, kept, kernel_file_systems
from tests.testgen.run import FORMS, Program, built

pytestmark = pytest.mark.kernel
SHELL, C, PYTEST = FORMS
AREAS = ("process", "mount", "user", None)


@pytest.fixture(scope="module", autouse=True)
def machine() -> None:
    try:
        with Sandbox() as box:
            assert box.namespaces(0)["uts"].alive
    except OracleUnavailable as why:
        pytest.skip(reason=f"the kernel cannot be asked: {why.what}: {why.cause}")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that everybody can read."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module", params=FORMS, ids=lambda form: form.name)
def form(request: pytest.FixtureRequest) -> Form:
    chosen: Form = request.param
    return chosen


@pytest.fixture(scope="module")
def program(form: Form, folder: Path) -> Program:
    """One case in each form."""
    return built(form, busy_copy(), folder)


@pytest.mark.parametrize("area", AREAS)
def test_random_traces_pass_in_c(area: str | None, tmp_path: Path) -> None:
    done = built(C, drawn(area, f"{area}/1", 30), tmp_path, "-O1").run()
    assert done.returncode == 0, done.stdout


def test_random_traces_pass_in_python_where_it_can_express_them(tmp_path: Path) -> None:
    cases = [drawn(area, f"python/{area}/{i}", 12) for area in AREAS for i in range(3)]
    said = [case for case in cases if PYTEST.cannot(case) is None]
    assert len(said) > 4
    for case in said:
        done = built(PYTEST, case, tmp_path).run()
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("made", [kernel_file_systems, exchanged], ids=lambda made: made.__name__)
def test_what_the_kernel_fills_and_names_that_change_places(made: Callable[[], Case], tmp_path: Path) -> None:
    case = made()
    assert SHELL.cannot(case) is not None
    for form in (C, PYTEST):
        done = built(form, case, tmp_path, "-O1").run()
        if done.returncode == 4 and "hierarchy" in done.stdout:
            pytest.skip(reason="no cgroup hierarchy of version 1 here")
        assert done.returncode == 0, done.stdout + done.stderr


def test_random_traces_pass_in_the_shell(tmp_path: Path) -> None:
    for seed in range(4):
        case = drawn_without(f"shell/{seed}", 12, SHELL.cannot)
        assert len(case.trace.steps) > 4
        done = built(SHELL, case, tmp_path).run()
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("bug", ["MP17", "MP18"])
def test_a_known_bug_of_the_release_is_a_known_failure(bug: str, tmp_path: Path) -> None:
    if running() != RELEASE:
        pytest.skip(reason=f"the bugs are those of Linux {RELEASE}")
    done = built(C, kept(bug), tmp_path).run()
    assert done.returncode == 0 and "\nnot ok" in done.stdout and f"# TODO {bug}" in done.stdout, done.stdout


def test_a_program_passes_and_leaves_nothing_behind(program: Program) -> None:
    mounts, there = Path("/proc/self/mountinfo").read_bytes(), sorted(Path("/tmp").glob("case.*"))
    done = program.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("# TODO MP19" in done.stdout) == (running() == RELEASE)
    assert Path("/proc/self/mountinfo").read_bytes() == mounts
    assert sorted(Path("/tmp").glob("case.*")) == there


def test_a_release_that_was_mended_passes_as_well(form: Form, tmp_path: Path) -> None:
    """What is told of the release does not happen: the kernel must be as it should be. Here the two are swapped."""
    if running() != RELEASE:
        pytest.skip(reason=f"the bug is one of Linux {RELEASE}")
    case = busy_copy()
    (known,) = case.variants
    mended = replace(case, name="mended", trace=known.trace, variants=(replace(known, trace=case.trace),))
    done = built(form, mended, tmp_path).run()
    assert done.returncode == 0 and "not ok" not in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("1..") == 1


def test_a_program_says_why_it_cannot_run(program: Program) -> None:
    nobody = program.run("setpriv", "--reuid", "65534", "--clear-groups", "--")
    assert nobody.returncode == 4 and "# SKIP cannot run here: this needs root" in nobody.stdout, nobody
    old = program.run("setarch", "--uname-2.6")
    assert old.returncode == 4 and "older" in old.stdout, old


def test_a_program_fails_when_an_expectation_is_wrong(form: Form, tmp_path: Path) -> None:
    for number, wrong in enumerate((_failing(busy_copy()), _private(busy_copy()))):
        done = built(form, replace(wrong, name=f"wrong{number}"), tmp_path).run()
        assert done.returncode == 1 and "\nnot ok" in done.stdout and "expected" in done.stdout, done.stdout


def _failing(case: Case) -> Case:
    """The last but one call is said to fail."""
    return _changed(case, lambda step: msgspec.structs.replace(step, result=-1, errno="EPERM", reason="nothing"))


def _private(case: Case) -> Case:
    """The bind is said to be no peer."""

    def alone(step: Step) -> Step:
        assert step.state is not None
        mounts = [row | {"group": None} if row["id"] == 3 else row for row in step.state["mounts"]]
        return msgspec.structs.replace(step, state=step.state | {"mounts": mounts})

    return _changed(case, alone)


def _changed(case: Case, change: Callable[[Step], Step]) -> Case:
    first, second, *_ = case.trace.steps
    return replace(case, trace=msgspec.structs.replace(case.trace, steps=[first, change(second)]), variants=())


def test_pytest_reports_a_known_failure_as_expected(folder: Path) -> None:
    if running() != RELEASE:
        pytest.skip(reason=f"the bug is one of Linux {RELEASE}")
    module = runpy.run_path(built(PYTEST, busy_copy(), folder).words[-1])
    with pytest.raises(pytest.xfail.Exception, match="MP19"):
        module["test_busy_copy"]()


def test_a_killed_program_takes_everything_along(program: Program, form: Form) -> None:
    if form is SHELL:
        pytest.skip(reason="a script dies after the command that it waits for, at the latest when timeout(1) ends that")
    with subprocess.Popen(program.words, stdout=subprocess.PIPE) as started:
        inside: list[int] = []
        while len(inside) < 2 and started.poll() is None:
            inside = _below(started.pid)
        started.kill()
    assert inside
    end = time.monotonic() + 5
    while any(map(_lives, inside)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(map(_lives, inside))


def _below(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [one for child in children for one in (int(child), *_below(int(child)))]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False
