"""Covers by name."""

from __future__ import annotations

from nsmodel.testgen.covers.cover import Cover
from nsmodel.testgen.covers.errnos import Errnos

COVERS: tuple[Cover, ...] = (Errnos(),)


def names() -> tuple[str, ...]:
    """The covers that there are."""
    return tuple(cover.name for cover in COVERS)


def covers(wanted: tuple[str, ...]) -> list[Cover]:
    """The covers that some names stand for, in the order of the registry."""
    return [cover for cover in COVERS if cover.name in wanted]
