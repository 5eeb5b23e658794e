"""Every check of an operation, read off its rule."""

from nsmodel.ir.language import EBUSY, EINVAL, EPERM, Entity, Live, Switch, fail, helper, syscall
from nsmodel.ir.state import State
from nsmodel.system.checks import checks_of
from nsmodel.system.operation import op

LATER = Switch("later", "later", "asks later", "synthetic")


class Thing(Entity):
    """Something with a lock on it."""

    locked: bool


class K(State):
    """Things."""

    things: Live[Thing]


@helper
def check_lock(k: K, thing: Thing) -> None:
    """It is not locked."""
    if thing.locked:
        fail(EPERM, "it is locked")


@helper
def check_none(k: K) -> None:
    """Always refuses, under no condition of its own."""
    fail(EBUSY, "never")


@syscall(source="fs/thing.c: sys_touch")
def touch(k: K, thing: Thing, hard: bool) -> int:
    """Touch a thing."""
    if not k.bug(LATER):
        check_lock(k, thing)
    if hard:
        if thing.locked or hard:
            fail(EINVAL, "too hard")
    if k.bug(LATER) and hard:
        fail(EBUSY, "only with the bug")
    check_lock(k, thing)
    if hard:
        check_none(k)
    return 0


def test_checks_in_order_each_once() -> None:
    operation = op(touch)
    assert [(c.errno, c.reason) for c in checks_of(operation)] == [
        ("EPERM", "it is locked"),
        ("EINVAL", "too hard"),
        ("EBUSY", "only with the bug"),
        ("EBUSY", "never"),
    ]


def test_what_only_another_kernel_asks_is_left_out() -> None:
    right = [c.reason for c in checks_of(op(touch), frozenset())]
    wrong = [c.reason for c in checks_of(op(touch), frozenset({"later"}))]
    assert right == ["it is locked", "too hard", "never"]
    assert wrong == ["too hard", "only with the bug", "it is locked", "never"]


def test_guards() -> None:
    locked, hard, _, never = checks_of(op(touch))
    assert (locked.line - locked.guard, hard.line - hard.guard) == (1, 1)  # the condition right above
    assert never.guard == never.line  # the function's own beginning
    assert locked.place == (__file__, locked.line)
