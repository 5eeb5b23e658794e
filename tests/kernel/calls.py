"""What tests of rules share: tasks by slot, children, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from nsmodel.ir.language import Refused
from nsmodel.kernel.arguments import CloneFlags, SetTid
from nsmodel.kernel.fork import clone3
from nsmodel.kernel.objects import Kernel, Task


def task(k: Kernel, slot: int = 1) -> Task:
    found = k.at(Task, slot)
    assert found is not None
    return found


def clone(k: Kernel, by: int = 1, tids: SetTid | None = None, **flags: bool) -> Task:
    """The child that a task makes."""
    before = set(k.live(Task))
    clone3(k, task(k, by), CloneFlags(**flags), tids or SetTid())
    (child,) = set(k.live(Task)) - before
    return child


def refused(errno: str, rule: Any, *arguments: Any) -> str:
    """Why a call is refused; it is, with this errno."""
    with pytest.raises(Refused) as caught:
        rule(*arguments)
    assert caught.value.errno.name == errno
    return caught.value.reason
