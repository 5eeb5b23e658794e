"""What kills a mutant, and what every judge of mutants is."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from nsmodel.mutation.mutants import Mutant


class Kill(msgspec.Struct, frozen=True):
    """What killed a mutant: a campaign seed, a property, a recording; `how` says where, and what was seen."""

    mutant: str
    by: Literal["campaign", "property", "recording"]
    how: str


class Judge(Protocol):
    """Judges mutants one by one."""

    def comes_to(self, mutant: Mutant) -> bool:
        """Something that the judge runs reaches the changed place."""
        ...

    def kill(self, mutant: Mutant) -> Kill | None:
        """What kills a mutant that the judge comes to, None when it survives."""
        ...
