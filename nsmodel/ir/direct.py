"""The direct reading: a rule's own text, with the checks that nobody writes.

The syntax tree is changed as little as it takes, line numbers kept (so `pdb` works): loops and comprehensions run over
a snapshot in slot order, sets are values (a display, a comprehension, `.add` and `|=` make new ones), every `while`
counts its rounds.
"""

from __future__ import annotations
import __future__

import ast
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from nsmodel.ir.language import Entity, Trap
from nsmodel.ir.state import LiveView

ROUNDS = 20_000
"""Rounds of one `while` in the direct reading before it is called endless; a bounded reading has tighter bounds."""


def each(items: Any) -> Iterable[Any]:
    """What a loop runs over: a set as a snapshot in slot order, a helper generator as it is."""
    if isinstance(items, LiveView | types.GeneratorType):
        return items
    return sorted(items, key=_slot)


def _slot(item: Entity) -> int:
    return item.slot


def rounds(place: str) -> Iterator[None]:
    """Counts the rounds of one loop."""
    for _ in range(ROUNDS):
        yield
    raise Trap(f"{place}: the loop does not end")


class _Direct(ast.NodeTransformer):
    """Rewrites one function."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.loops = 0

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        node.iter = _call("__each", node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.iter = _call("__each", node.iter)
        return node

    def visit_Set(self, node: ast.Set) -> ast.AST:
        self.generic_visit(node)
        return _call("__frozen", node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        self.generic_visit(node)
        return _call("__frozen", node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "set":
            node.func = ast.copy_location(ast.Name("__frozen", ast.Load()), node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """`m: Map[Task, Task | None] = Map()` reads as None where nothing was stored, not as 0."""
        self.generic_visit(node)
        call, hint = node.value, node.annotation
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Map":
            if isinstance(hint, ast.Subscript) and ast.unparse(hint.slice).endswith("| None)"):
                call.args = [ast.copy_location(ast.Constant(None), call)]
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ("add", "discard"):
            op: ast.operator = ast.BitOr() if call.func.attr == "add" else ast.Sub()
            target = call.func.value
            read = ast.parse(ast.unparse(target), mode="eval").body
            whole = ast.BinOp(read, op, ast.Set([call.args[0]]))
            assert isinstance(target, ast.Name | ast.Attribute)
            target.ctx = ast.Store()
            new = ast.Assign([target], whole)
            for part in ast.walk(new):
                ast.copy_location(part, node)
            return self.generic_visit(ast.fix_missing_locations(new))
        self.generic_visit(node)
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.generic_visit(node)
        text = ast.unparse(node.test).replace("__each(", "(").replace("__frozen(", "(")
        node.msg = ast.copy_location(ast.Constant(f"{Path(self.file).name}:{node.lineno}: {text} does not hold"), node)
        return node

    def visit_While(self, node: ast.While) -> Any:
        self.generic_visit(node)
        self.loops += 1
        name = f"__rounds{self.loops}"
        place = ast.Constant(f"{self.file}:{node.lineno}")
        start = ast.Assign([ast.Name(name, ast.Store())], _bare_call("__rounds", place))
        tick = ast.Expr(_bare_call("next", ast.Name(name, ast.Load())))
        node.body.insert(0, tick)
        for extra in (start, tick):
            for part in ast.walk(extra):
                ast.copy_location(part, node)
        return [start, node]


def _bare_call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(args), [])


def _call(name: str, arg: ast.expr) -> ast.Call:
    call = _bare_call(name, arg)
    ast.copy_location(call, arg)
    ast.copy_location(call.func, arg)
    return call


def compile_direct(
    tree: ast.FunctionDef, file: str, space: dict[str, Any], python: Callable[..., Any]
) -> Callable[..., Any]:
    """The function that runs a rule directly; `tree` is changed; `space` is the module's namespace, used live."""
    tree.decorator_list = []
    changed = _Direct(file).visit(tree)
    module = ast.fix_missing_locations(ast.Module([changed], []))
    code = compile(module, file, "exec", dont_inherit=True, flags=__future__.annotations.compiler_flag)
    space.setdefault("__each", each)
    space.setdefault("__frozen", frozenset)
    space.setdefault("__rounds", rounds)
    made: dict[str, Any] = {}
    exec(code, space, made)
    fn = made[tree.name]
    assert isinstance(fn, types.FunctionType)
    fn.__module__ = python.__module__
    fn.__doc__ = python.__doc__
    fn.__qualname__ = getattr(python, "__qualname__", tree.name)
    return fn
