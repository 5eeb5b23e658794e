"""Why the running kernel cannot be asked, and where it says something else."""

from __future__ import annotations


class OracleUnavailable(RuntimeError):
    """The machine cannot judge: `what` is missing, for this `cause`; `fix` says how to get it."""

    def __init__(self, what: str, cause: str, fix: str) -> None:
        super().__init__(f"{what}\n  cause: {cause}\n  fix: {fix}")
        self.what = what
        self.cause = cause
        self.fix = fix

    def __reduce__(self) -> tuple[type[OracleUnavailable], tuple[str, str, str]]:
        return OracleUnavailable, (self.what, self.cause, self.fix)


class Diverged(Exception):
    """Raised inside a replay at the first difference: `what` differs."""

    def __init__(self, expected: object, got: object, what: str) -> None:
        super().__init__(what)
        self.expected = str(expected)
        self.got = str(got)
        self.what = what
