"""The file that a namespace remembers is looked at while its last descriptor is closed: nobody uses what is freed."""

from nsmodel.ir.interleave import with_frames
from nsmodel.kernel.mutants import NF01
from nsmodel.kernel.nsfs_race import StashState, base, close_stashed, open_stashed
from nsmodel.system.operation import steps
from nsmodel.system.spec import NO_UAF, STEP_TOTAL, Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (NO_UAF, STEP_TOTAL)

SPEC = Spec(
    name="nsfs_race",
    title=__doc__,
    state=with_frames(StashState, open_stashed, close_stashed),
    base=base,
    bounds={
        "tasks": 3,
        "namespaces": 1,
        "dentries": 3,
        "files": 3,
        "open_stashed_frames": 3,
        "close_stashed_frames": 3,
    },
    scopes={"small": Scope({"tasks": 2, "open_stashed_frames": 2, "close_stashed_frames": 2}, depth=4)},
    operations=(*steps(open_stashed), *steps(close_stashed)),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={NF01: "NO_UAF"},
    replayable=False,
)
