"""What native code and Python share while a search runs: one 64-bit word for each name, one context a thread."""

from __future__ import annotations

from typing import Any

from nsmodel.engines.native.emit import I64, POINTER, Code, Value

NAMES = (
    "status",  # how the helper that was called last ended, see sites
    "trap",  # the first trap of the call, 0 for none
    "broken",  # bit mask of the properties that the call, or the state, violates
    "result",  # what the rule returned, two's complement
    "arena",  # address of the stored states
    "table",  # address of the hash table
    "mask",  # its size in entries, less one
    "links",  # address of the links: parent + 1, or rank + 1 while the level is under way; 0 is an empty place
    "next",  # address of the number of the first state without a place in the arena
    "own",  # places of this thread: the next free one,
    "own_end",  # and behind the last
    "limit",  # where `next` must not go beyond
    "level",  # the number of the first state of the level that is being found
    "rank",  # rank + 1 of the state that is being expanded
    "shared",  # whether other threads are at work
    "counts",  # address of the counters, by operation and status
    "found",  # states that this thread found
    "wanted",  # bit mask of the properties that are still looked for
    "first",  # address of the least rank of a violating state, by property
    "seen",  # address of the states seen lately, before they were renamed
    "queue",  # address of the states that wait to be inserted
    "queued",  # how many were put there so far
)
OFFSET = {name: 8 * i for i, name in enumerate(NAMES)}
SIZE = len(NAMES)
"""Words of a context."""


def address(code: Code, context: Value, name: str) -> Value:
    """Where a word of the context is."""
    return code.byte(context, OFFSET[name])


def get(code: Code, context: Value, name: str) -> Value:
    """A word of the context."""
    return code.load(address(code, context, name), I64)


def put(code: Code, context: Value, name: str, value: Value | int) -> None:
    """Store a word of the context."""
    code.store(I64(value) if isinstance(value, int) else value, address(code, context, name))


def pointer(code: Code, context: Value, name: str) -> Any:
    """A word of the context that is an address."""
    return code.b.inttoptr(get(code, context, name), POINTER)
