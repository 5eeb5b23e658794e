"""All sequences of calls up to a length, of those that differ by a renaming of objects one.

A refused call ends its sequence: it changes nothing, which is what the case of it tests. Sequences that are the
beginning of another one have no case of their own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from nsmodel.ir.state import Frozen
from nsmodel.ir.types import RefType
from nsmodel.system.operation import Call, to_json
from nsmodel.system.transition import Runner, TransitionSystem
from nsmodel.testgen.cells import OK, Cell
from nsmodel.testgen.explore import Counted, explorable
from nsmodel.testgen.seen import Seen

NAME = "sequences"
"""As `--cover` names them."""
Run = tuple[tuple[Call, ...], str]
"""The calls of a sequence, and what the last one comes to."""


def sequences(
    system: TransitionSystem, length: int, tell: Callable[[str], None] = lambda text: None
) -> dict[Cell, tuple[Call, ...]]:
    """The sequences of up to so many calls of a spec, each with its cell; edges are left out."""
    calls = Counted(explorable(system))
    out: dict[Cell, tuple[Call, ...]] = {}
    named: Counter[str] = Counter()
    for run, result in _longest(calls, (), system.initial, length):
        first, *rest = (call.operation for call in run)
        words = " ".join([*rest, result])
        named[f"{first} {words}"] += 1
        number = named[f"{first} {words}"]
        key = words if number == 1 else f"{words} {number}"
        title = f"{', then '.join(call.operation for call in run)}: {result}"
        out[Cell(NAME, first, key, title)] = run
        tell(f"{len(out)} sequences")
    return out


def _longest(calls: Counted, before: tuple[Call, ...], state: Frozen, left: int) -> Iterator[Run]:
    """The sequences that begin with some calls, which lead to a state, and are the beginning of no other one."""
    for seen in distinct(calls, state):
        run = (*before, seen.call)
        after = seen.outcome.state if seen.outcome is not None else None
        further = (
            _longest(calls, run, after, left - 1) if left > 1 and after is not None and seen.result == OK else None
        )
        first = next(further, None) if further is not None else None
        if first is None or further is None:
            yield run, seen.result or OK
        else:
            yield first
            yield from further


def distinct(calls: Counted, state: Frozen) -> Iterator[Seen]:
    """The calls of a state, of those that differ by a renaming of its objects the first."""
    groups: dict[Any, list[Seen]] = defaultdict(list)
    for seen in calls.seen(Runner(calls.system, state)):
        plain = tuple(repr(to_json(v)) for (_, kind), v in _arguments(seen) if not isinstance(kind, RefType))
        groups[seen.event, plain].append(seen)
    for alike in groups.values():
        if len(alike) == 1:
            yield alike[0]
            continue
        known = set()
        for seen in alike:
            form = _form(calls.system, state, seen)
            if form not in known:
                known.add(form)
                yield seen


def _arguments(seen: Seen) -> Iterator[tuple[tuple[str, Any], Any]]:
    given = seen.call.by_name
    return (((name, kind), given[name]) for name, kind in seen.operation.parameters)


def _form(system: TransitionSystem, state: Frozen, seen: Seen) -> Any:
    """What is the same for two calls of an operation with the same options that a renaming leads to each other."""
    entities = [info.cls for info in system.sizes.schema.entities]
    named = [(kind, value) for (_, kind), value in _arguments(seen) if isinstance(kind, RefType)]
    marks = [(entities.index(kind.entity), value) for kind, value in named if value is not None]
    return tuple(value is None for _, value in named), system.canonical.marked(state, marks)
