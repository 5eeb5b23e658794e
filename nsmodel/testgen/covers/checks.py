"""Every check of every rule both ways: it refuses a call, and a call gets past it."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from nsmodel.ir.language import NotEnabled, Refused, ScopeCut, Trap
from nsmodel.system.checks import RuleCheck, checks_of
from nsmodel.system.operation import Operation
from nsmodel.system.precedence import place_of
from nsmodel.system.transition import TransitionSystem
from nsmodel.testgen.cells import Cell
from nsmodel.testgen.seen import Seen


@dataclass(frozen=True)
class _Both:
    """The cells of a check."""

    check: RuleCheck
    refuses: Cell
    passes: Cell


class Checks:
    """Two cells for each check of an operation."""

    name = "checks"
    own_file = False
    by_events = True
    by_looking = True

    def __init__(self) -> None:
        self._known: dict[tuple[str, frozenset[str]], dict[str, _Both]] = {}

    def known(self, system: TransitionSystem, operation: Operation) -> Iterator[Cell]:
        """Both cells of each check."""
        for both in self._cells(system, operation).values():
            yield both.refuses
            yield both.passes

    def of(self, seen: Seen) -> Iterator[Cell]:
        """The check that refuses, and those that were asked before, or all, where none does."""
        if seen.result is None:
            return
        cells = self._cells(seen.runner.system, seen.operation)
        own = seen.place
        if own is not None and own in cells:
            yield cells[own].refuses
        asked = _lines(seen, {(both.check.file, both.check.guard) for both in cells.values()})
        for place, both in cells.items():
            if place != own and (both.check.file, both.check.guard) in asked:
                yield both.passes

    def worth(self, seen: Seen, found: Container[Cell]) -> bool:
        """Where nobody got past some check of the operation yet; events tell the others."""
        return any(both.passes not in found for both in self._cells(seen.runner.system, seen.operation).values())

    def _cells(self, system: TransitionSystem, operation: Operation) -> dict[str, _Both]:
        """The cells of an operation by the check's place."""
        key = operation.name, system.switches
        if key not in self._known:
            checks = checks_of(operation, system.switches)
            self._known[key] = {place_of(*c.place): self._both(operation.name, c) for c in checks}
        return self._known[key]

    def _both(self, operation: str, check: RuleCheck) -> _Both:
        what = f"{check.errno} {check.reason}"
        refuses = Cell(self.name, operation, f"refuses {what}", f"{operation} fails with {check.errno}: {check.reason}")
        passes = Cell(self.name, operation, f"passes {what}", f"{operation} gets past the check: {check.reason}")
        return _Both(check, refuses, passes)


def _lines(seen: Seen, wanted: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Which of some lines of rules are run when a call is made once more."""
    met: set[tuple[str, int]] = set()
    files = {file for file, _ in wanted}

    def line(frame: FrameType, event: str, _: Any) -> Any:
        place = frame.f_code.co_filename, frame.f_lineno
        if event == "line" and place in wanted:
            met.add(place)
        return line

    def call(frame: FrameType, event: str, _: Any) -> Any:
        return line if frame.f_code.co_filename in files else None

    arguments = seen.operation.bind(seen.runner.state, seen.call)
    before = sys.gettrace()
    sys.settrace(call)
    try:
        seen.operation.run(seen.runner.state, *arguments)
    except (Refused, NotEnabled, ScopeCut, Trap, AssertionError, AttributeError):
        pass
    finally:
        sys.settrace(before)
        seen.runner.forget()
    return met
