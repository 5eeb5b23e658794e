"""What reports ask of a known bug."""

from __future__ import annotations

from typing import Protocol


class Bug(Protocol):
    """A known bug, as a switch tells it."""

    @property
    def name(self) -> str:
        """Identifier."""

    @property
    def toggle(self) -> str:
        """Name of the switch."""

    @property
    def summary(self) -> str:
        """What goes wrong."""

    @property
    def source(self) -> str:
        """Where it is known from."""

    @property
    def kernels(self) -> tuple[str, ...]:
        """Versions that have it."""

    @property
    def introduced(self) -> str:
        """Since when."""

    @property
    def fixed(self) -> str:
        """Until when."""
