"""A trace: what happened step by step from an initial state, as plain data that needs no rule to be read."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

State = dict[str, list[dict[str, Any]]]
"""Live objects by collection, each `{"id": slot, field: value}`; empty collections are left out.

A reference is a slot or null, an enumeration its name, a set a sorted list of slots, a map an object `{"slot": value}`
without its zero entries."""


class ObjectRef(msgspec.Struct, frozen=True):
    """An object: where it is, and its name for people."""

    collection: str
    id: int
    name: str


class Change(msgspec.Struct, frozen=True):
    """One change of a step. `created` and `freed` have the whole object in `new` or `old`, `changed` one field."""

    kind: Literal["created", "freed", "changed"]
    collection: str
    id: int
    field: str | None = None
    old: Any = None
    new: Any = None


class Step(msgspec.Struct):
    """One call and what it did.

    `task` is the slot of the caller (in the state before), `arguments` are all arguments by name, the caller's too.
    `result` is what the call gives back: 0 or a number, or a negative error number. `state` is null where a rule was
    trapped and left nothing that can be told; a trapped step ends a trace.
    """

    task: int | None
    operation: str
    arguments: dict[str, Any]
    result: int
    errno: str | None
    reason: str | None
    changes: list[Change]
    state: State | None


class Rule(msgspec.Struct, frozen=True):
    """Where the model says something: a `function` in a `file` of ours, and the kernel's own functions (`source`)."""

    function: str
    file: str
    source: str


class Refusal(msgspec.Struct, frozen=True):
    """A check that refuses a call."""

    errno: str
    reason: str
    rule: Rule


class Blame(msgspec.Struct, kw_only=True):
    """Where a counterexample was decided: see :mod:`nsmodel.traces.blame` for what each word means.

    `step` is the first one that made the violation inevitable, counted from 1 (0: it was before the first). `bugs` are
    the known bugs that it takes, empty where it takes none, and then the rest is empty, too. `parted` is the first step
    that goes otherwise without them: `check` is what refuses the call then, or `instead` are the changes from what it
    leaves without the bugs to what it leaves with them; neither where it cannot be called then, or only gives another
    result. `asked` are the rules that ask for the bugs there.
    """

    step: int
    bugs: list[str] = []
    parted: int | None = None
    check: Refusal | None = None
    instead: list[Change] = []
    asked: list[Rule] = []


class Violates(msgspec.Struct):
    """What a counterexample breaks.

    `step` counts from 1 (0: the initial state breaks it). `minimal`: it is known that no trace is shorter. `blame` is
    null where nobody asked.
    """

    property: str
    clause: str
    objects: list[ObjectRef]
    step: int
    minimal: bool = True
    blame: Blame | None = None


class Trace(msgspec.Struct):
    """A trace. Depth counts from `initial`, which is the state after the prelude; `base` is the one before it.

    `bounds` are the scope's (null: none), so that a trace can be run again without its spec. `references` says for each
    collection which collection a reference field (or the keys of a map) names, `parameters` the same for operations.
    """

    spec: str
    kernel: str
    mutant: str | None
    prelude: list[Step]
    initial: State
    steps: list[Step]
    violates: Violates | None = None
    bounds: dict[str, int] | None = None
    base: State | None = None
    replayable: bool = True
    references: dict[str, dict[str, str]] = {}
    parameters: dict[str, dict[str, str]] = {}

    @property
    def start(self) -> State:
        """The state before the prelude."""
        return self.initial if self.base is None else self.base

    def states(self) -> list[State]:
        """The initial state and the state after each step that has one."""
        return [self.initial, *(s.state for s in self.steps if s.state is not None)]


def encode(trace: Trace) -> bytes:
    """A trace as an indented JSON file; the same bytes for the same trace."""
    return msgspec.json.format(msgspec.json.encode(trace), indent=1) + b"\n"
