"""Searches by the explicit engine, with machine code that is shared between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nsmodel.engines.explicit import search, store
from nsmodel.engines.explicit.search import Explicit
from nsmodel.engines.interface import Limits, Progress, Resources, Search
from nsmodel.engines.native.library import Library
from nsmodel.ir.state import Frozen
from nsmodel.system.transition import TransitionSystem
from tests.models.threefold import code_of


@contextmanager
def shared_code() -> Iterator[None]:
    """Every search of one system runs the same machine code: to make it takes longer than most searches here."""

    def library(made: TransitionSystem, *, symmetry: bool) -> Library:
        return code_of(made, symmetry=symmetry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "Program", library)
        patch.setattr(search, "compiled", lambda code: code)
        yield


def quiet(progress: Progress) -> None:
    """Tell nobody."""


def explicit(made: TransitionSystem, limits: Limits, *, symmetry: bool = True, threads: int = 1) -> Search:
    """A search by the explicit engine."""
    return Explicit().search(made, limits, quiet, symmetry=symmetry, resources=Resources(threads=threads))


Words = tuple[int, ...]


class Levels:
    """Notes the states of each level, and the state that each was found from, in the order in which they are stored."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[Words, Words]] = []
        seal = store.Store.seal

        def noted(own: store.Store) -> None:
            seal(own)
            for rank in range(own.width):
                number = own.frontier.number(rank, 4)
                parent = own.parent(number)
                assert parent is not None
                self.seen.append((own.words_of(number), own.words_of(parent)))

        patch.setattr(store.Store, "seal", noted)

    def taken(self) -> list[tuple[Words, Words]]:
        """What was noted since the last time."""
        out, self.seen = self.seen, []
        return out


def reached(made: TransitionSystem, depth: int) -> list[Frozen]:
    """Every state within some steps, without symmetry."""
    layout = code_of(made, symmetry=False).program.layout
    with shared_code(), pytest.MonkeyPatch.context() as patch:
        levels = Levels(patch)
        explicit(made, Limits(depth=depth), symmetry=False)
    return [made.initial, *(layout.unpack(words) for words, _ in levels.taken())]
