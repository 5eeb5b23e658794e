"""The transition system of a spec in a scope: its initial state, its calls, and what one call does."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nsmodel.ir import language
from nsmodel.ir.language import Broken, Entity, NotEnabled, Refused, ScopeCut, Switch, Trap, UseAfterFree
from nsmodel.ir.schema import Sizes, schema_of
from nsmodel.ir.state import Frozen, Row, State, freeze, freeze_loosely, thaw
from nsmodel.system.canonical import Canonical
from nsmodel.system.operation import Call, Operation
from nsmodel.system.spec import FAIL_ATOMIC, NO_UAF, STEP_TOTAL, Property, Scope, Spec, SpecError


@dataclass(frozen=True)
class Violation:
    """A clause that does not hold, with the objects that break it."""

    property: str
    clause: str
    objects: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What one call did.

    `result` is what the call returns (a negative error number when it fails). `state` is the frozen successor: the
    same object as before for a refused call, None where a rule was trapped or left a reference to a freed object;
    `wreck` is then what it left, as far as it can be told.
    """

    result: int
    errno: str | None
    reason: str | None
    state: Frozen | None
    violations: tuple[Violation, ...] = ()
    wreck: Frozen | None = None


class Runner:
    """Runs calls of one state directly, thawing it again only after it was changed."""

    def __init__(self, system: TransitionSystem, frozen: Frozen) -> None:
        self.system = system
        self.frozen = frozen
        self._state: Any = None

    @property
    def state(self) -> Any:
        """The state as objects, unchanged."""
        if self._state is None:
            self._state = self.system.thaw(self.frozen)
        return self._state

    def forget(self) -> None:
        """Make the objects anew: somebody ran a rule on them, which may have changed them."""
        self._state = None

    def calls(self) -> Iterator[Call]:
        """Every call offered in the state; many are not enabled."""
        for operation in self.system.operations:
            yield from list(operation.calls(self.state))

    def run(self, call: Call) -> Outcome | None:
        """Run a call; None when it is not enabled. Raises :class:`ScopeCut` beyond a bound."""
        operation = self.system.operation(call.operation)
        state = self.state
        arguments = operation.bind(state, call)
        language.BROKEN.clear()
        try:
            value = operation.run(state, *arguments)
        except NotEnabled:
            return None
        except Refused as refused:
            return Outcome(-int(refused.errno), refused.errno.name, refused.reason, self.frozen)
        except ScopeCut:
            self._state = None
            raise
        except (Trap, AssertionError, AttributeError) as trap:
            self._state = None
            return Outcome(0, None, None, None, (_trapped(trap),), freeze_loosely(state))
        self._state = None
        broken = [_violation(b, None) for b in language.BROKEN]
        result = int(value) if value is not None else 0
        wreck = None
        try:
            after: Frozen | None = freeze(state)
        except Trap as trap:
            after, wreck = None, freeze_loosely(state)
            broken.append(_trapped(trap))
        errno = language.Errno(-result).name if result < 0 else None
        function = operation.function
        judged = result < 0 and not function.interleaved and language.Errno(-result) not in function.keeps
        if judged and after != self.frozen:
            broken.append(Violation(FAIL_ATOMIC.name, "a failed call changed the state", ()))
        return Outcome(result, errno, None, after, tuple(broken), wreck)


def _trapped(trap: BaseException) -> Violation:
    name = NO_UAF.name if isinstance(trap, UseAfterFree) else STEP_TOTAL.name
    text = str(trap) or type(trap).__name__
    return Violation(name, text, ())


def _violation(broken: Broken, name: str | None) -> Violation:
    return Violation(broken.property or name or "?", broken.clause, tuple(repr(o) for o in broken.objects))


@dataclass(frozen=True)
class TransitionSystem:
    """A spec made concrete: bounds, known bugs that are on, initial state."""

    spec: Spec
    bounds: tuple[tuple[str, int], ...]
    switches: frozenset[str]
    kernel: str
    mutant: str | None
    depth: int | None

    @functools.cached_property
    def limits(self) -> dict[str, int]:
        """Bounds by name."""
        return dict(self.bounds)

    @functools.cached_property
    def sizes(self) -> Sizes:
        """The schema with the bounds."""
        return Sizes(schema_of(self.spec.state), self.limits)

    @functools.cached_property
    def statics(self) -> dict[type[Entity], tuple[Row, ...]]:
        """Frozen rows of the static entities, as the base makes them."""
        entities = schema_of(self.spec.state).entities
        return {info.cls: rows for info, rows in zip(entities, self.base, strict=True) if info.static}

    @functools.cached_property
    def canonical(self) -> Canonical:
        """Canonical forms of its states."""
        return Canonical(schema_of(self.spec.state))

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What may be called."""
        return self.spec.operations

    @functools.cached_property
    def _by_name(self) -> dict[str, Operation]:
        return {o.name: o for o in self.spec.operations}

    def operation(self, name: str) -> Operation:
        """An operation by name."""
        found = self._by_name.get(name)
        return found if found is not None else self.spec.operation(name)

    def thaw(self, frozen: Frozen) -> Any:
        """A frozen state as objects."""
        return thaw(self.spec.state, frozen, self.limits, self.switches)

    @functools.cached_property
    def base(self) -> Frozen:
        """The state before the prelude."""
        state = self.spec.state(self.limits, self.switches)
        self.spec.base(state)
        return freeze(state)

    @functools.cached_property
    def initial(self) -> Frozen:
        """The state after the prelude. Raises :class:`SpecError` when a call of the prelude fails."""
        frozen = self.base
        for number, call in enumerate(self.spec.prelude, 1):
            try:
                done = Runner(self, frozen).run(call)
            except ScopeCut as cut:
                raise SpecError(f"{self.spec.name}: prelude step {number}, {call}: needs more {cut.entity}") from None
            if done is None or done.result < 0 or done.state is None:
                why = "it is not enabled" if done is None else done.reason or done.errno or str(done.violations)
                raise SpecError(f"{self.spec.name}: prelude step {number}, {call}: {why}")
            frozen = done.state
        return frozen

    def violations(self, frozen: Frozen, properties: tuple[Property, ...]) -> list[Violation]:
        """The first broken clause of each state property that does not hold in a state."""
        state: State | None = None
        out = []
        for prop in properties:
            for fn in prop.functions:
                state = state if state is not None else self.thaw(frozen)
                assert fn.direct is not None
                try:
                    fn.direct(state)
                except Broken as broken:
                    out.append(_violation(broken, prop.name))
                    break
        return out


def make_system(
    spec: Spec,
    scope: Scope,
    *,
    kernel: str = "fixed",
    switches: frozenset[str] = frozenset(),
    mutant: Switch | None = None,
) -> TransitionSystem:
    """A transition system out of a spec: `switches` are the kernel version's, `mutant` one bug more."""
    on = switches | ({mutant.name} if mutant else frozenset())
    bounds = tuple(sorted(scope.bounds.items()))
    return TransitionSystem(spec, bounds, on, kernel, mutant.name if mutant else None, scope.depth)
