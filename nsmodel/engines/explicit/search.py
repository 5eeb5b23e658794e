"""The explicit engine: breadth-first search in native code over canonical states, level by level.

What a level holds and in which order does not depend on the number of threads, so counts, verdicts and traces do not
either. The trace is run again in the direct reading, which judges the native one on the way.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable

from nsmodel.engines.explicit.checkpoint import Checkpoint, Content, Manifest
from nsmodel.engines.explicit.crew import Level
from nsmodel.engines.explicit.identity import decoded, encoded, identity_of
from nsmodel.engines.explicit.interrupt import Interrupt, deferred
from nsmodel.engines.explicit.store import NEVER, NoRoom, Store
from nsmodel.engines.interface import (
    ALONE,
    Clock,
    Limits,
    Progress,
    Report,
    Resources,
    Search,
    resident_mb,
)
from nsmodel.engines.native import sites
from nsmodel.engines.native.layout import MOST_SLOTS
from nsmodel.engines.native.library import Library, compiled
from nsmodel.engines.native.program import ERRNOS, Program
from nsmodel.engines.native.reading import NativeForms
from nsmodel.engines.native.sites import Cut, Refusal
from nsmodel.engines.retrace import Retrace
from nsmodel.ir.language import Errno
from nsmodel.ir.state import Frozen
from nsmodel.system.problem import Problem
from nsmodel.system.transition import TransitionSystem

INTERRUPTED = "interrupted"
TELL_EVERY = 0.1
"""Seconds between two reports of progress."""
MOST_PROPERTIES = 64


class Explicit:
    """Native breadth-first search."""

    name = "explicit"

    def unfit(self, system: TransitionSystem) -> str | None:
        """Why native code cannot hold the system's states, or None."""
        for info in system.sizes.schema.entities:
            slots = system.sizes.slots(info.cls)
            if slots > MOST_SLOTS:
                return f"{slots} {info.collection}, and it holds at most {MOST_SLOTS}"
        if len(system.spec.properties) > MOST_PROPERTIES:
            return f"{len(system.spec.properties)} properties, and it judges at most {MOST_PROPERTIES}"
        return None

    def search(
        self,
        system: TransitionSystem,
        limits: Limits,
        report: Report,
        *,
        symmetry: bool = True,
        resources: Resources = ALONE,
    ) -> Search:
        """Every state within the bounds and the depth, until all are seen or a budget is spent."""
        library = compiled(Program(system, symmetry=symmetry))
        depth = limits.depth if limits.depth is not None else system.depth
        kept = None
        if resources.checkpoint is not None:
            identity = identity_of(system, library, depth, symmetry=symmetry)
            kept = Checkpoint(resources.checkpoint, identity, resume=resources.resume)
            for note in kept.notes:
                resources.say(note)
        with deferred() as interrupt:
            run = Run(system, library, limits, report, resources.threads, interrupt, kept, symmetry=symmetry)
            try:
                return run.search()
            finally:
                run.store.free()
                if kept is not None:
                    kept.close()


class Run:
    """One search."""

    def __init__(
        self,
        system: TransitionSystem,
        library: Library,
        limits: Limits,
        report: Report,
        threads: int,
        interrupt: Interrupt,
        kept: Checkpoint | None,
        *,
        symmetry: bool,
    ) -> None:
        self.system = system
        self.library = library
        self.limits = limits
        self.report = report
        self.threads = threads
        self.interrupt = interrupt
        self.kept = kept
        self.forms = NativeForms(library, symmetry=symmetry)
        self.depth = limits.depth if limits.depth is not None else system.depth
        self.names = [p.name for p in system.spec.properties]
        self.out = Search(Explicit.name, compile_seconds=library.compile_seconds)
        self.clock = Clock(Limits(limits.depth, limits.seconds, limits.states))
        budget = limits.memory_mb * 1_000_000 if limits.memory_mb is not None else None
        self.store = Store(library, threads, budget)
        self.before = 0.0
        """Seconds that the search took before it was resumed."""
        self.told = 0.0

    # -- the whole ----------------------------------------------------------------------------------------------------

    def search(self) -> Search:
        """Level by level: judge its states, expand them, order what was found."""
        store, out = self.store, self.out
        content = self.kept.content if self.kept is not None else None
        if content is None:
            store.start(self._initial())
            phase, level = "judge", Level(store.width)
            self._want()
        else:
            phase, level = self._resumed(content)
        while phase != "done":
            if phase == "judge":
                self._judge(level)
            else:
                self._expand(level)
            if out.stopped:
                break
            phase, level = self._next(phase)
        out.complete = not store.width and not self._over()
        if content is not None and phase == "done" and content.manifest.phase == "done":
            out.complete = content.manifest.complete
        return self._finished(phase, level)

    def _initial(self) -> tuple[int, ...]:
        try:
            return self.forms.form(self.system.initial)
        except ValueError as wrong:
            fix = "give the spec a larger bound"
            what = "the initial state does not fit the scope"
            raise Problem(what, place=self.system.spec.name, cause=str(wrong), fix=fix) from None

    def _next(self, phase: str) -> tuple[str, Level]:
        """What comes after a level was judged, or expanded."""
        store, out = self.store, self.out
        if phase == "judge":
            deep = self.depth is not None and out.depth >= self.depth
            phase = "done" if self._over() or not store.width or deep else "expand"
        else:
            store.seal()
            out.depth += bool(store.width)
            phase = "done" if self._over() else "judge"
        self._want()
        return phase, Level(store.width)

    def _over(self) -> bool:
        return bool(self.out.stopped) or self.out.found.keys() >= set(self.names)

    def _finished(self, phase: str, level: Level) -> Search:
        out = self.out
        out.states = self.store.found
        self._count()
        out.seconds = self.before + self.clock.seconds
        out.memory = self.store.memory
        if self.kept is not None:
            self._save(phase, level)
        if out.stopped and not level.done:  # a counterexample is one although the level may hold an earlier one
            self._take_found(in_step=phase == "expand")
        return out

    # -- a level ------------------------------------------------------------------------------------------------------

    def _judge(self, level: Level) -> None:
        """Judge every state of the level by the invariants."""
        store = self.store

        def work(number: int, start: int, end: int) -> int:
            self.library.judge(store.workers[number].address, store.frontier.address, start, end)
            return end

        while not level.done and not self.out.stopped:
            level.work(self.threads, work, self._pause)
            self._save_when_due("judge", level)
        if level.done:
            self._take_found(in_step=False)

    def _expand(self, level: Level) -> None:
        """Find every successor of the level's states, with a larger table when it must be."""
        store = self.store

        def work(number: int, start: int, end: int) -> int:
            return int(self.library.expand(store.workers[number].address, store.frontier.address, start, end))

        while not level.done and not self.out.stopped:
            level.work(self.threads, work, self._pause)
            if level.full:
                try:
                    store.grow()
                except NoRoom:
                    self.out.stopped = self._no_room()
            self._save_when_due("expand", level)
        if level.done:
            self._take_found(in_step=True)

    def _no_room(self) -> str:
        """What to say when the budget of memory is spent."""
        states, process = self.store.memory / 1e6, resident_mb()
        limit = self.store.budget / 1e6
        return (
            f"the memory limit of {limit:.0f} MB for states is reached"
            f" ({states:.0f} MB of states; {process:.0f} MB the whole process)"
        )

    def _pause(self) -> bool:
        """Asked now and then by the first thread: tell how far it is, and whether to stop."""
        self.out.stopped = INTERRUPTED if self.interrupt.came else self.clock.spent(self.store.found)
        now = time.monotonic()
        if now - self.told >= TELL_EVERY:
            self.told = now
            fresh = max(0, self.store.used - self.store.level)
            self.report(Progress(self.out.depth, self.store.found, fresh, self._transitions()))
        return self.out.stopped is not None or (self.kept is not None and self.kept.due())

    # -- what is kept -------------------------------------------------------------------------------------------------

    def _save_when_due(self, phase: str, level: Level) -> None:
        if self.kept is not None and self.kept.due() and not self.out.stopped:
            self._save(phase, level)

    def _save(self, phase: str, level: Level) -> None:
        """Write a checkpoint; no thread is at work."""
        assert self.kept is not None
        store, kept = self.store, self.kept
        store.settle()
        store.aim()
        manifest = Manifest(
            number=0,
            identity={},
            depth=self.out.depth,
            phase=phase,
            left=level.left,
            used=store.used,
            level=store.level,
            width=store.width,
            found=store.found,
            counts=self._sums(),
            first=[rank if rank != NEVER else -1 for rank in self._first()],
            violated=[encoded(found) for found in self.out.found.values()],
            complete=self.out.complete,
            seconds=self.before + self.clock.seconds,
            compile_seconds=self.out.compile_seconds,
        )
        if phase == "done":
            kept.save(manifest, b"", b"", b"")
            return
        words = 8 * store.words
        states = store.arena.read(kept.states_size, store.used * words)
        links = store.links.read(kept.links_size, store.level * 4)
        current = store.frontier.read(0, store.width * 4) + store.links.read(store.level * 4, store.used * 4)
        kept.save(manifest, states, links, current)

    def _resumed(self, content: Content) -> tuple[str, Level]:
        """Put everything back where a checkpoint had it."""
        manifest = content.manifest
        self.out.depth = manifest.depth
        self.out.compile_seconds = manifest.compile_seconds
        self.out.found = {f.violation.property: f for f in (decoded(self.system, v) for v in manifest.violated)}
        self.before = manifest.seconds
        store = self.store
        if manifest.phase == "done":
            store.width, phase = manifest.width, "done"
        else:
            phase = manifest.phase
            store.restore(manifest.used, manifest.level, manifest.width, content)
        self._want()
        worker = store.workers[0]
        worker.put("found", manifest.found)
        for i, count in enumerate(manifest.counts):
            worker.counts[i] = count
        for i, rank in enumerate(manifest.first):
            worker.first[i] = rank if rank >= 0 else NEVER
        return phase, Level(store.width, manifest.left)

    # -- what was violated --------------------------------------------------------------------------------------------

    def _want(self) -> None:
        wanted = sum(1 << i for i, name in enumerate(self.names) if name not in self.out.found)
        for worker in self.store.workers:
            worker.put("wanted", wanted)
            for i in range(len(self.names)):
                worker.first[i] = NEVER

    def _take_found(self, *, in_step: bool) -> None:
        """The violation of least rank of each property, as a counterexample."""
        for i, name in enumerate(self.names):
            rank = self._first()[i]
            if rank != NEVER and name not in self.out.found:
                retrace = Retrace(self.system, self._form)
                self.out.found[name] = retrace.found(self._path(rank), name, in_step=in_step)

    def _first(self) -> list[int]:
        """Least rank of a violating state, by property."""
        return [min(ranks) for ranks in zip(*(w.first for w in self.store.workers), strict=True)][: len(self.names)]

    def _form(self, state: Frozen) -> Hashable:
        return self.forms.form(state)

    def _path(self, rank: int) -> list[Frozen]:
        """The stored states from the initial one to one of the level."""
        number: int | None = self.store.frontier.number(rank, 4)
        path: list[Frozen] = []
        while number is not None:
            path.append(self.library.program.layout.unpack(self.store.words_of(number)))
            number = self.store.parent(number)
        return path[::-1]

    # -- what was counted ---------------------------------------------------------------------------------------------

    def _sums(self) -> list[int]:
        """The counters of all threads, added up."""
        return [sum(column) for column in zip(*(w.counts for w in self.store.workers), strict=True)]

    def _transitions(self) -> int:
        out: Counter[tuple[str, str]] = Counter()
        self._read_counters(out, Counter())
        return out.total()

    def _count(self) -> None:
        self.out.coverage.clear()
        self.out.cuts.clear()
        self._read_counters(self.out.coverage, self.out.cuts)
        self.out.transitions = self.out.coverage.total()

    def _read_counters(self, coverage: Counter[tuple[str, str]], cuts: Counter[str]) -> None:
        program = self.library.program
        table, width = program.functions.sites, program.counters
        sums = self._sums()
        for number, rule in enumerate(program.calls.rules):
            for status, count in enumerate(sums[number * width : (number + 1) * width]):
                if not count:
                    continue
                name = rule.operation.name
                if status >= width - ERRNOS:
                    coverage[name, Errno(status - (width - ERRNOS)).name] += count
                elif status < sites.FIRST:
                    coverage[name, "ok"] += count
                elif isinstance(site := table.site(status), Cut):
                    cuts[site.bound] += count
                elif isinstance(site, Refusal):
                    coverage[name, site.errno.name] += count
