"""The catalogue of known bugs: their stories, and which of them are no switches yet and why (`catalogue.toml`)."""

from __future__ import annotations

from functools import cache
from importlib import resources

import msgspec


class Story(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bug was."""

    could: str
    """What a process could do."""
    why: str
    """What the rule forgot."""
    shows: str
    """How the model's counterexample comes to it."""


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`stories` by the name of a switch; `not_yet` by identifier: why a known bug is no switch."""

    stories: dict[str, Story]
    not_yet: dict[str, str]


@cache
def catalogue() -> Catalogue:
    """The catalogue, read once."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_bytes()
    return msgspec.toml.decode(text, type=Catalogue)
