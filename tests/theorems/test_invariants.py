"""No operation leaves the invariants; rules that do are found, by machine code and by the direct reading alike."""

import pytest

from nsmodel.ir.language import Switch
from nsmodel.kernel.mutants import COPY_STAYS_PEER, MP05, SLAVES_FORGOTTEN, UMOUNT_KEEPS_TYPE
from nsmodel.theorems import sweep
from nsmodel.theorems.invariants import Direct, Part, parts

pytestmark = pytest.mark.agreement

NONE: frozenset[str] = frozenset()


def ends(part: Part, switches: frozenset[str]) -> tuple[Direct, sweep.Prover]:
    """One share of the work, gone through twice."""
    both = Direct(part, lambda forests, cases: None, switches), sweep.Prover(part, lambda f, c: None, switches)
    for prover in both:
        prover.run()
    return both


@pytest.mark.parametrize("mounts", [2, 3])
def test_holds(mounts: int) -> None:
    for part in parts(mounts):
        direct, native = ends(part, NONE)
        assert direct.tally == native.tally
        assert not native.tally.differences
        assert native.tally.cases >= native.tally.forests > 0


def test_shares_add_up() -> None:
    whole = sum(len(list(sweep.seeds(part))) for part in parts(3))
    assert whole == sum(len(list(sweep.seeds(part))) for part in parts(3, 2))


@pytest.mark.parametrize(
    ("switch", "mounts", "invariant"),
    [
        (SLAVES_FORGOTTEN, 2, "PROP_WF"),
        (UMOUNT_KEEPS_TYPE, 2, "DETACHED_QUIET"),
        (MP05, 3, "ONE_PER_MP"),
        (COPY_STAYS_PEER, 3, "PROP_EXACT"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_wrong_rule_is_found(switch: Switch, mounts: int, invariant: str) -> None:
    told = []
    for part in parts(mounts):
        direct, native = ends(part, frozenset((switch.name,)))
        assert direct.tally.differences == native.tally.differences
        told += [d.what for d in native.tally.differences]
    assert any(what.startswith(invariant) for what in told)
