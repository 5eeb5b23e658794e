"""What judging recordings gives: what was found, and why a step was not judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


class Uncovered(Exception):
    """The model does not make this call, or the recording does not tell enough to; the reason says why."""


class Differs(Exception):
    """The model says something else than the recording."""

    def __init__(self, expected: object, got: object, what: str) -> None:
        super().__init__(what)
        self.expected, self.got, self.what = str(expected), str(got), what
        self.tables = (0, 0)
        """Tables that were compared up to the one that differs, and how many of them were equal."""


@dataclass(frozen=True)
class Difference:
    """One step on which model and recording part: `expected` is the model's word, `got` the kernel's."""

    trace: str
    step: int
    operation: str
    expected: str
    got: str
    what: str


@dataclass
class Judgement:
    """What was judged so far."""

    files: int = 0
    steps: int = 0
    modelled: int = 0
    resynced: int = 0
    assumed: int = 0
    tables_compared: int = 0
    tables_equal: int = 0
    cells: dict[str, Counter[str]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    uncovered: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, operation: str, types: str, result: str, how: str) -> None:
        """One more step in its cell; operations that touch no mount have "-" for propagation types."""
        self.cells.setdefault(f"{operation}|{types}|{result}", Counter())[how] += 1
