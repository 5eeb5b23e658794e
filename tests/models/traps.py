"""Rules that do what no rule may do; each is refused by no check of the language."""

from __future__ import annotations

from typing import Annotated

from nsmodel.ir.language import Entity, Live, Map, Range, Switch, assure, helper, syscall, the
from nsmodel.ir.state import State


class Node(Entity):
    """An object in a list."""

    next: Node | None
    mark: bool
    tally: Annotated[int, Range(0, 3)]


class K(State):
    """The state."""

    nodes: Live[Node]


@helper
def cut_off(k: K, a: Node) -> None:
    if a.mark:
        a.next = None


@syscall(source="none")
def reads_none(k: K, a: Node) -> None:
    """A path was narrowed, and a helper voids it."""
    if a.next is None:
        return
    cut_off(k, a)
    a.next.mark = True


@syscall(source="none")
def touches_freed(k: K, a: Node) -> None:
    b = a.next
    if b is not None:
        if b.mark:
            k.free(b)
        b.mark = True


@syscall(source="none")
def frees_twice(k: K, a: Node, b: Node) -> None:
    k.free(a)
    k.free(b)


@syscall(source="none")
def leaves_behind(k: K, a: Node) -> None:
    k.free(a)


@syscall(source="none")
def outruns(k: K, a: Node) -> int:
    x: Node | None = a
    while x is not None:
        x = x.next
    return 1


@syscall(source="none")
def wants_one(k: K) -> int:
    found = the(x for x in k.nodes if x.mark)
    if found is None:
        return 0
    return 1


@syscall(source="none")
def promises(k: K, a: Node) -> None:
    b = a.next
    assert b is not None
    b.mark = True


@syscall(source="none")
def counts_down(k: K, a: Node) -> None:
    a.tally -= 1


@syscall(source="none")
def assures(k: K, a: Node) -> None:
    assure("NO_MARK", not a.mark, "an unmarked node", a)
    a.mark = True


MARKS = Switch("MARKS", "marks", "a node is marked for nothing", "none")


@syscall(source="none")
def switched(k: K, a: Node) -> None:
    if k.bug(MARKS):
        a.mark = True


@syscall(source="none")
def maps(k: K, a: Node) -> int:
    """Local maps: what was never stored is None."""
    before: Map[Node, Node | None] = Map()
    for x in k.nodes:
        n = x.next
        if n is not None and before[n] is None:
            before[n] = x
    b = before[a]
    if b is None:
        return 0
    b.mark = True
    return 1


def base(k: K) -> None:
    """Three nodes in a line."""
    a, b, c = (k.new(Node) for _ in range(3))
    a.next = b
    b.next = c


RULES = (
    reads_none,
    touches_freed,
    frees_twice,
    leaves_behind,
    outruns,
    wants_one,
    promises,
    counts_down,
    assures,
    switched,
    maps,
)
INVARIANTS = ()
