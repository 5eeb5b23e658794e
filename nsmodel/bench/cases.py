"""What is measured: the benchmark specs in bounds whose number of states is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nsmodel.system.load import load_specs, near, scope_of
from nsmodel.system.problem import Problem
from nsmodel.system.transition import TransitionSystem, make_system

QUICK = 100_000
"""States below which a case is quick: every peer ends within a minute or so."""


@dataclass(frozen=True)
class Case:
    """A spec in some bounds. `states` is the number of distinct states, known from several checkers.

    With symmetry, states that differ by a renaming are one; that number is known from our engine alone.
    """

    name: str
    spec: str
    bounds: Mapping[str, int]
    states: int
    symmetry: bool = False

    @property
    def quick(self) -> bool:
        """Whether `--quick` takes it."""
        return self.states < QUICK

    def system(self) -> TransitionSystem:
        """The transition system. Raises :class:`Problem` where there is no such spec in `specs/`."""
        (loaded,) = load_specs([self.spec])
        return make_system(loaded.spec, scope_of(loaded, None, self.bounds, None))


def _pidns(tasks: int, namespaces: int, levels: int, states: int) -> Case:
    bounds = {"tasks": tasks, "namespaces": namespaces, "levels": levels}
    return Case(f"pidns-{tasks}{namespaces}{levels}", "bench_pidns", bounds, states)


def _mounts(mounts: int, namespaces: int, dentries: int, states: int, *, symmetry: bool = False) -> Case:
    bounds = {"mounts": mounts, "namespaces": namespaces, "dentries": dentries}
    name = f"mounts-{mounts}{namespaces}{dentries}" + ("-symmetry" if symmetry else "")
    return Case(name, "bench_mounts", bounds, states, symmetry)


CASES = (
    _pidns(3, 2, 2, 5_198),
    _pidns(3, 3, 3, 77_824),
    _pidns(4, 2, 2, 393_066),
    _pidns(4, 3, 2, 5_861_468),
    _mounts(3, 1, 2, 9_702),
    _mounts(3, 2, 3, 52_974),
    _mounts(4, 1, 2, 3_596_350),
    _mounts(5, 1, 2, 2_918_941, symmetry=True),
)
"""All cases, in the order in which they are measured."""


def chosen(names: Sequence[str], *, quick: bool) -> list[Case]:
    """The cases of these names, without names all; when `quick`, the quick ones of those. Raises :class:`Problem`."""
    by_name = {case.name: case for case in CASES}
    for name in names:
        if name not in by_name:
            raise Problem(f"unknown case {name}", place=name, fix=near(name, list(by_name), "a case"))
    out = [case for case in CASES if case.name in (names or by_name) and (case.quick or not quick)]
    if not out:
        raise Problem("no case is left", place="--quick", cause=f"none named has fewer than {QUICK:,} states")
    return out
