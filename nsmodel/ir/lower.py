"""From a rule's syntax tree to the typed intermediate form: statements. Expressions are in `lower_expr`.

Lowering refuses what the subset leaves out and what the types forbid: an optional reference read unchecked, a check
after an effect, recursion, a `while` without a rank, a local that changes its type.
"""

from __future__ import annotations

import ast
import typing
from dataclasses import dataclass, field
from typing import Any

from nsmodel.ir import nodes as n
from nsmodel.ir.language import Entity, Errno, Function
from nsmodel.ir.lower_expr import ExpressionLowerer, path_of
from nsmodel.ir.nodes import Definition, Expr, Place, Stmt
from nsmodel.ir.subset import SubsetError
from nsmodel.ir.types import (
    BOOL,
    INT,
    NONE,
    BoolType,
    FlagsType,
    GeneratorType,
    IntType,
    MapType,
    NoneType,
    NotAType,
    RefType,
    SetType,
    Type,
    of_annotation,
)


def definition_of(fn: Function, special: tuple[Type, ...] | None = None) -> Definition:
    """The lowered form of a function, specialised for the concrete entities in `special` where its parameters are
    abstract. Lowered once, then remembered."""
    if special in fn.lowered:
        found = fn.lowered[special]
        if found is None:
            raise SubsetError(fn.file, fn.line, 0, f"{fn.name} calls itself", "use a work-list: `while` over a set")
        return typing.cast(Definition, found)
    fn.lowered[special] = None
    try:
        fn.lowered[special] = StatementLowerer(fn, special).definition()
    except BaseException:
        del fn.lowered[special]
        raise
    return typing.cast(Definition, fn.lowered[special])


def parameters(fn: Function) -> list[tuple[str, Type]]:
    """Names and types of a function's parameters, the state left out."""
    hints = _hints(fn)
    out = []
    for arg in fn.tree.args.args[1:]:
        if arg.arg not in hints:
            raise SubsetError(
                fn.file, arg.lineno, arg.col_offset, f"parameter {arg.arg} has no annotation", "annotate it"
            )
        try:
            out.append((arg.arg, of_annotation(hints[arg.arg])))
        except NotAType as problem:
            raise SubsetError(fn.file, arg.lineno, arg.col_offset, f"parameter {arg.arg}: {problem}", "") from None
    return out


def is_generic(fn: Function) -> bool:
    """True when some parameter is an abstract entity."""
    return any(isinstance(t, RefType | SetType) and t.entity.is_abstract for _, t in parameters(fn))


def _hints(fn: Function) -> dict[str, Any]:
    if fn.hints is not None:
        return fn.hints
    try:
        fn.hints = typing.get_type_hints(fn.python, include_extras=True)
        return fn.hints
    except NameError as problem:
        raise SubsetError(fn.file, fn.line, 0, f"annotation: {problem}", "import or define the type above") from None


@dataclass
class Flow:
    """What holds at a point of a function."""

    known: frozenset[str] = frozenset()
    """Paths (`task.nsproxy`) that are not None here."""
    dirty: bool = False
    """An effect may have happened."""


@dataclass
class StatementLowerer:
    """Lowers one function."""

    fn: Function
    special: tuple[Type, ...] | None
    locals: dict[str, Type] = field(default_factory=dict)
    flow: Flow = field(default_factory=Flow)
    loops: int = 0
    refusals: list[ast.AST] = field(default_factory=list)
    flags: dict[str, bool] = field(default_factory=dict)
    frees: set[type[Entity]] = field(default_factory=set)
    yields: dict[int, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)
    """At each yield of an interleaved rule: the locals that are not None there, and all that are known."""

    def __post_init__(self) -> None:
        self.hints = _hints(self.fn)
        declared = parameters(self.fn)
        if self.special is not None:
            declared = [(name, t) for (name, _), t in zip(declared, self.special, strict=True)]
        self.params = declared
        self.locals.update(declared)
        self.result = self._result()
        self.expr = ExpressionLowerer(self)

    def _result(self) -> Type:
        hint = self.hints.get("return", None)
        try:
            if self.fn.kind == "interleaved":
                return INT
            kind = of_annotation(hint)
            if isinstance(kind, RefType) and kind.entity.is_abstract:
                for (_, formal), (_, actual) in zip(parameters(self.fn), self.params, strict=True):
                    if formal == RefType(kind.entity) and isinstance(actual, RefType):
                        return RefType(actual.entity, kind.optional)
            return kind
        except NotAType as problem:
            raise SubsetError(self.fn.file, self.fn.line, 0, f"result: {problem}", "") from None

    def place(self, node: ast.AST) -> Place:
        """Where a node stands."""
        return Place(self.fn.file, getattr(node, "lineno", self.fn.line), getattr(node, "col_offset", 0))

    def refuse(self, node: ast.AST, problem: str, advice: str) -> SubsetError:
        """The error for a place outside the subset."""
        at = self.place(node)
        return SubsetError(at.file, at.line, at.column, problem, advice)

    def definition(self) -> Definition:
        """Lower the whole function."""
        body, falls = self.block(self.fn.tree.body)
        for stmt in body:
            self._calls_stand_alone(stmt)
        if falls and not isinstance(self.result, NoneType | GeneratorType) and self.fn.kind != "syscall":
            raise self.refuse(self.fn.tree, f"{self.fn.name} can end without a result", "return one on every path")
        params: list[tuple[str, Type]] = []
        for name, kind in self.params:
            params += flattened(name, kind)
        key = self.fn.name
        if self.special is not None:
            key += "[" + ",".join(str(t) for t in self.special) + "]"
        mark = self.flags.get
        return Definition(
            name=self.fn.name,
            key=key,
            params=tuple(params),
            result=self.result,
            body=tuple(body),
            locals={name: kind for name, kind in self.locals.items() if not isinstance(kind, FlagsType)},
            effects=mark("effects", False),
            refuses=mark("refuses", False),
            allocates=mark("allocates", False),
            requires=mark("requires", False),
            generator=isinstance(self.result, GeneratorType),
            observed=self.fn.kind == "observed",
            frees=frozenset(self.frees),
            place=self.place(self.fn.tree),
        )

    def _calls_stand_alone(self, node: object, root: bool = False) -> None:
        """A call with an effect or a check is a whole right side or statement: every reading orders it alike."""
        if isinstance(node, n.New) or (isinstance(node, n.Call) and not node.callee.pure):
            if not root:
                at = node.place
                raise SubsetError(
                    at.file,
                    at.line,
                    at.column,
                    "a call with an effect inside an expression",
                    "assign its value to a local first",
                )
        if isinstance(node, tuple):
            for part in node:
                self._calls_stand_alone(part)
        elif isinstance(node, Stmt | Expr):
            for name in node.__dataclass_fields__:
                part = getattr(node, name)
                if isinstance(part, Stmt | Expr | tuple):
                    self._calls_stand_alone(part, isinstance(node, Stmt) and name in ("value", "call"))

    # -- what a function does -------------------------------------------------------------------------------------

    def effect(self, node: ast.AST) -> None:
        """Note an effect."""
        if self.fn.kind in ("invariant", "observed") or isinstance(self.result, GeneratorType):
            raise self.refuse(
                node, f"an effect in {self.fn.kind} {self.fn.name}", "only rules and helpers change the state"
            )
        self.flags["effects"] = True
        self.flow.dirty = True

    def refusal(self, node: ast.AST) -> None:
        """Note a check that may refuse the call."""
        if self.flow.dirty:
            raise self.refuse(node, "a check after an effect", "move the check up: a failed call changes nothing")
        self.flags["refuses"] = True
        self.refusals.append(node)

    def called(self, node: ast.AST, callee: Definition) -> None:
        """Note what a call may do."""
        if callee.refuses:
            self.refusal(node)
        if callee.effects:
            self.effect(node)
        if callee.allocates:
            self.flags["allocates"] = True
        if callee.requires:
            self.flags["requires"] = True
        self.frees |= callee.frees

    # -- statements -----------------------------------------------------------------------------------------------

    def block(self, body: list[ast.stmt]) -> tuple[list[Stmt], bool]:
        """Lower statements; the flag says whether control can reach their end."""
        out: list[Stmt] = []
        falls = True
        for node in body:
            if not falls and self.special is not None:
                break  # the branch of a specialised helper that this entity takes has returned
            if not falls:
                raise self.refuse(node, "this is never reached", "remove it")
            lowered, falls = self.statement(node)
            out += lowered
        return out, falls

    def statement(self, node: ast.stmt) -> tuple[list[Stmt], bool]:
        """Lower one statement."""
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise self.refuse(
                node, f"{type(node).__name__} is outside the subset", "see the rule language's statements"
            )
        return typing.cast("tuple[list[Stmt], bool]", method(node))

    def _pass(self, node: ast.Pass) -> tuple[list[Stmt], bool]:
        return [], True

    def _assign(self, node: ast.Assign) -> tuple[list[Stmt], bool]:
        if len(node.targets) != 1:
            raise self.refuse(node, "several targets", "assign one by one")
        return self._store(node, node.targets[0], self.expr.value(node.value, self._expected(node.targets[0]))), True

    def _annassign(self, node: ast.AnnAssign) -> tuple[list[Stmt], bool]:
        if not isinstance(node.target, ast.Name) or node.value is None:
            raise self.refuse(node, "only a local with a value is annotated", "write `name: Type = value`")
        hint = self.expr.annotation(node.annotation)
        known = self.locals.setdefault(node.target.id, hint)
        if known != hint:
            raise self.refuse(node, f"{node.target.id} changes its type from {known} to {hint}", "use another name")
        return self._store(node, node.target, self.expr.value(node.value, hint)), True

    def _augassign(self, node: ast.AugAssign) -> tuple[list[Stmt], bool]:
        read = ast.copy_location(ast.BinOp(_as_load(node.target), node.op, node.value), node)
        return self._store(node, node.target, self.expr.value(read, self._expected(node.target))), True

    def _expected(self, target: ast.expr) -> Type | None:
        if isinstance(target, ast.Name):
            return self.locals.get(target.id)
        if isinstance(target, ast.Attribute):
            item = self.expr.value(target.value)
            if isinstance(item.type, RefType):
                return self.expr.field(target, item).type
        return None

    def _store(self, node: ast.stmt, target: ast.expr, value: Expr) -> list[Stmt]:
        at = self.place(node)
        if isinstance(target, ast.Name):
            return [n.Assign(at, self._local(node, target.id, value), value)]
        if isinstance(target, ast.Attribute):
            item = self.expr.dereferenced(target.value)
            info = self.expr.field(target, item)
            assert isinstance(item.type, RefType)
            if isinstance(info.type, MapType):
                raise self.refuse(node, "a map field is stored entry by entry", "write `object.field[key] = value`")
            value = self.expr.fit(node, value, info.type)
            self.effect(node)
            path = path_of(target)
            if path:
                self.forget(path)
            if path and isinstance(value.type, RefType) and not value.type.optional:
                self.flow.known |= {path}
            return [n.Store(at, item.type.entity, target.attr, item, value)]
        if isinstance(target, ast.Subscript):
            return self._store_entry(node, target, value)
        raise self.refuse(node, "this is no target", "assign to a local, a field or a map entry")

    def _store_entry(self, node: ast.stmt, target: ast.Subscript, value: Expr) -> list[Stmt]:
        at = self.place(node)
        key = self.expr.dereferenced(target.slice)
        if isinstance(target.value, ast.Name):
            kind = self.locals.get(target.value.id)
            if not isinstance(kind, MapType):
                raise self.refuse(node, f"{target.value.id} is no map", "annotate it: `m: Map[Entity, …] = Map()`")
            value = self.expr.fit(node, value, kind.value)
            return [n.StoreEntry(at, target.value.id, None, None, key, value)]
        if isinstance(target.value, ast.Attribute):
            item = self.expr.dereferenced(target.value.value)
            info = self.expr.field(target.value, item)
            if not isinstance(info.type, MapType) or not isinstance(item.type, RefType):
                raise self.refuse(node, f"{target.value.attr} is no map", "declare the field as Map[Entity, …]")
            value = self.expr.fit(node, value, info.type.value)
            self.effect(node)
            return [n.StoreEntry(at, target.value.attr, item.type.entity, item, key, value)]
        raise self.refuse(node, "this is no map", "store in a local map or a map field")

    def _local(self, node: ast.AST, name: str, value: Expr) -> str:
        known = self.locals.get(name)
        if isinstance(known, FlagsType) or name == "k":
            raise self.refuse(node, f"{name} is a parameter that is not stored to", "use another name")
        if known is None:
            kind = value.type
            if isinstance(kind, NoneType):
                raise self.refuse(
                    node, f"{name} starts as None without a type", f"write `{name}: Entity | None = None`"
                )
            self.locals[name] = INT if isinstance(kind, IntType) else kind
            known = self.locals[name]
        self.expr.fit(node, value, known)
        self.forget(name)
        if isinstance(value.type, RefType) and not value.type.optional:
            self.flow.known |= {name}
        return name

    def forget(self, name: str) -> None:
        """A local or a field was stored: what was known of it is void."""
        self.flow.known = frozenset(p for p in self.flow.known if p != name and not p.startswith(name + "."))

    def _expr(self, node: ast.Expr) -> tuple[list[Stmt], bool]:
        call = node.value
        at = self.place(node)
        if isinstance(call, ast.Constant) and isinstance(call.value, str):
            return [], True
        if isinstance(call, ast.Yield):
            if self.fn.kind == "interleaved" and call.value is None:
                kept = frozenset(p for p in self.flow.known if "." not in p)
                self.flow = Flow(kept)  # another step: it may check again, and knows of the last one only its locals
                self.yields[id(node)] = (kept, frozenset(self.locals))
                return [], True
            if not isinstance(self.result, GeneratorType) or call.value is None:
                raise self.refuse(
                    node, "yield of a step outside an @interleaved rule", "a generator helper yields objects"
                )
            return [n.Yield(at, self.expr.fit(node, self.expr.value(call.value), self.result.item))], True
        if not isinstance(call, ast.Call):
            raise self.refuse(node, "an expression without effect", "remove it")
        if isinstance(call.func, ast.Name):
            special = getattr(self, f"_call_{call.func.id}", None)
            if special is not None:
                return typing.cast("tuple[list[Stmt], bool]", special(node, call))
        if isinstance(call.func, ast.Attribute):
            if isinstance(call.func.value, ast.Name) and call.func.value.id == "k" and call.func.attr == "free":
                item = self.expr.dereferenced(call.args[0])
                assert isinstance(item.type, RefType)
                self.effect(node)
                self.frees.add(item.type.entity)
                return [n.Free(at, item.type.entity, item)], True
            if call.func.attr in ("add", "discard"):
                op: ast.operator = ast.BitOr() if call.func.attr == "add" else ast.Sub()
                whole = ast.BinOp(call.func.value, op, ast.Set([call.args[0]]))
                ast.copy_location(whole, node)
                ast.fix_missing_locations(whole)
                target = call.func.value
                return self._store(node, target, self.expr.value(whole, self._expected(target))), True
        value = self.expr.value(call)
        if not isinstance(value, n.Call):
            raise self.refuse(node, "an expression without effect", "remove it")
        return [n.Do(at, value)], True

    def _call_fail(self, node: ast.Expr, call: ast.Call) -> tuple[list[Stmt], bool]:
        errno = self.expr.constant(call.args[0], Errno)
        reason = self.expr.constant(call.args[1], str)
        self.refusal(node)
        return [n.Fail(self.place(node), errno, reason)], False

    def _call_given(self, node: ast.Expr, call: ast.Call) -> tuple[list[Stmt], bool]:
        condition = self.expr.condition(call.args[0])
        self.refusal(node)
        self.flow.known |= self.expr.learned(call.args[0], True)
        return [n.Given(self.place(node), condition)], True

    def _call_require(self, node: ast.Expr, call: ast.Call) -> tuple[list[Stmt], bool]:
        condition = self.expr.condition(call.args[0])
        clause = self.expr.constant(call.args[1], str)
        if self.fn.kind != "invariant" and self.fn.kind != "helper":
            raise self.refuse(node, "require outside an invariant", "in a rule use assure(PROPERTY, …)")
        self.flags["requires"] = True
        return [n.Require(self.place(node), condition, clause, self._objects(call.args[2:]), None)], True

    def _call_assure(self, node: ast.Expr, call: ast.Call) -> tuple[list[Stmt], bool]:
        prop = self.expr.constant(call.args[0], str)
        condition = self.expr.condition(call.args[1])
        clause = self.expr.constant(call.args[2], str)
        self.flags["requires"] = True
        return [n.Require(self.place(node), condition, clause, self._objects(call.args[3:]), prop)], True

    def _objects(self, args: list[ast.expr]) -> tuple[Expr, ...]:
        return tuple(self.expr.value(a) for a in args)

    def _assert(self, node: ast.Assert) -> tuple[list[Stmt], bool]:
        condition = self.expr.condition(node.test)
        self.flow.known |= self.expr.learned(node.test, True)
        return [n.Check(self.place(node), condition)], True

    def _return(self, node: ast.Return) -> tuple[list[Stmt], bool]:
        if isinstance(self.result, GeneratorType):
            if node.value is not None:
                raise self.refuse(node, "a generator helper returns nothing", "yield it")
            return [n.Return(self.place(node), None)], False
        if node.value is None:
            return [n.Return(self.place(node), None)], False
        value = self.expr.fit(node, self.expr.value(node.value, self.result), self.result)
        return [n.Return(self.place(node), value)], False

    def _break(self, node: ast.Break) -> tuple[list[Stmt], bool]:
        return [n.Break(self.place(node))], False

    def _continue(self, node: ast.Continue) -> tuple[list[Stmt], bool]:
        return [n.Continue(self.place(node))], False

    def _if(self, node: ast.If) -> tuple[list[Stmt], bool]:
        test = self.expr.condition(node.test)
        if isinstance(test, n.Const):
            return self.block(node.body if test.value else node.orelse)
        before = self.flow
        self.flow = Flow(before.known | self.expr.learned(node.test, True), before.dirty)
        then, then_falls = self.block(node.body)
        after_then = self.flow
        self.flow = Flow(before.known | self.expr.learned(node.test, False), before.dirty)
        other, other_falls = self.block(node.orelse)
        after_other = self.flow
        self.flow = _join(after_then, then_falls, after_other, other_falls)
        return [n.If(self.place(node), test, tuple(then), tuple(other))], then_falls or other_falls

    def _for(self, node: ast.For) -> tuple[list[Stmt], bool]:
        if node.orelse or not isinstance(node.target, ast.Name):
            raise self.refuse(node, "for … else, or a pattern", "loop over one local")
        name = node.target.id
        at = self.place(node)
        source = self.expr.value(node.iter)
        item: Type
        if isinstance(source.type, SetType):
            item = RefType(source.type.entity)
        elif isinstance(source.type, GeneratorType) and isinstance(source, n.Call):
            item = source.type.item
        else:
            raise self.refuse(
                node.iter, f"a loop over {source.type}", "loop over a set of objects or a generator helper"
            )
        declared = self.locals.setdefault(name, item)
        if declared != item and declared != RefType(getattr(item, "entity", Entity), optional=True):
            raise self.refuse(node, f"{name} changes its type from {declared} to {item}", "use another name")
        body, _ = self._loop_body(node.body, {name}, frozenset({name}))
        if isinstance(source.type, SetType):
            return [n.ForEach(at, name, source, body)], True
        assert isinstance(source, n.Call)
        return [n.ForYield(at, name, source, body)], True

    def _loop_body(
        self, body: list[ast.stmt], stored: set[str], known: frozenset[str]
    ) -> tuple[tuple[Stmt, ...], Flow]:
        """Lower a loop's body: what it may change is unknown at its start, and no check may follow its effects."""
        before = self.flow
        names = stored | _stored(body)
        kept = frozenset(p for p in before.known if p.split(".")[0] not in names and not _touches(p, names))
        seen = len(self.refusals)
        self.flow = Flow(kept | known, before.dirty)
        out, _ = self.block(body)
        if self.flow.dirty and not before.dirty and len(self.refusals) > seen:
            late = self.refusals[seen]
            raise self.refuse(
                late, "a check after an effect of an earlier round", "check everything in a loop of its own"
            )
        self.flow = Flow(kept, self.flow.dirty or before.dirty)
        return tuple(out), before

    def _while(self, node: ast.While) -> tuple[list[Stmt], bool]:
        if node.orelse:
            raise self.refuse(node, "while … else", "test after the loop")
        names = _stored(node.body)
        self.flow.known = frozenset(
            p for p in self.flow.known if p.split(".")[0] not in names and not _touches(p, names)
        )
        test = self.expr.condition(node.test)
        rank = self._rank(node, test)
        body, _ = self._loop_body(node.body, set(), self.expr.learned(node.test, True))
        if not any(isinstance(x, ast.Break) for x in ast.walk(node)):
            self.flow.known |= self.expr.learned(node.test, False)
        return [n.While(self.place(node), test, body, rank)], True

    def _rank(self, node: ast.While, test: Expr) -> type[Entity] | None:
        """A pointer chase's entity, or None for rounds `while changed`; anything else has no rank."""
        for part in ast.walk(node.test):
            if isinstance(part, ast.Compare) and isinstance(part.ops[0], ast.IsNot) and isinstance(part.left, ast.Name):
                kind = self.locals.get(part.left.id)
                if isinstance(kind, RefType) and part.left.id in _stored(node.body):
                    return kind.entity
        if isinstance(test, n.Local) and isinstance(test.type, BoolType) and test.name in _stored(node.body):
            return None
        raise self.refuse(
            node,
            "a while loop without a rank",
            "chase a pointer (`while x is not None`) or repeat rounds (`while changed`)",
        )


def flattened(name: str, kind: Type) -> list[tuple[str, Type]]:
    """A parameter as scalars: a flags record becomes one parameter for each field."""
    if not isinstance(kind, FlagsType):
        return [(name, kind)]
    return [(f"{name}.{f}", t) for f, t in flag_fields(kind.cls).items()]


def flag_fields(cls: type[Any]) -> dict[str, Type]:
    """Fields of a flags record with their types."""
    if cls not in _FLAG_FIELDS:
        _FLAG_FIELDS[cls] = _flag_fields(cls)
    return _FLAG_FIELDS[cls]


_FLAG_FIELDS: dict[Any, dict[str, Type]] = {}


def _flag_fields(cls: type[Any]) -> dict[str, Type]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return {name: of_annotation(hints[name]) for name in cls.__dataclass_fields__}


def _as_load(target: ast.expr) -> ast.expr:
    text = ast.unparse(target)
    out = ast.parse(text, mode="eval").body
    for node in ast.walk(out):
        ast.copy_location(node, target)
    return out


def _stored(body: list[ast.stmt]) -> set[str]:
    """Locals that statements store, and `.field` for every field that they store."""
    out: set[str] = set()
    for stmt in body:
        for node in ast.walk(stmt):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                out.add(node.id)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                out.add("." + node.attr)
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("add", "discard")
            ):
                if isinstance(node.func.value, ast.Name):
                    out.add(node.func.value.id)
    return out


def _touches(path: str, names: set[str]) -> bool:
    return any("." + part in names for part in path.split(".")[1:])


def _join(a: Flow, a_falls: bool, b: Flow, b_falls: bool) -> Flow:
    if not a_falls:
        return b
    if not b_falls:
        return a
    return Flow(a.known & b.known, a.dirty or b.dirty)


__all__ = ["BOOL", "INT", "NONE", "definition_of", "flattened", "is_generic", "parameters"]
