"""What a form of test programs has to offer: a shell script, a C program, a pytest module."""

from __future__ import annotations

from typing import Protocol

from nsmodel.testgen.case import Case


class Form(Protocol):
    """A way to write a case down as a program that stands alone."""

    name: str
    """As `--format` names it."""
    suffix: str
    """Of its files, with the dot."""

    def cannot(self, case: Case) -> str | None:
        """Why this form cannot express a case; None where it can."""
        ...

    def write(self, case: Case) -> str:
        """The text of the program."""
        ...
