-- lamps: floors=2, lamps=1, lightings=1, rooms=2; kernel fixed, known bug: none.
-- Sets are bit masks (bit 1 is slot 1), a reference is a slot, 0 is None; slot n is item n of an array.
-- rumur --deadlock-detection off -o model.c MODEL && gcc -std=c11 -O2 -mcx16 model.c -o model -lpthread
-- A call beyond the scope is taken back by `assume false`. Left out: the depth of the scope, FAIL_ATOMIC.

var
  lamps_live: 0..2; -- live Lamp
  lamps_lit: array [1..1] of boolean; -- Lamp.lit: bool
  lamps_colour: array [1..1] of 0..1; -- Lamp.colour: Colour
  lamps_room: array [1..1] of 0..2; -- Lamp.room: Room
  rooms_live: 0..6; -- live Room
  rooms_floor: array [1..2] of 0..2; -- Room.floor: Floor
  rooms_lamps: array [1..2] of 0..2; -- Room.lamps: set[Lamp]
  rooms_times: array [1..2] of 0..1; -- Room.times: Map[Lamp, int]
  rooms_lightings: array [1..2] of 0..255; -- Room.lightings: int

function floors_below(item: 0..2): 0..2;
begin
  if item = 2 then return 1; end;
  return 0;
end;

startstate begin
  lamps_live := 0;
  lamps_lit[1] := false;
  lamps_colour[1] := 0;
  lamps_room[1] := 0;
  rooms_live := 6;
  rooms_floor[1] := 1;
  rooms_floor[2] := 2;
  rooms_lamps[1] := 0;
  rooms_lamps[2] := 0;
  rooms_times[1] := 0;
  rooms_times[2] := 0;
  rooms_lightings[1] := 0;
  rooms_lightings[2] := 0;
end;

ruleset room_1: 1..2 do
rule "buy colour=WHITE"
  (((rooms_live >> room_1) & 1) = 1) & (lamps_live != 2)
==>
begin
  lamps_live := lamps_live | 2;
  lamps_room[1] := room_1;
  lamps_colour[1] := 0;
  rooms_lamps[room_1] := rooms_lamps[room_1] | 2;
end;
end;

ruleset room_1: 1..2 do
rule "buy colour=RED"
  (((rooms_live >> room_1) & 1) = 1) & (floors_below(rooms_floor[room_1]) != 0) & (lamps_live != 2)
==>
var
  start_1: -255..255;
  floor_1: -255..255;
  out_1: -255..255;
  rounds_1: -255..255;
begin
  start_1 := rooms_floor[room_1];
  floor_1 := floors_below(start_1);
  out_1 := 0;
  rounds_1 := 0;
  while floor_1 != 0 do
    assert (rounds_1 < 2) "a loop runs too long (lamps.py:76)";
    rounds_1 := rounds_1 + 1;
    out_1 := out_1 + 1;
    floor_1 := floors_below(floor_1);
  end;
  lamps_live := lamps_live | 2;
  lamps_room[1] := room_1;
  lamps_colour[1] := 1;
  rooms_lamps[room_1] := rooms_lamps[room_1] | 2;
end;
end;

ruleset lamp_1: 1..1 do
rule "light"
  (((lamps_live >> lamp_1) & 1) = 1) & !lamps_lit[lamp_1] & ((((rooms_lamps[lamps_room[lamp_1]] & 2) != 0) & lamps_lit[1]) | ((rooms_lightings[lamps_room[lamp_1]] + 1) <= 1))
==>
var
  is_any_1: boolean;
  those_1: -255..255;
  other_1: -255..255;
  value_1: -255..255;
  leaving: 0..255;
begin
  leaving := 0;
  those_1 := rooms_lamps[lamps_room[lamp_1]];
  is_any_1 := false;
  other_1 := 0;
  while other_1 < 1 & leaving = 0 do
    other_1 := other_1 + 1;
    if (((those_1 >> other_1) & 1) = 1) & lamps_lit[other_1] then
      is_any_1 := true;
      leaving := 1;
    end;
  end;
  if leaving = 1 then leaving := 0; end;
  if !is_any_1 then
    lamps_lit[lamp_1] := true;
    rooms_times[((lamps_room[lamp_1] - 1) + (lamp_1 - 1)) + 1] := 1;
    value_1 := rooms_lightings[lamps_room[lamp_1]] + 1;
    rooms_lightings[lamps_room[lamp_1]] := value_1;
  end;
end;
end;

ruleset room_1: 1..2 do
rule "dim"
  ((rooms_live >> room_1) & 1) = 1
==>
var
  those_1: -255..255;
  lamp_1: -255..255;
begin
  those_1 := rooms_lamps[room_1];
  for i_lamp_1: 1..1 do
    lamp_1 := i_lamp_1;
    if ((those_1 >> lamp_1) & 1) = 1 then
      lamps_lit[lamp_1] := false;
    end;
  end;
end;
end;

ruleset lamp_1: 1..1 do
rule "throw_away"
  ((lamps_live >> lamp_1) & 1) = 1
==>
var
  room_1: -255..255;
begin
  room_1 := lamps_room[lamp_1];
  rooms_lamps[room_1] := rooms_lamps[room_1] & ~(1 << lamp_1);
  rooms_times[((room_1 - 1) + (lamp_1 - 1)) + 1] := 0;
  lamps_live := lamps_live & ~(1 << lamp_1);
  lamps_lit[lamp_1] := false;
  lamps_colour[lamp_1] := 0;
  lamps_room[lamp_1] := 0;
end;
end;

ruleset lamp_1: 1..1 do
ruleset to_1: 0..2 do
rule "move"
  (((lamps_live >> lamp_1) & 1) = 1) & ((to_1 = 0) | (((rooms_live >> to_1) & 1) = 1)) & (lamps_room[lamp_1] != to_1) & ((to_1 != 0) | (rooms_live != 6))
==>
var
  old_1: -255..255;
  room_1: -255..255;
  new_1: -255..255;
begin
  old_1 := lamps_room[lamp_1];
  rooms_lamps[old_1] := rooms_lamps[old_1] & ~(1 << lamp_1);
  rooms_times[((old_1 - 1) + (lamp_1 - 1)) + 1] := 0;
  lamps_lit[lamp_1] := false;
  room_1 := to_1;
  if room_1 = 0 then
    new_1 := ((rooms_live & 2) != 0) ? 2 : 1;
    rooms_live := rooms_live | (1 << new_1);
    room_1 := new_1;
    rooms_floor[room_1] := rooms_floor[old_1];
  end;
  lamps_room[lamp_1] := room_1;
  rooms_lamps[room_1] := rooms_lamps[room_1] | (1 << lamp_1);
end;
end;
end;

function ONE_LIT(): boolean;
var
  room_1: -255..255;
  those_1: -255..255;
  lamp_1: -255..255;
  is_any_1: boolean;
  those_2: -255..255;
  other_1: -255..255;
  leaving: 0..255;
begin
  leaving := 0;
  for i_room_1: 1..2 do
    room_1 := i_room_1;
    if ((rooms_live >> room_1) & 1) = 1 then
      those_1 := rooms_lamps[room_1];
      for i_lamp_1: 1..1 do
        lamp_1 := i_lamp_1;
        if ((those_1 >> lamp_1) & 1) = 1 then
          if lamps_lit[lamp_1] then
            those_2 := rooms_lamps[room_1];
            is_any_1 := false;
            other_1 := 0;
            while other_1 < 1 & leaving = 0 do
              other_1 := other_1 + 1;
              if (((those_2 >> other_1) & 1) = 1) & lamps_lit[other_1] & (other_1 != lamp_1) then
                is_any_1 := true;
                leaving := 1;
              end;
            end;
            if leaving = 1 then leaving := 0; end;
            if is_any_1 then
              return false;
            else
              if rooms_times[((room_1 - 1) + (lamp_1 - 1)) + 1] != 1 then
                return false;
              end;
            end;
          end;
        end;
      end;
    end;
  end;
  return true;
end;
invariant "ONE_LIT" ONE_LIT();

function IN_ROOM(): boolean;
var
  lamp_1: -255..255;
begin
  for i_lamp_1: 1..1 do
    lamp_1 := i_lamp_1;
    if ((lamps_live >> lamp_1) & 1) = 1 then
      if !(((rooms_lamps[lamps_room[lamp_1]] >> lamp_1) & 1) = 1) then
        return false;
      end;
    end;
  end;
  return true;
end;
invariant "IN_ROOM" IN_ROOM();

function WELL_FORMED(): boolean;
var
  slot_1: -255..255;
begin
  for i_slot_1: 1..1 do
    slot_1 := i_slot_1;
    if ((lamps_live >> slot_1) & 1) = 1 then
      if !(((rooms_live >> lamps_room[slot_1]) & 1) = 1) then
        return false;
      end;
    end;
  end;
  for i_slot_1: 1..2 do
    slot_1 := i_slot_1;
    if ((rooms_live >> slot_1) & 1) = 1 then
      if rooms_floor[slot_1] = 0 then
        return false;
      else
        if (rooms_lamps[slot_1] & ~lamps_live) != 0 then
          return false;
        end;
      end;
    end;
  end;
  return true;
end;
invariant "WELL_FORMED" WELL_FORMED();
