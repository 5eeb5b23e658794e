"""Why the running kernel cannot be asked."""

from __future__ import annotations


class OracleUnavailable(RuntimeError):
    """The machine cannot judge: `what` is missing, for this `cause`; `fix` says how to get it."""

    def __init__(self, what: str, cause: str, fix: str) -> None:
        super().__init__(f"{what}\n  cause: {cause}\n  fix: {fix}")
        self.what = what
        self.cause = cause
        self.fix = fix
