"""Cells: what tests are to cover, one thing each."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, field

OK = "ok"
"""The result of a call that succeeds, where that of others is the name of an error."""
LONGEST = 100
"""Characters of a file's stem, at most."""


@dataclass(frozen=True)
class Cell:
    """One thing to be covered. `key` tells it from the others of its cover and operation, `title` says in a line what a
    test of it shows; cells are the same whatever it says."""

    cover: str
    operation: str
    key: str
    title: str = field(compare=False)

    @property
    def name(self) -> str:
        """As tables and programs name it."""
        return f"{self.cover} {self.operation}|{self.key}"


def stem(cell: Cell, taken: Container[str]) -> str:
    """The stem of a file that is named after a cell: letters, digits and dashes, and none that is taken."""
    words = re.sub(r"[^A-Za-z0-9_]+", "-", f"{cell.operation}-{cell.key}").strip("-")
    base = words if len(words) <= LONGEST else words[:LONGEST].rsplit("-", 1)[0]
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name
