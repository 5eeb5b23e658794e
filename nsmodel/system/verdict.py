"""Verdicts, and the exit statuses of the command line."""

from __future__ import annotations

import enum


class Verdict(enum.Enum):
    """What an engine says of a property. PROVED never stands for a bounded run."""

    PROVED = "PROVED"
    HOLDS = "HOLDS"
    """In every state of the scope that was reached."""
    VIOLATED = "VIOLATED"
    VACUOUS = "VACUOUS"
    UNKNOWN = "UNKNOWN"


class Exit(enum.IntEnum):
    """Exit statuses."""

    MET = 0
    """Every expectation is met."""
    NOT_MET = 1
    """A property is violated, a recording diverges, an expectation is not met."""
    USAGE = 2
    """A usage error, or a spec, trace or recording that cannot be read."""
    UNKNOWN = 3
    """A budget ran out, or Ctrl-C; what was reached is reported."""
    VACUOUS = 4
    """A vacuous property, or a rule that can never fire."""
    DISAGREE = 70
    """Two engines disagree."""
