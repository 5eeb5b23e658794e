"""Going back: a state as it was before a call, with the same objects.

What a recording leaves open (whether a descriptor was closed meanwhile) is tried one way and, where that does not
agree, another. File systems and names are not part of it: they are what the recording told, whichever way is taken.
"""

from __future__ import annotations

from typing import Any

from nsmodel.ir.language import Entity, Map, Static
from nsmodel.ir.state import State
from nsmodel.ir.types import MapType


class Checkpoint:
    """The dynamic objects of a state, to be put back in place."""

    def __init__(self, k: State) -> None:
        self.k = k
        mapped = {info.cls for info in k.schema.entities if any(isinstance(f.type, MapType) for f in info.fields)}
        self.saved: list[tuple[list[Any], list[Any], list[tuple[Entity, type[Entity], dict[str, Any]]]]] = []
        for cls, view in k._views.items():
            if not issubclass(cls, Static):
                copy = _copied if cls in mapped else dict
                rows = [(o, type(o), copy(o.__dict__)) for o in view.slots if o is not None]
                self.saved.append((view.slots, list(view.slots), rows))

    def restore(self) -> None:
        """Put every object back as it was; those made since are gone."""
        for slots, kept, rows in self.saved:
            slots[:] = kept
            for item, cls, fields in rows:
                object.__setattr__(item, "__class__", cls)
                held = object.__getattribute__(item, "__dict__")
                held.clear()
                held.update(_copied(fields))


def _copied(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields, with maps of their own: a map is changed in place."""
    out = dict(fields)
    for name, value in fields.items():
        if isinstance(value, Map):
            twin: Map[Any, Any] = Map(value.default)
            twin.entries.update(value.entries)
            out[name] = twin
    return out
