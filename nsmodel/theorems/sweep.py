"""The theorem of invariants in machine code: the forests of a part are the initial states of a search one call deep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from nsmodel.engines.explicit.store import NEVER, Store
from nsmodel.engines.native import sites
from nsmodel.engines.native.library import Library, compiled
from nsmodel.engines.native.program import ERRNOS, Program
from nsmodel.theorems.attach_case import Case
from nsmodel.theorems.invariants import Difference, Direct, Forest, Part, seeds
from nsmodel.theorems.seeds import system_of
from nsmodel.theorems.share import Tally, Told

TOGETHER = 1 << 14
"""Forests whose successors are held in memory at a time."""


class Prover:
    """Goes through one part. What is found is found again in the direct reading, which has the last word."""

    def __init__(self, part: Part, told: Told, switches: frozenset[str] = frozenset()) -> None:
        self.part, self.told, self.switches = part, told, switches
        self.tally: Tally[Difference] = Tally()

    def run(self) -> Tally[Difference]:
        """All of it, up to the first difference."""
        system, forests = system_of(self.part, self.switches)
        library = compiled(Program(system, symmetry=False))
        encode = forests.encoder(library.program.layout)
        for some in self._batches():
            first = self._batch(library, some, encode)
            if first is not None:
                self._again(some[first])
                break
            self.told(self.tally.forests, self.tally.cases)
        return self.tally

    def _batches(self) -> Iterator[list[Forest | Case]]:
        every = seeds(self.part)
        while some := list(islice(every, TOGETHER)):
            yield some

    def _batch(self, library: Library, some: list[Forest | Case], encode: Callable[..., int]) -> int | None:
        """What is done to some forests, and what comes of it; gives the first forest on which an invariant fails."""
        store = Store(library, 1, None)
        worker = store.workers[0]
        try:
            size = 8 * store.words
            store.start_with(b"".join(encode(seed).to_bytes(size, "little") for seed in some))
            worker.put("wanted", (1 << len(library.program.functions.properties)) - 1)
            bad = self._least(store, lambda: self._expand(library, store))
            self.tally.forests += len(some)
            self.tally.cases += self._cases(library, store)
            store.seal()
            found = self._least(store, lambda: library.judge(worker.address, store.frontier.address, 0, store.width))
            if found is not None:
                link = store.parent(store.frontier.number(found, 4))
                assert link is not None
                bad = min(bad, link) if bad is not None else link
            return bad
        finally:
            store.free()

    @staticmethod
    def _expand(library: Library, store: Store) -> None:
        start = 0
        while start < store.width:
            start = int(library.expand(store.workers[0].address, store.frontier.address, start, store.width))
            if start < store.width:
                store.grow()

    @staticmethod
    def _least(store: Store, work: Callable[[], object]) -> int | None:
        first = store.workers[0].first
        for i in range(len(first)):
            first[i] = NEVER
        work()
        least = min(first)
        return least if least != NEVER else None

    @staticmethod
    def _cases(library: Library, store: Store) -> int:
        """Calls that were made. One that its scope has no room for would be left out: there is none."""
        counts, table = store.workers[0].counts, library.program.functions.sites
        out = 0
        for status, count in enumerate(counts):
            site = table.site(status) if sites.FIRST <= status < len(counts) - ERRNOS else None
            if count and site is not None:
                raise AssertionError(f"{count} calls ended at {site}")
            out += count
        return out

    def _again(self, seed: Forest | Case) -> None:
        """The same forest in the direct reading."""
        found = Direct(self.part, self.told, self.switches).seed(seed)
        assert found is not None, f"only the machine code finds something wrong with {seed}"
        self.tally.differences.append(found)
