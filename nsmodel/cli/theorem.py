"""`nsmodel theorem`: what holds on every forest of up to so many mounts, reachable or not."""

from __future__ import annotations

from collections.abc import Callable

import click
from rich.console import Console

from nsmodel.cli.options import Stopwatch, json_option, writable
from nsmodel.cli.work import Crew, Job, default_processes
from nsmodel.engines.interface import Progress, Report
from nsmodel.kernel.versions import find_switch
from nsmodel.report.console import line, people
from nsmodel.report.output import TheoremForest, TheoremOutput, TheoremSize, write
from nsmodel.report.theorem import TheoremProgress, show_end, show_size
from nsmodel.system.load import near
from nsmodel.system.problem import Problem
from nsmodel.system.verdict import Exit
from nsmodel.theorems.known import IN_LISTS, MP02
from nsmodel.theorems.prove import NEWEST, THEOREMS, Question, Share, Shown, larger
from nsmodel.theorems.share import Told


@click.command()
@click.argument("name", type=click.Choice(list(THEOREMS)), metavar="umount|attach|invariants")
@click.option(
    "--mounts",
    type=click.IntRange(min=2, max=7),
    metavar="N",
    help="Forests of up to N mounts.  [default: what takes seconds]",
)
@click.option(
    "--algorithm",
    default="new",
    show_default=True,
    metavar="RELEASE",
    help="The kernel's algorithm by the release that it came with: 6.17 (new) or 4.13 (old) for umount; "
    "6.17 (new), 6.2 (old), 4.11, 4.7, 3.15 for attach.",
)
@click.option("--mutant", metavar="ID", help="Turn a known bug on, in the rules or in the kernel's lists.")
@click.option("--processes", type=click.IntRange(min=1), metavar="N", help="Processes (default: the cores, at most 2).")
@json_option
def command(
    name: str, mounts: int | None, algorithm: str, mutant: str | None, processes: int | None, json_file: str | None
) -> int:
    """Prove a theorem on every well-formed forest of up to N mounts, up to isomorphism.

    umount: an unmount takes and moves what the kernel's algorithm takes and moves. attach: attaching a tree makes the
    copies that the kernel makes, in every order of its lists. invariants: no operation leaves the invariants of mounts.
    Exit status 1 shows the smallest forest on which it fails.
    """
    watch = Stopwatch()
    theorem = THEOREMS[name]
    release = {"new": NEWEST, "old": list(theorem.algorithms)[min(1, len(theorem.algorithms) - 1)]}.get(
        algorithm, algorithm
    )
    if release not in theorem.algorithms:
        known = list(theorem.algorithms)
        raise Problem(f"unknown algorithm {algorithm}", place="--algorithm", fix=near(algorithm, known, "an algorithm"))
    switch = find_switch(mutant, IN_LISTS) if mutant is not None else None
    if switch in IN_LISTS and name != "attach":
        raise Problem(f"{switch.name} is a bug of attaching", place="--mutant", fix="prove attach with it")
    if switch is MP02:
        release = "6.2"  # the algorithm of 6.17 does not climb that way
    question = Question(name, release, frozenset((switch.name,)) if switch is not None else frozenset())
    most = mounts or theorem.seconds_for
    writable(json_file)
    console = people(json_file)
    of = [f"Linux {theorem.algorithms[release]}"] if theorem.algorithms[release] else []
    of += [f"with {switch.name} on"] if switch is not None else []
    line(console, (f"{name}: {theorem.statement}", "bold"), f" ({', '.join(of)})" if of else "")
    sizes, found, interrupted = _sizes(console, question, most, processes or default_processes())
    kinds = {f.kind for f in found}
    found += [_forest(size, s) for size, s in larger(question) if found and s.kind not in kinds]
    status = Exit.NOT_MET if found else Exit.UNKNOWN if interrupted else Exit.MET
    output = TheoremOutput(
        command="theorem",
        exit=int(status),
        seconds=watch.seconds,
        theorem=name,  # type: ignore[arg-type]
        algorithm=release,
        mutant=switch.name if switch is not None else None,
        mounts=most,
        holds=False if found else None if interrupted else True,
        sizes=sizes,
        found=found,
        interrupted=interrupted,
    )
    show_end(console, output)
    if json_file:
        write(output, json_file)
    return int(status)


def _sizes(
    console: Console, question: Question, most: int, processes: int
) -> tuple[list[TheoremSize], list[TheoremForest], bool]:
    """Every number of mounts from the smallest on, up to the first on which it fails."""
    sizes: list[TheoremSize] = []
    found: list[TheoremForest] = []
    interrupted = False
    with TheoremProgress() as progress:
        for mounts in range(2, most + 1):
            watch = Stopwatch()
            work = list(THEOREMS[question.theorem].work(question, mounts))
            progress.begin(mounts, len(work))
            crew: Crew[Share] = Crew([_job(w) for w in work], processes, lambda n, p, _: progress.told(n, p.states))
            shares: dict[int, Share] = {}
            for number, share in crew.run():
                shares[number] = share
                progress.end(number, share.forests)
            interrupted = crew.interrupted or any(not s.done and not s.found for s in shares.values())
            kinds: dict[str, TheoremForest] = {}
            for number in sorted(shares):
                for s in shares[number].found:
                    kinds.setdefault(s.kind, _forest(mounts, s))
            found += kinds.values()
            size = TheoremSize(
                mounts=mounts,
                forests=sum(s.forests for s in shares.values()),
                cases=sum(s.cases for s in shares.values()),
                seconds=watch.seconds,
                complete=len(shares) == len(work) and all(s.done for s in shares.values()),
                differences=len(kinds),
            )
            sizes.append(size)
            show_size(console, size)
            if interrupted or found:
                break
    return sizes, found, interrupted


def _forest(mounts: int, shown: Shown) -> TheoremForest:
    return TheoremForest(
        mounts=mounts, kind=shown.kind, what=shown.what, forest=shown.forest, picture=list(shown.picture)
    )


def _job(work: Callable[[Told], Share]) -> Job[Share]:
    def run(report: Report) -> Share:
        return work(lambda forests, cases: report(Progress(0, forests, 0, cases)))

    return run
