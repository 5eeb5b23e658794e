"""Random mount calls on the running kernel: the rules give the same result and the same tree after each of them."""

import pytest

from nsmodel.oracle.driver import Sandbox
from nsmodel.oracle.errors import OracleUnavailable
from tests.kernel.mount_machine import in_child


def kernel_can_be_asked() -> str | None:
    try:
        with Sandbox():
            return None
    except OracleUnavailable as why:
        return why.what


@pytest.mark.parametrize("block", range(4))
def test_rules_and_kernel_agree(block: int) -> None:
    if missing := kernel_can_be_asked():
        pytest.skip(reason=f"the kernel cannot be asked: {missing}")
    for seed in range(block * 25, block * 25 + 25):
        differing = in_child(seed, 80)
        assert not differing, "\n".join([f"seed {seed}", *differing])
