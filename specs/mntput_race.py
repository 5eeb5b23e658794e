"""A synchronous umount against a lockless walk that takes a reference: who makes the last put."""

from nsmodel.ir.interleave import with_frames
from nsmodel.kernel.mount.legitimize import SYNC_UMOUNT_IDLE, WalkState, base, umount_sync, walk
from nsmodel.kernel.mutants import MR02
from nsmodel.system.operation import steps
from nsmodel.system.spec import NO_UAF, STEP_TOTAL, Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (SYNC_UMOUNT_IDLE, NO_UAF, STEP_TOTAL)

SPEC = Spec(
    name="mntput_race",
    title=__doc__,
    state=with_frames(WalkState, umount_sync, walk),
    base=base,
    bounds={"tasks": 3, "vfsmounts": 1, "locks": 1, "seq": 4, "umount_sync_frames": 3, "walk_frames": 3},
    scopes={"small": Scope({"tasks": 2, "umount_sync_frames": 2, "walk_frames": 2}, depth=6)},
    operations=(*steps(umount_sync), *steps(walk)),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={MR02: "SYNC_UMOUNT_IDLE"},
    may_never_succeed=("walk_5", "walk_6"),
    replayable=False,
)
