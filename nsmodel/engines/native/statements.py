"""The native reading of statements: the body of one definition, or of a helper generator read in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nsmodel.engines.native import context, sites
from nsmodel.engines.native.emit import I8, I32, I64, Code, Value, known
from nsmodel.engines.native.expressions import ExpressionCode
from nsmodel.engines.native.sites import Cut, Refusal
from nsmodel.engines.native.summary import has_effect, parts
from nsmodel.ir import nodes as n
from nsmodel.ir.nodes import Definition, Stmt
from nsmodel.ir.rank import most_rounds
from nsmodel.ir.types import IntType, MapType, RefType, Type

if TYPE_CHECKING:
    from nsmodel.engines.native.functions import Functions


@dataclass
class _Frame:
    """A body that is being read: its locals, what `return` and `yield` do, and the loops around the statement."""

    definition: Definition
    names: dict[str, tuple[Value, Type]]
    leave: Callable[[n.Expr | None], None]
    consume: Callable[[n.Yield], None] | None = None
    loops: list[tuple[Any, Any]] = field(default_factory=list)
    """Blocks of `continue` and `break`."""


class DefinitionCode(ExpressionCode):
    """Writes one definition as one function.

    A rule works on a copy of the state, made before its first statement with an effect: a call that fails costs none.
    """

    def __init__(self, functions: Functions, definition: Definition, function: Any, *, rule: bool) -> None:
        code = Code(function)
        before = function.args[0]
        super().__init__(functions, code, before, function.args[2 if rule else 1])
        self.definition = definition
        self.rule = rule
        self.copied_to: Value = function.args[1] if rule else None
        self.out = code.block("out")
        self.result = code.room(function.function_type.return_type)
        code.store(function.function_type.return_type(sites.UNCHANGED if rule else 0), self.result)
        self.frame = _Frame(definition, self.names, self._leave)
        self._statements: dict[type[Stmt], Callable[[Any], None]] = {
            n.Assign: self._assign,
            n.Store: self._store,
            n.StoreEntry: self._store_entry,
            n.If: self._if,
            n.ForEach: self._for_each,
            n.ForYield: self._for_yield,
            n.While: self._while,
            n.Yield: self._yield,
            n.Break: self._break,
            n.Continue: self._continue,
            n.Return: self._return,
            n.Fail: self._fail,
            n.Given: self._given,
            n.Check: self._check,
            n.Require: self._require,
            n.Free: self._free,
            n.Do: self._do,
        }
        arguments = function.args[3 if rule else 2 :]
        for (name, kind), argument in zip(definition.params, arguments, strict=True):
            if isinstance(kind, MapType):
                self.names[name] = (argument, kind)
            else:
                code.store(argument, self.memory(name, kind))
                if rule and isinstance(kind, RefType) and not kind.optional:
                    self.safe.add(name)

    def write(self) -> None:
        """Write the whole body."""
        started = not self.rule
        for stmt in self.definition.body:
            if self.code.ended:
                break
            if not started and has_effect(stmt):
                started = True
                self.code.copy(self.copied_to, self.state, self.layout.size)
                self.state = self.copied_to
                self.code.store(I32(sites.OK), self.result)
            self.statement(stmt)
        self.code.go(self.out)
        self.code.finish()
        self.code.at(self.out)
        self.b.ret(self.code.load(self.result, self.result_kind))

    @property
    def result_kind(self) -> Any:
        """The LLVM type that the function returns."""
        return self.code.function.function_type.return_type

    def block(self, body: Sequence[Stmt]) -> None:
        """Statements one after the other, as far as control gets."""
        for stmt in body:
            if self.code.ended:
                return
            self.statement(stmt)

    def statement(self, stmt: Stmt) -> None:
        """One statement."""
        self._statements[type(stmt)](stmt)

    # -- calls and leaving --------------------------------------------------------------------------------------------

    def call(self, callee: Definition, args: list[Value]) -> Value:
        """Call a helper; where it leaves, this definition leaves with it."""
        out = self.b.call(self.functions.of(callee), [self.state, self.ctx, *args])
        if callee.frees:
            self.safe.clear()
        if may_leave(callee):
            status = context.get(self.code, self.ctx, "status")
            with self.code.when(self.code.differs(status, I64(sites.OK))):
                if self.rule:
                    self.code.store(self.code.fit(status, I32), self.result)
                self.b.branch(self.out)
        return out

    def _stop(self, status: int) -> None:
        """Leave the whole call."""
        if self.rule:
            self.code.store(I32(status), self.result)
        else:
            context.put(self.code, self.ctx, "status", status)
        self.b.branch(self.out)

    def _leave(self, value: n.Expr | None) -> None:
        if value is not None:
            found = self.value(value)
            if self.code.ended:
                return
            if self.rule:
                wide = self.b.sext(found, I64) if found.type == I32 else self.code.wide(found)
                context.put(self.code, self.ctx, "result", wide)
            else:
                self.code.store(self.code.fit(found, self.result_kind), self.result)
        self.b.branch(self.out)

    def _return(self, s: n.Return) -> None:
        self.frame.leave(s.value)

    def _fail(self, s: n.Fail) -> None:
        self._stop(self.functions.sites.number(Refusal(s.errno, s.reason, s.place)))

    def _given(self, s: n.Given) -> None:
        condition = self.value(s.condition)
        if known(condition) != 1:
            with self.code.when(self.b.not_(condition)):
                self._stop(sites.DISABLED)

    def _check(self, s: n.Check) -> None:
        with self.code.when(self.b.not_(self.value(s.condition)), rare=True):
            self.trap("assertion", s.place)

    def _require(self, s: n.Require) -> None:
        if s.prop is not None and s.prop not in self.functions.properties:
            return
        condition = self.value(s.condition)
        if known(condition) == 1:
            return
        with self.code.when(self.b.not_(condition), rare=True):
            if s.prop is None:
                self._stop(sites.BROKEN)
            else:
                old = context.get(self.code, self.ctx, "broken")
                bit = 1 << self.functions.properties.index(s.prop)
                context.put(self.code, self.ctx, "broken", self.b.or_(old, I64(bit)))

    # -- stores -------------------------------------------------------------------------------------------------------

    def _evaluated(self, e: n.Expr) -> Value:
        """A right side: the only place of an allocation."""
        return self._new(e) if isinstance(e, n.New) else self.value(e)

    def _new(self, e: n.New) -> Value:
        column = self.layout.live.get(e.entity)
        cut = self.functions.sites.number(Cut(self.functions.collection(e.entity)))
        if column is None:
            self._stop(cut)
            self.code.at(self.code.block("unreached"))
            return I8(0)
        live = self.live_mask(e.entity)
        members = live.type(self.layout.members(e.entity))
        free = self.b.and_(self.b.not_(live), members)
        with self.code.when(self.code.same(free, free.type(0)), rare=True):
            self._stop(cut)
        low = self.b.and_(free, self.b.neg(free))
        self.code.store(self.b.or_(live, low), self.code.byte(self.state, column.offset))
        slot = self.code.lowest(free, I8)
        for f in self.functions.schema.by_class[e.entity].fields:
            if isinstance(f.type, IntType) and f.type.low:
                at = self.cell(e.entity, f.name, slot)
                self.code.store(self.memory_kind(f.type, e.entity)(f.type.low), at)
        return slot

    def _assign(self, s: n.Assign) -> None:
        kind = self.frame.definition.locals[s.name]
        self.safe.discard(s.name)
        if isinstance(kind, MapType):
            room = self.memory(s.name, kind)
            if isinstance(s.value, n.EmptyMap):
                own = self.functions.local_entry(kind)
                self.code.zero(room, (self.layout.slots(kind.entity) + 1) * (own.width // 8))
            else:
                self.copied(s.value, room)
            return
        value = self._evaluated(s.value)
        self.code.store(self.code.fit(value, self.kind(kind)), self.memory(s.name, kind))
        self.safe.discard(s.name)
        if isinstance(s.value, n.New) or (isinstance(s.value, n.Local) and s.value.name in self.safe):
            self.safe.add(s.name)

    def _store(self, s: n.Store) -> None:
        value = self._evaluated(s.value)
        slot = self.object(s.item)
        if s.entity not in self.layout.live:
            return
        kind = self.functions.schema.by_class[s.entity].by_name[s.field].type
        if not self.empty(kind):
            self.code.store(self._fitted(value, kind, s), self.cell(s.entity, s.field, slot))

    def _fitted(self, value: Value, kind: Type, s: n.Store | n.StoreEntry) -> Value:
        """A value as a field holds it; a number out of range is a trap."""
        memory = self.memory_kind(kind, s.entity)
        if isinstance(kind, IntType):
            top = self.layout.ceiling(kind, s.entity)
            if not kind.low <= (sure if (sure := known(value)) is not None else -1) <= top:
                above = self.b.sub(value, I32(kind.low))
                with self.code.when(self.b.icmp_unsigned(">", above, I32(top - kind.low)), rare=True):
                    self.trap("integer out of range", s.place)
        return self.code.fit(value, memory)

    def _store_entry(self, s: n.StoreEntry) -> None:
        value = self._evaluated(s.value)
        key = self.value(s.key)
        self.not_none(s.key, key)
        if s.item is None or s.entity is None:
            room, kind = self.names[s.name]
            assert isinstance(kind, MapType)
            own = self.functions.local_entry(kind)
            self.code.store(self.code.fit(value, own), self.code.item(room, key, own))
            return
        slot = self.object(s.item)
        if s.entity not in self.layout.live:
            return
        kind = self.functions.schema.by_class[s.entity].by_name[s.name].type
        assert isinstance(kind, MapType)
        fitted = self._fitted(value, kind.value, s)
        entries = self.cell(s.entity, s.name, slot)
        self.code.store(fitted, self.code.item(entries, key, fitted.type))

    def _free(self, s: n.Free) -> None:
        slot = self.object(s.item)
        self.safe.clear()
        if s.entity in self.layout.live:
            self.b.call(self.functions.release(s.entity), [self.state, slot])

    def _do(self, s: n.Do) -> None:
        self.value(s.call)

    # -- branches and loops -------------------------------------------------------------------------------------------

    def _if(self, s: n.If) -> None:
        test = self.value(s.test)
        sure = known(test)
        if sure is not None:
            self.block(s.then if sure else s.other)
            return
        then, other, after = self.code.block("then"), self.code.block("else"), self.code.block("after")
        self.b.cbranch(test, then, other)
        before = self.safe
        ends: list[set[str]] = []
        for start, body in ((then, s.then), (other, s.other)):
            self.code.at(start)
            self.safe = set(before)
            self.block(body)
            if not self.code.ended:
                ends.append(self.safe)
            self.code.go(after)
        self.safe = set.intersection(*ends) if ends else set()
        self.code.at(after)

    def _again(self, *bodies: Any) -> None:
        """Forget what one round of a loop may change for the next, and for what comes after the loop."""
        for part in parts(bodies):
            if isinstance(part, n.Assign):
                self.safe.discard(part.name)
            elif isinstance(part, n.ForEach | n.ForYield | n.Quantified | n.Filter):
                self.safe.discard(part.var)
            if isinstance(part, n.Free | n.Yield) or (isinstance(part, n.Call) and part.callee.frees):
                self.safe.clear()  # whoever consumes what is yielded may free anything

    def _body(self, body: Sequence[Stmt], following: Any, done: Any) -> None:
        self.frame.loops.append((following, done))
        self.block(body)
        self.frame.loops.pop()
        self.code.go(following)

    def _break(self, s: n.Break) -> None:
        self.b.branch(self.frame.loops[-1][1])

    def _continue(self, s: n.Continue) -> None:
        self.b.branch(self.frame.loops[-1][0])

    def _for_each(self, s: n.ForEach) -> None:
        if self.empty(s.domain.type):
            return
        done = self.code.block("done")
        self._again(s.body)
        with self.each(s.var, s.domain, leave=done) as (_, following):
            self._again(s.body)
            self._body(s.body, following, done)
        self._again(s.body)

    def _while(self, s: n.While) -> None:
        rounds = self.code.variable(I32(0))
        self._again(s.body)
        head, further, body, done = (self.code.block(name) for name in ("while", "further", "body", "done"))
        self.b.branch(head)
        self.code.at(head)
        self.b.cbranch(self.value(s.test), further, done)
        self.code.at(further)
        count = self.code.load(rounds, I32)
        outrun = self.b.icmp_unsigned(">=", count, I32(most_rounds(s, self.layout.sizes)))
        with self.code.when(outrun, rare=True):
            self.trap("loop bound", s.place)
            self.b.branch(done)
        self.code.store(self.b.add(count, I32(1)), rounds)
        self.b.branch(body)
        self.code.at(body)
        with self.perhaps():
            self._body(s.body, head, done)
        self._again(s.body)
        self.code.at(done)

    def _for_yield(self, s: n.ForYield) -> None:
        args = self.arguments(s.call)
        self.safe.clear()
        consumer, done = self.frame, self.code.block("done")
        generator = _Frame(s.call.callee, {}, lambda _: self.b.branch(done))
        kind = consumer.definition.locals.get(s.var)

        def consume(y: n.Yield) -> None:
            value = self.value(y.value)
            following = self.code.block("following")
            self._enter(consumer)
            self.code.store(value, self.memory(s.var, kind or y.value.type))
            self._body(s.body, following, done)
            self._enter(generator)
            self.code.at(following)

        generator.consume = consume
        self._enter(generator)
        for (name, of), value in zip(s.call.callee.params, args, strict=True):
            if isinstance(of, MapType):
                self.names[name] = (value, of)
            else:
                self.code.store(value, self.memory(name, of))
        self.block(s.call.callee.body)
        self._enter(consumer)
        self.code.go(done)
        self.code.at(done)

    def _enter(self, frame: _Frame) -> None:
        self.frame, self.names = frame, frame.names
        self.safe.clear()

    def _yield(self, s: n.Yield) -> None:
        assert self.frame.consume is not None
        self.frame.consume(s)


def may_leave(callee: Definition) -> bool:
    """Whether a helper may end the whole call."""
    return callee.refuses or callee.allocates or callee.requires
