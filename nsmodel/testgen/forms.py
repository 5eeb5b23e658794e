"""Forms by name; each is imported when it is asked for."""

from __future__ import annotations

import importlib

from nsmodel.testgen.form import Form

FORMS = {
    "shell": ("nsmodel.testgen.shell", "SHELL"),
    "c": ("nsmodel.testgen.c_program", "C"),
    "pytest": ("nsmodel.testgen.pytest_module", "PYTEST"),
    "trace": ("nsmodel.testgen.trace_file", "TRACE"),
}
"""Module and object of each form."""


def names() -> tuple[str, ...]:
    """The forms that there are."""
    return tuple(FORMS)


def form(name: str) -> Form:
    """A form by name; raises KeyError for an unknown one."""
    module, attribute = FORMS[name]
    made: Form = getattr(importlib.import_module(module), attribute)
    return made
