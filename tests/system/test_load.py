"""Specs from files: what is found, and one clear message with its place for everything that can be wrong."""

from pathlib import Path

import pytest

from nsmodel.system.load import Loaded, load_file, load_specs, near, parse_bounds, scope_of
from nsmodel.system.problem import LINES, Problem

SPECS = Path(__file__).parents[2] / "specs"
HEADER = """\
from nsmodel.kernel.base import base_state
from nsmodel.kernel.fork import clone3
from nsmodel.kernel.arguments import CloneFlags
from nsmodel.kernel.objects import Kernel, Task
from nsmodel.kernel.properties import REF_EXACT
from nsmodel.ir.language import syscall
from nsmodel.system.operation import op
from nsmodel.system.spec import Spec
"""
SPEC = """\
SPEC = Spec(
    name="{name}", title="A spec.", state=Kernel, base=base_state,
    bounds={{"tasks": 2, "pids": 2, "nsproxies": 1, "pid_namespaces": 1, "user_namespaces": 1, "numbers": 2}},
    operations=(op(clone3),), properties=(REF_EXACT,), {more}
)
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refused(*names: str | Path) -> str:
    with pytest.raises(Problem) as caught:
        load_specs([str(n) for n in names])
    text = str(caught.value)
    assert len(text.splitlines()) < LINES
    assert "Traceback" not in text
    return text


def test_file_folder_and_name(tmp_path: Path) -> None:
    first = write(tmp_path, "b.py", HEADER + SPEC.format(name="b", more=""))
    write(tmp_path, "a.py", HEADER + SPEC.format(name="a", more=""))
    write(tmp_path, "_shared.py", "")
    assert [x.spec.name for x in load_specs([str(tmp_path)])] == ["a", "b"]
    assert load_specs([str(first)])[0].path == first
    assert [x.spec.name for x in load_specs(["b"], tmp_path)] == ["b"]
    assert [x.spec.name for x in load_specs([], tmp_path)] == ["a", "b"]
    assert [x.spec.name for x in load_specs([str(first), str(tmp_path)])] == ["b", "a"]


def test_every_spec_of_the_project_loads() -> None:
    assert "pid_lifetime" in [x.spec.name for x in load_specs([str(SPECS)])]


def test_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "specs/" in refused()
    assert "there is no spec nothing.py" in refused("nothing.py")
    (tmp_path / "specs").mkdir()
    assert "no *.py" in refused()
    write(tmp_path / "specs", "pid_lifetime.py", "")
    assert "did you mean pid_lifetime?" in refused("pid_lifetme")


def test_syntax_error(tmp_path: Path) -> None:
    path = write(tmp_path, "torn.py", "x = 1\nSPEC = Spec(\n")
    assert f"{path}:2" in refused(path)


def test_no_spec(tmp_path: Path) -> None:
    assert "it has no SPEC" in refused(write(tmp_path, "none.py", "x = 1\n"))
    assert "its SPEC is a int" in refused(write(tmp_path, "wrong.py", "SPEC = 1\n"))


def test_error_while_importing(tmp_path: Path) -> None:
    path = write(tmp_path, "broken.py", "import math\n\nmath.nothing()\n")
    text = refused(path)
    assert f"{path}:3" in text
    assert "AttributeError" in text
    assert "SystemExit" in refused(write(tmp_path, "quits.py", "raise SystemExit(0)\n"))


def test_spec_that_names_what_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, "odd.py", HEADER + SPEC.format(name="odd", more='expect={"NOTHING": None}'))
    text = refused(path)
    assert "NOTHING" in text
    assert f"{path}:" in text


def test_rule_outside_the_subset(tmp_path: Path) -> None:
    rule = '@syscall(source="x")\ndef rule(k: Kernel, task: Task) -> int:\n    tasks = [task]\n    return 0\n'
    path = write(tmp_path, "subset.py", HEADER + rule)
    text = refused(path)
    assert f"{path}:11" in text
    assert "write instead:" in text


def test_rules_of_a_spec_are_readable(tmp_path: Path) -> None:
    rule = '@syscall(source="x")\ndef rule(k: Kernel, task: Task) -> int:\n    """Nothing."""\n    return 0\n'
    path = write(tmp_path, "own.py", HEADER + rule + SPEC.format(name="own", more="").replace("op(clone3)", "op(rule)"))
    assert load_file(path).spec.operations[0].function.line == 10
    path.write_text("\n\n" + path.read_text())
    assert load_file(path).spec.operations[0].function.line == 12


def test_two_of_one_name(tmp_path: Path) -> None:
    one = write(tmp_path, "one.py", HEADER + SPEC.format(name="same", more=""))
    two = write(tmp_path, "two.py", HEADER + SPEC.format(name="same", more=""))
    assert "two specs are named same" in refused(one, two)


@pytest.mark.parametrize("text", ["tasks", "=3", "tasks=", "tasks=x", "tasks=1.5", "tasks=-1"])
def test_no_bound(text: str) -> None:
    with pytest.raises(Problem, match="bound"):
        parse_bounds([text])


def test_bounds_and_scopes() -> None:
    loaded = load_file(SPECS / "pid_lifetime.py")
    assert parse_bounds(["tasks=4", "pids=0"]) == {"tasks": 4, "pids": 0}
    scope = scope_of(loaded, "small", {"tasks": 3}, 2)
    assert (scope.bounds["tasks"], scope.bounds["pids"], scope.depth) == (3, 2, 2)
    assert scope_of(loaded, None, {}, None).depth == loaded.spec.depth
    with pytest.raises(Problem, match="unknown bound taks") as caught:
        scope_of(loaded, None, {"taks": 4}, None)
    assert "did you mean tasks?" in str(caught.value)
    with pytest.raises(Problem, match="unknown scope huge"):
        scope_of(loaded, "huge", {}, None)
    limited = Loaded(load_file(SPECS / "pid_lifetime.py").spec, loaded.path)
    object.__setattr__(limited.spec, "max_bounds", {"tasks": 3})
    with pytest.raises(Problem, match="too large"):
        scope_of(limited, None, {"tasks": 4}, None)


def test_derived_bounds_follow(tmp_path: Path) -> None:
    bounds = '"tasks": 2, "nsproxies": 1, "pid_namespaces": 1, "user_namespaces": 1, "numbers": 2'
    more = 'scopes={"big": Scope({"tasks": 3})}, derived={"pids": lambda bounds: bounds["tasks"] + 1},'
    text = HEADER.replace("import Spec", "import Scope, Spec") + SPEC.format(name="follow", more=more)
    whole = '"tasks": 2, "pids": 2, "nsproxies": 1, "pid_namespaces": 1, "user_namespaces": 1, "numbers": 2'
    assert whole in text
    loaded = load_file(write(tmp_path, "follow.py", text.replace(whole, bounds)))
    assert loaded.spec.scope(None).bounds["pids"] == 3
    assert loaded.spec.scope("big").bounds["pids"] == 4
    assert scope_of(loaded, None, {"tasks": 7}, None).bounds["pids"] == 8
    assert scope_of(loaded, "big", {"numbers": 3}, None).bounds["pids"] == 4
    with pytest.raises(Problem, match="the bound pids is derived from the others") as caught:
        scope_of(loaded, None, {"pids": 7}, None)
    assert "name one of" in str(caught.value)
    with pytest.raises(Problem, match="unknown bound pid") as caught:
        scope_of(loaded, None, {"pid": 7}, None)
    assert "pids" not in str(caught.value)
    assert "derived from the others" in refused(write(tmp_path, "twice.py", text))
    unknown = text.replace(whole, bounds).replace('{"pids": lambda', '{"pidz": lambda')
    assert "unknown bound pidz" in refused(write(tmp_path, "unknown.py", unknown))


def test_near_names() -> None:
    assert near("REFERENCE", ["reference", "bmc"], "an engine") == "did you mean reference?"
    assert near("explicit", ["reference", "bmc"], "an engine") == "an engine is one of reference, bmc"


def test_problem_is_short() -> None:
    long = Problem("what", place="here", cause="\n".join(["line"] * 40), fix="this")
    assert len(str(long).splitlines()) < LINES
