"""A state of a trace as a page tells it: with the names that its objects have there, and what of it breaks a clause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from nsmodel.traces.mount_facts import MountFacts
from nsmodel.traces.places import Table
from nsmodel.traces.trace import State, Trace


@dataclass(frozen=True)
class Moment:
    """A state. `ages` tells which mounts are older, `broken` the objects that break the clause, by collection."""

    trace: Trace
    state: State
    names: Table
    ages: Mapping[int, int]
    broken: Mapping[str, frozenset[int]] = field(default_factory=dict)

    @cached_property
    def mounts(self) -> MountFacts:
        """Its mounts."""
        return MountFacts(self.state, self.names)

    def name(self, collection: str, slot: int) -> str:
        """An object by its name."""
        return self.names.get((collection, slot), f"{collection} {slot}")

    def breaks(self, collection: str) -> frozenset[int]:
        """The objects of a collection that break the clause."""
        return self.broken.get(collection, frozenset())
