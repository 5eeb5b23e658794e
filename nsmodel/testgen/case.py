"""A case of a test suite: a trace, why it is worth running, and where known bugs of a release change it."""

from __future__ import annotations

from dataclasses import dataclass

from nsmodel.traces.trace import Trace


@dataclass(frozen=True)
class Variant:
    """The same calls on a release that has known bugs, where a process can see that they went differently.

    `kernel` is a version of :mod:`nsmodel.kernel.versions`, `bugs` are the switches of it that make the difference. A
    program that runs on this release is expected to fail: it reports TAP's `# TODO` with the names of the bugs.
    """

    kernel: str
    bugs: tuple[str, ...]
    trace: Trace


@dataclass(frozen=True)
class Case:
    """One edge case.

    `name` is the stem of the program's file, unique in its suite and made from its cell; `title` says in a line what is
    tested; `cells` are all that the trace covers, the one that it was made for first. `trace` is the kernel's as it
    should be. `killers` names mutants under which the program would fail; without one, the case is kept for coverage
    and its program says so.
    """

    name: str
    title: str
    cells: tuple[str, ...]
    trace: Trace
    variants: tuple[Variant, ...] = ()
    killers: tuple[str, ...] = ()
