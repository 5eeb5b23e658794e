"""The symbolic reading against the direct one, on states that calls and random changes make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import z3
from hypothesis import HealthCheck, settings
from hypothesis import given as over
from hypothesis import strategies as st

from nsmodel.engines.z3_terms import Z3Terms, environment
from nsmodel.ir import direct as direct_reading
from nsmodel.ir.language import Broken, function_of
from nsmodel.ir.lower import parameters
from nsmodel.ir.schema import Sizes
from nsmodel.ir.state import Frozen, State, freeze, thaw
from nsmodel.ir.symbolic import Symbolic
from nsmodel.ir.types import EnumType, FlagsType, MapType, RefType, SetType, Type
from nsmodel.terms import term as t
from nsmodel.terms.term import FALSE
from tests.models import mounts, pidns, traps
from tests.models.readings import OVERSTATED, Reading, Told, defined, direct

Draw = Callable[[int], int]
"""A number below another one, drawn by Hypothesis."""

PIDNS = {"nss": 3, "tasks": 3, "levels": 1}
MOUNTS = {"dentries": 2, "groups": 2, "users": 2, "nss": 2, "mounts": 4}
WIDE_MOUNTS = {"dentries": 4, "groups": 3, "users": 2, "nss": 2, "mounts": 6}


@pytest.fixture(autouse=True, scope="module")
def short_rounds() -> Iterator[None]:
    """A circle in a mutated state is found soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct_reading, "ROUNDS", 200)
        yield


def based(model: Any, *extra: Any) -> Frozen:
    """The base state of a toy."""
    k = model.K()
    model.base(k, *extra)
    return freeze(k)


class Toy:
    """A toy model in one scope, in both readings."""

    def __init__(self, model: Any, bounds: dict[str, int], *extra: Any) -> None:
        self.model = model
        self.bounds = bounds
        self.base = based(model, *extra)
        schema = model.K().schema
        statics = {e.cls: rows for e, rows in zip(schema.entities, self.base, strict=True) if e.static}
        self.reading = Reading(model.K, bounds, statics)

    def arguments(self, draw: Draw, state: Frozen, rule: Callable[..., Any]) -> list[Any] | None:
        """Random arguments, or None when there is no object to name."""
        k = thaw(self.model.K, state)
        record = function_of(rule)
        assert record is not None
        out: list[Any] = []
        for _, kind in parameters(record):
            if isinstance(kind, RefType):
                live = k.live(kind.entity)
                if not live:
                    return None
                out.append(live[draw(len(live))].slot)
            elif isinstance(kind, FlagsType):
                out.append(kind.cls(*(bool(draw(2)) for _ in vars(kind.cls()))))
            elif isinstance(kind, EnumType):
                out.append(list(kind.cls)[draw(len(kind.cls))])
            else:
                out.append(bool(draw(2)))
        return out

    def mutated(self, draw: Draw, state: Frozen) -> Frozen:
        """The state with one field of one object changed, still well-formed."""
        layout = self.reading.symbolic.layout
        live = {
            info.cls: [slot for slot, row in enumerate(rows, 1) if row is not None]
            for info, rows in zip(layout.entities, state, strict=True)
        }
        places = [
            (e, slot, f)
            for e, info in enumerate(layout.entities)
            if not info.static
            for slot in live[info.cls]
            for f in range(len(info.fields))
        ]
        if not places:
            return state
        e, slot, f = places[draw(len(places))]
        info = layout.entities[e]

        def value(kind: Type) -> Any:
            if isinstance(kind, RefType):
                choices = live[kind.entity] + [0] * kind.optional
                return choices[draw(len(choices))]
            if isinstance(kind, SetType):
                return sum(1 << s for s in live[kind.entity] if draw(2))
            assert not isinstance(kind, MapType)
            return draw(layout.sizes.top(kind, info.cls) + 1)

        rows = [list(r) for r in state]
        row = list(rows[e][slot - 1] or ())
        row[f] = value(info.fields[f].type)
        rows[e][slot - 1] = tuple(row)
        return tuple(tuple(r) for r in rows)

    def walk(self, draw: Draw, steps: int, mutations: bool) -> None:
        """A random walk on which both readings must tell the same."""
        state = self.base
        for _ in range(steps):
            if mutations and draw(3) == 0:
                state = self.mutated(draw, state)
            assert self.reading.well_formed(state), state
            rule = self.model.RULES[draw(len(self.model.RULES))]
            args = self.arguments(draw, state, rule)
            for invariant in self.model.INVARIANTS:
                self.compare(state, invariant, [])
            if args is not None:
                told = self.compare(state, rule, args)
                if told.kind == "ok" and told.state is not None:
                    state = told.state

    def compare(self, state: Frozen, rule: Callable[..., Any], args: list[Any]) -> Told:
        """What both readings tell of one call; a trap is a trap, whatever else it says."""
        concrete = direct(self.model.K, self.bounds, state, rule, args)
        symbolic = self.reading.tell(state, rule, args)
        if symbolic.kind == "trap":
            overstated = all(any(what.startswith(kind) for kind in OVERSTATED) for what in symbolic.what)
            assert concrete.kind == "trap" or overstated, (state, rule, args, concrete, symbolic)
            return symbolic
        assert concrete.kind == symbolic.kind, (state, rule, args, concrete, symbolic)
        assert concrete.what == symbolic.what, (state, rule, args)
        assert bool(concrete.broken) == bool(symbolic.broken), (state, rule, args, concrete, symbolic)
        if concrete.kind == "ok" and not concrete.broken:
            assert concrete.state == symbolic.state, (state, rule, args)
        return concrete


TOYS = {
    "pidns": Toy(pidns, PIDNS),
    "mounts": Toy(mounts, MOUNTS),
    "wide mounts": Toy(mounts, WIDE_MOUNTS, (0, 1, 1, 2)),
}


@pytest.mark.agreement
@pytest.mark.parametrize("name", TOYS)
@pytest.mark.parametrize("mutations", [False, True], ids=["reachable", "mutated"])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@over(data=st.data())
def test_readings_agree(name: str, mutations: bool, data: st.DataObject) -> None:
    TOYS[name].walk(lambda n: data.draw(st.integers(0, n - 1)), steps=14, mutations=mutations)


def test_every_outcome_is_met() -> None:
    """The walks above are worth something: a fixed one meets each kind of outcome of each rule."""
    import random

    for name, expected in (("pidns", pidns.RULES), ("mounts", mounts.RULES)):
        toy, seen = TOYS[name], set()
        for seed in range(60):
            rng, state = random.Random(seed), toy.base
            for _ in range(20):
                rule = toy.model.RULES[rng.randrange(len(toy.model.RULES))]
                args = toy.arguments(rng.randrange, state, rule)
                assert args is not None
                told = toy.compare(state, rule, args)
                seen.add((rule.__name__, told.kind))
                state = told.state if told.kind == "ok" and told.state is not None else state
        assert {(rule.__name__, "ok") for rule in expected} <= seen
        assert {"refused", "disabled", "cut"} <= {kind for _, kind in seen}


# -- traps ------------------------------------------------------------------------------------------------------------

TRAPS = Toy.__new__(Toy)
TRAPS.model, TRAPS.bounds, TRAPS.reading = traps, {"nodes": 3}, Reading(traps.K, {"nodes": 3})


def nodes(*rows: tuple[int, int, int] | None) -> Frozen:
    """Nodes as (next, mark, tally)."""
    return (rows,)


LINE = nodes((2, 0, 0), (3, 0, 0), (0, 0, 0))
CIRCLE = nodes((2, 0, 0), (3, 0, 0), (1, 0, 0))


@pytest.mark.parametrize(
    ("rule", "state", "args", "kind"),
    [
        (traps.reads_none, nodes((2, 1, 0), (0, 0, 0)), [1], "None"),
        (traps.touches_freed, nodes((2, 0, 0), (0, 1, 0)), [1], "use of a freed object"),
        (traps.frees_twice, LINE, [1, 1], "use of a freed object"),
        (traps.leaves_behind, LINE, [2], "Node#1.next names a freed object"),
        (traps.outruns, CIRCLE, [1], "loop bound"),
        (traps.wants_one, nodes((0, 1, 0), None, (0, 1, 0)), [], "the(…) found several objects"),
        (traps.promises, LINE, [3], "assertion"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_traps_are_told_by_both(rule: Callable[..., Any], state: Frozen, args: list[Any], kind: str) -> None:
    concrete = direct(traps.K, TRAPS.bounds, state, rule, args)
    symbolic = TRAPS.reading.tell(state, rule, args)
    assert concrete.kind == "trap"
    assert symbolic.kind == "trap"
    assert symbolic.what[0].startswith(kind)


@pytest.mark.parametrize(
    ("rule", "state", "args"),
    [
        (traps.reads_none, LINE, [1]),
        (traps.touches_freed, LINE, [1]),
        (traps.frees_twice, nodes((0, 0, 0), (0, 0, 0)), [1, 2]),
        (traps.leaves_behind, LINE, [1]),
        (traps.outruns, LINE, [1]),
        (traps.wants_one, nodes((0, 1, 0)), []),
        (traps.promises, LINE, [1]),
        (traps.maps, CIRCLE, [2]),
        (traps.maps, LINE, [1]),
    ],
)
def test_without_a_trap_nothing_is_told(rule: Callable[..., Any], state: Frozen, args: list[Any]) -> None:
    assert TRAPS.compare(state, rule, args).kind == "ok"


def test_a_number_below_zero_is_a_trap() -> None:
    assert "integer out of range" in TRAPS.reading.tell(LINE, traps.counts_down, [1]).what[0]
    assert TRAPS.compare(nodes((0, 0, 2)), traps.counts_down, [1]).state == nodes((0, 0, 1))


def test_a_clause_in_passing_is_told_and_the_rule_goes_on() -> None:
    told = TRAPS.compare(nodes((0, 1, 0)), traps.assures, [1])
    assert told.broken == {"an unmarked node"}
    assert TRAPS.reading.tell(nodes((0, 1, 0)), traps.assures, [1]).state == nodes((0, 1, 0))


# -- shape of the terms -----------------------------------------------------------------------------------------------


def test_guards_are_given_back() -> None:
    """umount2 fails in its checks only, so its guard is that of the checks, whatever loops follow."""
    toy = TOYS["mounts"]
    outcome = toy.reading.outcome(mounts.umount2)
    assert len(t.topological([outcome.ok])) < 150
    assert outcome.cut is FALSE


def test_umount2_stays_small() -> None:
    """The test of the language: umount2 with propagation at 4 mounts."""
    outcome = TOYS["mounts"].reading.outcome(mounts.umount2)
    cells = TOYS["mounts"].reading.symbolic.layout.flatten(outcome.state)
    assert len(t.topological([outcome.ok, *cells.values()])) < 12_000


def test_entities_without_slots_cost_nothing() -> None:
    base = based(mounts)
    sizes = Sizes(mounts.K().schema, MOUNTS | {"groups": 0})
    symbolic = Symbolic(sizes, statics={mounts.Dentry: base[0]})
    state = symbolic.variables()
    assert not any(cell[0] is mounts.Group for cell in symbolic.layout.flatten(state))
    assert all(t.value_of(value) == 0 for value in state.columns[mounts.Mount, "group"] if isinstance(value, t.Term))
    definition = defined(mounts.make)
    args = [symbolic.argument(kind, value) for (_, kind), value in zip(definition.params, (1, 1, 0), strict=True)]
    outcome = symbolic.run(definition, symbolic.layout.constant(base), args)
    assert (outcome.ok, outcome.cut) == (FALSE, t.TRUE)


def test_a_constant_state_gives_constants() -> None:
    toy = TOYS["mounts"]
    layout = toy.reading.symbolic.layout
    state = layout.constant(toy.base)
    outcome = toy.reading.symbolic.run(defined(mounts.tree), state)
    assert (outcome.ok, outcome.broken, outcome.traps) == (t.TRUE, (), ())
    assert toy.reading.symbolic.dangling(state) == []
    assert layout.frozen({cell: t.value_of(term) or 0 for cell, term in layout.flatten(state).items()}) == toy.base


def test_switches_are_constants() -> None:
    sizes = Sizes(traps.K().schema, {"nodes": 2})
    for switches, expected in ((frozenset[str](), 0), (frozenset({"MARKS"}), 1)):
        symbolic = Symbolic(sizes, switches)
        definition = defined(traps.switched)
        state = symbolic.layout.constant(nodes((0, 0, 0)))
        outcome = symbolic.run(definition, state, [symbolic.argument(definition.params[0][1], 1)])
        marked = symbolic.layout.flatten(outcome.state)[traps.Node, "mark", 1]
        assert t.value_of(marked) == expected


# -- through Z3 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [pidns.clone, pidns.leave, pidns.reap, pidns.setns], ids=lambda rule: rule.__name__)
def test_z3_finds_calls_that_the_direct_reading_confirms(rule: Callable[..., Any]) -> None:
    """From an arbitrary well-formed state that satisfies the invariants to a successful call, and back."""
    toy = TOYS["pidns"]
    symbolic = toy.reading.symbolic
    definition = defined(rule)
    state = symbolic.variables()
    args, some_call = symbolic.parameters(definition, state, "arg ")
    outcome = symbolic.run(definition, state, args)
    invariants = [symbolic.run(defined(inv), state) for inv in pidns.INVARIANTS]
    clauses = [b.guard for inv in invariants for b in inv.broken] + [inv.trapped for inv in invariants]
    clauses += [d.guard for d in symbolic.dangling(outcome.state)]
    goal = t.conj_all(
        [outcome.ok, some_call, symbolic.well_formed(state), t.neg(outcome.trapped), *(t.neg(c) for c in clauses)]
    )
    solver = z3.SolverFor("QF_BV")
    solver.add(Z3Terms()(goal))
    assert solver.check() == z3.sat
    cells = symbolic.layout.flatten(state)
    inputs = [v for v in [*cells.values(), *args] if isinstance(v, t.Term)]
    found = environment(solver.model(), t.variables(inputs))
    values = {cell: found.get(str(term.payload), 0) for cell, term in cells.items()}
    frozen = symbolic.layout.frozen(values)
    slots = [found[f"arg {name}"] for name, _ in definition.params]
    assert toy.compare(frozen, rule, slots).kind == "ok"
    for inv in pidns.INVARIANTS:
        k: State = thaw(pidns.K, frozen)
        try:
            inv(k)  # type: ignore[arg-type]
        except Broken as broken:
            pytest.fail(str(broken))


@pytest.mark.parametrize("rule", mounts.RULES, ids=lambda rule: rule.__name__)
def test_rules_of_mounts_keep_their_invariants(rule: Callable[..., Any]) -> None:
    """One step from any well-formed state of 3 mounts: no trap, nothing dangling, no clause broken."""
    base = based(mounts)
    symbolic = Symbolic(Sizes(mounts.K().schema, MOUNTS | {"mounts": 3}), statics={mounts.Dentry: base[0]})
    before = symbolic.variables()
    definition = defined(rule)
    args, some_call = symbolic.parameters(definition, before)
    outcome = symbolic.run(definition, before, args)

    def broken(state: Any) -> list[t.Term]:
        runs = [symbolic.run(defined(inv), state) for inv in mounts.INVARIANTS]
        return [run.trapped for run in runs] + [b.guard for run in runs for b in run.broken]

    bad = t.disj_all([*broken(outcome.state), *(d.guard for d in symbolic.dangling(outcome.state))])
    goal = t.disj(outcome.trapped, t.conj(outcome.ok, bad))
    solver = z3.SolverFor("QF_BV")
    solver.add(*Z3Terms().translate([symbolic.well_formed(before), some_call, *map(t.neg, broken(before)), goal]))
    assert solver.check() == z3.unsat
