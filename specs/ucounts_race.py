"""An entry of a user's limits is put while somebody finds it: whoever finds one holds one that lives."""

from nsmodel.ir.interleave import with_frames
from nsmodel.kernel.mutants import UC01
from nsmodel.kernel.user.ucounts_race import UCOUNT_EXACT, UcountsState, base, charge, uncharge
from nsmodel.system.operation import op, steps
from nsmodel.system.spec import NO_UAF, STEP_TOTAL, Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (UCOUNT_EXACT, NO_UAF, STEP_TOTAL)

SPEC = Spec(
    name="ucounts_race",
    title=__doc__,
    state=with_frames(UcountsState, uncharge),
    base=base,
    bounds={"tasks": 3, "entries": 3, "charges": 3, "uncharge_frames": 3},
    scopes={"small": Scope({"tasks": 2, "entries": 2, "charges": 2, "uncharge_frames": 2}, depth=4)},
    operations=(op(charge), *steps(uncharge)),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={UC01: "NO_UAF"},
    may_never_succeed=("uncharge_2",),
    replayable=False,
)
