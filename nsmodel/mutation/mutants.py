"""Mutants of the rules, made by machine: each differs from the model in one check or one effect.

Four kinds: a check is dropped; its errno is another one; two adjacent checks change places; an effect is left out. What
a rule does only with a known bug on is no rule of the kernel and is left alone; so are the invariants and the states
that specs begin with.
"""

from __future__ import annotations

import ast
import copy
import functools
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from nsmodel import kernel
from nsmodel.ir import nodes as n
from nsmodel.ir.language import ENOENT, EXDEV, Errno, Function, Switch, function_of
from nsmodel.ir.lower import definition_of, is_generic

Kind = Literal["check dropped", "errno changed", "checks swapped", "effect left out"]
PREFIX = kernel.__name__ + "."
RULES = ("syscall", "helper", "interleaved")
Path = tuple[tuple[int, str], ...]
"""Where a statement stands in a function: which one of a block, and which block of that one holds the next."""

Place = tuple[str, str, Path]
"""Module, function and statement."""


@dataclass(frozen=True)
class Mutant:
    """One change of one rule: of the statement at `path`, on line `line` of `module` (below `nsmodel.kernel`)."""

    module: str
    function: str
    line: int
    kind: Kind
    path: Path
    text: str
    """What is changed, for people."""

    @property
    def id(self) -> str:
        """Its name: module, function, line, and what is done to it."""
        return f"{self.module}.{self.function}:{self.line} {self.kind}"

    @property
    def place(self) -> Place:
        """The statement that a call must reach to see the change; several mutants may share it. Of an interleaved rule
        the whole rule, whose statements are spread over its steps."""
        return self.module, self.function, () if self.rule.kind == "interleaved" else self.path

    @property
    def rule(self) -> Function:
        """The rule as it was read."""
        return rules()[self.module][self.function]

    def tree(self) -> ast.FunctionDef:
        """The rule's syntax tree, changed."""
        tree: ast.FunctionDef = copy.deepcopy(self.rule.tree)
        block, index = _block(tree, self.path)
        stmt = block[index]
        if self.kind == "errno changed":
            call = _errno_call(stmt)
            assert call is not None and isinstance(call.args[0], ast.Name)
            other = ENOENT if call.args[0].id == EXDEV.name else EXDEV
            self.rule.python.__globals__.setdefault(other.name, other)
            call.args[0].id = other.name
        elif self.kind == "checks swapped":
            if _is_chain(stmt):
                assert isinstance(stmt, ast.If) and isinstance(stmt.orelse[0], ast.If)
                second = stmt.orelse[0]
                stmt.test, second.test = second.test, stmt.test
                stmt.body, second.body = second.body, stmt.body
            else:
                block[index], block[index + 1] = block[index + 1], stmt
        else:
            block[index] = ast.copy_location(ast.Pass(), stmt)
        return tree


@functools.cache
def rules() -> dict[str, dict[str, Function]]:
    """Every rule and helper of the model, by module (its name below `nsmodel.kernel`) and name."""
    out: dict[str, dict[str, Function]] = {}
    for info in pkgutil.walk_packages(kernel.__path__, PREFIX):
        module = importlib.import_module(info.name)
        found = {}
        for name, value in vars(module).items():
            record = function_of(value)
            if record is not None and record.kind in RULES and record.python.__module__ == info.name:
                found[name] = record
        if found:
            out[info.name.removeprefix(PREFIX)] = found
    return out


def module_of(rule: Function) -> str:
    """The module of a rule."""
    return rule.python.__module__.removeprefix(PREFIX)


@functools.cache
def all_mutants() -> tuple[Mutant, ...]:
    """Every mutant of every rule, in the order of the text; those that the rule language refuses are among them."""
    return tuple(m for module, found in sorted(rules().items()) for name in found for m in _of(module, found[name]))


def _of(module: str, rule: Function) -> Iterator[Mutant]:
    body: list[ast.stmt] = rule.tree.body
    for path, block in _blocks(body, (), rule):
        for index, stmt in enumerate(block):
            here = (*path, (index, ""))
            at = functools.partial(Mutant, module, rule.name, stmt.lineno, path=here)
            call = _errno_call(stmt)
            if call is not None:
                assert isinstance(call.args[0], ast.Name)
                errno, why = call.args[0].id, ast.unparse(call.args[1]).strip("'\"")
                yield at(kind="errno changed", text=f"{errno}, {why}")
                if isinstance(stmt, ast.Expr):
                    yield at(kind="check dropped", text=f"{errno}, {why}")
            if has_effect(stmt, rule):
                yield at(kind="effect left out", text=ast.unparse(stmt))
            if _is_chain(stmt) and isinstance(stmt, ast.If):
                first, second = _errnos(stmt.body, rule), _errnos(stmt.orelse, rule)
            elif index + 1 < len(block):
                first, second = _errnos([stmt], rule), _errnos([block[index + 1]], rule)
            else:
                continue
            if first and second and not (first == second and len(first) == 1):
                yield at(kind="checks swapped", text=f"{' or '.join(sorted(first))} and {' or '.join(sorted(second))}")


def _blocks(body: list[ast.stmt], path: Path, rule: Function) -> Iterator[tuple[Path, list[ast.stmt]]]:
    """Every list of statements of a function with the path to it, but for what only a known bug does."""
    yield path, body
    for index, stmt in enumerate(body):
        for field in ("body", "orelse"):
            inner = getattr(stmt, field, None)
            if not inner:
                continue
            if isinstance(stmt, ast.If) and _only_bug(stmt.test, field == "body", rule):
                continue
            yield from _blocks(inner, (*path, (index, field)), rule)


def _block(tree: ast.FunctionDef, path: Path) -> tuple[list[ast.stmt], int]:
    block = tree.body
    for index, field in path[:-1]:
        block = getattr(block[index], field)
    return block, path[-1][0]


def statement(tree: ast.FunctionDef, path: Path) -> ast.stmt:
    """The statement at a path."""
    block, index = _block(tree, path)
    return block[index]


def _only_bug(test: ast.expr, value: bool, rule: Function) -> bool:
    """`test` has this value only with a known bug on that no kernel has any more."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _only_bug(test.operand, not value, rule)
    if isinstance(test, ast.BoolOp):
        decides = isinstance(test.op, ast.And) == value
        parts = [_only_bug(part, value, rule) for part in test.values]
        return any(parts) if decides else all(parts)
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and test.func.attr == "bug":
        assert isinstance(test.args[0], ast.Name)
        switch = rule.python.__globals__[test.args[0].id]
        assert isinstance(switch, Switch)
        return value and not switch.kernels
    return False


def _errno_call(stmt: ast.stmt) -> ast.Call | None:
    """`fail(ERRNO, …)` as a statement, or `return error(ERRNO, …)`."""
    call = stmt.value if isinstance(stmt, ast.Expr | ast.Return) else None
    word = "fail" if isinstance(stmt, ast.Expr) else "error"
    return call if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == word else None


def _callee(call: ast.expr | None, rule: Function) -> Function | None:
    """The helper that an expression calls."""
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
        return function_of(rule.python.__globals__.get(call.func.id))
    return None


def _lowered(rule: Function) -> list[n.Definition]:
    if not is_generic(rule) and rule.kind != "interleaved":
        return [definition_of(rule)]
    return [d for d in rule.lowered.values() if d is not None]


def _errnos(body: list[ast.stmt], rule: Function) -> frozenset[str]:
    """The errnos of statements that are nothing but checks; none where some statement is no check."""
    out: set[str] = set()
    for stmt in body:
        found: frozenset[str] = frozenset()
        if isinstance(stmt, ast.If):
            arms = [_errnos(arm, rule) for arm in (stmt.body, stmt.orelse) if arm]
            found = frozenset().union(*arms) if all(arms) else found
        elif isinstance(stmt, ast.For):
            found = _errnos(stmt.body, rule)
        elif isinstance(stmt, ast.Expr):
            call, helper = _errno_call(stmt), _callee(stmt.value, rule)
            if call is not None:
                found = frozenset({ast.unparse(call.args[0])})
            elif helper is not None and not any(d.effects for d in _lowered(helper)):
                found = frozenset().union(*(_fails(d.body) for d in _lowered(helper)))
        if not found:
            return frozenset()
        out |= found
    return frozenset(out)


def _fails(part: Any) -> frozenset[str]:
    """The errnos of every check in a lowered text, those of helpers too."""
    if isinstance(part, tuple):
        return frozenset().union(*(_fails(x) for x in part))
    if isinstance(part, n.Fail):
        return frozenset({Errno(part.errno).name})
    if isinstance(part, n.Call) and part.callee.refuses:
        return _fails(part.callee.body)
    if isinstance(part, n.Stmt):
        return frozenset().union(*(_fails(getattr(part, name)) for name in part.__dataclass_fields__))
    return frozenset()


def _is_chain(stmt: ast.stmt) -> bool:
    """`if …: … elif …: …`."""
    return isinstance(stmt, ast.If) and len(stmt.orelse) == 1 and isinstance(stmt.orelse[0], ast.If)


def has_effect(stmt: ast.stmt, rule: Function) -> bool:
    """A statement that changes the state, and that nothing after it needs: what makes an object is not among them."""
    if isinstance(stmt, ast.Assign | ast.AugAssign):
        target = stmt.targets[0] if isinstance(stmt, ast.Assign) else stmt.target
        target = target.value if isinstance(target, ast.Subscript) else target
        return isinstance(target, ast.Attribute)
    if not isinstance(stmt, ast.Expr) or not isinstance(stmt.value, ast.Call):
        return False
    call = stmt.value
    if isinstance(call.func, ast.Attribute):
        of_field = isinstance(call.func.value, ast.Attribute)
        return call.func.attr == "free" or (call.func.attr in ("add", "discard") and of_field)
    helper = _callee(call, rule)
    return helper is not None and any(d.effects for d in _lowered(helper))
