"""Measures the cases: ours with each number of threads, then each peer; counts of states must be equal."""

from __future__ import annotations

import shlex
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nsmodel.bench import ours
from nsmodel.bench.cases import Case
from nsmodel.bench.ours import ENGINE, Measured
from nsmodel.bench.peer import Peer
from nsmodel.bench.processes import Failed
from nsmodel.report.console import plural
from nsmodel.report.output import BenchCase, Difference, LeftOut

OURS = "nsmodel"
KNOWN = "known"
"""Stands for a peer where the number is that of :data:`~nsmodel.bench.cases.CASES`."""


@dataclass(frozen=True)
class Plan:
    """What to measure: numbers of threads of ours, and how many runs a figure is the median of."""

    cases: Sequence[Case]
    peers: Sequence[Peer]
    threads: Sequence[int]
    repeat: int = 1


@dataclass(frozen=True)
class Beside:
    """A peer's word on a case: states of every run, the median of its seconds, seconds of its compilers."""

    threads: int
    states: tuple[int, ...]
    seconds: float
    compile_seconds: float


@dataclass
class _Entry:
    """What is known of a case so far; both tables by number of threads, that of the peers by name first."""

    compile_seconds: float = 0.0
    ours: dict[int, Measured] = field(default_factory=dict)
    peers: dict[tuple[str, int], Beside] = field(default_factory=dict)


class Bench:
    """Measures; what it has so far can be read at any time, also after Ctrl-C."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self.plan = plan
        self.say = say
        self.left_out: list[LeftOut] = []
        self.differences: list[Difference] = []
        self.versions: dict[str, str] = {}
        self.failed = False
        """Whether something that was to be measured could not be."""
        self._entries: dict[str, _Entry] = {}
        self._place = ""

    def run(self) -> None:
        """Measure everything. Ctrl-C is raised on."""
        peers = list(self._installed())
        for number, case in enumerate(self.plan.cases, 1):
            self._place = f"[{number}/{len(self.plan.cases)}] {case.name}"
            with tempfile.TemporaryDirectory(prefix="nsmodel-bench-") as folder:
                self._case(case, peers, Path(folder))

    # -- measuring ----------------------------------------------------------------------------------------------------

    def _installed(self) -> Iterator[Peer]:
        for peer in self.plan.peers:
            why = peer.missing()
            if why is not None:
                self.left_out.append(LeftOut(None, peer.name, why))
                self.say(f"{peer.name} is left out: {why}")
                continue
            try:
                self.versions[peer.name] = peer.version()
            except Failed as failed:
                self._fail(None, peer.name, failed)
                continue
            yield peer

    def _case(self, case: Case, peers: Sequence[Peer], folder: Path) -> None:
        entry = self._entries[case.name] = _Entry()
        for threads in self.plan.threads:
            self.say(f"{self._place}: {OURS} with {plural(threads, 'thread')}")
            try:
                if not entry.ours:
                    entry.compile_seconds = ours.compile_seconds(case, folder / "cache")
                found = ours.measured(case, threads, self.plan.repeat, folder / "cache")
            except Failed as failed:
                self._fail(case, OURS, failed)
                continue
            entry.ours[threads] = found
            self._compare(case, KNOWN, found.states, f"{OURS} with {plural(threads, 'thread')}", case.states)
        for peer in peers if entry.ours else ():
            why = peer.refuses(case)
            if why is not None:
                self.left_out.append(LeftOut(case.name, peer.name, why))
                continue
            for threads in sorted({peer.threads(t) for t in entry.ours}):
                self.say(f"{self._place}: {peer.name} with {plural(threads, 'thread')}")
                self._peer(case, peer, threads, folder)

    def _peer(self, case: Case, peer: Peer, threads: int, folder: Path) -> None:
        """One peer on one case. Its word that something is violated is a difference too: we found nothing."""
        entry = self._entries[case.name]
        place = folder / f"{peer.name}-{threads}"
        place.mkdir()
        try:
            built = peer.build(case, threads, place)
            runs = [built.search() for _ in range(self.plan.repeat)]
        except Failed as failed:
            self._fail(case, peer.name, failed)
            return
        for error in sorted({one.error for one in runs if one.error is not None}):
            self._differ(case, peer.name, f"{peer.name}: {error}; {OURS} finds nothing wrong")
        states = tuple(one.states for one in runs)
        for count in sorted({m.states[-1] for m in entry.ours.values()}):
            self._compare(case, peer.name, states, peer.name, count)
        seconds = statistics.median(one.seconds for one in runs)
        entry.peers[peer.name, threads] = Beside(threads, states, seconds, built.compile_seconds)

    def _compare(self, case: Case, peer: str, counts: Sequence[int], who: str, expected: int) -> None:
        """Every count must be the expected one."""
        for count in sorted(set(counts)):
            if count != expected:
                other = "known are" if peer == KNOWN else f"{OURS} counts"
                self._differ(case, peer, f"{who} counts {count:,} states, {other} {expected:,}")

    def _differ(self, case: Case, peer: str, what: str) -> None:
        self.differences.append(Difference(case.name, peer, what))
        self.say(f"DISAGREE {case.name}: {what}")

    def _fail(self, case: Case | None, who: str, failed: Failed) -> None:
        self.failed = True
        self.left_out.append(LeftOut(case.name if case is not None else None, who, str(failed)))
        self.say(f"FAILED {case.name if case is not None else who}: {failed}")

    # -- what was measured --------------------------------------------------------------------------------------------

    def rows(self) -> list[BenchCase]:
        """One for each number of our threads and each peer; one without a peer where no peer has spoken."""
        out: list[BenchCase] = []
        for case in self.plan.cases:
            entry = self._entries.get(case.name, _Entry())
            for threads, found in entry.ours.items():
                beside: list[tuple[str, Beside] | None] = []
                for peer in self.plan.peers:
                    spoken = entry.peers.get((peer.name, peer.threads(threads)))
                    if spoken is not None:
                        beside.append((peer.name, spoken))
                for one in beside or [None]:
                    out.append(self._row(case, entry, threads, found, one))
        return out

    def _row(
        self, case: Case, entry: _Entry, threads: int, found: Measured, beside: tuple[str, Beside] | None
    ) -> BenchCase:
        name, peer = beside if beside is not None else (None, None)
        odd = {(d.name, d.peer) for d in self.differences}
        wrong = (case.name, name) in odd or (case.name, KNOWN) in odd
        ratio = None
        if peer is not None and peer.seconds > 0 and found.seconds > 0 and not wrong:
            ratio = peer.seconds / found.seconds
        return BenchCase(
            name=case.name,
            engine=ENGINE,
            threads=threads,
            states=found.states[-1],
            transitions=found.transitions,
            seconds=found.seconds,
            compile_seconds=entry.compile_seconds,
            states_per_second=found.states[-1] / found.seconds if found.seconds > 0 else 0.0,
            bytes_per_state=found.bytes_per_state,
            peak_rss_mib=found.peak_rss_mib,
            peer=name,
            peer_threads=peer.threads if peer is not None else None,
            peer_states=peer.states[-1] if peer is not None else None,
            peer_seconds=peer.seconds if peer is not None else None,
            peer_compile_seconds=peer.compile_seconds if peer is not None else None,
            ratio=ratio,
            again=self._again(case, threads, name),
        )

    def _again(self, case: Case, threads: int, peer: str | None) -> str:
        """The command that measures a row again."""
        words = ["nsmodel", "bench", case.name, "--threads", str(threads), "--peer", peer or "none"]
        if self.plan.repeat != 1:
            words += ["--repeat", str(self.plan.repeat)]
        return shlex.join(words)
