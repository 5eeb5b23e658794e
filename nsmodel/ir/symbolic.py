"""The symbolic reading: executes a lowered definition over a state of terms, for given bounds.

Both branches of an `if` are executed and joined with `ite`; a loop over a set runs once for each slot that may be a
member; a `while` runs as often as its rank allows, and a trap says where that was too little. What cannot happen in
the direct reading without an exception (None read, a freed object touched, an assertion broken, …) is recorded as a
trap with the condition under which it happens: an obligation for an engine. Below a trap the terms mean nothing.

A path that joins again without having left (by a check, `given`, `return`, `break`) gets back the guard that it
started with, not the `or` of its branches: guards stay small, which is what solvers need most. For the same reason an
allocation beyond the bound does not split the path: it is noted in `cut`, and everything after it is masked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nsmodel.ir.language import Entity, Errno
from nsmodel.ir.nodes import Definition, Place
from nsmodel.ir.schema import Sizes
from nsmodel.ir.state import Row
from nsmodel.ir.symbolic_expr import Record
from nsmodel.ir.symbolic_state import RESULT_WIDTH, Cell, Dangling, Layout, SymbolicState, Value, selected
from nsmodel.ir.symbolic_stmt import StatementReader
from nsmodel.ir.types import IntType, NoneType, RefType, SetType, Type
from nsmodel.terms import term as t
from nsmodel.terms.term import FALSE, Term


@dataclass(frozen=True)
class Refusal:
    """A check: where `guard` holds it is the first that applies, and the call fails with `errno`."""

    guard: Term
    errno: Errno
    reason: str
    place: Place


@dataclass(frozen=True)
class Trapped:
    """Something that no rule may do, wherever `guard` holds."""

    guard: Term
    kind: str
    place: Place


@dataclass(frozen=True)
class BrokenClause:
    """A clause that does not hold, wherever `guard` holds; `objects` are its values (slots of references)."""

    guard: Term
    property: str | None
    """None for a clause of an invariant, which has its property's name from its own definition."""
    clause: str
    place: Place
    objects: tuple[Value, ...]


@dataclass(frozen=True)
class Outcome:
    """What a call does. `ok`, `cut`, `disabled` and the guards of `refusals` exclude each other.

    Exactly one of them holds, unless a trap does. `state` and `result` (two's complement, see :func:`signed`) have
    a meaning where `ok` holds. Below a trap nothing has: an invariant holds where none of its clauses is broken *and*
    it is not trapped.
    """

    ok: Term
    state: SymbolicState
    result: Term
    refusals: tuple[Refusal, ...]
    cut: Term
    disabled: Term
    traps: tuple[Trapped, ...]
    broken: tuple[BrokenClause, ...]

    @property
    def trapped(self) -> Term:
        """Whether any trap happens."""
        return t.disj_all(trap.guard for trap in self.traps)


class Symbolic(StatementReader):
    """Executes definitions in one scope; one object serves many calls and remembers what pure helpers gave.

    `switches` are the known bugs that are on, `statics` the frozen rows of static entities.
    """

    def __init__(
        self,
        sizes: Sizes,
        switches: frozenset[str] = frozenset(),
        statics: Mapping[type[Entity], Sequence[Row]] | None = None,
    ) -> None:
        super().__init__(Layout(sizes, statics), switches)

    def run(self, definition: Definition, state: SymbolicState, args: Sequence[Value] = ()) -> Outcome:
        """Execute a rule or an invariant; `args` are values of its (flattened) parameters."""
        outer, self.record = self.record, Record()
        try:
            path, value = self._activate(definition, args, state)
            record = self.record
        finally:
            self.record = outer
        ok = FALSE
        if path is not None:
            record.cut = t.disj(record.cut, t.conj(path.guard, self._beyond(path.state)))
            ok = t.conj(path.guard, t.neg(record.cut))
        return Outcome(
            ok=ok,
            state=path.state if path else state,
            result=self._result(definition.result, value),
            refusals=tuple(Refusal(g, *key) for key, g in record.refusals.items() if g is not FALSE),
            cut=record.cut,
            disabled=record.disabled,
            traps=tuple(Trapped(g, *key) for key, g in record.traps.items()),
            broken=tuple(BrokenClause(*found) for found in record.broken),
        )

    def _beyond(self, state: SymbolicState) -> Term:
        """Whether a number exceeds the bound that the scope names for it: the call is cut, as by an allocation."""
        parts = []
        for info in self.layout.entities:
            for f in info.fields:
                if isinstance(f.type, IntType) and isinstance(f.type.high, str):
                    top = t.number(self.sizes.top(f.type), self.layout.width(f.type))
                    for alive, value in zip(state.live(info.cls), state.columns[info.cls, f.name], strict=True):
                        assert isinstance(value, Term)
                        parts.append(t.conj(alive, t.ult(top, value)))
        return t.disj_all(parts)

    def _result(self, kind: Type, value: Value) -> Term:
        if isinstance(kind, NoneType) or not isinstance(value, Term):
            return t.number(0, RESULT_WIDTH)
        return t.resize(value, RESULT_WIDTH) if isinstance(kind, IntType) else value

    def parameters(self, definition: Definition, state: SymbolicState, prefix: str = "") -> tuple[list[Value], Term]:
        """Fresh variables for the parameters, named `PREFIXtask` or `PREFIXgroup.2`, and what holds of every call:
        references name live objects of `state`, numbers are in range."""
        values: list[Value] = []
        parts: list[Term] = []
        for name, kind in definition.params:
            value = self.layout.built(
                kind,
                lambda part, j, name=name: self.layout.fresh(f"{prefix}{name}.{j}" if j else prefix + name, part),  # type: ignore[misc]
            )
            values.append(value)
            parts += [self.layout.in_range(kind, value), t.neg(self.layout.names_dead(kind, value, state))]
            if isinstance(kind, RefType) and not kind.optional:
                assert isinstance(value, Term)
                parts.append(selected(value, state.live(kind.entity)))
        return values, t.conj_all(parts)

    def argument(self, kind: Type, value: int) -> Value:
        """A constant argument: a number or slot, a set as its bit mask with bit `slot` set."""
        if isinstance(kind, SetType):
            return self.layout.built(kind, lambda _, j: t.boolean(bool(value >> j & 1)))
        return self.layout.scalar(kind, int(value))

    def variables(self, prefix: str = "", steady: Mapping[Cell, Term] | None = None) -> SymbolicState:
        """A state of fresh variables, except for the cells in `steady`."""
        return self.layout.variables(prefix, steady)

    def well_formed(self, state: SymbolicState) -> Term:
        """What holds of every state: values in range, rows of free slots zero, references to live objects."""
        return self.layout.well_formed(state)

    def dangling(self, state: SymbolicState) -> list[Dangling]:
        """References that name no live object: the check of every successor."""
        return self.layout.dangling(state)


def signed(value: int) -> int:
    """What a call returned, from the value of `Outcome.result`: negative for an error number."""
    return value - (1 << RESULT_WIDTH) if value >> RESULT_WIDTH - 1 else value
