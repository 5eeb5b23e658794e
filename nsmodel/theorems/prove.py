"""The theorems by name: which algorithms each compares the rules with, into which shares its work falls, and how one
share is proved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from nsmodel.kernel.mutants import MP07
from nsmodel.theorems import attach, invariants, pictures, sweep, umount
from nsmodel.theorems.forests import shapes
from nsmodel.theorems.groups import all_groups
from nsmodel.theorems.known import IN_LISTS, MP02, MP09
from nsmodel.theorems.lists import layouts, split_layouts
from nsmodel.theorems.propagate import ALGORITHMS, PAST_SOURCE
from nsmodel.theorems.share import Tally, Told
from nsmodel.theorems.umount_history import OldProver, shapes_with_targets, witnesses

NEWEST = "6.17"


@dataclass(frozen=True)
class Shown:
    """A forest on which rules and algorithm part, for people and machines."""

    kind: str
    what: str
    forest: dict[str, Any]
    picture: tuple[str, ...]


@dataclass(frozen=True)
class Share:
    """What one share of the work came to; `done` is false where it was interrupted, or ended at a difference."""

    forests: int
    cases: int
    done: bool
    found: tuple[Shown, ...]


class Prover(Protocol):
    """What goes through one share."""

    @property
    def tally(self) -> Tally[Any]:
        """What it counted so far."""

    def run(self) -> Any:
        """Go through it."""


@dataclass(frozen=True)
class Question:
    """What is asked: a theorem, about an algorithm of some release, with known bugs on."""

    theorem: str
    algorithm: str = NEWEST
    mutants: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Theorem:
    """One theorem: its statement, its algorithms by release, and how many mounts take seconds."""

    name: str
    statement: str
    algorithms: dict[str, str]
    seconds_for: int

    def work(self, question: Question, mounts: int) -> Iterator[Callable[[Told], Share]]:
        """The shares of the work for so many mounts, each a function of whom it tells how far it is."""
        all_groups(mounts)  # once, before the work is shared among processes
        of = 1 if mounts < 4 else 2
        for part in _parts(question, mounts, of):
            yield lambda told, part=part: _prove(question, part, told)  # type: ignore[misc]


THEOREMS = {
    "umount": Theorem(
        "umount",
        "an unmount takes and moves what the kernel's algorithm takes and moves",
        {NEWEST: "6.17 and later", "4.13": "4.13 to 6.16"},
        4,
    ),
    "attach": Theorem(
        "attach",
        "attaching makes the copies that the kernel's algorithm makes, linked and hung alike",
        {name: releases for name, (releases, _) in ALGORITHMS.items()},
        3,
    ),
    "invariants": Theorem("invariants", "no operation leaves the invariants of mounts", {NEWEST: ""}, 4),
}


def larger(question: Question) -> list[tuple[int, Shown]]:
    """Forests of kinds that no smaller forest has, found without going through all of their size."""
    if question.theorem != "umount" or question.algorithm == NEWEST:
        return []
    return [(len(d.forest.shape), _shown(question, d)) for d in witnesses()]


def _parts(question: Question, mounts: int, of: int) -> Iterator[Any]:
    if question.theorem == "umount":
        for shape in shapes_with_targets(shapes(mounts)):
            yield from (umount.Part(shape, index, of) for index in range(of))
    elif question.theorem == "attach":
        yield from attach.parts(mounts, of)
    else:
        yield from invariants.parts(mounts, of)


def _prove(question: Question, part: Any, told: Told) -> Share:
    prover = _prover(question, part, told)
    try:
        prover.run()
        done = isinstance(prover, OldProver) or not prover.tally.differences
    except KeyboardInterrupt:
        done = False
    tally = prover.tally
    return Share(tally.forests, tally.cases, done, tuple(_shown(question, d) for d in tally.differences))


def _prover(question: Question, part: Any, told: Told) -> Prover:
    on = question.mutants
    rules = on - {s.name for s in (*IN_LISTS, MP07)}
    if question.theorem == "invariants":
        return sweep.Prover(part, told, on - {s.name for s in IN_LISTS})
    if question.theorem == "umount":
        if question.algorithm != NEWEST:
            return OldProver(part, told)
        return umount.Prover(part, told, reparent_all=MP07.name in on, switches=rules)
    algorithm = PAST_SOURCE if MP02.name in on else ALGORITHMS[question.algorithm][1]
    orders = split_layouts if MP09.name in on else layouts
    return attach.Prover(part, algorithm, told, switches=rules, orders=orders)


def _shown(question: Question, found: Any) -> Shown:
    algorithm = "Linux " + THEOREMS[question.theorem].algorithms[question.algorithm]
    if isinstance(found, umount.Difference):
        return Shown(found.kind, found.what, _plain(found.forest), tuple(pictures.of_umount(found, algorithm)))
    if isinstance(found, attach.Difference):
        return Shown("", found.what, _plain(found.case), tuple(pictures.of_attach(found)))
    return Shown("", found.what, _plain(found.start), tuple(pictures.of_invariants(found)))


def _plain(value: Any) -> Any:
    """A forest as plain data: sets of mounts stay bits, -1 is none."""
    if hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return list(value) if isinstance(value, tuple) else value
