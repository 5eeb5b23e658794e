"""A toy spec with every kind of field: lamps in rooms, fused by switches; one room has no more than one lamp lit."""

from __future__ import annotations

import enum
from typing import Annotated

from nsmodel.ir.language import (
    EBUSY,
    Entity,
    Live,
    Map,
    Range,
    Static,
    Switch,
    error,
    fail,
    given,
    helper,
    invariant,
    require,
    syscall,
)
from nsmodel.ir.state import State
from nsmodel.system.operation import op
from nsmodel.system.spec import NO_UAF, STEP_TOTAL, Spec, prop
from nsmodel.system.verdict import Verdict

FORGETFUL = Switch("forgetful", "forgetful", "a lamp that is thrown away stays in its room", "synthetic")
GLARING = Switch("glaring", "glaring", "nobody looks whether another lamp is lit", "synthetic")


class Colour(enum.IntEnum):
    """Of the light."""

    WHITE = 0
    RED = 1


class Floor(Static):
    """A floor of the house."""

    below: Floor | None


class Lamp(Entity):
    """A lamp in a room."""

    lit: bool
    colour: Colour
    room: Room


class Room(Entity):
    """A room; how often each lamp was lit in it, counted to `times`."""

    floor: Floor
    lamps: set[Lamp]
    times: Map[Lamp, Annotated[int, Range(0, 1)]]
    lightings: Annotated[int, Range(0, "lightings")]


class House(State):
    """The state."""

    floors: Live[Floor]
    lamps: Live[Lamp]
    rooms: Live[Room]


@helper
def height(k: House, start: Floor) -> int:
    """How many floors are below."""
    floor: Floor | None = start.below
    out = 0
    while floor is not None:
        out += 1
        floor = floor.below
    return out


@syscall(source="a toy")
def buy(k: House, room: Room, colour: Colour) -> int:
    if colour == Colour.RED and height(k, room.floor) == 0:
        fail(EBUSY, "no red light in the cellar")
    lamp = k.new(Lamp)
    lamp.room = room
    lamp.colour = colour
    room.lamps.add(lamp)
    return 0


@syscall(source="a toy")
def light(k: House, lamp: Lamp) -> int:
    given(not lamp.lit)
    if not k.bug(GLARING):
        if any(other.lit for other in lamp.room.lamps):
            return error(EBUSY, "another one is lit")
    lamp.lit = True
    lamp.room.times[lamp] = 1
    lamp.room.lightings += 1
    return 0


@syscall(source="a toy")
def dim(k: House, room: Room) -> None:
    for lamp in room.lamps:
        lamp.lit = False


@syscall(source="a toy")
def throw_away(k: House, lamp: Lamp) -> None:
    room = lamp.room
    if not k.bug(FORGETFUL):
        room.lamps.discard(lamp)
    room.times[lamp] = 0
    k.free(lamp)


@syscall(source="a toy")
def move(k: House, lamp: Lamp, to: Room | None) -> None:
    """To another room, or to a new one."""
    given(lamp.room is not to)
    old = lamp.room
    old.lamps.discard(lamp)
    old.times[lamp] = 0
    lamp.lit = False
    room = to
    if room is None:
        room = k.new(Room)
        room.floor = old.floor
    lamp.room = room
    room.lamps.add(lamp)


@invariant("ONE_LIT")
def one_lit(k: House) -> None:
    for room in k.rooms:
        for lamp in room.lamps:
            if lamp.lit:
                require(not any(other.lit and other is not lamp for other in room.lamps), "one lamp is lit", room)
                require(room.times[lamp] == 1, "which was lit here", lamp)


@invariant("IN_ROOM")
def in_room(k: House) -> None:
    for lamp in k.lamps:
        require(lamp in lamp.room.lamps, "a lamp is in its room", lamp)


def base(k: House) -> None:
    """A room on each of two floors."""
    below: Floor | None = None
    for _ in range(2):
        floor = k.new(Floor)
        floor.below = below
        room = k.new(Room)
        room.floor = floor
        below = floor


PROPERTIES = (prop("ONE_LIT", "one lamp is lit", one_lit), prop("IN_ROOM", "lamps are in rooms", in_room))
SPEC = Spec(
    name="lamps",
    title=__doc__,
    state=House,
    base=base,
    bounds={"floors": 2, "lamps": 2, "rooms": 2, "lightings": 2},
    operations=tuple(op(rule) for rule in (buy, light, dim, throw_away, move)),
    properties=(*PROPERTIES, NO_UAF, STEP_TOTAL),
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={FORGETFUL: "NO_UAF", GLARING: "ONE_LIT"},
)
