"""A whole benchmark: every case, ours and every peer's, with counts compared before times are."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nsmodel.bench import ours
from nsmodel.bench.cases import Case
from nsmodel.bench.peers import Peer, PeerRun
from nsmodel.report.output import BenchCase, LeftOut

Say = Callable[[str], None]


class Miscounted(Exception):
    """Two checkers count different states of one system."""


def measured(
    cases: Sequence[Case], peers: Sequence[Peer], threads: Sequence[int], repeat: int, say: Say
) -> Iterator[BenchCase | LeftOut]:
    """Results as they come. Raises :class:`Miscounted`."""
    there = []
    for peer in peers:
        how = peer.missing()
        if how is None:
            there.append(peer)
        else:
            yield LeftOut("all", peer.name, f"not installed: {how}")
    with _fresh_cache():
        for case in cases:
            yield from _case(case, there, threads, repeat, say)


def _case(
    case: Case, peers: Sequence[Peer], threads: Sequence[int], repeat: int, say: Say
) -> Iterator[BenchCase | LeftOut]:
    found = []
    for count in threads:
        say(f"{case.name}: explicit, {count} thread{'s' if count > 1 else ''}")
        run = ours.measure(case, count, repeat)
        same(case, "explicit", run.states)
        found.append((count, run))
    answers: list[tuple[str | None, PeerRun | None]] = []
    for peer in peers:
        why = "symmetry is ours alone" if case.symmetry else peer.too_large(case)
        if why is not None:
            yield LeftOut(case.name, peer.name, why)
            continue
        say(f"{case.name}: {peer.name}")
        with tempfile.TemporaryDirectory(prefix="nsmodel-") as folder:
            answer = peer.run(case, Path(folder))
        same(case, peer.name, answer.states)
        answers.append((peer.name, answer))
    compiled = max(run.compile_seconds for _, run in found)
    for count, run in found:
        for name, peer_run in answers or [(None, None)]:
            yield BenchCase(
                name=case.name,
                engine="explicit",
                threads=count,
                states=run.states,
                transitions=run.transitions,
                seconds=round(run.seconds, 4),
                compile_seconds=round(compiled, 3),
                states_per_second=round(run.states / run.seconds),
                bytes_per_state=round(run.bytes_per_state, 1),
                peak_rss_mib=round(run.peak_rss_mib, 1),
                peer=name,
                peer_seconds=round(peer_run.seconds, 3) if peer_run else None,
                ratio=round(peer_run.seconds / run.seconds, 2) if peer_run else None,
                again=case.again(count),
            )


def same(case: Case, checker: str, states: int) -> None:
    """Raises :class:`Miscounted` unless a checker counts what is known."""
    if states != case.states:
        raise Miscounted(f"{case.name}: {checker} counts {states:,} states, and there are {case.states:,}")


@contextmanager
def _fresh_cache() -> Iterator[None]:
    """A cache of object code of one's own, so that compilation is measured once for each system."""
    before = os.environ.get("NSMODEL_CACHE")
    with tempfile.TemporaryDirectory(prefix="nsmodel-") as folder:
        os.environ["NSMODEL_CACHE"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["NSMODEL_CACHE"]
            else:
                os.environ["NSMODEL_CACHE"] = before
