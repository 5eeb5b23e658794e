"""Interleaved rules: a generator rule becomes one function for each atomic step.

Every `yield` ends a step. What the rest still reads of the locals then lives in a *frame*, an object of the calling
task that the rule's frame entity describes; the next step takes it up again. The split works on the syntax tree, so
that all readings see the same steps. A loop may hold a `yield` when every round reaches one; a set loop may not, since
its snapshot would be state.

The caller is the rule's first parameter; its entity has a bool field `busy`, true while a call of it is under way.
"""

from __future__ import annotations
import __future__

import ast
import copy
from dataclasses import dataclass, field
from typing import Annotated, Any

from nsmodel.ir import nodes as n
from nsmodel.ir.direct import compile_direct
from nsmodel.ir.language import Entity, Frame, Function, Live, Map, Range
from nsmodel.ir.lower import StatementLowerer, definition_of
from nsmodel.ir.subset import SubsetError
from nsmodel.ir.types import BoolType, EnumType, FlagsType, IntType, MapType, RefType, SetType, Type


@dataclass
class Split:
    """The steps of an interleaved rule: the first takes the rule's arguments, the others its frame."""

    frame: type[Frame]
    steps: tuple[Function, ...]


@dataclass
class _Splitter:
    """Cuts one function at its yields."""

    fn: Function
    types: dict[str, Type]
    yields: dict[int, tuple[frozenset[str], frozenset[str]]]
    """At each yield the locals that are not None, and all that are known."""
    bodies: list[list[ast.stmt]] = field(default_factory=list)
    by_yield: dict[int, int] = field(default_factory=dict)

    def cut(self, body: list[ast.stmt], first: bool, have: frozenset[str]) -> list[ast.stmt]:
        """The statements of the step that starts with `body`; `have` are the locals that the step has stored so far."""
        out: list[ast.stmt] = []
        for i, stmt in enumerate(body):
            rest = body[i + 1 :]
            if _is_yield(stmt):
                return out + self._suspend(stmt, first, rest, have)
            if not _has_yield(stmt):
                if isinstance(stmt, _Again):
                    return out + self._round(stmt, first, have)
                if isinstance(stmt, ast.Return):
                    return out + self.ending(stmt, first)
                plain = copy.deepcopy(stmt)
                out.append(plain if first else _Returns(self).visit(plain))
                have |= _stores(stmt)
                continue
            if isinstance(stmt, ast.If):
                then = self.cut(stmt.body + rest, first, have)
                other = self.cut(stmt.orelse + rest, first, have)
                out.append(ast.copy_location(ast.If(copy.deepcopy(stmt.test), then, other), stmt))
                return out
            if isinstance(stmt, ast.While):
                again = ast.copy_location(_Again(stmt, rest), stmt)
                return out + self._round(again, first, have)
            raise SubsetError(
                self.fn.file, stmt.lineno, 0, "a yield inside this statement", "only `if` and `while` may hold a yield"
            )
        return out + self._finish(first)

    def _round(self, again: _Again, first: bool, have: frozenset[str]) -> list[ast.stmt]:
        loop = again.loop
        then = self.cut([*loop.body, again], first, have)
        other = self.cut(again.rest, first, have)
        return [ast.copy_location(ast.If(copy.deepcopy(loop.test), then, other), loop)]

    def ending(self, stmt: ast.Return, first: bool) -> list[ast.stmt]:
        value = copy.deepcopy(stmt.value) or ast.Constant(0)
        result = ast.copy_location(ast.Assign([ast.Name("__result", ast.Store())], value), stmt)
        done = ast.copy_location(ast.Return(ast.Name("__result", ast.Load())), stmt)
        return [result, *self._leave(first), done]

    def _finish(self, first: bool) -> list[ast.stmt]:
        return [*self._leave(first), ast.Return(ast.Constant(0))]

    def _leave(self, first: bool) -> list[ast.stmt]:
        return [] if first else ast.parse("__task.busy = False\nk.free(frame)").body

    def _suspend(self, stmt: ast.stmt, first: bool, rest: list[ast.stmt], have: frozenset[str]) -> list[ast.stmt]:
        if id(stmt) not in self.by_yield:
            self.by_yield[id(stmt)] = len(self.bodies)
            self.bodies.append([])
            number = self.by_yield[id(stmt)]
            self.bodies[number] = self.cut(rest, False, frozenset())
        if first:
            have |= {a.arg for a in self.fn.tree.args.args[1:]}
        return [ast.copy_location(_Suspend(self.by_yield[id(stmt)], first, have, stmt), stmt)]

    def link(self) -> list[list[ast.stmt]]:
        """The steps' bodies, each loading and storing just what is still needed of the locals."""
        count = len(self.bodies)
        ends = [[x for s in body for x in _walk(s) if isinstance(x, _Suspend)] for body in self.bodies]
        need = [_reads(body) & self.defined(i) for i, body in enumerate(self.bodies)]
        changed = True
        while changed:
            changed = False
            for i in range(count):
                more = need[i].union(*(need[e.target] for e in ends[i])) & self.defined(i)
                changed |= more != need[i]
                need[i] = more
        return [self._step_body(i, body, need) for i, body in enumerate(self.bodies)]

    def defined(self, number: int) -> frozenset[str]:
        """Locals that have a value when a step starts."""
        for key, i in self.by_yield.items():
            if i == number:
                return self.yields[key][1] & self.types.keys()
        return frozenset(a.arg for a in self.fn.tree.args.args[1:])

    def _step_body(self, number: int, body: list[ast.stmt], need: list[frozenset[str]]) -> list[ast.stmt]:
        loaded = _reads(body) & self.defined(number) if number else frozenset()
        out = [_Suspending(self, need, loaded).visit(s) for s in body]
        flat = [s for part in out for s in (part if isinstance(part, list) else [part])]
        if number == 0:
            return flat
        text = f"given(frame.pc == {number})\n__task = frame.caller\nassert __task is not None\n"
        known = next(self.yields[key][0] for key, i in self.by_yield.items() if i == number)
        for name in sorted(loaded):
            text += f"{name} = frame.{name}\n"
            kind = self.types[name]
            if isinstance(kind, RefType) and (not kind.optional or name in known):
                text += f"assert {name} is not None\n"
        head = _at(ast.parse(text).body, self.fn.tree)
        return head + [x for s in flat for x in _as_list(_KeepGoing().visit(s))]

    @property
    def frame_name(self) -> str:
        return f"{self.fn.name}_frame"


class _Again(ast.stmt):
    """The end of a round of a loop that holds a yield: back to its test."""

    _fields = ()

    def __init__(self, loop: ast.While, rest: list[ast.stmt]) -> None:
        super().__init__()
        self.loop = loop
        self.rest = rest

    def __deepcopy__(self, memo: object) -> _Again:
        return self


class _Suspend(ast.stmt):
    """The end of a step: what the next one needs is stored in the frame, once that is known."""

    _fields = ()

    def __init__(self, target: int, first: bool, have: frozenset[str], at: ast.stmt) -> None:
        super().__init__()
        self.target = target
        self.first = first
        self.have = have
        self.at = at


class _Returns(ast.NodeTransformer):
    """A return in a later step ends the call: the frame goes."""

    def __init__(self, splitter: _Splitter) -> None:
        self.splitter = splitter

    def visit_Return(self, node: ast.Return) -> Any:
        return self.splitter.ending(node, False)


class _Suspending(ast.NodeTransformer):
    """Writes out the ends of a step: store what is needed, forget the references that are not."""

    def __init__(self, splitter: _Splitter, need: list[frozenset[str]], loaded: frozenset[str]) -> None:
        self.splitter = splitter
        self.need = need
        self.loaded = loaded

    def visit__Suspend(self, node: _Suspend) -> Any:
        splitter = self.splitter
        text = ""
        if node.first:
            caller = splitter.fn.tree.args.args[1].arg
            text = f"frame = k.new({splitter.frame_name})\nframe.caller = {caller}\n{caller}.busy = True\n"
        text += f"frame.pc = {node.target}\n"
        for name, kind in sorted(splitter.types.items(), key=lambda item: item[0]):
            if name in self.need[node.target]:
                if name in node.have or name in self.loaded:
                    text += f"frame.{name} = {name}\n"
            elif isinstance(kind, RefType) and not node.first:
                text += f"frame.{name} = None\n"
        return _at(ast.parse(text + "return 0").body, node.at)


class _KeepGoing(ast.NodeTransformer):
    """A check in a later step cannot undo the earlier ones: the call ends there with the error."""

    def visit_Expr(self, node: ast.Expr) -> Any:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "fail":
            out = ast.parse("__task.busy = False\nk.free(frame)\nreturn error(0, 0)").body
            assert isinstance(out[2], ast.Return) and isinstance(out[2].value, ast.Call)
            out[2].value.args = call.args
            for part in out:
                for inner in ast.walk(part):
                    ast.copy_location(inner, node)
            return out
        return node


def split(record: Function) -> Split:
    """Cut an interleaved rule into its steps.

    Raises :class:`SubsetError` for a yield where none may be, and for a caller without a field `busy`.
    """
    lowerer = StatementLowerer(record, None)
    lowerer.block(record.tree.body)
    scalars = {name: t for name, t in lowerer.locals.items() if "." not in name and not isinstance(t, FlagsType)}
    flags = [name for name, t in lowerer.locals.items() if isinstance(t, FlagsType)]
    if flags:
        raise SubsetError(
            record.file, record.line, 0, f"{flags[0]}: a flags parameter of an @interleaved rule", "pass booleans"
        )
    for name, kind in scalars.items():
        if isinstance(kind, MapType):
            raise SubsetError(
                record.file, record.line, 0, f"{name}: a local map of an @interleaved rule", "use a field"
            )
    splitter = _Splitter(record, scalars, lowerer.yields)
    splitter.bodies.append([])
    splitter.bodies[0] = splitter.cut(record.tree.body, True, frozenset())
    frame = _frame_class(record, splitter, scalars)
    space = record.python.__globals__
    space[splitter.frame_name] = frame
    from nsmodel.ir import language

    for word in ("given", "error"):
        space.setdefault(word, getattr(language, word))
    steps = []
    for number, body in enumerate(splitter.link()):
        steps.append(_step(record, splitter, number, body))
    return Split(frame, tuple(steps))


def _frame_class(record: Function, splitter: _Splitter, scalars: dict[str, Type]) -> type[Frame]:
    caller = record.tree.args.args[1].arg
    owner = scalars[caller]
    if not isinstance(owner, RefType):
        raise SubsetError(record.file, record.line, 0, "the first parameter is the calling task", "name it first")
    hints: dict[str, Any] = {"caller": owner.entity | None, "pc": Annotated[int, Range(0, len(splitter.bodies))]}
    for name, kind in scalars.items():
        hints[name] = _hint(kind)
    return type(f"{record.name}_frame", (Frame,), {"__annotations__": hints, "__module__": record.python.__module__})


def _hint(kind: Type) -> Any:
    if isinstance(kind, RefType):
        return kind.entity | None
    if isinstance(kind, SetType):
        return set[kind.entity]  # type: ignore[name-defined]
    if isinstance(kind, EnumType):
        return kind.cls
    if isinstance(kind, BoolType):
        return bool
    assert isinstance(kind, IntType)
    return Annotated[int, Range(0, kind.high)]


def _step(record: Function, splitter: _Splitter, number: int, body: list[ast.stmt]) -> Function:
    tree = copy.deepcopy(record.tree)
    tree.decorator_list = []
    tree.body = body
    tree.name = record.name if number == 0 else f"{record.name}_{number + 1}"
    tree.returns = ast.copy_location(ast.Name("int", ast.Load()), tree)
    if number:
        state = tree.args.args[0]
        frame = ast.copy_location(ast.arg("frame", ast.Name(splitter.frame_name, ast.Load())), tree)
        tree.args.args = [state, frame]
    ast.fix_missing_locations(tree)
    space = record.python.__globals__
    made: dict[str, Any] = {}
    flag = __future__.annotations.compiler_flag
    exec(
        compile(ast.Module([copy.deepcopy(tree)], []), record.file, "exec", flags=flag, dont_inherit=True), space, made
    )
    python = made[tree.name]
    python.__module__ = record.python.__module__
    step = Function(tree.name, "syscall", record.source, python, record.file, record.line, tree, title=record.name)
    step.direct = compile_direct(copy.deepcopy(tree), record.file, space, python)
    step.interleaved = True
    step.direct.__nsmodel__ = step  # type: ignore[attr-defined]
    definition_of(step)
    return step


def _stores(stmt: ast.stmt) -> set[str]:
    return {x.id for x in ast.walk(stmt) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)}


def _walk(stmt: ast.stmt) -> list[ast.AST]:
    return list(ast.walk(stmt))


def _reads(body: list[ast.stmt]) -> frozenset[str]:
    return frozenset(x.id for s in body for x in ast.walk(s) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Load))


def _at(body: list[ast.stmt], where: ast.AST) -> list[ast.stmt]:
    for part in body:
        for node in ast.walk(part):
            ast.copy_location(node, where)
    return body


def _as_list(part: Any) -> list[ast.stmt]:
    return part if isinstance(part, list) else [part]


def _is_yield(stmt: ast.stmt) -> bool:
    return isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Yield) and stmt.value.value is None


def _has_yield(stmt: ast.stmt) -> bool:
    return any(isinstance(x, ast.Yield) for x in ast.walk(stmt))


def with_frames(state: type[Any], *rules: Any) -> type[Any]:
    """A state class with a collection of frames for each interleaved rule: `RULE_frames`."""
    hints: dict[str, Any] = {}
    for rule in rules:
        record: Function = rule.__nsmodel__
        hints[f"{record.name}_frames"] = Live[record.split.frame]  # type: ignore[name-defined]
    return type(state.__name__, (state,), {"__annotations__": hints, "__module__": state.__module__})


__all__ = ["Entity", "Map", "Split", "n", "split", "with_frames"]
