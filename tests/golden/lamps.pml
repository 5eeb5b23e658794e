/* lamps: floors=2, lamps=1, lightings=1, rooms=2; kernel fixed, known bug: none.
   Sets are bit masks (bit 1 is slot 1), a reference is a slot, 0 is None; slot n is item n-1 of an array.
   spin -a MODEL && gcc -O2 -DSAFETY -DNOREDUCE -DMEMLIM=8000 -o pan pan.c && ./pan -m1000000 -w24
   One state more than the system has: the one before the first step. If pan says that max search depth is
   too small, states are missing: give a larger -m. Left out: the depth of the scope, FAIL_ATOMIC. */

/* the state */
byte lamps_live; /* live Lamp */
byte lamps_lit; /* Lamp.lit: bool */
byte lamps_colour[1]; /* Lamp.colour: Colour */
byte lamps_room[1]; /* Lamp.room: Room */
byte rooms_live; /* live Room */
byte rooms_floor[2]; /* Room.floor: Floor */
byte rooms_lamps[2]; /* Room.lamps: set[Lamp] */
byte rooms_times[2]; /* Room.times: Map[Lamp, int] */
byte rooms_lightings[2]; /* Room.lightings: int */

/* what never changes */
hidden byte floors_below[2]; /* Floor.below: Floor | None */

/* scratch, no part of the state */
hidden int IN_ROOM_holds;
hidden int ONE_LIT_holds;
hidden int WELL_FORMED_holds;
hidden int floor_1;
hidden int is_any_1;
hidden int lamp_1;
hidden int new_1;
hidden int old_1;
hidden int other_1;
hidden int out_1;
hidden int room_1;
hidden int rounds_1;
hidden int slot_1;
hidden int start_1;
hidden int those_1;
hidden int those_2;
hidden int value_1;

active proctype system()
{
  d_step {
    floors_below[1] = 1;
    lamps_live = 0;
    lamps_lit = 0;
    rooms_live = 6;
    rooms_floor[0] = 1;
    rooms_floor[1] = 2;
    assert(lamps_colour[0] >= 0); /* no rule reads it: lest Spin leaves it out of the state */
    skip
  };
  do
  /* buy colour=WHITE */
  :: d_step { ((rooms_live & 2) != 0) && (lamps_live != 2) -> /* room=1 */
    lamps_live = lamps_live | 2;
    lamps_room[0] = 1;
    lamps_colour[0] = 0;
    rooms_lamps[0] = rooms_lamps[0] | 2;
    skip
  }
  :: d_step { ((rooms_live & 4) != 0) && (lamps_live != 2) -> /* room=2 */
    lamps_live = lamps_live | 2;
    lamps_room[0] = 2;
    lamps_colour[0] = 0;
    rooms_lamps[1] = rooms_lamps[1] | 2;
    skip
  }
  /* buy colour=RED */
  :: d_step { ((rooms_live & 2) != 0) && (floors_below[rooms_floor[0] - 1] != 0) && (lamps_live != 2) -> /* room=1 */
    start_1 = rooms_floor[0];
    floor_1 = floors_below[start_1 - 1];
    out_1 = 0;
    rounds_1 = 0;
    do
    :: floor_1 != 0 ->
      assert(rounds_1 < 2); /* a loop runs too long (lamps.py:76) */
      rounds_1 = rounds_1 + 1;
      out_1 = out_1 + 1;
      floor_1 = floors_below[floor_1 - 1];
    :: else -> break
    od;
    lamps_live = lamps_live | 2;
    lamps_room[0] = 1;
    lamps_colour[0] = 1;
    rooms_lamps[0] = rooms_lamps[0] | 2;
    skip
  }
  :: d_step { ((rooms_live & 4) != 0) && (floors_below[rooms_floor[1] - 1] != 0) && (lamps_live != 2) -> /* room=2 */
    start_1 = rooms_floor[1];
    floor_1 = floors_below[start_1 - 1];
    out_1 = 0;
    rounds_1 = 0;
    do
    :: floor_1 != 0 ->
      assert(rounds_1 < 2); /* a loop runs too long (lamps.py:76) */
      rounds_1 = rounds_1 + 1;
      out_1 = out_1 + 1;
      floor_1 = floors_below[floor_1 - 1];
    :: else -> break
    od;
    lamps_live = lamps_live | 2;
    lamps_room[0] = 2;
    lamps_colour[0] = 1;
    rooms_lamps[1] = rooms_lamps[1] | 2;
    skip
  }
  /* light */
  :: d_step { ((lamps_live & 2) != 0) && ((lamps_lit & 2) == 0) && ((((rooms_lamps[lamps_room[0] - 1] & 2) != 0) && ((lamps_lit & 2) != 0)) || ((rooms_lightings[lamps_room[0] - 1] + 1) <= 1)) -> /* lamp=1 */
    those_1 = rooms_lamps[lamps_room[0] - 1];
    is_any_1 = false;
    other_1 = 1;
    do
    :: other_1 <= 1 ->
      if
      :: ((those_1 >> other_1) & 1) && ((lamps_lit >> other_1) & 1) ->
        is_any_1 = true;
        goto found_1_1;
      :: else
      fi;
      other_1 = other_1 + 1;
    :: else -> break
    od;
    found_1_1: skip;
    if
    :: !is_any_1 ->
      lamps_lit = lamps_lit | 2;
      rooms_times[lamps_room[0] - 1] = 1;
      value_1 = rooms_lightings[lamps_room[0] - 1] + 1;
      rooms_lightings[lamps_room[0] - 1] = value_1;
    :: else
    fi;
    skip
  }
  /* dim */
  :: d_step { (rooms_live & 2) != 0 -> /* room=1 */
    those_1 = rooms_lamps[0];
    lamp_1 = 1;
    do
    :: lamp_1 <= 1 ->
      if
      :: (those_1 >> lamp_1) & 1 ->
        lamps_lit = lamps_lit & ~(1 << lamp_1);
      :: else
      fi;
      lamp_1 = lamp_1 + 1;
    :: else -> break
    od;
    skip
  }
  :: d_step { (rooms_live & 4) != 0 -> /* room=2 */
    those_1 = rooms_lamps[1];
    lamp_1 = 1;
    do
    :: lamp_1 <= 1 ->
      if
      :: (those_1 >> lamp_1) & 1 ->
        lamps_lit = lamps_lit & ~(1 << lamp_1);
      :: else
      fi;
      lamp_1 = lamp_1 + 1;
    :: else -> break
    od;
    skip
  }
  /* throw_away */
  :: d_step { (lamps_live & 2) != 0 -> /* lamp=1 */
    room_1 = lamps_room[0];
    rooms_lamps[room_1 - 1] = rooms_lamps[room_1 - 1] & -3;
    rooms_times[room_1 - 1] = 0;
    lamps_live = lamps_live & -3;
    lamps_lit = lamps_lit & -3;
    lamps_colour[0] = 0;
    lamps_room[0] = 0;
    skip
  }
  /* move */
  :: d_step { ((lamps_live & 2) != 0) && (lamps_room[0] != 0) && (rooms_live != 6) -> /* lamp=1, to=0 */
    old_1 = lamps_room[0];
    rooms_lamps[old_1 - 1] = rooms_lamps[old_1 - 1] & -3;
    rooms_times[old_1 - 1] = 0;
    lamps_lit = lamps_lit & -3;
    room_1 = 0;
    if
    :: room_1 == 0 ->
      new_1 = (((rooms_live & 2) != 0) -> 2 : 1);
      rooms_live = rooms_live | (1 << new_1);
      room_1 = new_1;
      rooms_floor[room_1 - 1] = rooms_floor[old_1 - 1];
    :: else
    fi;
    lamps_room[0] = room_1;
    rooms_lamps[room_1 - 1] = rooms_lamps[room_1 - 1] | 2;
    skip
  }
  :: d_step { ((lamps_live & 2) != 0) && ((rooms_live & 2) != 0) && (lamps_room[0] != 1) -> /* lamp=1, to=1 */
    old_1 = lamps_room[0];
    rooms_lamps[old_1 - 1] = rooms_lamps[old_1 - 1] & -3;
    rooms_times[old_1 - 1] = 0;
    lamps_lit = lamps_lit & -3;
    room_1 = 1;
    if
    :: room_1 == 0 ->
      new_1 = (((rooms_live & 2) != 0) -> 2 : 1);
      rooms_live = rooms_live | (1 << new_1);
      room_1 = new_1;
      rooms_floor[room_1 - 1] = rooms_floor[old_1 - 1];
    :: else
    fi;
    lamps_room[0] = room_1;
    rooms_lamps[room_1 - 1] = rooms_lamps[room_1 - 1] | 2;
    skip
  }
  :: d_step { ((lamps_live & 2) != 0) && ((rooms_live & 4) != 0) && (lamps_room[0] != 2) -> /* lamp=1, to=2 */
    old_1 = lamps_room[0];
    rooms_lamps[old_1 - 1] = rooms_lamps[old_1 - 1] & -3;
    rooms_times[old_1 - 1] = 0;
    lamps_lit = lamps_lit & -3;
    room_1 = 2;
    if
    :: room_1 == 0 ->
      new_1 = (((rooms_live & 2) != 0) -> 2 : 1);
      rooms_live = rooms_live | (1 << new_1);
      room_1 = new_1;
      rooms_floor[room_1 - 1] = rooms_floor[old_1 - 1];
    :: else
    fi;
    lamps_room[0] = room_1;
    rooms_lamps[room_1 - 1] = rooms_lamps[room_1 - 1] | 2;
    skip
  }
  /* the invariants */
  :: d_step { true ->
    ONE_LIT_holds = false;
    room_1 = 1;
    do
    :: room_1 <= 2 ->
      if
      :: (rooms_live >> room_1) & 1 ->
        those_1 = rooms_lamps[room_1 - 1];
        lamp_1 = 1;
        do
        :: lamp_1 <= 1 ->
          if
          :: (those_1 >> lamp_1) & 1 ->
            if
            :: (lamps_lit >> lamp_1) & 1 ->
              those_2 = rooms_lamps[room_1 - 1];
              is_any_1 = false;
              other_1 = 1;
              do
              :: other_1 <= 1 ->
                if
                :: ((those_2 >> other_1) & 1) && ((lamps_lit >> other_1) & 1) && (other_1 != lamp_1) ->
                  is_any_1 = true;
                  goto found_5_3;
                :: else
                fi;
                other_1 = other_1 + 1;
              :: else -> break
              od;
              found_5_3: skip;
              if
              :: is_any_1 ->
                goto ONE_LIT_2;
              :: else ->
                if
                :: rooms_times[(room_1 - 1) + (lamp_1 - 1)] != 1 ->
                  goto ONE_LIT_2;
                :: else
                fi;
              fi;
            :: else
            fi;
          :: else
          fi;
          lamp_1 = lamp_1 + 1;
        :: else -> break
        od;
      :: else
      fi;
      room_1 = room_1 + 1;
    :: else -> break
    od;
    ONE_LIT_holds = true;
    ONE_LIT_2: skip;
    assert(ONE_LIT_holds); /* ONE_LIT */
    IN_ROOM_holds = false;
    lamp_1 = 1;
    do
    :: lamp_1 <= 1 ->
      if
      :: (lamps_live >> lamp_1) & 1 ->
        if
        :: !((rooms_lamps[lamps_room[lamp_1 - 1] - 1] >> lamp_1) & 1) ->
          goto IN_ROOM_4;
        :: else
        fi;
      :: else
      fi;
      lamp_1 = lamp_1 + 1;
    :: else -> break
    od;
    IN_ROOM_holds = true;
    IN_ROOM_4: skip;
    assert(IN_ROOM_holds); /* IN_ROOM */
    WELL_FORMED_holds = false;
    slot_1 = 1;
    do
    :: slot_1 <= 1 ->
      if
      :: (lamps_live >> slot_1) & 1 ->
        if
        :: !((rooms_live >> lamps_room[slot_1 - 1]) & 1) ->
          goto WELL_FORMED_5;
        :: else
        fi;
      :: else
      fi;
      slot_1 = slot_1 + 1;
    :: else -> break
    od;
    slot_1 = 1;
    do
    :: slot_1 <= 2 ->
      if
      :: (rooms_live >> slot_1) & 1 ->
        if
        :: rooms_floor[slot_1 - 1] == 0 ->
          goto WELL_FORMED_5;
        :: else ->
          if
          :: (rooms_lamps[slot_1 - 1] & ~lamps_live) != 0 ->
            goto WELL_FORMED_5;
          :: else
          fi;
        fi;
      :: else
      fi;
      slot_1 = slot_1 + 1;
    :: else -> break
    od;
    WELL_FORMED_holds = true;
    WELL_FORMED_5: skip;
    assert(WELL_FORMED_holds); /* WELL_FORMED */
    skip
  }
  od
}
