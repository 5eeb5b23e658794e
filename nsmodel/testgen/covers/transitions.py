"""Every propagation cell: an operation with the propagation types of what it names, and of what that is mounted on."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from nsmodel.ir.types import RefType
from nsmodel.kernel.objects import Mount
from nsmodel.oracle.recorded.flags import type_word
from nsmodel.system.operation import Operation
from nsmodel.system.transition import TransitionSystem
from nsmodel.testgen.cells import Cell
from nsmodel.testgen.seen import Seen


class Transitions:
    """A cell for each operation on mounts and types of the mounts that it names, with each one's parent.

    What comes of it is part of the cell: some types are refused, or refused in some places.
    """

    name = "transitions"
    own_file = False
    by_events = False
    by_looking = True

    def known(self, system: TransitionSystem, operation: Operation) -> Iterable[Cell]:
        """Which types can come together, the text of a rule does not show."""
        return ()

    def of(self, seen: Seen) -> Iterator[Cell]:
        """The cell of a call that names mounts."""
        types = _types(seen)
        if types and seen.result is not None:
            yield self._cell(seen.operation.name, types, seen.result)

    def worth(self, seen: Seen, found: Container[Cell]) -> bool:
        """Where no call with such types has come to such a result."""
        return any(cell not in found for cell in self.of(seen))

    def _cell(self, operation: str, types: str, result: str) -> Cell:
        return Cell(self.name, operation, f"{types} {result}", f"{operation} of {types}: {result}")


def _types(seen: Seen) -> str:
    """The types of the mounts that a call names: `source slave in shared, at private in private`."""
    out = []
    given = seen.call.by_name
    for name, kind in seen.operation.parameters:
        if isinstance(kind, RefType) and kind.entity is Mount and given[name] is not None:
            m = seen.runner.state.at(Mount, given[name])
            if m is not None:
                parent = f" in {type_word(m.parent)}" if m.parent is not None else ""
                out.append(f"{name} {type_word(m)}{parent}")
    return ", ".join(out)
