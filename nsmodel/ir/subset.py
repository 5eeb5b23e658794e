"""The subset of Python that a rule may use: what is refused, where, and what to write instead."""

from __future__ import annotations

import ast

ADVICE: dict[type[ast.AST], str] = {
    ast.Try: "a check is `if …: fail(ERRNO, reason)`; nothing is caught",
    ast.With: "locks are fields of the state; take and release them as effects",
    ast.Lambda: "write a @helper",
    ast.FunctionDef: "write a @helper beside this function",
    ast.AsyncFunctionDef: "write an @interleaved rule with `yield`",
    ast.ClassDef: "entities and enumerations are defined outside of rules",
    ast.Global: "the state is the only thing that changes: give the entity a field",
    ast.Nonlocal: "the state is the only thing that changes: give the entity a field",
    ast.List: "use a set of objects, or a work-list `while` over a set",
    ast.ListComp: "use a set comprehension",
    ast.Dict: "use Map[Entity, …]",
    ast.DictComp: "use Map[Entity, …]",
    ast.Tuple: "use one local for each part",
    ast.JoinedStr: "reasons and clauses are constant strings",
    ast.Starred: "pass each argument by itself",
    ast.Await: "an @interleaved rule ends a step with `yield`",
    ast.YieldFrom: "write `for x in helper(…): yield x`",
    ast.NamedExpr: "assign first, then test",
    ast.Delete: "use k.free(object) or store None",
    ast.Import: "import at the top of the module",
    ast.ImportFrom: "import at the top of the module",
    ast.Raise: "use fail(ERRNO, reason)",
    ast.Match: "use if / elif",
    ast.Slice: "sets and maps have no order",
}


class SubsetError(SyntaxError):
    """Code outside the subset. `advice` says what to write instead."""

    def __init__(self, file: str, line: int, column: int, problem: str, advice: str) -> None:
        super().__init__(f"{problem}; {advice}" if advice else problem, (file, line, column + 1, None))
        self.problem = problem
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.filename}:{self.lineno}: {self.problem}" + (
            f"\n  write instead: {self.advice}" if self.advice else ""
        )


def check(tree: ast.FunctionDef, file: str) -> None:
    """Refuse syntax outside the subset.

    Raises :class:`SubsetError` with file and line of the first such place.
    """
    args = tree.args
    if args.vararg or args.kwarg or args.kwonlyargs or args.defaults or args.posonlyargs:
        raise SubsetError(
            file, tree.lineno, 0, "star, default and keyword-only arguments", "name every argument in order"
        )
    pairs = {id(node.slice) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    for node in ast.walk(tree):
        if node is tree or id(node) in pairs:  # the tuple of `Map[Task, int]`; typing refuses it anywhere else
            continue
        advice = ADVICE.get(type(node))
        if advice is not None:
            line = getattr(node, "lineno", tree.lineno)
            name = type(node).__name__
            raise SubsetError(file, line, getattr(node, "col_offset", 0), f"{name} is outside the subset", advice)
