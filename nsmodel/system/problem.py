"""What is wrong with something that a person gave: where, why, and what to do about it."""

from __future__ import annotations

LINES = 15
"""A message has at most so many lines."""


class Problem(Exception):
    """Input that cannot be used. The command line prints it and ends with exit status 2.

    `what` says what is wrong, `place` where (file and line, option, spec), `cause` why, `fix` what to do.
    """

    def __init__(
        self, what: str, *, place: str | None = None, cause: str | None = None, fix: str | None = None
    ) -> None:
        super().__init__(what, place, cause, fix)
        self.what = what
        self.place = place
        self.cause = cause
        self.fix = fix

    def __reduce__(self) -> tuple[object, ...]:
        return (_again, (self.what, self.place, self.cause, self.fix))

    def __str__(self) -> str:
        parts = [self.what]
        for label, text in (("place", self.place), ("cause", self.cause), ("fix", self.fix)):
            if text:
                parts.append(f"  {label}: {text}")
        lines = "\n".join(parts).splitlines()
        return "\n".join(lines if len(lines) <= LINES - 1 else [*lines[: LINES - 2], "  …"])


def _again(what: str, place: str | None, cause: str | None, fix: str | None) -> Problem:
    return Problem(what, place=place, cause=cause, fix=fix)
