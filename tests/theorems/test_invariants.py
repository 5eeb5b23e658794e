"""No operation leaves the invariants; rules that do are found."""

import pytest

from nsmodel.kernel.mutants import MP05, SLAVES_FORGOTTEN, UMOUNT_KEEPS_TYPE
from nsmodel.theorems.invariants import Difference, Prover, parts


def prove(mounts: int, switches: frozenset[str] = frozenset()) -> list[Difference]:
    out: list[Difference] = []
    for part in parts(mounts):
        out += Prover(part, lambda forests, cases: None, switches).run().differences
    return out


def test_holds() -> None:
    assert prove(2) == []


@pytest.mark.parametrize(
    ("switch", "mounts", "invariant"),
    [(SLAVES_FORGOTTEN, 2, "PROP_WF"), (UMOUNT_KEEPS_TYPE, 2, "DETACHED_QUIET"), (MP05, 3, "ONE_PER_MP")],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_wrong_rule_is_found(switch: object, mounts: int, invariant: str) -> None:
    found = prove(mounts, frozenset((switch.name,)))  # type: ignore[attr-defined]
    assert any(d.what.startswith(invariant) for d in found)
