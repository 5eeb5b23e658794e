"""What a page says of a trace beside the trace itself: the checks that decided, the kernel's word, the known bug."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nsmodel.report.bug import Bug
from nsmodel.report.output import DivergenceInfo
from nsmodel.system.precedence import Check


@dataclass(frozen=True)
class Decision:
    """Why a call came out as it did: the rule, its file and line (`place`), and the kernel's functions that it follows
    (`source`); the checks that refuse the call, the one that decided first; `end` says what would come without them."""

    rule: str
    place: str
    source: str
    checks: tuple[Check, ...] = ()
    end: str = ""


@dataclass(frozen=True)
class Replay:
    """A replay on a kernel `release`: so many `steps` agreed, those of the prelude too, before the `divergence`."""

    release: str
    steps: int
    prelude: int
    divergence: DivergenceInfo | None = None

    def of(self, number: int) -> Literal["same", "differs", "not reached"]:
        """What the kernel said of a step, which counts from 1 after the prelude."""
        found = self.divergence
        if found is None or found.operation == "end" or number < found.step:
            return "same"
        return "differs" if number == found.step else "not reached"

    @property
    def at_the_end(self) -> bool:
        """Every call came out the same; a last look found a difference."""
        return self.divergence is not None and self.divergence.operation == "end"

    @property
    def in_prelude(self) -> bool:
        """It came to an end before the first step."""
        return self.divergence is not None and not self.at_the_end and self.divergence.step < 1


@dataclass(frozen=True)
class Judged:
    """All of it. `file` is where the trace was read from, as commands name it."""

    file: str
    decisions: Mapping[int, Decision] = field(default_factory=dict)
    replay: Replay | None = None
    bug: Bug | None = None
