"""What a decorator does: read a function's text, check it, give it its direct form, and lower it."""

from __future__ import annotations

import ast
import inspect
import textwrap
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
        direct = compile_direct(tree, file, fn.__globals__, fn)
        if not is_generic(record):
            definition_of(record)
    record.direct = direct
    direct.__nsmodel__ = record  # type: ignore[attr-defined]
    return direct


def syntax_tree(fn: Callable[..., Any]) -> tuple[ast.FunctionDef, str]:
    """The syntax tree of a function, with the line numbers of its file."""
    lines, first = inspect.getsourcelines(fn)
    module = ast.parse(textwrap.dedent("".join(lines)))
    ast.increment_lineno(module, first - 1)
    tree = module.body[0]
    file = inspect.getsourcefile(fn) or "?"
    assert isinstance(tree, ast.FunctionDef)
    return tree, file
