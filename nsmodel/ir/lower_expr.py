"""From a rule's syntax tree to the typed intermediate form: expressions and what a condition teaches."""

from __future__ import annotations

import ast
import enum
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nsmodel.ir import nodes as n
from nsmodel.ir.language import Entity, Errno, Function, Map, Switch, count, function_of, slot_of, the
from nsmodel.ir.nodes import Const, Expr, Place
from nsmodel.ir.schema import Field, fields_of, schema_of
from nsmodel.ir.types import (
    BOOL,
    INT,
    NONE,
    BoolType,
    EnumType,
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

if TYPE_CHECKING:
    from nsmodel.ir.lower import StatementLowerer

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "==",
    ast.IsNot: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
SET_OPERATORS: dict[type[ast.operator], str] = {ast.BitOr: "|", ast.BitAnd: "&", ast.Sub: "-"}
INT_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-"}
SCALARS = (BoolType, IntType, EnumType)


def path_of(node: ast.expr) -> str | None:
    """`task.nsproxy.mnt` for a chain of names, else None."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = path_of(node.value)
        return f"{base}.{node.attr}" if base else None
    return None


class ExpressionLowerer:
    """Lowers the expressions of one function."""

    def __init__(self, owner: StatementLowerer) -> None:
        self.owner = owner
        self.bound: dict[str, tuple[str, Type]] = {}
        self.fresh = 0

    # -- helpers --------------------------------------------------------------------------------------------------

    def place(self, node: ast.AST) -> Place:
        return self.owner.place(node)

    def refuse(self, node: ast.AST, problem: str, advice: str) -> Exception:
        return self.owner.refuse(node, problem, advice)

    def globals(self, name: str, node: ast.AST) -> Any:
        """What a name means outside of the function."""
        space = self.owner.fn.python.__globals__
        builtins = {"any": any, "all": all, "set": set, "len": len, "frozenset": frozenset, "isinstance": isinstance}
        if name in space:
            return space[name]
        if name in builtins:
            return builtins[name]
        raise self.refuse(node, f"{name} is not defined here", "define or import it above this function")

    def constant(self, node: ast.expr, kind: type) -> Any:
        """A constant argument: an Errno or a string."""
        value: Any = node.value if isinstance(node, ast.Constant) else None
        if isinstance(node, ast.Name):
            value = self.globals(node.id, node)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            value = getattr(self.globals(node.value.id, node), node.attr, None)
        if isinstance(node, ast.BinOp) or not isinstance(value, kind):
            raise self.refuse(node, f"a constant {kind.__name__} belongs here", "write it out")
        return value

    def annotation(self, node: ast.expr) -> Type:
        """The type that an annotation names."""
        try:
            return of_annotation(eval(ast.unparse(node), dict(self.owner.fn.python.__globals__)))
        except (NotAType, NameError, TypeError) as problem:
            raise self.refuse(node, f"annotation: {problem}", "name a type of the rule language") from None

    def condition(self, node: ast.expr) -> Expr:
        """A boolean expression."""
        value = self.value(node)
        if not isinstance(value.type, BoolType):
            advice = "write `is not None`" if isinstance(value.type, RefType) else "compare it"
            raise self.refuse(node, f"{value.type} is no condition", advice)
        return value

    def dereferenced(self, node: ast.expr) -> Expr:
        """A reference that is known not to be None here."""
        value = self.value(node)
        if not isinstance(value.type, RefType):
            raise self.refuse(node, f"{ast.unparse(node)} is {value.type}, no object", "read a field of an object")
        if value.type.optional:
            raise self.refuse(
                node, f"{ast.unparse(node)} may be None here", "test `is None` first, or assert `is not None`"
            )
        return value

    def field(self, node: ast.Attribute, item: Expr) -> Field:
        """The field that an attribute names."""
        assert isinstance(item.type, RefType)
        found = fields_of(item.type.entity).get(node.attr)
        if found is None:
            known = ", ".join(fields_of(item.type.entity))
            raise self.refuse(node, f"{item.type.entity.__name__} has no field {node.attr}", f"one of: {known}")
        return found

    def fit(self, node: ast.AST, value: Expr, kind: Type) -> Expr:
        """The value as a `kind`, or a refusal."""
        given = value.type
        if isinstance(given, NoneType) and isinstance(kind, RefType) and kind.optional:
            return replace(value, type=kind)
        if isinstance(given, RefType) and isinstance(kind, RefType) and given.entity is kind.entity:
            if given.optional and not kind.optional:
                raise self.refuse(node, f"{kind} is needed, this may be None", "test `is None` first")
            return value
        same = type(given) is type(kind) and (given == kind or isinstance(kind, IntType))
        if same or (isinstance(given, NoneType) and isinstance(kind, NoneType)):
            return value
        if isinstance(value, n.SetOf) and not value.items and isinstance(kind, SetType):
            return replace(value, type=kind)
        raise self.refuse(node, f"{kind} is needed, this is {given}", "give it a value of that type")

    # -- expressions ----------------------------------------------------------------------------------------------

    def value(self, node: ast.expr, expected: Type | None = None) -> Expr:
        """Lower an expression; `expected` types an empty set or map."""
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise self.refuse(node, f"{type(node).__name__} is outside the subset", "")
        if type(node) is ast.Call:
            return self._call(node, expected)
        found: Expr = method(node)
        path = path_of(node)
        if path in self.owner.flow.known and isinstance(found.type, RefType) and found.type.optional:
            return replace(found, type=RefType(found.type.entity))
        return found

    def _constant(self, node: ast.Constant) -> Expr:
        at = self.place(node)
        if node.value is None:
            return Const(NONE, at, 0)
        if isinstance(node.value, bool):
            return Const(BOOL, at, int(node.value))
        if isinstance(node.value, int):
            return Const(INT, at, node.value)
        raise self.refuse(
            node, f"a constant {type(node.value).__name__}", "rules compute on bools, integers and objects"
        )

    def _name(self, node: ast.Name) -> Expr:
        at = self.place(node)
        if node.id in self.bound:
            name, kind = self.bound[node.id]
            return n.Local(kind, at, name)
        if node.id in self.owner.locals:
            return n.Local(self.owner.locals[node.id], at, node.id)
        found = self.globals(node.id, node)
        if isinstance(found, bool):
            return Const(BOOL, at, int(found))
        if isinstance(found, enum.IntEnum) and not isinstance(found, Errno):
            return Const(EnumType(type(found)), at, int(found))
        if isinstance(found, int):
            return Const(INT, at, int(found))
        raise self.refuse(node, f"{node.id} is no value of a rule", "use a local, a parameter or a constant")

    def _attribute(self, node: ast.Attribute) -> Expr:
        at = self.place(node)
        if isinstance(node.value, ast.Name) and node.value.id not in self.bound:
            name = node.value.id
            if name == "k":
                return self._collection(node)
            kind = self.owner.locals.get(name)
            if isinstance(kind, FlagsType):
                return self._flag(node, name, kind)
            if kind is None:
                found = self.globals(name, node)
                if isinstance(found, type) and issubclass(found, enum.Enum):
                    if node.attr not in found.__members__:
                        raise self.refuse(node, f"{name} has no member {node.attr}", ", ".join(found.__members__))
                    return Const(EnumType(found), at, int(found[node.attr].value))
        item = self.dereferenced(node.value)
        info = self.field(node, item)
        assert isinstance(item.type, RefType)
        return n.FieldOf(info.type, at, item.type.entity, node.attr, item)

    def _collection(self, node: ast.Attribute) -> Expr:
        first = self.owner.fn.tree.args.args[0]
        state = self.owner.hints.get(first.arg)
        schema = schema_of(state) if isinstance(state, type) else None
        info = schema.by_collection.get(node.attr) if schema else None
        if info is None:
            known = ", ".join(schema.by_collection) if schema else "annotate k with the state class"
            raise self.refuse(node, f"the state has no collection {node.attr}", known)
        return n.LiveSet(SetType(info.cls), self.place(node), info.cls)

    def _flag(self, node: ast.Attribute, name: str, kind: FlagsType) -> Expr:
        from nsmodel.ir.lower import flag_fields

        fields = flag_fields(kind.cls)
        if node.attr not in fields:
            raise self.refuse(node, f"{kind} has no field {node.attr}", ", ".join(fields))
        return n.Local(fields[node.attr], self.place(node), f"{name}.{node.attr}")

    def _subscript(self, node: ast.Subscript) -> Expr:
        base = self.value(node.value)
        if not isinstance(base.type, MapType):
            raise self.refuse(node, f"{base.type} has no entries", "only a Map is read by key")
        key = self.dereferenced(node.slice)
        if key.type != RefType(base.type.entity):
            raise self.refuse(node, f"the key is {key.type}", f"use {base.type.entity.__name__}")
        return n.Entry(base.type.value, self.place(node), base, key)

    def _unaryop(self, node: ast.UnaryOp) -> Expr:
        if isinstance(node.op, ast.Not):
            return n.Not(BOOL, self.place(node), self.condition(node.operand))
        if (
            isinstance(node.op, ast.USub)
            and isinstance(node.operand, ast.Constant)
            and isinstance(node.operand.value, int)
        ):
            return Const(INT, self.place(node), -node.operand.value)
        raise self.refuse(node, "this operator is outside the subset", "not, +, -")

    def _boolop(self, node: ast.BoolOp) -> Expr:
        op = "and" if isinstance(node.op, ast.And) else "or"
        flow = self.owner.flow
        before = flow.known
        out = self.condition(node.values[0])
        for left, right in zip(node.values, node.values[1:], strict=False):
            flow.known = flow.known | self.learned(left, op == "and")
            out = n.Junction(BOOL, self.place(node), op, out, self.condition(right))
        flow.known = before
        return out

    def _ifexp(self, node: ast.IfExp) -> Expr:
        test = self.condition(node.test)
        flow = self.owner.flow
        before = flow.known
        flow.known = before | self.learned(node.test, True)
        then = self.value(node.body)
        flow.known = before | self.learned(node.test, False)
        other = self.value(node.orelse)
        flow.known = before
        kind = self._common(node, then, other)
        return n.Conditional(kind, self.place(node), test, then, other)

    def _common(self, node: ast.AST, a: Expr, b: Expr) -> Type:
        for x, y in ((a, b), (b, a)):
            if isinstance(x.type, RefType) and (isinstance(y.type, NoneType) or y.type == RefType(x.type.entity, True)):
                return RefType(x.type.entity, optional=True)
        if a.type == b.type or (isinstance(a.type, IntType) and isinstance(b.type, IntType)):
            return a.type
        if isinstance(a.type, RefType) and isinstance(b.type, RefType) and a.type.entity is b.type.entity:
            return a.type
        raise self.refuse(node, f"one side is {a.type}, the other {b.type}", "both sides have one type")

    def _binop(self, node: ast.BinOp) -> Expr:
        left = self.value(node.left)
        if isinstance(left.type, SetType):
            op = SET_OPERATORS.get(type(node.op))
            right = self.fit(node.right, self.value(node.right, left.type), left.type)
            if op is None:
                raise self.refuse(node, "this operator is not for sets", "use | & -")
            return n.SetOp(left.type, self.place(node), op, left, right)
        right = self.value(node.right)
        if isinstance(left, n.SetOf) and not left.items and isinstance(right.type, SetType):
            left = self.fit(node, left, right.type)
        op = INT_OPERATORS.get(type(node.op))
        if op is None or not (isinstance(left.type, IntType) and isinstance(right.type, IntType)):
            raise self.refuse(node, f"arithmetic on {left.type} and {right.type}", "only + and - on integers")
        return n.Arith(INT, self.place(node), op, left, right)

    def _compare(self, node: ast.Compare) -> Expr:
        if len(node.ops) != 1:
            raise self.refuse(node, "a chained comparison", "write `a < b and b < c`")
        op = node.ops[0]
        at = self.place(node)
        left = self.value(node.left)
        if isinstance(op, ast.In | ast.NotIn):
            domain = self.value(node.comparators[0])
            if not (isinstance(domain.type, SetType) and isinstance(left.type, RefType)):
                raise self.refuse(node, f"{left.type} in {domain.type}", "test an object against a set of its kind")
            if domain.type.entity is not left.type.entity:
                raise self.refuse(node, f"{left.type} in {domain.type}", "test an object against a set of its kind")
            found = n.Member(BOOL, at, left, domain)
            return found if isinstance(op, ast.In) else n.Not(BOOL, at, found)
        right = self.value(node.comparators[0], left.type)
        symbol = COMPARISONS[type(op)]
        reference = isinstance(left.type, RefType | NoneType) and isinstance(right.type, RefType | NoneType)
        if reference:
            self._check_references(node, op, left, right)
        elif isinstance(left.type, SetType):
            right = self.fit(node, right, left.type)
            if symbol not in ("==", "!="):
                raise self.refuse(node, "sets have no order", "use == or any(…)")
        elif isinstance(left.type, SCALARS) and type(left.type) is type(right.type):
            if isinstance(left.type, EnumType) and left.type != right.type:
                raise self.refuse(node, f"{left.type} compared with {right.type}", "compare members of one enumeration")
        else:
            raise self.refuse(node, f"{left.type} compared with {right.type}", "compare values of one type")
        return n.Compare(BOOL, at, symbol, left, right)

    def _check_references(self, node: ast.Compare, op: ast.cmpop, left: Expr, right: Expr) -> None:
        if not isinstance(op, ast.Is | ast.IsNot):
            raise self.refuse(node, "references compared by value or order", "use `is` or `is not`")
        if isinstance(left.type, RefType) and isinstance(right.type, RefType):
            if left.type.entity is not right.type.entity:
                raise self.refuse(node, f"{left.type} is {right.type}", "these can never be the same object")

    def _set(self, node: ast.Set) -> Expr:
        items = tuple(self.dereferenced(e) for e in node.elts)
        assert isinstance(items[0].type, RefType)
        return n.SetOf(SetType(items[0].type.entity), self.place(node), items)

    def _setcomp(self, node: ast.SetComp) -> Expr:
        var, domain, condition, body = self._comprehension(node, node.elt, node.generators)
        if not (isinstance(body, n.Local) and body.name == var):
            raise self.refuse(node, "a comprehension that maps", "write `{x for x in S if …}` and loop over it")
        return n.Filter(domain.type, self.place(node), var, domain, condition)

    def _comprehension(
        self, node: ast.AST, elt: ast.expr, generators: list[ast.comprehension]
    ) -> tuple[str, Expr, Expr, Expr]:
        if len(generators) != 1 or not isinstance(generators[0].target, ast.Name):
            raise self.refuse(node, "more than one `for` in a comprehension", "nest any(…) in any(…)")
        gen = generators[0]
        assert isinstance(gen.target, ast.Name)
        domain = self.value(gen.iter)
        if not isinstance(domain.type, SetType):
            raise self.refuse(gen.iter, f"a comprehension over {domain.type}", "it ranges over a set of objects")
        self.fresh += 1
        name = f"{gen.target.id}.{self.fresh}"
        kind = RefType(domain.type.entity)
        self.owner.locals[name] = kind
        before_bound, before_known = dict(self.bound), self.owner.flow.known
        self.bound[gen.target.id] = (name, kind)
        dropped = gen.target.id + "."
        self.owner.flow.known = frozenset(p for p in before_known if not p.startswith(dropped))
        condition: Expr = Const(BOOL, self.place(node), 1)
        for test in gen.ifs:
            part = self.condition(test)
            condition = (
                part if isinstance(condition, Const) else n.Junction(BOOL, self.place(test), "and", condition, part)
            )
            self.owner.flow.known |= self.learned(test, True)
        body = self.value(elt)
        self.bound, self.owner.flow.known = before_bound, before_known
        return name, domain, condition, body

    # -- calls ----------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call, expected: Type | None = None) -> Expr:
        at = self.place(node)
        if node.keywords:
            raise self.refuse(node, "keyword arguments", "pass arguments in order")
        if isinstance(node.func, ast.Attribute):
            return self._state_call(node)
        if not isinstance(node.func, ast.Name):
            raise self.refuse(node, "a computed call", "call a helper by its name")
        if node.func.id in self.owner.locals or node.func.id in self.bound:
            raise self.refuse(node, f"{node.func.id} is no function", "call a helper by its name")
        target = self.globals(node.func.id, node)
        if target in (any, all, the, count):
            return self._quantified(node, node.func.id)
        if target in (set, frozenset):
            if node.args or not isinstance(expected, SetType):
                raise self.refuse(node, "set(…)", "annotate the empty set: `found: set[Task] = set()`")
            return n.SetOf(expected, at, ())
        if target is Map:
            if not isinstance(expected, MapType):
                raise self.refuse(node, "Map() without a type", "annotate it: `m: Map[Task, …] = Map()`")
            return n.EmptyMap(expected, at)
        if target is len:
            found = self.value(node.args[0])
            if not isinstance(found.type, SetType):
                raise self.refuse(node, f"len of {found.type}", "count the members of a set")
            self.fresh += 1
            name = f"each.{self.fresh}"
            self.owner.locals[name] = RefType(found.type.entity)
            true = Const(BOOL, at, 1)
            return n.Quantified(INT, at, "count", name, found, true, true)
        if target is isinstance:
            return self._isinstance(node)
        if target is slot_of:
            if self.owner.fn.kind != "observed":
                raise self.refuse(node, "slot_of outside an @observed helper", "slots are no numbers of the state")
            return n.SlotOf(INT, at, self.dereferenced(node.args[0]))
        if getattr(target, "__name__", "") == "error" and target.__module__ == "nsmodel.ir.language":
            return Const(INT, at, -int(self.constant(node.args[0], Errno)))
        fn = function_of(target)
        if fn is None:
            raise self.refuse(
                node, f"{node.func.id} is not a function of the rule language", "decorate it with @helper"
            )
        return self._helper_call(node, fn)

    def _isinstance(self, node: ast.Call) -> Expr:
        """A constant, once a helper is specialised for a concrete entity."""
        item = self.value(node.args[0])
        cls = self.globals(node.args[1].id, node) if isinstance(node.args[1], ast.Name) else None
        if not isinstance(item.type, RefType) or not (isinstance(cls, type) and issubclass(cls, Entity)):
            raise self.refuse(node, "isinstance of something else", "ask an object for its entity")
        return Const(BOOL, self.place(node), int(issubclass(item.type.entity, cls)))

    def _state_call(self, node: ast.Call) -> Expr:
        at = self.place(node)
        assert isinstance(node.func, ast.Attribute)
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "k"):
            raise self.refuse(node, "a method call", "call a helper with the object as argument")
        if node.func.attr == "bug":
            switch = self.constant(node.args[0], Switch)
            return n.SwitchOn(BOOL, at, switch.name)
        if node.func.attr == "new" and isinstance(node.args[0], ast.Name):
            cls = self.globals(node.args[0].id, node)
            if not (isinstance(cls, type) and issubclass(cls, Entity)) or cls.is_abstract:
                raise self.refuse(node, "k.new of no concrete entity", "name an entity class, or k.like(object)")
            return self._new(node, cls)
        if node.func.attr in ("like", "kin"):
            item = self.value(node.args[0])
            if not isinstance(item.type, RefType):
                raise self.refuse(node, f"{node.func.attr} of {item.type}", "name an object")
            if node.func.attr == "like":
                return self._new(node, item.type.entity)
            return n.LiveSet(SetType(item.type.entity), at, item.type.entity)
        raise self.refuse(node, f"the state has no operation {node.func.attr}", "new, like, kin, free, bug")

    def _new(self, node: ast.AST, cls: type[Entity]) -> Expr:
        self.owner.flags["allocates"] = True
        self.owner.effect(node)
        return n.New(RefType(cls), self.place(node), cls)

    def _quantified(self, node: ast.Call, kind: str) -> Expr:
        if len(node.args) != 1 or not isinstance(node.args[0], ast.GeneratorExp):
            raise self.refuse(node, f"{kind} of something else", f"write `{kind}(… for x in S if …)`")
        inner = node.args[0]
        var, domain, condition, body = self._comprehension(node, inner.elt, inner.generators)
        at = self.place(node)
        if kind in ("any", "all"):
            if not isinstance(body.type, BoolType):
                raise self.refuse(node, f"{kind} over {body.type}", "its body is a condition")
            return n.Quantified(BOOL, at, kind, var, domain, condition, body)
        if not (isinstance(body, n.Local) and body.name == var):
            raise self.refuse(node, f"{kind} of another expression", f"write `{kind}(x for x in S if …)`")
        assert isinstance(domain.type, SetType)
        result: Type = INT if kind == "count" else RefType(domain.type.entity, optional=True)
        return n.Quantified(result, at, kind, var, domain, condition, Const(BOOL, at, 1))

    def _helper_call(self, node: ast.Call, fn: Function) -> Expr:
        from nsmodel.ir.lower import definition_of, flattened, is_generic, parameters

        if fn.kind in ("syscall", "interleaved", "invariant") and fn.kind != self.owner.fn.kind:
            raise self.refuse(node, f"a call of the {fn.kind} {fn.name}", "share a @helper")
        formal = parameters(fn)
        if len(node.args) - 1 != len(formal) or not (isinstance(node.args[0], ast.Name) and node.args[0].id == "k"):
            raise self.refuse(
                node, f"{fn.name} takes k and {len(formal)} arguments", "pass k first, then each argument"
            )
        args: list[Expr] = []
        special: list[Type] = []
        for actual, (name, kind) in zip(node.args[1:], formal, strict=True):
            if isinstance(kind, FlagsType):
                if not (isinstance(actual, ast.Name) and self.owner.locals.get(actual.id) == kind):
                    raise self.refuse(actual, f"{name} takes the caller's own {kind} parameter", "pass it on whole")
                args += [n.Local(t, self.place(actual), f) for f, t in flattened(actual.id, kind)]
                special.append(kind)
                continue
            value = self.value(actual, kind)
            if isinstance(kind, RefType | SetType) and kind.entity.is_abstract:
                if not isinstance(value.type, type(kind)) or not issubclass(value.type.entity, kind.entity):
                    raise self.refuse(actual, f"{name} is {kind}, this is {value.type}", "pass one of its entities")
                kind = replace(kind, entity=value.type.entity)
            args.append(self.fit(actual, value, kind))
            special.append(kind)
        callee = definition_of(fn, tuple(special) if is_generic(fn) else None)
        if callee.observed and self.owner.fn.kind not in ("observed", "syscall", "invariant"):
            raise self.refuse(node, f"{fn.name} is observed only", "its value must not enter the state")
        self.owner.called(node, callee)
        return n.Call(callee.result, self.place(node), callee, tuple(args))

    # -- narrowing ------------------------------------------------------------------------------------------------

    def learned(self, node: ast.expr, outcome: bool) -> frozenset[str]:
        """Paths that are not None when `node` has the given outcome."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self.learned(node.operand, not outcome)
        if isinstance(node, ast.BoolOp):
            if isinstance(node.op, ast.And) is outcome:
                return frozenset().union(*(self.learned(v, outcome) for v in node.values))
            return frozenset.intersection(*(self.learned(v, outcome) for v in node.values))
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self._learned_comparison(node, outcome)
        return frozenset()

    def _learned_comparison(self, node: ast.Compare, outcome: bool) -> frozenset[str]:
        left, right, op = node.left, node.comparators[0], node.ops[0]
        none = isinstance(right, ast.Constant) and right.value is None
        path = path_of(left)
        if none and path and isinstance(op, ast.IsNot if outcome else ast.Is):
            return frozenset({path})
        if isinstance(op, ast.In if outcome else ast.NotIn) and path:
            return frozenset({path})
        if not none and isinstance(op, ast.Is if outcome else ast.IsNot) and path:
            other = self.value(right)
            if isinstance(other.type, RefType) and not other.type.optional:
                return frozenset({path})
        return frozenset()


__all__ = ["ExpressionLowerer", "GeneratorType", "path_of"]
