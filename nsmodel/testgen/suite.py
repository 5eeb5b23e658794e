"""From the runs into cells to cases: which runs are kept, what else they cover, and what kills them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nsmodel.system.operation import Call
from nsmodel.system.transition import TransitionSystem
from nsmodel.testgen.case import Case
from nsmodel.testgen.cells import Cell, stem
from nsmodel.testgen.covers.cover import Cover
from nsmodel.testgen.killers import Killers
from nsmodel.testgen.seen import along
from nsmodel.testgen.variants import Variants
from nsmodel.traces.record import record

Runs = Mapping[Cell, tuple[Call, ...]]


@dataclass(frozen=True)
class Place:
    """Where a cell is covered: the case, and the step of it, from 1."""

    case: str
    step: int


@dataclass
class Suite:
    """Cases in order, and where each cell is covered, the cell that a case is named after by that case."""

    cases: list[Case]
    places: dict[Cell, Place]


@dataclass(frozen=True)
class _Kept:
    name: str
    cell: Cell
    calls: tuple[Call, ...]
    covered: Mapping[Cell, int]
    """Cells that the run comes to, and after how many calls first."""


def make_suite(
    system: TransitionSystem, covers: Sequence[Cover], runs: Runs, tell: Callable[[int, int], None] = lambda n, of: None
) -> Suite:
    """The cases of some runs; `tell` is told how many of how many are done.

    A cell whose cover does not ask for files of its own gets none where a run that is kept comes to it in as few calls.
    """
    kept = _kept(system, covers, runs)
    variants, killers = Variants(system), Killers(system)
    cases = []
    for number, one in enumerate(kept):
        trace = record(system, one.calls)
        others = sorted(cell.name for cell in one.covered if cell != one.cell)
        cases.append(
            Case(
                name=one.name,
                title=one.cell.title,
                cells=(one.cell.name, *others),
                trace=trace,
                variants=variants.of(one.calls, trace.steps),
                killers=killers.of(one.calls, trace),
            )
        )
        tell(number + 1, len(kept))
    return Suite(cases, _places(kept, runs))


def _kept(system: TransitionSystem, covers: Sequence[Cover], runs: Runs) -> list[_Kept]:
    """The runs that are kept, in the order of their cells: longer ones are asked first, as they cover more."""
    folded = {cover.name for cover in covers if not cover.own_file}
    first = [cell for cell in runs if cell.cover not in folded]
    rest = sorted((cell for cell in runs if cell.cover in folded), key=lambda cell: -len(runs[cell]))
    kept: dict[Cell, _Kept] = {}
    names: set[str] = set()
    settled: set[Cell] = set()
    for cell in (*first, *rest):
        if cell in settled and cell.cover in folded:
            continue
        calls = runs[cell]
        covered = _covered(system, covers, cell, calls)
        name = stem(cell, names)
        names.add(name)
        kept[cell] = _Kept(name, cell, calls, covered)
        settled |= {other for other, step in covered.items() if other in runs and step == len(runs[other])}
    return [kept[cell] for cell in runs if cell in kept]


def _covered(system: TransitionSystem, covers: Sequence[Cover], cell: Cell, calls: tuple[Call, ...]) -> dict[Cell, int]:
    out: dict[Cell, int] = {}
    for step, seen in enumerate(along(system, calls), 1):
        for cover in covers:
            for other in cover.of(seen):
                out.setdefault(other, step)
    out.setdefault(cell, len(calls))
    return out


def _places(kept: Sequence[_Kept], runs: Runs) -> dict[Cell, Place]:
    """The place of each cell: its own case, else the first one that comes to it in as few calls as any."""
    out = {one.cell: Place(one.name, len(one.calls)) for one in kept}
    for one in kept:
        for cell, step in one.covered.items():
            if cell in runs and cell not in out and step == len(runs[cell]):
                out[cell] = Place(one.name, step)
    return {cell: out[cell] for cell in runs}
