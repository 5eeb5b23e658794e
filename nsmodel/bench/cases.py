"""The systems that are measured."""

from __future__ import annotations

from dataclasses import dataclass

from nsmodel.system.load import load_specs, near
from nsmodel.system.problem import Problem
from nsmodel.system.spec import Scope
from nsmodel.system.transition import TransitionSystem, make_system

PIDNS, MOUNTS = ("tasks", "namespaces", "levels"), ("mounts", "namespaces", "dentries")
QUICK = 100_000
"""States up to which a case is quick."""


@dataclass(frozen=True)
class Case:
    """A benchmark spec in one scope. `states`: distinct states, known from other checkers."""

    name: str
    spec: str
    bounds: tuple[tuple[str, int], ...]
    states: int
    symmetry: bool = False

    def system(self) -> TransitionSystem:
        """Its transition system, without a limit of depth."""
        spec = load_specs([self.spec])[0].spec
        return make_system(spec, spec.settled(Scope({**spec.bounds, **dict(self.bounds)}, None)))

    def again(self, threads: int) -> str:
        """The command that measures it again."""
        bounds = " ".join(f"--bound {name}={value}" for name, value in self.bounds)
        symmetry = "" if self.symmetry else " --no-symmetry"
        return f"nsmodel check {self.spec}{symmetry} {bounds} --threads {threads}"


def _case(name: str, spec: str, names: tuple[str, ...], values: str, states: int, *, symmetry: bool = False) -> Case:
    bounds = tuple(zip(names, map(int, values.split()), strict=True))
    return Case(name, spec, bounds, states, symmetry)


CASES = (
    _case("pidns-322", "bench_pidns", PIDNS, "3 2 2", 5_198),
    _case("pidns-333", "bench_pidns", PIDNS, "3 3 3", 77_824),
    _case("pidns-422", "bench_pidns", PIDNS, "4 2 2", 393_066),
    _case("pidns-432", "bench_pidns", PIDNS, "4 3 2", 5_861_468),
    _case("mounts-312", "bench_mounts", MOUNTS, "3 1 2", 9_702),
    _case("mounts-323", "bench_mounts", MOUNTS, "3 2 3", 52_974),
    _case("mounts-412", "bench_mounts", MOUNTS, "4 1 2", 3_596_350),
    _case("mounts-512-symmetry", "bench_mounts", MOUNTS, "5 1 2", 2_918_941, symmetry=True),
)


def chosen(names: tuple[str, ...], *, quick: bool) -> list[Case]:
    """The cases of these names, all by default. Raises :class:`Problem` for an unknown one."""
    by_name = {case.name: case for case in CASES}
    for name in names:
        if name not in by_name:
            raise Problem(f"unknown case {name}", place="bench", fix=near(name, list(by_name), "a case"))
    picked = [by_name[name] for name in names] or list(CASES)
    return [case for case in picked if not quick or case.states < QUICK]
