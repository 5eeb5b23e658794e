"""Checks that refuse a call, all of them and in their order."""

from nsmodel.ir.language import EACCES, EINVAL, EPERM, PASSED, Entity, Live, fail, given, helper, syscall
from nsmodel.ir.state import State
from nsmodel.system.operation import Call, op
from nsmodel.system.precedence import refusals


class Thing(Entity):
    """Something with a lock on it."""

    locked: bool
    next: "Thing | None"


class K(State):
    """Things."""

    things: Live[Thing]


@helper
def check_lock(k: K, thing: Thing) -> None:
    """It is not locked (fs/lock.c: may_lock, v6.18)."""
    if thing.locked:
        fail(EPERM, "it is locked")


@syscall(source="fs/thing.c: sys_touch")
def touch(k: K, thing: Thing, hard: bool) -> int:
    """Touch a thing."""
    given(not (thing.locked and thing.next is None))
    if hard:
        fail(EINVAL, "too hard")
    check_lock(k, thing)
    if thing.next is None:
        fail(EACCES, "there is nothing next to it")
    thing.next.locked = True
    return 0


def state(locked: bool, linked: bool) -> K:
    k = K()
    thing = k.new(Thing)
    thing.locked = locked
    thing.next = k.new(Thing) if linked else None
    return k


def asked(hard: bool, locked: bool, linked: bool) -> tuple[list[str], str]:
    told = refusals(op(touch), lambda: state(locked, linked), Call("touch", (("thing", 1), ("hard", hard))))
    assert not PASSED
    return [c.errno for c in told.checks], told.end


def test_all_that_apply_in_order() -> None:
    assert asked(True, True, True) == (["EINVAL", "EPERM"], "it succeeds")
    assert asked(False, True, True) == (["EPERM"], "it succeeds")
    assert asked(False, False, True) == ([], "it succeeds")


def test_no_call() -> None:
    assert asked(True, True, False) == ([], "it is no call here: the caller cannot make it")


def test_what_cannot_be_told_is_not() -> None:
    assert asked(True, False, False) == (["EINVAL", "EACCES"], "what would come then cannot be told")


def test_where_a_check_is_and_what_it_is_in_the_kernel() -> None:
    call = Call("touch", (("thing", 1), ("hard", True)))
    first, second = refusals(op(touch), lambda: state(True, True), call).checks
    assert (first.function, first.source) == ("touch", "fs/thing.c: sys_touch")
    assert (second.function, second.source) == ("check_lock", "fs/lock.c: may_lock, v6.18")
    assert second.place.startswith("test_precedence.py:")
    assert second.reason == "it is locked"
