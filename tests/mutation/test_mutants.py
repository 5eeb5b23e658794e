"""Mutants of the rules: what is made of which statement, and that it is put in the place of the rule and taken back."""

import ast

from nsmodel.ir import nodes as n
from nsmodel.ir.lower import definition_of
from nsmodel.mutation.install import everywhere, installed, refused
from nsmodel.mutation.mutants import Mutant, all_mutants, rules
from nsmodel.oracle.live.whole import whole_system
from nsmodel.system.operation import Call
from nsmodel.system.transition import Runner


def of(module: str, function: str, kind: str, words: str = "") -> list[Mutant]:
    wanted = (module, function, kind)
    return [m for m in all_mutants() if (m.module, m.function, m.kind) == wanted and words in m.text]


def test_every_check_and_every_store_has_its_mutants() -> None:
    """Counted anew, from the text alone, in a rule without known bugs."""
    tree = rules()["session"]["setpgid"].tree
    fails = [x for x in ast.walk(tree) if isinstance(x, ast.Call) and getattr(x.func, "id", "") == "fail"]
    stores = [x for x in ast.walk(tree) if isinstance(x, ast.Assign) and isinstance(x.targets[0], ast.Attribute)]
    assert fails
    assert len(of("session", "setpgid", "check dropped")) == len(fails)
    assert len(of("session", "setpgid", "errno changed")) == len(fails)
    assert len(of("session", "setpgid", "effect left out")) >= len(stores)
    assert len({m.id for m in all_mutants()}) == len(all_mutants())


def test_what_only_a_known_bug_does_is_left_alone() -> None:
    texts = [m.text for m in all_mutants() if m.function == "unshare"]
    assert not any("put_mnt_ns(k, dead)" in text for text in texts)
    assert any("switch_namespaces" in text for text in texts)
    assert of("mount.umount", "path_umount", "effect left out", "umount_tree")


def test_the_rule_language_refuses_some() -> None:
    """Without the check for it, the rest of the rule would read through None."""
    (lost,) = [m for m in of("join", "setns_pidfd", "check dropped", "the process is gone") if refused(m)]
    assert "None" in (refused(lost) or "")
    assert all(refused(m) is None for m in of("session", "setpgid", "check dropped"))


def test_installed_for_a_while() -> None:
    system = whole_system()
    call = Call("setsid", (("task", 1),))
    mutant = of("session", "setsid", "errno changed", "session already")[0]

    def errno() -> str | None:
        done = Runner(system, system.initial).run(call)
        return done.errno if done is not None else "none"

    assert errno() == "EPERM"
    with installed(mutant):
        assert errno() == "EXDEV"
    assert errno() == "EPERM"


def test_everywhere_is_in_every_reading() -> None:
    rule = rules()["session"]["setsid"]
    mutant = of("session", "setsid", "check dropped")[0]
    checks = len(definition_of(rule).body)
    with everywhere(mutant):
        first = definition_of(rule).body[2]
        assert isinstance(first, n.If)
        assert not first.then
    assert isinstance(definition_of(rule).body[2], n.If)
    assert len(definition_of(rule).body) == checks


def test_swapped_checks_change_places() -> None:
    (swapped, *_) = of("session", "setpgid", "checks swapped")
    changed, right = swapped.tree().body, swapped.rule.tree.body
    different = [i for i, (a, b) in enumerate(zip(changed, right, strict=True)) if ast.dump(a) != ast.dump(b)]
    first, second = different
    assert ast.dump(changed[first]) == ast.dump(right[second])
    assert ast.dump(changed[second]) == ast.dump(right[first])


def test_an_elif_is_swapped_with_its_if() -> None:
    (chain,) = [m for m in of("session", "setpgid", "checks swapped") if m.text == "EPERM and ESRCH"]
    text = ast.unparse(chain.tree())
    assert text.index("if target is not leader:") < text.index("elif target.parent is leader:")
