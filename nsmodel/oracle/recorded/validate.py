"""Judges recordings: the rules make each recorded call on the recorded state, and result, numbers and namespaces are
compared with what the kernel did.

Judged are the calls of tasks and pid namespaces, on credentials and id maps, on mounts, and on the names that those
use. The caller's credentials are compared after each of them; after those that can change mounts, every mount table
that the recording or the model changed, at five levels (:mod:`nsmodel.oracle.recorded.tables`).
What a signal does is judged by the ends and waits that follow: a recording does not tell who handles what.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterable
from pathlib import Path

from nsmodel.oracle.recorded.credential_judges import CREDENTIAL_JUDGES
from nsmodel.oracle.recorded.judgement import Judgement
from nsmodel.oracle.recorded.judges import JUDGES as PROCESS_JUDGES
from nsmodel.oracle.recorded.judging import Judge
from nsmodel.oracle.recorded.mount_judges import MOUNT_JUDGES
from nsmodel.oracle.recorded.name_judges import NAME_JUDGES
from nsmodel.oracle.recorded.new_mounts import NEW_MOUNT_JUDGES
from nsmodel.oracle.recorded.nsfs_judges import NSFS_JUDGES
from nsmodel.oracle.recorded.recordings import load

MOUNT_FAMILY = frozenset(MOUNT_JUDGES) | frozenset(NAME_JUDGES) | frozenset(NEW_MOUNT_JUDGES)
"""Calls on mounts, and on the names that they use."""
CREDENTIAL_FAMILY = frozenset(CREDENTIAL_JUDGES)
"""Calls on users, groups and capabilities, id maps, limits, and exec."""
JUDGES = {**PROCESS_JUDGES, **CREDENTIAL_JUDGES, **NSFS_JUDGES, **MOUNT_JUDGES, **NEW_MOUNT_JUDGES, **NAME_JUDGES}
"""The judge of each recorded operation."""
TOUCHING = MOUNT_FAMILY | {"clone", "clone3", "fork", "vfork", "unshare", "setns", "!exit"}
"""Operations that can change a mount table, or hold a mount."""

OPENING = frozenset({"open", "openat", "creat", "open_tree", "open_tree_attr", "fsopen", "fsmount", "fspick"})
"""Those of them that give a descriptor."""


def validate(paths: Iterable[Path], tell: Callable[[Path], None] = lambda path: None) -> Judgement:
    """Judge recordings; Ctrl-C ends it after the last whole file. Raises
    :class:`nsmodel.oracle.recorded.recordings.RecordingError` for one that cannot be read."""
    out = Judgement()
    with contextlib.suppress(KeyboardInterrupt):
        for path in paths:
            tell(path)
            case = load(path)
            gc.freeze()  # millions of objects that never go: looking through them took half the time
            Judge(case, out, JUDGES, TOUCHING, MOUNT_FAMILY - OPENING).run()
            gc.unfreeze()
            out.files += 1
    return out


__all__ = ["JUDGES", "Judgement", "validate"]
