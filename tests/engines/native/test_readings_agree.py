"""The native reading against the direct and the symbolic one: rules, invariants and whole expansions of states."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as over
from hypothesis import strategies as st

from nsmodel.ir import direct as direct_reading
from nsmodel.ir.language import Trap
from nsmodel.ir.state import Frozen
from nsmodel.system.transition import Runner
from tests.models.readings import Told
from tests.models.threefold import NAMES, Draw, Threefold, forms, offered, threefold

pytestmark = pytest.mark.agreement
TOYS = ("pidns", "mounts", "traps", "loops")
CALLS = 15
"""Calls of one example."""
MANY = 8_000
"""Calls of one spec after which enough of its states were expanded."""
SOME = settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True, scope="module")
def short_rounds() -> Iterator[None]:
    """A circle in a mutated state is found soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct_reading, "ROUNDS", 200)
        yield


def drawn(draw: Draw, made: Threefold, mutations: int) -> Frozen:
    """A reachable state with a number of changes, each of which leaves it well-formed."""
    state = made.pool[draw(len(made.pool))]
    for _ in range(draw(mutations + 1)):
        other = made.mutated(draw, state)
        state = other if made.reading.well_formed(other) else state
    return state


def tell(draw: Draw, made: Threefold, state: Frozen) -> tuple[str, Told] | None:
    """One random call of one random rule, told alike by all readings."""
    operation = made.system.operations[draw(len(made.system.operations))]
    call = made.call(draw, state, operation)
    return None if call is None else (call.operation, made.agreed(state, call))


@pytest.mark.parametrize("name", NAMES)
def test_rules_read_alike(name: str) -> None:
    made = threefold(name)
    told: Counter[str] = Counter()

    @SOME
    @over(st.randoms(use_true_random=True))
    def every(chance: random.Random) -> None:
        state = drawn(chance.randrange, made, 3)
        for _ in range(CALLS):
            found = tell(chance.randrange, made, state)
            if found is not None:
                told[found[1].kind] += 1
                after = found[1].state
                if after is not None and made.reading.well_formed(after):
                    state = after

    every()
    assert told.total() > 3 * CALLS
    assert told["ok"]


@pytest.mark.parametrize("name", TOYS)
def test_every_outcome_is_met(name: str) -> None:
    """What the readings agree on is worth something: every rule of a toy does something, and every kind is met."""
    made, seen = threefold(name), set()
    for seed in range(30):
        chance = random.Random(seed)
        state = drawn(chance.randrange, made, 2)
        for _ in range(CALLS):
            found = tell(chance.randrange, made, state)
            if found is not None:
                seen.add((found[0], found[1].kind))
                state = found[1].state or state
    kinds = {"traps": {"trap"}, "loops": {"trap", "disabled", "cut"}}
    assert kinds.get(name, {"refused", "disabled", "cut"}) <= {kind for _, kind in seen}
    telling = "trap" if name == "loops" else "ok"
    silent = {o.name for o in made.system.operations} - {rule for rule, kind in seen if kind == telling}
    assert silent <= {"counts", "stores_none_for_a_moment"}


@pytest.mark.parametrize("name", NAMES)
def test_invariants_read_alike(name: str) -> None:
    made = threefold(name)
    judged: Counter[bool] = Counter()

    @SOME
    @over(st.randoms(use_true_random=True))
    def every(chance: random.Random) -> None:
        for _ in range(40 if name == "mount_writers" else 6):  # few of its states are broken
            state = drawn(chance.randrange, made, 4)
            try:
                expected = {v.property for v in made.system.violations(state, made.system.spec.properties)}
            except (Trap, AssertionError, AttributeError):  # only the engines call that a violation
                continue
            assert made.judged(state) == expected, state
            judged[bool(expected)] += 1

    every()
    assert judged[False]
    assert judged[True] or not any(p.functions for p in made.system.spec.properties)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "traps"])  # nearly all of its states trap
def test_states_are_expanded_alike(name: str) -> None:
    """All calls that a spec offers in a state: how many end how, and what they lead to."""
    made = threefold(name)
    compared: list[Frozen] = []
    judged = 0

    @SOME
    @over(st.randoms(use_true_random=True))
    def every(chance: random.Random) -> None:
        nonlocal judged
        if judged > MANY:
            return
        state = drawn(chance.randrange, made, 1)
        calls = list(Runner(made.system, state).calls())
        judged += len(calls)
        if all(made.natively(state, call).kind == made.directly(state, call).kind for call in calls):
            counts, cuts, after = offered(made.system, state)
            found = made.expanded(state)
            own = {*forms(made.library, [state]), *forms(made.library, [state], symmetry=False)}
            assert (found[0], found[1]) == (counts, cuts), state
            assert found[2] - own == set(forms(made.library, after)) - own, state
            compared.append(state)

    every()
    assert len(compared) > (3 if judged <= MANY else 0)
