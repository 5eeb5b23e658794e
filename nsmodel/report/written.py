"""What is told of a counterexample that is kept in a folder, and the table of all that are kept."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console

from nsmodel.report import counterexample
from nsmodel.report.bug import Bug
from nsmodel.traces.trace import Trace

BY_HAND = "reproduce.py"
"""A program beside the files of a bug that a released kernel has, written by hand: it shows what follows."""


class Story(Protocol):
    """What a known bug was, in words."""

    @property
    def could(self) -> str:
        """What a process could do."""

    @property
    def why(self) -> str:
        """What the rule forgot."""

    @property
    def shows(self) -> str:
        """How the counterexample comes to it."""


@dataclass(frozen=True)
class Kept:
    """What is known of a kept counterexample beside its trace.

    `statement` is what the broken property says. `files` are the names of files in the folder; where no
    program reproduces the bug, `no_program` says why.
    """

    bug: Bug
    story: Story | None
    statement: str
    files: tuple[str, ...] = ()
    no_program: str | None = None


def readme(kept: Kept, trace: Trace) -> str:
    """What was wrong, the counterexample, and how to see it again."""
    bug, broken = kept.bug, trace.violates
    invariant = f"`{broken.property}`" if broken is not None else "-"
    parts = [
        f"# {bug.name}: {bug.summary}",
        "\n".join(
            [
                "| known from | since | until | switch | invariant |",
                "| --- | --- | --- | --- | --- |",
                f"| {bug.source} | {bug.introduced or '-'} | {until(bug)} | `{bug.toggle}` | {invariant} |",
            ]
        ),
    ]
    if kept.story is not None:
        parts += [kept.story.could, kept.story.why]
    if broken is not None:
        parts.append(f"The invariant `{broken.property}`: {kept.statement}. The clause that fails: {broken.clause}.")
    if kept.story is not None:
        parts.append(f"How spec `{trace.spec}` comes to it: {_begun_small(kept.story.shows)}")
    parts.append(f"```\n{plain(trace)}\n```")
    if PICTURE in kept.files:
        parts.append(f"![{broken.property if broken is not None else trace.spec}]({PICTURE})")
    parts.append(_again(kept, trace))
    parts.append(
        "All of this, programs written by hand aside, is written by `nsmodel mutants --write counterexamples`."
    )
    return "\n\n".join(parts) + "\n"


def until(bug: Bug) -> str:
    """Until when a bug lived, as far as it is known, and which release that was measured has it."""
    live = f"lives in {', '.join(bug.kernels)}" if bug.kernels else ""
    return ", ".join(part for part in (bug.fixed, live) if part) or "-"


def _begun_small(text: str) -> str:
    """A sentence after a colon; words that are written large anyway stay as they are."""
    first = text.split(maxsplit=1)[0]
    return text if first[1:] != first[1:].lower() else text[0].lower() + text[1:]


def _again(kept: Kept, trace: Trace) -> str:
    """The commands that look for it and show it, and which files do."""
    bug = kept.bug
    at = f"counterexamples/{bug.name}"
    commands = [f"nsmodel check {trace.spec} --mutant {bug.name}"]
    if bug.kernels:
        commands.append(f"nsmodel check {trace.spec} --kernel {bug.kernels[-1]}")
    commands.append(f"nsmodel show {at}/trace.json")
    if trace.replayable:
        commands.append(f"nsmodel replay {at}/trace.json")
    lines = ["Look for it again and show it:", "", "```sh", *commands, "```"]
    if trace.replayable:
        there = f"agrees at every step on Linux {', '.join(bug.kernels)}" if bug.kernels else "diverges on a kernel"
        lines += ["", f"`nsmodel replay` performs it on this machine's kernel, and {there}{_unless(bug)}."]
    lines += ["", *(f"* `{name}` {FILES[name]}." for name in kept.files)] if kept.files else []
    if kept.no_program is not None:
        lines += ["", f"No program beside it: {kept.no_program}."]
    return "\n".join(lines)


def _unless(bug: Bug) -> str:
    return "" if bug.kernels else " that has not got the bug, where a process can see the difference"


PICTURE = "picture.svg"
FILES = {
    PICTURE: "shows the states of the trace",
    BY_HAND: "shows it there without this project, as root (exit status 0: the kernel has the bug)",
    "reproduce.c": "performs the calls without this project, as root: `gcc reproduce.c && ./a.out`; a kernel without "
    "the bug passes, one with it fails",
    "replay.txt": "is what `nsmodel replay` said",
    "trace.itf.json": "is the trace in the format of Apalache and Quint",
}
"""What the other files of a folder are for."""


def plain(trace: Trace) -> str:
    """The report of a trace as plain text."""
    out = io.StringIO()
    counterexample.show(
        Console(file=out, width=100, color_system=None, markup=False, highlight=False, emoji=False), trace
    )
    return out.getvalue().rstrip()


def table(rows: Iterable[tuple[Bug, Trace]]) -> str:
    """The README of the folder of all kept counterexamples: a line for each."""
    lines = [
        "# Known bugs, each with its shortest counterexample",
        "",
        "| bug | what | known from | since | until | invariant | spec | steps |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for bug, trace in rows:
        broken = trace.violates.property if trace.violates is not None else "-"
        cells = [f"[{bug.name}]({bug.name}/README.md)", bug.summary, bug.source, bug.introduced or "-", until(bug)]
        lines.append(f"| {' | '.join(cells)} | {broken} | {trace.spec} | {len(trace.steps)} |")
    lines += [
        "",
        "Steps count from the end of the spec's prelude. Written by `nsmodel mutants --write counterexamples`.",
    ]
    return "\n".join(lines) + "\n"
