"""The mutation score: which share of the mutants of each module something kills.

It is measured by jobs, each with the mutants that those before it left: blocks of the campaigns, recordings, searches
of specs. What is known after each is kept in a file, so that an interrupted measurement goes on where it was.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from nsmodel import kernel
from nsmodel.engines.interface import Progress, Report
from nsmodel.mutation import recordings, searches, steps
from nsmodel.mutation.corpus import Corpus, campaign, judged_system
from nsmodel.mutation.install import refused
from nsmodel.mutation.kill import Judge, Kill
from nsmodel.mutation.mutants import Mutant, all_mutants, rules
from nsmodel.mutation.probes import Probes
from nsmodel.oracle import live
from nsmodel.oracle.live.conform import AREAS, Plan, blocks
from nsmodel.system.load import near
from nsmodel.system.problem import Problem
from nsmodel.system.spec import Spec

SEED = 1
"""The seed of the campaigns: `nsmodel conform --seed 1 --area AREA` performs the same traces on a kernel."""


class Found(msgspec.Struct):
    """What one job found: kills, and the mutants whose changed place was reached."""

    kills: list[Kill]
    reached: list[str]


Job = Callable[[Report], Found]


class Kept(msgspec.Struct):
    """What is kept of a measurement: the digest of what is measured, which jobs are done, and what they found."""

    digest: str
    done: list[str] = []
    kills: list[Kill] = []
    reached: list[str] = []


@dataclass
class Measurement:
    """The mutants of some modules (all for none), or a sample of so many of them, against so many traces of each area's
    campaign, recordings and specs; `keep` is the file that it is kept in, from which a longer one goes on as well.

    Raises :class:`Problem` for a module that is not there, and a file that is no measurement. One of another model or
    of other mutants is begun anew.
    """

    traces: int
    recordings: Sequence[Path] = ()
    specs: Sequence[Spec] = ()
    modules: Sequence[str] = ()
    sample: int | None = None
    keep: Path | None = None
    mutants: list[Mutant] = field(default_factory=list)
    """The mutants that count."""
    refused: list[Mutant] = field(default_factory=list)
    """Those that the rule language refuses: they are no rules."""

    def __post_init__(self) -> None:
        for name in self.modules:
            if name not in rules():
                raise Problem(
                    f"there is no module {name}", place="--module", fix=near(name, sorted(rules()), "a module")
                )
        for path in self.recordings:
            if not path.is_file():
                fix = "name a recording, or a folder of them"
                raise Problem("there is no recording", place=str(path), cause="there is no such file", fix=fix)
        kept = self._load()
        chosen = [m for m in all_mutants() if not self.modules or m.module in self.modules]
        if self.sample is not None and self.sample < len(chosen):
            some = random.Random(SEED).sample(range(len(chosen)), self.sample)
            chosen = [chosen[i] for i in sorted(some)]
        for m in chosen:
            (self.mutants if refused(m) is None else self.refused).append(m)
        digest = self._digest()
        self.kept = kept if kept is not None and kept.digest == digest else Kept(digest)
        self.kills = {k.mutant: k for k in self.kept.kills}

    def _digest(self) -> str:
        text = hashlib.sha256(repr([m.id for m in self.mutants]).encode())
        for package in (kernel, live):
            for path in sorted(Path(package.__path__[0]).rglob("*.py")):
                text.update(path.read_bytes())
        return text.hexdigest()

    def _load(self) -> Kept | None:
        if self.keep is None or not self.keep.exists():
            return None
        try:
            return msgspec.json.decode(self.keep.read_bytes(), type=Kept)
        except msgspec.DecodeError as wrong:
            place = str(self.keep)
            raise Problem("this is no measurement", place=place, cause=str(wrong), fix="name another file") from None

    @property
    def left(self) -> list[Mutant]:
        """The mutants that nothing has killed yet."""
        return [m for m in self.mutants if m.id not in self.kills]

    def jobs(self) -> list[tuple[str, Job]]:
        """What there is to do, by name. A job looks only at what is left when it begins."""
        named: list[tuple[str, Job]] = [
            (f"campaign {area} {part.start}-{part.stop - 1}", self._campaign(area, part))
            for part in blocks(self.traces)
            for area in AREAS
        ]
        named += [(f"recording {path.name}", self._recording(path)) for path in self.recordings]
        named += [(f"spec {spec.name}", self._spec(spec)) for spec in self.specs]
        return [(name, job) for name, job in named if name not in self.kept.done]

    def take(self, name: str, found: Found) -> None:
        """Take in what a job found."""
        for one in found.kills:
            self.kills.setdefault(one.mutant, one)
        self.kept.done.append(name)
        self.kept.kills = list(self.kills.values())
        self.kept.reached = sorted({*self.kept.reached, *found.reached})
        if self.keep is not None:
            beside = self.keep.with_name(self.keep.name + ".part")
            beside.write_bytes(msgspec.json.encode(self.kept))
            beside.rename(self.keep)

    def _campaign(self, area: str, part: range) -> Job:
        def job(report: Report) -> Found:
            left = self.left
            system = judged_system()

            def drawn(corpus: Corpus) -> None:
                report(Progress(len(corpus.traces), len(corpus.traces), len(left), 0))

            plan = Plan(SEED, area=area)
            return _judged(steps.Judge(system, campaign(system, plan, part, Probes(left), drawn)), left, report)

        return job

    def _recording(self, path: Path) -> Job:
        return lambda report: _judged(recordings.Judge(path, self.left), self.left, report)

    def _spec(self, spec: Spec) -> Job:
        return lambda report: _judged(searches.Judge(spec, self.left), self.left, report)


def _judged(judge: Judge, left: Sequence[Mutant], report: Report) -> Found:
    """What one judge says of the mutants whose place it comes to."""
    out = Found([], [m.id for m in left if judge.comes_to(m)])
    for number, mutant in enumerate(left, 1):
        found = judge.kill(mutant) if judge.comes_to(mutant) else None
        if found is not None:
            out.kills.append(found)
        report(Progress(number, number, len(left) - number, 0))
    return out
