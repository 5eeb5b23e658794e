"""Which checks would refuse a call, in their order: the one that does, and those that would if it were not there; and
where a call asks for known bugs.

A rule runs in the direct reading again and again, each time over one more check that has refused it.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from nsmodel.ir.language import PASSED, Errno, NotEnabled, Refused, ScopeCut, Switch, Trap, function_of
from nsmodel.ir.state import State
from nsmodel.system.operation import Call, Operation

KERNEL_PLACE = re.compile(r"\(([^()]*\bv\d+\.\d+[^()]*)\)|\(((?:fs|kernel|security|include)/[^()]*)\)")
"""Where a docstring says which kernel function a helper is."""
PACKAGE = Path(__file__).parents[1]
"""The folder of the package, from which the places of rules are told."""


@dataclass(frozen=True)
class Check:
    """A check that refuses a call: `place` is file and line of the rule, `source` the kernel's functions."""

    errno: str
    reason: str
    function: str
    place: str
    source: str


@dataclass(frozen=True)
class Site:
    """A line of a rule that ran: its function, file and line (`place`), and the kernel's functions."""

    function: str
    place: str
    source: str


@dataclass(frozen=True)
class Refusals:
    """All checks that would refuse a call, in order, and what happens once all of them are passed over."""

    checks: tuple[Check, ...]
    end: str


def refusals(operation: Operation, state: Callable[[], State], call: Call) -> Refusals:
    """Every check that refuses a call; `state` makes the state anew. Each is told as if those before had passed."""
    found: list[Check] = []
    with passing() as passed:
        while True:
            k = state()
            try:
                value = operation.run(k, *operation.bind(k, call))
            except Refused as refused:
                place, check = _check(refused, operation)
                if place in passed:
                    return Refusals(tuple(found), "the same check refuses it again")
                passed.add(place)
                found.append(check)
            except NotEnabled:
                return Refusals(tuple(found), "it is no call here: the caller cannot make it")
            except ScopeCut as cut:
                return Refusals(tuple(found), f"it would need more {cut.entity} than the scope has")
            except (Trap, AssertionError, AttributeError) as trap:
                end = "what would come then cannot be told" if found else f"the rule breaks: {trap}"
                return Refusals(tuple(found), end)
            else:
                result = int(value) if value is not None else 0
                kept = f"it fails with {Errno(-result).name} and keeps what it did" if result < 0 else "it succeeds"
                return Refusals(tuple(found), kept)


def decided(operation: Operation, state: State, call: Call) -> Check | None:
    """The check that refuses a call, None where none does; a call that is not refused may leave the state changed."""
    try:
        operation.run(state, *operation.bind(state, call))
    except Refused as refused:
        return _check(refused, operation)[1]
    except (NotEnabled, ScopeCut, Trap, AssertionError, AttributeError):
        pass
    return None


@contextmanager
def passing() -> Iterator[set[tuple[str, int]]]:
    """The checks (file and line) that the direct reading passes over meanwhile; none at first."""
    PASSED.clear()
    try:
        yield PASSED
    finally:
        PASSED.clear()


def asking(operation: Operation, state: State, call: Call, bugs: frozenset[str]) -> list[Site]:
    """Where a rule asks whether one of some known bugs is on, in the order of the call; `state` is used up."""
    found: list[Site] = []
    answer = state.bug

    def bug(switch: Switch) -> bool:
        if switch.name in bugs:
            frame = sys._getframe(1)
            while frame.f_code.co_name.startswith("<") and frame.f_back is not None:  # a comprehension of the rule
                frame = frame.f_back
            found.append(_site(frame.f_code, frame.f_globals, frame.f_lineno, operation))
        return answer(switch)

    state.bug = bug  # type: ignore[method-assign]
    with suppress(Refused, NotEnabled, ScopeCut, Trap, AssertionError, AttributeError):
        operation.run(state, *operation.bind(state, call))
    return list(dict.fromkeys(found))


def _check(refused: Refused, operation: Operation) -> tuple[tuple[str, int], Check]:
    frame, line = list(traceback.walk_tb(refused.__traceback__))[-2]  # the last one is that of `fail` itself
    site = _site(frame.f_code, frame.f_globals, line, operation)
    check = Check(refused.errno.name, refused.reason, site.function, site.place, site.source)
    return (frame.f_code.co_filename, line), check


def _site(code: CodeType, names: Mapping[str, Any], line: int, operation: Operation) -> Site:
    function = function_of(names.get(code.co_name))
    source = operation.function.source
    if function is not None and function.kind != "syscall":
        told = KERNEL_PLACE.search(" ".join((function.python.__doc__ or "").split()))
        source = (told[1] or told[2]) if told else source
    return Site(code.co_name, place_of(code.co_filename, line), source)


def place_of(file: str, line: int) -> str:
    """A line of a rule as people are told it: files of the package from its folder on, others by name."""
    path = Path(file)
    return f"{path.relative_to(PACKAGE.parent) if path.is_relative_to(PACKAGE) else path.name}:{line}"
