"""What is counted while a share of a theorem's work is gone through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

D = TypeVar("D")

Told = Callable[[int, int], None]
"""Told how many forests and cases there were so far."""


@dataclass
class Tally(Generic[D]):
    """Forests up to isomorphism, cases (a forest with all that is chosen besides), and those on which it fails."""

    forests: int = 0
    cases: int = 0
    differences: list[D] = field(default_factory=list)
