"""Well-known scripts that grow, and how fast each does."""

from __future__ import annotations

from dataclasses import dataclass

from nsmodel.growth.script import Command


@dataclass(frozen=True)
class Series:
    """Some calls, then one again and again; `closed_form` is what there is after n times."""

    first: tuple[Command, ...]
    again: Command
    closed_form: str

    def script(self, times: int) -> tuple[Command, ...]:
        """All of it."""
        return (*self.first, *[self.again] * times)


SERIES = (
    Series((Command("make-shared", "/"),), Command("bind", "/a", "/"), "2^n"),
    Series(
        (Command("bind", "/a", "/"), Command("make-shared", "/a")), Command("rbind", "/a/a", "/a"), "1 + 2 · 3^(n - 1)"
    ),
)
"""A bind onto a name of the same shared mount doubles. The same with what is mounted there, looked up by a path that
leads through a copy each time, triples: copies cover the mount itself, so its path leads to the newest one."""
