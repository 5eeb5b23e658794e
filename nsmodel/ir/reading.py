"""What a decorator does: read a function's text, check it, give it its direct form, and lower it."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import types
from collections.abc import Callable
from typing import Any

from nsmodel.ir import interleave
from nsmodel.ir.direct import compile_direct
from nsmodel.ir.language import Function
from nsmodel.ir.lower import definition_of, is_generic
from nsmodel.ir.subset import SubsetError, check


def read(fn: Callable[..., Any], kind: str, source: str = "", title: str = "") -> Callable[..., Any]:
    """Read a decorated function and give back its direct form, which carries a :class:`Function`.

    Raises :class:`SubsetError` with file and line for code outside the subset.
    """
    tree, file = syntax_tree(fn)
    check(tree, file)
    record = Function(fn.__name__, kind, source, fn, file, tree.lineno, tree, title=title)
    if kind == "syscall" and not source:
        raise SubsetError(
            file, tree.lineno, 0, f"{fn.__name__} names no source", "kernel function and version, or manual page"
        )
    if kind == "interleaved":
        record.split = interleave.split(record)
        direct = fn
    else:
        direct = compile_direct(syntax_tree(fn, 1)[0], file, fn.__globals__, fn)
        if not is_generic(record):
            definition_of(record)
    record.direct = direct
    direct.__nsmodel__ = record  # type: ignore[attr-defined]
    return direct


def syntax_tree(fn: Callable[..., Any], reading: int = 0) -> tuple[ast.FunctionDef, str]:
    """The syntax tree of a function, with the line numbers of its file; each `reading` has trees of its own, which it
    may change."""
    assert isinstance(fn, types.FunctionType)
    file = inspect.getsourcefile(fn) or "?"
    first = fn.__code__.co_firstlineno
    linecache.checkcache(file)
    tree = _functions("".join(linecache.getlines(file, fn.__globals__)), reading).get(first)
    if tree is None or tree.name != fn.__name__:
        raise OSError(f"{file} is not what it was when {fn.__name__} was read")
    return tree, file


@functools.lru_cache(8)
def _functions(text: str, reading: int) -> dict[int, ast.FunctionDef]:
    """The functions of a file, also those within functions, by the line that they or their decorators begin at."""
    found: dict[int, ast.FunctionDef] = {}
    todo: list[ast.stmt] = list(ast.parse(text).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef):
            found[min([node.lineno, *(d.lineno for d in node.decorator_list)])] = node
            if not node.decorator_list:
                todo += node.body
        elif isinstance(node, ast.ClassDef | ast.If | ast.With | ast.Try):
            todo += node.body
    return found
