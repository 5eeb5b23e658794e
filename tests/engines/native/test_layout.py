"""Packed states: what goes in comes out, in Python and in native code, with and without the processor's help."""

from __future__ import annotations

import enum
import functools
import random
from typing import Annotated

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as over
from hypothesis import strategies as st

from nsmodel.engines.interface import Limits
from nsmodel.engines.native import packing, sites
from nsmodel.engines.native.layout import Layout, mask_bytes
from nsmodel.engines.native.library import compiled
from nsmodel.engines.native.program import Program, layout_of
from nsmodel.engines.native.reading import Single
from nsmodel.ir.language import HOLDERS, Entity, Live, Map, Range, Static, syscall
from nsmodel.ir.state import Frozen, Row, State
from nsmodel.ir.types import MapType
from nsmodel.system.operation import op
from nsmodel.system.spec import NO_UAF, Spec
from nsmodel.system.transition import TransitionSystem, make_system
from tests.models.searches import explicit, shared_code
from tests.models.threefold import NAMES, any_value, forms, system, threefold

SOME = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


class Colour(enum.IntEnum):
    """Five of them."""

    RED = 0
    BLUE = 1
    GREEN = 2
    GREY = 3
    BLACK = 4


class Place(Static):
    """One that never changes."""

    up: Place | None


class Small(Entity):
    """One slot only."""

    only: bool


class Never(Entity):
    """No slot at all."""

    self: Never | None


class Thing(Entity):
    """A field of every type."""

    mark: bool
    colour: Colour
    few: Annotated[int, Range(0, 5)]
    many: Annotated[int, Range(0, 70_000)]
    some: Annotated[int, Range(2, 300)]
    high: Annotated[int, Range(0, "top")]
    refs: Annotated[int, HOLDERS]
    next: Thing | None
    place: Place
    small: Small | None
    never: Never | None
    others: set[Other]
    places: set[Place]
    nobody: set[Never]
    marks: Map[Other, bool]
    numbers: Map[Thing, int]
    colours: Map[Place, Colour]
    things: Map[Small, Thing | None]
    nothing: Map[Never, Colour]


class Other(Entity):
    """Many of them: the mask has 63 bits."""

    thing: Thing | None


class K(State):
    """The state."""

    places: Live[Place]
    smalls: Live[Small]
    nevers: Live[Never]
    things: Live[Thing]
    others: Live[Other]


@syscall(source="none")
def leaves_alone(k: K, a: Thing) -> None:
    """Stores what is there: the state is unpacked, copied and packed."""
    a.mark = a.mark


def base(k: K) -> None:
    """Three places and a thing."""
    first = k.new(Place)
    for _ in range(2):
        k.new(Place).up = first
    k.new(Thing).place = first


BOUNDS = {"places": 3, "smalls": 1, "nevers": 0, "things": 3, "others": 63, "top": 300}


@functools.cache
def made() -> TransitionSystem:
    spec = Spec("wide", "", K, base, BOUNDS, (op(leaves_alone),), (NO_UAF,))
    return make_system(spec, spec.scope(None))


def layout() -> Layout:
    return layout_of(made())


def any_state(chance: random.Random, most: int = 63) -> Frozen:
    """Any well-formed state with a thing, and at most so many others."""
    sizes, statics = made().sizes, made().statics
    live = {}
    for info in sizes.schema.entities:
        slots = range(1, (len(statics[info.cls]) if info.static else sizes.slots(info.cls)) + 1)[:most]
        share = chance.random()
        live[info.cls] = [slot for slot in slots if info.static or chance.random() < share]
    live[Thing] = live[Thing] or [chance.randrange(3) + 1]
    out: list[tuple[Row, ...]] = []
    for info in sizes.schema.entities:
        if info.static:
            out.append(statics[info.cls])
            continue
        rows: list[Row] = []
        for slot in range(1, max(live[info.cls], default=0) + 1):
            row = tuple(any_value(chance.randrange, sizes, f.type, info.cls, live) for f in info.fields)
            rows.append(row if slot in live[info.cls] else None)
        out.append(tuple(rows))
    return tuple(out)


# -- round trips ------------------------------------------------------------------------------------------------------


def test_a_state_of_every_type_is_packed_and_unpacked() -> None:
    own, met = layout(), set()

    @SOME
    @over(st.randoms(use_true_random=True))
    def every(chance: random.Random) -> None:
        state = any_state(chance)
        words = own.pack(state)
        assert own.unpack(words) == state
        assert len(words) == own.words
        assert all(0 <= word < 1 << 64 for word in words)
        met.add(words)

    every()
    assert len(met) > 15


@pytest.mark.agreement
@pytest.mark.parametrize("name", NAMES)
def test_reachable_states_are_packed_and_unpacked(name: str) -> None:
    threefolded = threefold(name)
    own = threefolded.library.program.layout
    packed = {own.pack(state): state for state in threefolded.pool}
    assert len(packed) == len(threefolded.pool)
    assert all(own.unpack(words) == state for words, state in packed.items())


@pytest.mark.parametrize("name", ["mounts", "bench_mounts"])
def test_stored_parts_add_up(name: str) -> None:
    own = threefold(name).library.program.layout
    for state in threefold(name).pool:
        whole = 0
        for info, rows in zip(threefold(name).schema.entities, state, strict=True):
            if info not in own.entities:
                continue
            whole += own.stored(info.cls, None, 0, sum(1 << i for i, row in enumerate(rows, 1) if row is not None))
            for slot, row in enumerate(rows, 1):
                for f, value in zip(info.fields, row or (), strict=row is not None):
                    if not isinstance(f.type, MapType):
                        whole += own.stored(info.cls, f.name, slot, value)
                    else:
                        assert not value
        assert tuple(whole >> 64 * i & (1 << 64) - 1 for i in range(own.words)) == own.pack(state)
    with pytest.raises(ValueError, match="does not fit"):
        own.stored(own.entities[0].cls, None, 0, 1)


@pytest.mark.parametrize("fast", [True, False], ids=["with bit extract", "without"])
def test_native_code_packs_and_unpacks(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = fast and packing.has_bit_extract()
    monkeypatch.setattr(packing, "has_bit_extract", lambda: fast)
    library = compiled(Program(made(), symmetry=False))
    assert library.program.packing.fast == fast
    single, exact = Single(library), made().canonical.exact

    @SOME
    @over(st.randoms(use_true_random=True))
    def every(chance: random.Random) -> None:
        state = any_state(chance)
        slot = next(i for i, row in enumerate(state[3], 1) if row is not None)
        answer = single.run(state, 0, [slot])
        assert answer.status == sites.OK
        assert answer.state == state

    every()
    few = [any_state(random.Random(seed), 3) for seed in range(20)]  # of more, an exact form may take for ever
    for state, words in zip(few, forms(library, few), strict=True):
        least = layout().unpack(words)
        assert exact(least) == exact(state)
        assert forms(library, [least]) == [words]


def test_packing_without_bit_extract_searches_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(packing, "has_bit_extract", lambda: False)
        slow = explicit(system("bench_pidns"), Limits(depth=40))
    with shared_code():
        usual = explicit(system("bench_pidns"), Limits(depth=40))
    assert slow.states == usual.states == 2650
    assert (slow.transitions, slow.depth, slow.coverage) == (usual.transitions, usual.depth, usual.coverage)


# -- what does not fit ------------------------------------------------------------------------------------------------


def changed(field: str, value: object) -> Frozen:
    """The first state with another value in a field of its thing."""
    first = made().initial
    names = [f.name for f in made().sizes.schema.by_class[Thing].fields]
    row = list(first[3][0] or ())
    row[names.index(field)] = value
    return (*first[:3], (tuple(row),), *first[4:])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mark", 2),
        ("colour", 8),
        ("few", 8),
        ("few", -1),
        ("many", 1 << 17),
        ("high", 512),
        ("refs", 1 << 8),
        ("next", 4),
        ("place", 4),
        ("small", 2),
        ("never", 1),
        ("others", 1),
        ("others", 1 << 64),
        ("places", 1 << 4),
        ("nobody", 2),
        ("marks", ((1, 2),)),
        ("marks", ((64, 1),)),
        ("marks", ((0, 1),)),
        ("numbers", ((4, 1),)),
        ("colours", ((4, 1),)),
        ("things", ((1, 4),)),
        ("nothing", ((1, 1),)),
    ],
)
def test_what_does_not_fit_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        layout().pack(changed(field, value))


def test_too_many_rows_are_refused() -> None:
    first = made().initial
    with pytest.raises(ValueError, match="4 rows of Thing, the scope has 3 slots"):
        layout().pack((*first[:3], first[3] * 4, *first[4:]))
    with pytest.raises(ValueError, match="1 rows of Never"):
        layout().pack((*first[:2], ((0,),), *first[3:]))


@pytest.mark.parametrize(("slots", "size"), [(0, 1), (7, 1), (8, 2), (15, 2), (16, 4), (31, 4), (32, 8), (63, 8)])
def test_a_mask_has_room_for_its_slots(slots: int, size: int) -> None:
    assert mask_bytes(slots) == size
    assert ((1 << slots) - 1) << 1 < 1 << 8 * size
