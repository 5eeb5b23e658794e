"""`pytest --nsmodel`: a test for each property; without the option, an ordinary run is as it was."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
TEXT = (Path(__file__).parent / "export" / "lamps.py").read_text(encoding="utf-8")
"""A small spec of its own model."""
ORDINARY = """
import sys

def test_nothing_else_is_imported():
    ours = {m for m in sys.modules if m.startswith("nsmodel")}
    assert ours == {"nsmodel", "nsmodel.pytest_plugin"}
"""


def specs(pytester: pytest.Pytester, **texts: str) -> Path:
    folder = pytester.mkdir("specs")
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def run(pytester: pytest.Pytester, *arguments: str | Path) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider", *map(str, arguments))


def test_an_ordinary_run_imports_nothing_and_collects_no_spec(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ORDINARY)
    run(pytester, ".", specs(pytester, lamps=TEXT)).assert_outcomes(passed=1)


def test_each_property_is_a_test(pytester: pytest.Pytester) -> None:
    """A counterexample is the text of a failure; so is an operation that never succeeds, for want of a second room."""
    folder = specs(
        pytester,
        right=TEXT,
        wrong=TEXT.replace("if not k.bug(GLARING)", "if k.bug(GLARING)"),
        vacuous=TEXT.replace('"lightings": 2', '"lightings": 0'),
        unreadable=TEXT.replace("op(rule) for", "op(no_such_rule) for"),
        no_spec="SPEC_OF = None\n",
    )
    done = run(pytester, "--nsmodel", "-v", "--continue-on-collection-errors", folder)
    assert done.ret == 1
    done.assert_outcomes(passed=13, failed=2, errors=1)
    done.stdout.fnmatch_lines_random(["*right.py::ONE_LIT PASSED*", "*right.py::operations PASSED*"])
    text = done.stdout.str()
    assert "VIOLATED, expected HOLDS: one lamp is lit" in text
    assert "ONE_LIT is violated - shortest counterexample, 4 steps" in text
    assert "inevitable from step 4 on" in text
    assert "operation light: it never succeeds in the whole scope" in text
    assert "the spec cannot be imported" in text and "no_such_rule" in text
    assert "Traceback" not in text


def test_a_spec_may_be_made_by_a_function(pytester: pytest.Pytester) -> None:
    made = TEXT.replace("SPEC = Spec(", "make = Spec\nSPEC = make(")
    assert made != TEXT
    run(pytester, "--nsmodel", specs(pytester, made=made)).assert_outcomes(passed=5)


def test_what_is_not_decided_is_skipped(pytester: pytest.Pytester) -> None:
    limited = ("--nsmodel", "--nsmodel-time-limit", "0", "--nsmodel-kernel", "6.18", "-rs")
    done = run(pytester, *limited, specs(pytester, lamps=TEXT))
    done.assert_outcomes(skipped=4, passed=1)
    done.stdout.fnmatch_lines(["*UNKNOWN: the time limit of 0 s is spent*"])
