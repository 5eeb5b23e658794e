"""States as plain data: what traces carry, and what everybody reads who does not run rules.

`{collection: [{"id": slot, field: value, …}, …]}`: a reference is a slot or None, an enumeration its name, a set a
sorted list of slots, a map an object from slot to value without its zero entries.
"""

from __future__ import annotations

from typing import Any

from nsmodel.ir.schema import EntityInfo, Schema
from nsmodel.ir.state import Frozen, Row
from nsmodel.ir.types import BoolType, EnumType, MapType, RefType, SetType, Type

Rows = dict[int, dict[str, Any]]
Snapshot = dict[str, list[dict[str, Any]]]


def snapshot(schema: Schema, frozen: Frozen) -> Snapshot:
    """A frozen state as plain data; collections without objects are left out."""
    return Snapshots(schema).of(frozen)


class Snapshots:
    """Snapshots of one state after the other: what did not change is made once, and shared; nobody changes it."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._known: dict[int, tuple[tuple[Row, ...], list[dict[str, Any]]]] = {}

    def of(self, frozen: Frozen) -> Snapshot:
        """A frozen state as plain data; collections without objects are left out."""
        out: Snapshot = {}
        for index, (info, rows) in enumerate(zip(self.schema.entities, frozen, strict=True)):
            known = self._known.get(index)
            if known is None or known[0] != rows:
                known = self._known[index] = (rows, _shown(info, rows))
            if known[1]:
                out[info.collection] = known[1]
        return out


def _shown(info: EntityInfo, rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    shown = []
    for slot, row in enumerate(rows, 1):
        if row is None:
            continue
        item: dict[str, Any] = {"id": slot}
        for f, value in zip(info.fields, row, strict=True):
            item[f.name] = _plain(f.type, value)
        shown.append(item)
    return shown


def _plain(kind: Type, value: Any) -> Any:
    if isinstance(kind, RefType):
        return value or None
    if isinstance(kind, BoolType):
        return bool(value)
    if isinstance(kind, EnumType):
        return kind.cls(value).name
    if isinstance(kind, SetType):
        return [i for i in range(1, value.bit_length()) if value >> i & 1]
    if isinstance(kind, MapType):
        return {str(key): _plain(kind.value, v) for key, v in value}
    return value


def restored(schema: Schema, state: Snapshot) -> Frozen:
    """The inverse of :func:`snapshot`. Raises ValueError, with what does not fit the schema."""
    known = {info.collection for info in schema.entities}
    for collection in state:
        if collection not in known:
            raise ValueError(f"{collection}: no such collection")
    return tuple(_restored(info, state.get(info.collection, [])) for info in schema.entities)


def _restored(info: EntityInfo, rows: list[dict[str, Any]]) -> tuple[Row, ...]:
    out: list[Row] = [None] * max((row["id"] for row in rows), default=0)
    for row in rows:
        values = []
        for f in info.fields:
            try:
                values.append(_packed(f.type, row[f.name]))
            except (KeyError, TypeError, ValueError) as wrong:
                what = f"no {wrong}" if isinstance(wrong, KeyError) else wrong
                raise ValueError(f"{info.collection} {row['id']}, {f.name}: {what}") from None
        out[row["id"] - 1] = tuple(values)
    return tuple(out)


def _packed(kind: Type, value: Any) -> Any:
    if isinstance(kind, RefType):
        return int(value or 0)
    if isinstance(kind, EnumType):
        return kind.cls[value].value
    if isinstance(kind, SetType):
        return sum(1 << slot for slot in value)
    if isinstance(kind, MapType):
        return tuple(sorted((int(key), _packed(kind.value, v)) for key, v in value.items()))
    return int(value)


class View:
    """A snapshot by collection and id."""

    def __init__(self, state: Snapshot) -> None:
        self.collections: dict[str, Rows] = {name: {row["id"]: row for row in rows} for name, rows in state.items()}

    def rows(self, collection: str) -> Rows:
        """All objects of a collection."""
        return self.collections.get(collection, {})

    def row(self, collection: str, slot: int | None) -> dict[str, Any]:
        """One object; raises KeyError when it is not there."""
        if slot is None:
            raise KeyError(collection)
        return self.rows(collection)[slot]
