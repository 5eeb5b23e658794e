"""Covers by name."""

from __future__ import annotations

from nsmodel.testgen.covers.checks import Checks
from nsmodel.testgen.covers.cover import Cover
from nsmodel.testgen.covers.errnos import Errnos
from nsmodel.testgen.covers.pairs import Pairs
from nsmodel.testgen.covers.transitions import Transitions

COVERS: tuple[Cover, ...] = (Errnos(), Checks(), Pairs(), Transitions())


def names() -> tuple[str, ...]:
    """The covers that there are."""
    return tuple(cover.name for cover in COVERS)


def covers(wanted: tuple[str, ...]) -> list[Cover]:
    """The covers that some names stand for, in the order of the registry."""
    return [cover for cover in COVERS if cover.name in wanted]
