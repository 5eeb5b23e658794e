"""The native reading of one state at a time: forms of states, and single calls, for traces and for tests."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

from nsmodel.engines.native import context, sites
from nsmodel.engines.native.library import Library
from nsmodel.engines.native.program import SEEN
from nsmodel.engines.native.sites import Cut, Refusal, Trapping
from nsmodel.ir.state import Frozen


class NativeForms:
    """Packed forms of frozen states; canonical ones where a search goes by symmetry."""

    def __init__(self, library: Library, *, symmetry: bool) -> None:
        self.library = library
        self.symmetry = symmetry

    def form(self, state: Frozen) -> tuple[int, ...]:
        """The words that a search stores for a state."""
        layout = self.library.program.layout
        words = layout.pack(state)
        if not self.symmetry:
            return words
        given = (ctypes.c_uint64 * layout.words)(*words)
        out = (ctypes.c_uint64 * layout.words)()
        self.library.canonical_of(ctypes.addressof(given), ctypes.addressof(out))
        return tuple(out)


@dataclass(frozen=True)
class Answer:
    """What native code says of a call: a status (see :mod:`nsmodel.engines.native.sites`) or a site, the result, the
    successor, and the properties that the step violates."""

    status: int
    site: Refusal | Cut | Trapping | None
    result: int
    state: Frozen | None
    broken: frozenset[str]


class Single:
    """Runs single calls."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._context = (ctypes.c_uint64 * context.SIZE)()
        self._seen = (ctypes.c_uint64 * (SEEN * (library.program.layout.words + 1)))()

    def run(self, state: Frozen, operation: int, arguments: Sequence[int]) -> Answer:
        """Run an operation by its number in the system, with flattened arguments (slots, numbers, positions)."""
        program = self.library.program
        layout = program.layout
        words = (ctypes.c_uint64 * layout.words)(*layout.pack(state))
        out = (ctypes.c_uint64 * layout.words)()
        given = (ctypes.c_int64 * max(1, len(arguments)))(*arguments)
        status = self.library.attempt(
            ctypes.addressof(self._context),
            operation,
            ctypes.addressof(words),
            ctypes.addressof(given),
            ctypes.addressof(out),
        )
        site = program.functions.sites.site(status) if status >= sites.FIRST else None
        if status == sites.TRAPPED:
            site = program.functions.sites.site(self._word("trap"))
        after = layout.unpack(tuple(out)) if status == sites.OK else state if status == sites.UNCHANGED else None
        result = ctypes.c_int64(self._word("result")).value
        names = program.functions.properties
        broken = frozenset(name for i, name in enumerate(names) if self._word("broken") >> i & 1)
        return Answer(status, site, result, after, broken)

    def _word(self, name: str) -> int:
        return int(self._context[context.NAMES.index(name)])
