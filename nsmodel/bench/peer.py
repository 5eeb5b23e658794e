"""What every peer is: another checker, that is given a case as a model of its own and counts the states."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nsmodel.bench.cases import Case


@dataclass(frozen=True)
class Counted:
    """One run of a peer: distinct states of the system, seconds of the search, and what it says is wrong, if it is."""

    states: int
    seconds: float
    error: str | None = None


@dataclass(frozen=True)
class Built:
    """A case made ready for a peer: seconds that its compilers took, and what runs the search."""

    compile_seconds: float
    search: Callable[[], Counted]


class Peer(Protocol):
    """A peer."""

    name: str

    def missing(self) -> str | None:
        """Why the peer cannot be run here, and how to install it; None where it can."""
        ...

    def version(self) -> str:
        """What the peer says that it is."""
        ...

    def threads(self, ours: int) -> int:
        """Threads that it uses beside so many of ours."""
        ...

    def refuses(self, case: Case) -> str | None:
        """Why a case is left out, or None."""
        ...

    def build(self, case: Case, threads: int, folder: Path) -> Built:
        """Make a case ready, in an empty folder. Raises :class:`~nsmodel.bench.processes.Failed`."""
        ...


def not_there(*tools: str) -> list[str]:
    """Which of some commands are not on the PATH."""
    return [tool for tool in tools if shutil.which(tool) is None]


def without_symmetry(case: Case) -> str | None:
    """Why no peer takes a case whose states are counted up to a renaming."""
    return "peers count every state, without symmetry" if case.symmetry else None
