"""Text for people, compared with golden files: counterexamples, verdict lines, the table of known bugs."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from nsmodel.report import counterexample, killed, verdicts
from nsmodel.report.console import columns, console_on, line, people, plural, seconds
from nsmodel.report.output import CheckOutput, Disagreement, MutantResult, Result, ScopeInfo
from nsmodel.report.tree import process_tree
from nsmodel.report.written import Kept, readme
from nsmodel.traces.names import Names
from nsmodel.traces.trace import Trace
from tests.golden import same
from tests.traces.runs import found


def text(trace: Trace, *, full: bool = False, width: int = 100) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, markup=False, highlight=False, emoji=False)
    counterexample.show(console, trace, full=full)
    return out.getvalue()


@pytest.fixture(scope="module")
def race() -> Trace:
    return found("pid_fork_race", "PD04i", "DEAD_NS_EMPTY", 4)


def test_counterexample_with_prelude(race: Trace) -> None:
    same("pid_fork_race_PD04i.txt", text(race))


def test_whole_states(race: Trace) -> None:
    shown = text(race, full=True)
    assert "      user:1  owner none, ucounts none, count 4" in shown
    assert "numbers {pid:1: 1002, pid:1.1: 1}" in shown
    assert [line for line in shown.splitlines() if not line.startswith("      ")] == [
        line for line in text(race).splitlines() if not line.startswith("      ")
    ], "the steps are the same, with the states between them"


def test_threads() -> None:
    same("nsproxy_refcount_PD02.txt", text(found("nsproxy_refcount", "PD02", "REAPER_ALIVE", 2)))


def test_trapped_step() -> None:
    same("namespace_lifetime_nsfs_fd_no_pin.txt", text(found("namespace_lifetime", "nsfs_fd_no_pin", "NO_UAF", 2)))


def test_kept_counterexample() -> None:
    from nsmodel.kernel.mutants import NEWPID_TWICE

    trace = found("pid_lifetime", "newpid_twice", "GROUP_NS", 2)
    same("kept_newpid_twice.md", readme(Kept(NEWPID_TWICE, None, "threads share", no_program="none"), trace))


def test_trace_without_violation(race: Trace) -> None:
    free = Trace(race.spec, race.kernel, None, [], race.initial, [])
    assert "a trace of 0 steps" in text(free)
    assert "final state" in text(free)


def test_any_width_and_no_colour(race: Trace) -> None:
    assert text(race, width=20) == text(race, width=300), "a terminal wraps by itself, a pipe gets whole lines"
    assert "\x1b" not in text(race)


def test_piped_text_has_no_colour(capsys: pytest.CaptureFixture[str], race: Trace) -> None:
    counterexample.show(people(None), race)
    assert "\x1b" not in capsys.readouterr().out
    counterexample.show(people("-"), race)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "DEAD_NS_EMPTY" in captured.err


def result(name: str, verdict: str, expected: str = "HOLDS", **more: object) -> Result:
    given: dict[str, object] = {
        "spec": "toy", "property": name, "verdict": verdict, "expected": expected, "engine": "reference",
        "kernel": "fixed", "as_expected": verdict == expected, "mutant": None,
        "scope": ScopeInfo("default", {"tasks": 2, "pids": 2}, 7),
        "depth": 7, "complete": False, "states": 5435, "transitions": 9, "seconds": 1.25, "compile_seconds": 0.0,
    }  # fmt: skip
    return Result(**(given | more))  # type: ignore[arg-type]


def test_verdict_lines(race: Trace) -> None:
    results = [
        result("REF_EXACT", "HOLDS", cuts={"pids": 2670}),
        result("NO_LEAK", "HOLDS", complete=True, states=1, seconds=0.01),
        result("DEAD_NS_EMPTY", "VIOLATED", trace=race),
        result("INIT_LAST", "VIOLATED", "VIOLATED", trace=race),
        result("PID_VIS", "HOLDS", "VIOLATED"),
        result("NO_UAF", "UNKNOWN", reason="the time limit of 3 s is spent", states=0),
        result("operation wait4", "VACUOUS", reason="it never succeeds in the whole scope"),
        result("GROUP_NS", "HOLDS", engine="simulate", depth=None),
    ]
    out = io.StringIO()
    console = Console(file=out, width=80, color_system=None)
    verdicts.show_spec(console, results, "A toy.\n\nMore.")
    verdicts.show_spec(console, [])
    differing = [Disagreement("toy", "PID_VIS", ("reference", "bmc"), "one says this, the other that")]
    verdicts.show_end(
        console, CheckOutput(command="check", exit=70, seconds=200.0, results=results, disagreements=differing)
    )
    same("verdicts.txt", out.getvalue())


def test_known_bugs() -> None:
    def bug(name: str, dead: bool, **more: object) -> MutantResult:
        given: dict[str, object] = {
            "id": name, "toggle": name.lower(), "specs": ["toy"], "property": "REF_EXACT", "killed": dead,
            "trace_length": 3 if dead else None, "engine": "reference", "seconds": 0.5,
        }  # fmt: skip
        return MutantResult(**(given | more))  # type: ignore[arg-type]

    out = io.StringIO()
    results = [bug("X1", True, replay="diverges"), bug("X22", False, why_not="no counterexample in the scope")]
    texts = {"X1": "one"}
    killed.show(Console(file=out, width=80, color_system=None), results, texts, {"X3": "no lists"}, ["P"], 1.0, 1)
    same("mutants.txt", out.getvalue())


def test_tree_marks_and_orders(race: Trace) -> None:
    state = race.steps[-1].state
    assert state is not None
    names = Names()
    lines = process_tree(state, names.see(state), frozenset({1}))
    assert lines[1].startswith("P1 ")
    assert lines[1].endswith("<- breaks the clause")


def test_small_words() -> None:
    assert plural(1, "step") == "1 step"
    assert plural(5435, "state") == "5,435 states"
    assert [seconds(s) for s in (0.0123, 1.23, 190.0)] == ["12 ms", "1.2 s", "3.2 min"]
    assert columns([["a", "bb"], ["ccc", "d"]]) == [["a  ", "bb"], ["ccc", "d "]]
    out = io.StringIO()
    line(console_on(out), "[bold] :smile: " * 20, ("x", "red"))
    assert out.getvalue() == "[bold] :smile: " * 20 + "x\n"


def test_reports_import_neither_solver_nor_rule() -> None:
    modules = "counterexample", "verdicts", "progress", "killed", "written"
    code = f"import sys, {', '.join(f'nsmodel.report.{m}' for m in modules)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert not [m for m in loaded if m == "z3" or m.startswith(("nsmodel.kernel", "nsmodel.engines", "nsmodel.ir"))]
