"""Canonical form of frozen states: one state stands for all that differ by a renaming of slots.

Colour refinement over the fields of the schema; while two objects look alike, one of them is told from the other and
the colours are refined again; then slots are sorted by colour. Renaming is sound whichever of two is taken, because
rules treat objects of one kind alike; and objects that refinement cannot tell apart are nearly always symmetric, so
that it makes no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nsmodel.ir.schema import Schema
from nsmodel.ir.state import Frozen, Row
from nsmodel.ir.types import MapType, RefType, SetType

ROUNDS = 8
"""The most rounds of refinement; it ends sooner when a round tells no more objects apart."""


@dataclass(frozen=True)
class _Plan:
    """Where an entity's fields are: scalars by index, the others as (index, index of the entity that they name)."""

    scalars: tuple[int, ...]
    refs: tuple[tuple[int, int], ...]
    sets: tuple[tuple[int, int], ...]
    maps: tuple[tuple[int, int], ...]
    ref_maps: tuple[tuple[int, int, int], ...]
    static: bool


class Canonical:
    """The canonical form for one schema."""

    def __init__(self, schema: Schema) -> None:
        index = {info.cls: i for i, info in enumerate(schema.entities)}
        plans = []
        for info in schema.entities:
            parts: tuple[list[Any], ...] = ([], [], [], [], [])
            for i, f in enumerate(info.fields):
                kind = f.type
                if isinstance(kind, RefType):
                    parts[1].append((i, index[kind.entity]))
                elif isinstance(kind, SetType):
                    parts[2].append((i, index[kind.entity]))
                elif isinstance(kind, MapType) and isinstance(kind.value, RefType):
                    parts[4].append((i, index[kind.entity], index[kind.value.entity]))
                elif isinstance(kind, MapType):
                    parts[3].append((i, index[kind.entity]))
                else:
                    parts[0].append(i)
            scalars, refs, sets, maps, ref_maps = (tuple(p) for p in parts)
            plans.append(_Plan(scalars, refs, sets, maps, ref_maps, info.static))
        self.plans = plans

    def form(self, state: Frozen) -> Frozen:
        """The canonical form of a state."""
        return self.rename(state, self.order(state))

    def exact(self, state: Frozen) -> Frozen:
        """The least form over every way to break the ties that refinement leaves: equal for two states if and only if
        one is a renaming of the other. Slow where there are many ties."""
        return min(self._forms(state, self._stable(state, self._start(state))), key=repr)

    def order(self, state: Frozen) -> list[list[int]]:
        """For each entity, the new slot of each slot (index 0 stays 0)."""
        colours = self._stable(state, self._start(state))
        while (tie := self._tie(state, colours)) is not None:
            colours = self._individualised(state, colours, tie[0], tie[1][0])
        return self._sorted(state, colours)

    def marked(self, state: Frozen, marks: Sequence[tuple[int, int]]) -> tuple[Frozen, tuple[int, ...]]:
        """The form of a state with some objects (entity, slot) told from all others, and the slots that they have in
        it: equal for two lists of objects that a renaming of the state's slots leads to each other."""
        colours = self._stable(state, self._start(state))
        for entity, slot in marks:
            colours = self._individualised(state, colours, entity, slot)
        while (tie := self._tie(state, colours)) is not None:
            colours = self._individualised(state, colours, tie[0], tie[1][0])
        order = self._sorted(state, colours)
        return self.rename(state, order), tuple(order[entity][slot] for entity, slot in marks)

    def _forms(self, state: Frozen, colours: list[list[int]]) -> list[Frozen]:
        tie = self._tie(state, colours)
        if tie is None:
            return [self.rename(state, self._sorted(state, colours))]
        entity, slots = tie
        return [f for s in slots for f in self._forms(state, self._individualised(state, colours, entity, s))]

    def _sorted(self, state: Frozen, colours: list[list[int]]) -> list[list[int]]:
        out = []
        for plan, rows, colour in zip(self.plans, state, colours, strict=True):
            renamed = list(range(len(rows) + 1))
            if not plan.static:
                live = sorted((colour[s], s) for s in range(1, len(rows) + 1) if rows[s - 1] is not None)
                for new, (_, old) in enumerate(live, 1):
                    renamed[old] = new
            out.append(renamed)
        return out

    def _tie(self, state: Frozen, colours: list[list[int]]) -> tuple[int, list[int]] | None:
        """The first entity with two live objects of one colour, and the slots of its least such colour."""
        for e, (plan, rows, colour) in enumerate(zip(self.plans, state, colours, strict=True)):
            if plan.static or len(rows) < 2:
                continue
            live = [s for s in range(1, len(rows) + 1) if rows[s - 1] is not None]
            if len({colour[s] for s in live}) < len(live):
                shared = min(c for c in (colour[s] for s in live) if sum(colour[s] == c for s in live) > 1)
                return e, [s for s in live if colour[s] == shared]
        return None

    def _individualised(self, state: Frozen, colours: list[list[int]], entity: int, slot: int) -> list[list[int]]:
        """Colours after one object was told from its like."""
        fresh = [list(c) for c in colours]
        fresh[entity][slot] = hash((fresh[entity][slot], 1))
        return self._stable(state, fresh)

    def _start(self, state: Frozen) -> list[list[int]]:
        """Colours by the scalar fields alone."""
        colours: list[list[int]] = []
        for plan, rows in zip(self.plans, state, strict=True):
            own = [0]
            for slot, row in enumerate(rows, 1):
                own.append(0 if row is None else hash((slot if plan.static else 1, *(row[i] for i in plan.scalars))))
            colours.append(own)
        return colours

    def _stable(self, state: Frozen, colours: list[list[int]]) -> list[list[int]]:
        """Refine until a round tells no more objects apart."""
        known = 0
        for _ in range(ROUNDS):
            colours = self._refine(state, colours)
            told = sum(len(set(c)) for c in colours)
            if told == known:
                break
            known = told
        return colours

    def _refine(self, state: Frozen, colours: list[list[int]]) -> list[list[int]]:
        incoming = [[0] * len(c) for c in colours]
        new: list[list[int]] = []
        for e, (plan, rows) in enumerate(zip(self.plans, state, strict=True)):
            mine = colours[e]
            out = [0]
            for slot, row in enumerate(rows, 1):
                if row is None:
                    out.append(0)
                    continue
                seen = [mine[slot]]
                for i, t in plan.refs:
                    target = row[i]
                    seen.append(colours[t][target])
                    if target:
                        incoming[t][target] += hash((e, i, mine[slot]))
                for i, t in plan.sets:
                    total = 0
                    for j in range(1, len(colours[t])):
                        if row[i] >> j & 1:
                            total += hash((7, colours[t][j]))
                            incoming[t][j] += hash((e, i, mine[slot]))
                    seen.append(total)
                for i, t in plan.maps:
                    total = 0
                    for j, value in row[i]:
                        total += hash((colours[t][j], value))
                        incoming[t][j] += hash((e, i, value, mine[slot]))
                    seen.append(total)
                for i, t, u in plan.ref_maps:
                    total = 0
                    for j, value in row[i]:
                        total += hash((colours[t][j], colours[u][value]))
                        incoming[t][j] += hash((e, i, colours[u][value], mine[slot]))
                        incoming[u][value] += hash((e, i, 1, colours[t][j], mine[slot]))
                    seen.append(total)
                out.append(hash(tuple(seen)))
            new.append(out)
        return [
            [hash((c, i)) if c or i else 0 for c, i in zip(own, inc, strict=True)]
            for own, inc in zip(new, incoming, strict=True)
        ]

    def rename(self, state: Frozen, order: list[list[int]]) -> Frozen:
        """The state with its slots renamed."""
        out = []
        for e, (plan, rows) in enumerate(zip(self.plans, state, strict=True)):
            live: dict[int, Row] = {}
            for slot, row in enumerate(rows, 1):
                if row is None:
                    continue
                fresh = list(row)
                for i, t in plan.refs:
                    fresh[i] = order[t][row[i]]
                for i, t in plan.sets:
                    mask = 0
                    for j in range(1, len(order[t])):
                        if row[i] >> j & 1:
                            mask |= 1 << order[t][j]
                    fresh[i] = mask
                for i, t in plan.maps:
                    fresh[i] = tuple(sorted((order[t][j], v) for j, v in row[i]))
                for i, t, u in plan.ref_maps:
                    fresh[i] = tuple(sorted((order[t][j], order[u][v]) for j, v in row[i]))
                live[order[e][slot]] = tuple(fresh)
            out.append(tuple(live.get(s) for s in range(1, max(live, default=0) + 1)))
        return tuple(out)
