"""Kernel versions as named sets of switches, and switches by name.

`fixed` is the kernel as it should be: every switch off. A version has on what its switches name in `kernels`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from nsmodel.ir.language import Switch
from nsmodel.kernel import mutants
from nsmodel.system.load import near
from nsmodel.system.problem import Problem

FIXED = "fixed"
KNOWN = ("6.18",)
"""Versions that were measured; more come from the switches themselves."""


def all_switches() -> tuple[Switch, ...]:
    """Every switch of the model, in the order of its definition."""
    return tuple(v for v in vars(mutants).values() if isinstance(v, Switch))


def find_switch(name: str, others: Iterable[Switch] = ()) -> Switch:
    """A switch by identifier or toggle, case-sensitive, among the model's and `others` (a spec's own).

    Raises :class:`Problem` with near matches.
    """
    known = list(dict.fromkeys([*all_switches(), *others]))
    for switch in known:
        if switch.name == name:
            return switch
    for switch in known:
        if switch.toggle == name:
            return switch
    names = list(dict.fromkeys([*(s.name for s in known), *(s.toggle for s in known)]))
    raise Problem(f"unknown mutant {name}", place="--mutant", fix=near(name, names, "a mutant"))


def versions() -> tuple[str, ...]:
    """All version names: `fixed`, then kernels, oldest first."""
    named = {k for s in all_switches() for k in s.kernels} | set(KNOWN)
    return (FIXED, *sorted(named, key=_order))


def switches_of(version: str) -> frozenset[str]:
    """Names of the switches that are on in a version; raises :class:`Problem` for an unknown one."""
    if version not in versions():
        raise Problem(f"unknown kernel {version}", place="--kernel", fix=near(version, versions(), "a kernel"))
    return frozenset(s.name for s in all_switches() if version in s.kernels)


def version_of(release: str) -> str:
    """The version that stands for a release such as `6.18.5-generic`: the latest one not after it, else the oldest.

    Raises :class:`Problem` for a text that is no release.
    """
    match = re.match(r"(\d+)\.(\d+)", release)
    if match is None:
        raise Problem(f"{release!r} is no kernel release", fix="a release begins with two numbers, as in 6.18.5")
    here = (int(match[1]), int(match[2]))
    kernels = versions()[1:]
    return next((k for k in reversed(kernels) if _order(k) <= here), kernels[0])


def running() -> str:
    """The version of the running kernel."""
    return version_of(os.uname().release)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
