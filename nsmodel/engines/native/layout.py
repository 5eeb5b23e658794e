"""Where the parts of a state are: in the working state that native code changes, and in the packed state it stores.

Working: one array for each field, an item for each slot from 0 (slot 0 stands for None, and is never read for a
result), and one bit mask of the live slots for each entity; sets are bit masks too, with bit `slot` set. Packed: the
significant bits of the working state's 64-bit words, one after the other; rows of free slots are zero, so that equal
states have equal words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nsmodel.ir.language import Entity
from nsmodel.ir.schema import EntityInfo, Field, Sizes
from nsmodel.ir.state import Frozen, Row
from nsmodel.ir.types import BoolType, EnumType, IntType, MapType, NoneType, RefType, SetType, Type

MOST_SLOTS = 63
"""Slots of an entity: a set of them is one 64-bit mask without bit 0."""


def mask_bytes(slots: int) -> int:
    """Bytes of a mask over some slots."""
    return 1 if slots < 8 else 2 if slots < 16 else 4 if slots < 32 else 8


@dataclass(frozen=True)
class Column:
    """One field of an entity, or its live mask (`slots` is then None).

    `size`: bytes of an item. `keys`: items of a map in a row, from key slot 0; 1 otherwise. `significant`: the bits of
    an item that are stored.
    """

    offset: int
    size: int
    keys: int
    significant: int

    @property
    def stride(self) -> int:
        """Bytes from one row to the next."""
        return self.size * self.keys


class Layout:
    """The layout of a scope's states; `statics` gives the rows of static entities."""

    def __init__(self, sizes: Sizes, statics: Mapping[type[Entity], Sequence[Row]] | None = None) -> None:
        self.sizes = sizes
        self.statics = {cls: tuple(rows) for cls, rows in (statics or {}).items()}
        self.entities: tuple[EntityInfo, ...] = tuple(
            e for e in sizes.schema.entities if not e.static and sizes.slots(e.cls)
        )
        """Entities that may have objects and change."""
        self.live: dict[type[Entity], Column] = {}
        self.columns: dict[tuple[type[Entity], str], Column] = {}
        self._end = 0
        for info in self.entities:
            slots = self.slots(info.cls)
            self.live[info.cls] = self._place(mask_bytes(slots), 1, 1, ((1 << slots) - 1) << 1)
            for f in info.fields:
                self.columns[info.cls, f.name] = self._field(info, f)
        self.size = (self._end + 7) // 8 * 8
        self.masks: tuple[int, ...] = self._masks()
        """The significant bits of each 64-bit word."""
        self.bits = sum(m.bit_count() for m in self.masks)
        self.words = max(1, (self.bits + 63) // 64)

    # -- sizes --------------------------------------------------------------------------------------------------------

    def slots(self, cls: type[Entity]) -> int:
        """Slots of an entity; of a static one the objects that there are."""
        if self.sizes.schema.by_class[cls].static:
            return len(self.statics.get(cls, ()))
        return self.sizes.slots(cls)

    def members(self, cls: type[Entity]) -> int:
        """The mask of all slots of an entity."""
        return ((1 << self.slots(cls)) - 1) << 1

    def scalar_bytes(self, kind: Type, owner: type[Entity] | None) -> int:
        """Bytes that a scalar takes in a working state."""
        if isinstance(kind, IntType):
            room = self.sizes.top(kind, owner) * (2 if isinstance(kind.high, str) else 1)
            return 1 if room < 1 << 8 else 2 if room < 1 << 16 else 4
        return 1

    def ceiling(self, kind: IntType, owner: type[Entity] | None) -> int:
        """The largest number that a working state may hold: a bound that the scope names is judged after the call."""
        if isinstance(kind.high, str):
            return int((1 << 8 * self.scalar_bytes(kind, owner)) - 1)
        return self.sizes.top(kind, owner)

    def _significant(self, kind: Type, owner: type[Entity]) -> int:
        """The bits of a scalar or set that can differ."""
        if isinstance(kind, SetType):
            return self.members(kind.entity)
        if isinstance(kind, RefType):
            return int((1 << self.slots(kind.entity).bit_length()) - 1)
        if isinstance(kind, BoolType):
            return 1
        if isinstance(kind, NoneType):
            return 0
        assert isinstance(kind, IntType | EnumType)
        return int((1 << self.sizes.top(kind, owner).bit_length()) - 1)

    def _field(self, info: EntityInfo, f: Field) -> Column:
        kind = f.type
        rows = self.slots(info.cls) + 1
        if isinstance(kind, MapType):
            keys = self.slots(kind.entity) + 1
            size = self.scalar_bytes(kind.value, info.cls)
            return self._place(size, keys, rows * keys, self._significant(kind.value, info.cls))
        if isinstance(kind, SetType):
            return self._place(mask_bytes(self.slots(kind.entity)), 1, rows, self._significant(kind, info.cls))
        return self._place(self.scalar_bytes(kind, info.cls), 1, rows, self._significant(kind, info.cls))

    def _place(self, size: int, keys: int, items: int, significant: int) -> Column:
        offset = (self._end + size - 1) // size * size
        self._end = offset + size * items
        return Column(offset, size, keys, significant)

    def _masks(self) -> tuple[int, ...]:
        whole = bytearray(self.size)

        def mark(column: Column, item: int) -> None:
            at = column.offset + item * column.size
            whole[at : at + column.size] = column.significant.to_bytes(column.size, "little")

        for info in self.entities:
            mark(self.live[info.cls], 0)
            for f in info.fields:
                column = self.columns[info.cls, f.name]
                for slot in range(1, self.slots(info.cls) + 1):
                    if isinstance(f.type, MapType):
                        for key in range(1, column.keys):
                            mark(column, slot * column.keys + key)
                    else:
                        mark(column, slot)
        return tuple(int.from_bytes(whole[i : i + 8], "little") for i in range(0, self.size, 8))

    # -- states ------------------------------------------------------------------------------------------------------

    def stored(self, cls: type[Entity], name: str | None, slot: int, value: int) -> int:
        """What a field of a row (no map), or with no name the mask of the live slots, adds to the stored words, the
        first word lowest. Raises :class:`ValueError` where it does not fit the scope."""
        column = self.live[cls] if name is None else self.columns[cls, name]
        if value & ~column.significant:
            raise ValueError(f"{cls.__name__}.{name}: {value} does not fit the scope")
        if not column.significant:
            return 0
        lowest = (column.significant & -column.significant).bit_length() - 1
        word, bit = divmod(8 * (column.offset + slot * column.size) + lowest, 64)
        before = sum(mask.bit_count() for mask in self.masks[:word])
        before += (self.masks[word] & ((1 << bit) - 1)).bit_count()
        return value >> lowest << before

    def pack(self, state: Frozen) -> tuple[int, ...]:
        """The stored words of a frozen state; raises :class:`ValueError` where it does not fit the scope."""
        work = bytearray(self.size)
        rows_of = dict(zip((e.cls for e in self.sizes.schema.entities), state, strict=True))
        for info in self.sizes.schema.entities:
            if len(rows_of[info.cls]) > self.slots(info.cls):
                count = len(rows_of[info.cls])
                raise ValueError(f"{count} rows of {info.name}, the scope has {self.slots(info.cls)} slots")
        for info in self.entities:
            rows = rows_of[info.cls]
            live = sum(1 << slot for slot, row in enumerate(rows, 1) if row is not None)
            self._put(work, self.live[info.cls], 0, live, info.name)
            for slot, row in enumerate(rows, 1):
                for f, value in zip(info.fields, row or (), strict=row is not None):
                    column = self.columns[info.cls, f.name]
                    if isinstance(f.type, MapType):
                        for key, entry in value:
                            if not 0 < key < column.keys:
                                raise ValueError(f"{info.name}.{f.name}: {key} is no key within the scope")
                            self._put(work, column, slot * column.keys + key, entry, f"{info.name}.{f.name}")
                    else:
                        self._put(work, column, slot, value, f"{info.name}.{f.name}")
        out, filled = 0, 0
        for at, mask in enumerate(self.masks):
            word = int.from_bytes(work[8 * at : 8 * at + 8], "little")
            while mask:
                low = mask & -mask
                out |= bool(word & low) << filled
                filled += 1
                mask ^= low
        return tuple(out >> 64 * i & (1 << 64) - 1 for i in range(self.words))

    def _put(self, work: bytearray, column: Column, item: int, value: int, what: str) -> None:
        if value & ~column.significant:
            raise ValueError(f"{what}: {value} does not fit the scope")
        at = column.offset + item * column.size
        work[at : at + column.size] = value.to_bytes(column.size, "little")

    def unpack(self, words: Sequence[int]) -> Frozen:
        """The frozen form of stored words."""
        whole = sum(word << 64 * i for i, word in enumerate(words))
        work = bytearray()
        for mask in self.masks:
            word = 0
            while mask:
                low = mask & -mask
                word |= low * (whole & 1)
                whole >>= 1
                mask ^= low
            work += word.to_bytes(8, "little")
        out: list[tuple[Row, ...]] = []
        for info in self.sizes.schema.entities:
            out.append(self._rows(work, info) if info.cls in self.live else self.statics.get(info.cls, ()))
        return tuple(out)

    def _rows(self, work: bytearray, info: EntityInfo) -> tuple[Row, ...]:
        live = self._get(work, self.live[info.cls], 0)
        rows: list[Row] = []
        for slot in range(1, live.bit_length()):
            if not live >> slot & 1:
                rows.append(None)
                continue
            row: list[object] = []
            for f in info.fields:
                column = self.columns[info.cls, f.name]
                if isinstance(f.type, MapType):
                    first = slot * column.keys
                    entries = [(key, self._get(work, column, first + key)) for key in range(1, column.keys)]
                    row.append(tuple((key, entry) for key, entry in entries if entry))
                else:
                    row.append(self._get(work, column, slot))
            rows.append(tuple(row))
        return tuple(rows)

    def _get(self, work: bytearray, column: Column, item: int) -> int:
        at = column.offset + item * column.size
        return int.from_bytes(work[at : at + column.size], "little")
