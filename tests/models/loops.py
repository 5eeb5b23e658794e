"""Rules that free in loops what the loop still holds, and that store what a helper has voided.

Native code looks only once whether a local names a live object, as long as nothing may have freed it since: these are
the places where something may.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from nsmodel.ir.language import EINVAL, Entity, Live, Map, Range, assure, error, given, helper, syscall
from nsmodel.ir.state import State


class Node(Entity):
    """An object with references of every kind."""

    next: Node | None
    kids: set[Node]
    mark: bool
    tally: Annotated[int, Range(0, 3)]
    must: Node


class K(State):
    """The state."""

    nodes: Live[Node]


@helper
def cut_off(k: K, a: Node) -> None:
    if a.mark:
        a.next = None


@helper
def marked_kids(k: K, a: Node) -> Iterator[Node]:
    kids = a.kids
    for x in kids:
        if a.mark:
            yield x


@helper
def line(k: K, a: Node) -> Iterator[Node]:
    marked = a.mark
    x: Node | None = a
    while x is not None:
        up = x.next
        if a.mark or not marked:
            yield x
        x = up


# -- freed in a loop --------------------------------------------------------------------------------------------------


@syscall(source="none")
def frees_ahead(k: K) -> None:
    """What a loop over all objects has still to visit."""
    for x in k.nodes:
        if x.mark:
            n = x.next
            if n is not None:
                x.next = None
                k.free(n)


@syscall(source="none")
def frees_owner(k: K, a: Node) -> None:
    """The object whose set the loop runs over."""
    for _x in a.kids:
        a.mark = True
        k.free(a)


@syscall(source="none")
def frees_owner_once(k: K, a: Node) -> None:
    """The same, touched after the loop."""
    for _x in a.kids:
        k.free(a)
        break
    a.mark = True


@syscall(source="none")
def frees_in_while(k: K, a: Node) -> None:
    """An object that the condition reads."""
    a.tally = 1
    x: Node | None = a.next
    while x is not None and a.mark:
        y = x.next
        if a.tally < 3:
            k.free(x)
        x = y
    a.tally = 2


@syscall(source="none")
def moves_in_while(k: K, a: Node, b: Node) -> None:
    """An object behind a local that moves on."""
    x: Node | None = b
    y = a
    y.tally = 1
    while x is not None:
        y.mark = True
        y = x
        x = x.next
        k.free(y)
        if a.mark:
            break


@syscall(source="none")
def frees_what_is_yielded_for(k: K, a: Node) -> None:
    """An object that a generator goes on reading."""
    for _x in marked_kids(k, a):
        k.free(a)


@syscall(source="none")
def frees_along_a_line(k: K, a: Node) -> None:
    for x in line(k, a):
        if x is not a.must:
            k.free(x)


# -- None where none may be -------------------------------------------------------------------------------------------


@syscall(source="none")
def stores_none(k: K, a: Node) -> None:
    if a.next is None:
        return
    cut_off(k, a)
    a.must = a.next


@syscall(source="none")
def stores_none_for_a_moment(k: K, a: Node) -> None:
    if a.next is None:
        return
    cut_off(k, a)
    a.must = a.next
    a.must = a


@syscall(source="none")
def set_of_none(k: K, a: Node) -> None:
    if a.next is None:
        return
    cut_off(k, a)
    a.kids = {a.next}


@syscall(source="none")
def adds_none(k: K, a: Node) -> None:
    if a.next is None:
        return
    cut_off(k, a)
    b = a.next
    a.kids.add(b)


@syscall(source="none")
def makes_half(k: K, a: Node) -> None:
    """An object whose reference is never stored."""
    b = k.new(Node)
    if a.mark:
        b.must = a


# -- and more in one call ---------------------------------------------------------------------------------------------


@syscall(source="none")
def fails_late(k: K, a: Node) -> int:
    """Breaks a clause, changes the state, leaves a reference behind, and fails."""
    assure("NO_MARK", not a.mark, "an unmarked node", a)
    a.tally = 2
    if a.next is not None:
        k.free(a)
    return error(EINVAL, "too late")


@syscall(source="none")
def counts(k: K, a: Node, b: Node) -> int:
    """A local map of numbers, and a condition on the second parameter before one on the first."""
    given(b.next is not a and not a.mark)
    seen: Map[Node, int] = Map()
    for x in k.nodes:
        seen[x.must] += 1
        seen[a] -= 1
    return seen[b]


@helper
def surely_marked(k: K, a: Node) -> bool:
    assert a.mark
    return True


@syscall(source="none")
def traps_before_the_rest(k: K, a: Node, b: Node) -> None:
    """The second condition could be judged first, but then nobody would see the assertion."""
    given(surely_marked(k, b) and a.tally > 0)
    a.tally = 0


def base(k: K) -> None:
    """Three nodes, each a kid of the one before."""
    a, b, c = (k.new(Node) for _ in range(3))
    a.must = b.must = c.must = a
    a.kids = {b}
    b.kids = {c}
    b.next = c


RULES = (
    frees_ahead,
    frees_owner,
    frees_owner_once,
    frees_in_while,
    moves_in_while,
    frees_what_is_yielded_for,
    frees_along_a_line,
    stores_none,
    stores_none_for_a_moment,
    set_of_none,
    adds_none,
    makes_half,
    fails_late,
    counts,
    traps_before_the_rest,
)
INVARIANTS = ()
