"""A counterexample kept in a folder: `trace.json`, `picture.svg`, README.md; the same bytes whenever it is written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Protocol

from rich.console import Console

from nsmodel.report import counterexample
from nsmodel.report.picture import page
from nsmodel.traces.trace import Trace, encode

REPRODUCER = "reproduce.py"
"""A program beside the files of a bug that a released kernel has; written by hand."""


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


def write(folder: Path, bug: Bug, trace: Trace) -> None:
    """Write the files, the folder too. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trace.json").write_bytes(encode(trace))
    (folder / "picture.svg").write_text(page.draw(trace), encoding="utf-8")
    (folder / "README.md").write_text(readme(bug, trace), encoding="utf-8")


def readme(bug: Bug, trace: Trace) -> str:
    """What is wrong, the counterexample, and how to see it again."""
    broken = trace.violates
    says = f"`{broken.property}`: {broken.clause}." if broken is not None else "Nothing is broken."
    source = f" ({bug.source})" if bug.source and bug.source != "synthetic" else ""
    live = ", ".join(bug.kernels)
    found = f"nsmodel check {trace.spec} --kernel {bug.kernels[-1]}\n" if bug.kernels else ""
    agrees = (
        f"which agrees at every step if it is {live}" if bug.kernels else "which has not got the bug, and so diverges"
    )
    again = f"python3 counterexamples/{bug.name}/{REPRODUCER}\n" if bug.kernels else ""
    lives = (
        f"\nThe bug lives in Linux {live}: `{REPRODUCER}` shows it there without this project, as root.\n"
        if live
        else ""
    )
    return f"""# {bug.name}: {bug.summary}

Switch `{bug.toggle}`{source}. With it on, spec `{trace.spec}` finds that a property fails:
{says}

```
{plain(trace)}
```

![{broken.property if broken is not None else trace.spec}](picture.svg)

Look for it again, show it, and run it on this machine's kernel ({agrees}):

```sh
nsmodel check {trace.spec} --mutant {bug.name}
{found}nsmodel show counterexamples/{bug.name}/trace.json
nsmodel replay counterexamples/{bug.name}/trace.json
{again}```
{lives}
The files here were written by `nsmodel mutants --write counterexamples`.
"""


def plain(trace: Trace) -> str:
    """The report of a trace as plain text."""
    out = io.StringIO()
    counterexample.show(
        Console(file=out, width=100, color_system=None, markup=False, highlight=False, emoji=False), trace
    )
    return out.getvalue().rstrip()
