"""Write access to mounts, step by step: read-only remounts, the end of a mount, and an overlay on its upper mount."""

from nsmodel.ir.interleave import with_frames
from nsmodel.kernel.mount.writers import (
    WRITERS_BAL,
    WriterState,
    base,
    drop_write,
    make_readonly,
    make_writable,
    mount_overlay,
    overlay_unlink,
    umount_overlay,
    want_write,
)
from nsmodel.kernel.mutants import MR01, NO_WRITE_HOLD, WRITER_BEFORE_HOLD
from nsmodel.system.operation import op, steps
from nsmodel.system.spec import NO_UAF, STEP_TOTAL, Scope, Spec
from nsmodel.system.verdict import Verdict

PROPERTIES = (WRITERS_BAL, NO_UAF, STEP_TOTAL)

SPEC = Spec(
    name="mount_writers",
    title=__doc__,
    state=with_frames(WriterState, want_write, make_readonly, overlay_unlink),
    base=base,
    bounds={
        "tasks": 3,
        "vfsmounts": 2,
        "sections": 2,
        "overlays": 1,
        "writers": 6,
        "want_write_frames": 3,
        "make_readonly_frames": 3,
        "overlay_unlink_frames": 3,
    },
    scopes={"small": Scope({"tasks": 2, "want_write_frames": 2, "make_readonly_frames": 2}, depth=4)},
    operations=(
        *steps(want_write),
        op(drop_write),
        *steps(make_readonly),
        op(make_writable),
        op(mount_overlay),
        *steps(overlay_unlink),
        op(umount_overlay),
    ),
    properties=PROPERTIES,
    expect={p.name: Verdict.HOLDS for p in PROPERTIES},
    kills={MR01: "WRITERS_BAL", NO_WRITE_HOLD: "WRITERS_BAL", WRITER_BEFORE_HOLD: "WRITERS_BAL"},
    may_never_succeed=("want_write_3",),
    replayable=False,
)
