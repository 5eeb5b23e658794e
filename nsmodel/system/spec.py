"""Specs: what is checked, from which state, within which bounds, and what is expected of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nsmodel.ir.language import Function, Switch, function_of
from nsmodel.ir.schema import schema_of
from nsmodel.ir.state import State
from nsmodel.system.operation import Call, Operation
from nsmodel.system.verdict import Verdict


class SpecError(ValueError):
    """A spec that cannot be checked: it names what is not there. The message says what and where."""


@dataclass(frozen=True)
class Property:
    """A named list of clauses: functions of `require` over a state, and clauses that rules `assure` under the name."""

    name: str
    statement: str
    functions: tuple[Function, ...] = ()
    in_steps: bool = False
    """Rules judge clauses of it while they take effect."""


NO_UAF = Property("NO_UAF", "no rule touches a freed object and no field names one", (), True)
STEP_TOTAL = Property(
    "STEP_TOTAL", "no rule reads through None, outruns a loop bound or breaks its own assertion", (), True
)
FAIL_ATOMIC = Property("FAIL_ATOMIC", "a call that fails leaves the state as it was", (), True)
BUILT_IN = (NO_UAF, STEP_TOTAL, FAIL_ATOMIC)


def prop(name: str, statement: str, *functions: Callable[..., Any], in_steps: bool = False) -> Property:
    """A property out of decorated invariant functions."""
    records = []
    for fn in functions:
        record = function_of(fn)
        if record is None or record.kind != "invariant":
            raise SpecError(f"{name}: {getattr(fn, '__name__', fn)} is no @invariant")
        records.append(record)
    return Property(name, statement, tuple(records), in_steps)


@dataclass(frozen=True)
class Scope:
    """Bounds and limits that replace a spec's own: slots by collection, and how deep to go."""

    bounds: Mapping[str, int] = field(default_factory=dict)
    depth: int | None = None


@dataclass(frozen=True)
class Spec:
    """What `nsmodel check` checks.

    `bounds` gives slots by collection (a collection that is not named has none, and costs nothing); `derived` those
    that follow from other bounds, so that nobody has to name them. `prelude` are
    calls that must succeed, from the state that `base` makes; the search starts after them. `kills` maps the
    known bugs that the spec is meant to find to the property that each breaks.
    """

    name: str
    title: str
    state: type[State]
    base: Callable[[Any], Any]
    bounds: Mapping[str, int]
    operations: tuple[Operation, ...]
    properties: tuple[Property, ...]
    edges: tuple[Operation, ...] = ()
    """Calls that `nsmodel tests` tries besides in every state, without going on behind them: those of `operations` with
    more arguments, and others whose refusals are worth a test."""
    prelude: tuple[Call, ...] = ()
    prelude_operations: tuple[Operation, ...] = ()
    """Operations that only the prelude calls."""
    depth: int | None = None
    scopes: Mapping[str, Scope] = field(default_factory=dict)
    expect: Mapping[str, Verdict] = field(default_factory=dict)
    kills: Mapping[Switch, str] = field(default_factory=dict)
    engines: tuple[str, ...] = ("reference", "explicit", "bmc")
    replayable: bool = True
    derived: Mapping[str, Callable[[Mapping[str, int]], int]] = field(default_factory=dict)
    """Bounds that are functions of the others; no scope and no user names them."""
    max_bounds: Mapping[str, int] = field(default_factory=dict)
    """Bounds that the prelude or the rules cannot go beyond."""
    may_never_succeed: tuple[str, ...] = ()
    """Operations that are offered for their refusals."""

    def __post_init__(self) -> None:
        known = schema_of(self.state).bound_names
        for source in (self.derived, self.bounds, *(s.bounds for s in self.scopes.values())):
            for name in source:
                if name not in known:
                    raise SpecError(f"{self.name}: unknown bound {name}; one of {', '.join(sorted(known))}")
                if name in self.derived and source is not self.derived:
                    raise SpecError(f"{self.name}: the bound {name} is derived from the others, no scope names it")
        named = {p.name for p in self.properties}
        for prop_name in (*self.expect, *self.kills.values()):
            if prop_name not in named:
                raise SpecError(f"{self.name}: expects something of {prop_name}, which is not among its properties")

    def operation(self, name: str) -> Operation:
        """An operation by name; raises :class:`SpecError`."""
        for operation in (*self.operations, *self.edges, *self.prelude_operations):
            if operation.name == name:
                return operation
        raise SpecError(f"{self.name}: unknown operation {name}; one of {', '.join(o.name for o in self.operations)}")

    def scope(self, name: str | None) -> Scope:
        """A scope by name, the spec's own for None; raises :class:`SpecError`."""
        if name is None or name == "default":
            return self.settled(Scope(self.bounds, self.depth))
        if name not in self.scopes:
            known = ", ".join(["default", *self.scopes])
            raise SpecError(f"{self.name}: unknown scope {name}; one of {known}")
        chosen = self.scopes[name]
        return self.settled(Scope({**self.bounds, **chosen.bounds}, chosen.depth))

    def settled(self, scope: Scope) -> Scope:
        """A scope with the derived bounds that follow from its others: needed again whenever one was replaced."""
        named = {name: value for name, value in scope.bounds.items() if name not in self.derived}
        follow = {name: function(named) for name, function in self.derived.items()}
        return Scope({**named, **follow}, scope.depth)


def call(operation: str, **arguments: Any) -> Call:
    """A call of a prelude: objects by slot, `call("clone3", task=1, flags=CloneFlags(), tids=SetTid())`."""
    return Call(operation, tuple(arguments.items()))
