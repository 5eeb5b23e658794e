"""What the rule language refuses at import: file, line, and what to write instead."""

from __future__ import annotations

import importlib.util
import linecache
import sys
import textwrap
from pathlib import Path

import pytest

from nsmodel.ir.subset import SubsetError

HEAD = """
from __future__ import annotations
from nsmodel.ir.language import EINVAL, Entity, Live, fail, helper, syscall
from nsmodel.ir.state import State

class Node(Entity):
    up: Node | None
    mark: bool

class World(State):
    nodes: Live[Node]

"""


def read(tmp_path: Path, body: str) -> int:
    """Import a module with one rule; gives the line at which `body` starts."""
    path = tmp_path / "rules.py"
    path.write_text(HEAD + textwrap.dedent(body))
    spec = importlib.util.spec_from_file_location("rules_under_test", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    linecache.checkcache(str(path))
    spec.loader.exec_module(module)
    return HEAD.count("\n") + 1


LATE = """
    for m in k.nodes:
        if m.mark:
            fail(EINVAL, 'x')
        m.mark = True"""
REFUSED = [
    ("try", "    try:\n        n.mark = True\n    except ValueError:\n        pass", "fail(ERRNO, reason)"),
    ("list", "    x = [n]", "a set of objects"),
    ("lambda", "    f = lambda: n", "@helper"),
    ("optional read", "    n.up.mark = True", "test `is None` first"),
    ("equal references", "    if n.up == n:\n        n.mark = True", "use `is`"),
    ("truth of a reference", "    if n.up:\n        n.mark = True", "is not None"),
    ("late check", "    n.mark = True\n    fail(EINVAL, 'too late')", "move the check up"),
    ("late check in a loop", LATE, "check everything in a loop of its own"),
    ("endless", "    while True:\n        n.mark = True", "chase a pointer"),
    ("unknown field", "    n.colour = True", "one of: up, mark"),
    ("unknown collection", "    for m in k.trees:\n        m.mark = True", "nodes"),
    ("two fors", "    n.mark = any(a is b for a in k.nodes for b in k.nodes)", "nest any"),
    ("keyword", "    x = k.new(cls=Node)", "pass arguments in order"),
    ("type change", "    x = n\n    x = True", "give it a value of that type"),
    ("none without type", "    x = None", "Entity | None"),
    ("unreached", "    return 0\n    n.mark = True", "remove it"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "body", "advice"), REFUSED, ids=[r[0] for r in REFUSED])
def test_refused_with_place_and_advice(tmp_path: Path, what: str, body: str, advice: str) -> None:
    rule = '@syscall(source="test")\ndef rule(k: World, n: Node) -> int:\n' + body + "\n    return 0\n"
    if what == "unreached":
        rule = rule.removesuffix("    return 0\n")
    with pytest.raises(SubsetError) as caught:
        read(tmp_path, rule)
    assert caught.value.filename is not None and caught.value.filename.endswith("rules.py")
    assert caught.value.lineno is not None and caught.value.lineno > HEAD.count("\n")
    assert advice in str(caught.value)


def test_recursion_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SubsetError, match="rec"):
        read(tmp_path, "@helper\ndef rec(k: World, n: Node) -> bool:\n    return rec(k, n)\n")


def test_a_rule_without_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SubsetError, match="names no source"):
        read(tmp_path, '@syscall(source="")\ndef rule(k: World, n: Node) -> int:\n    return 0\n')


def test_narrowing_is_enough(tmp_path: Path) -> None:
    body = "    if n.up is None or n.up.mark:\n        return 0\n    n.up.mark = True"
    assert read(tmp_path, f'@syscall(source="t")\ndef rule(k: World, n: Node) -> int:\n{body}\n    return 0\n')
