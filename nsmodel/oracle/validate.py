"""Judges recordings: the rules make each recorded call on the recorded state, and result, numbers and namespaces are
compared with what the kernel did.

Judged are the calls of tasks and pid namespaces. What a signal does is judged by the ends and waits that follow: a
recording does not tell who handles what. Mount tables are not judged yet.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

from nsmodel.oracle.judges import JUDGES
from nsmodel.oracle.judging import Judge, Judgement
from nsmodel.oracle.recordings import load


def validate(paths: Iterable[Path], tell: Callable[[Path], None] = lambda path: None) -> Judgement:
    """Judge recordings; Ctrl-C ends it after the last whole file. Raises
    :class:`nsmodel.oracle.recordings.RecordingError` for one that cannot be read."""
    out = Judgement()
    with contextlib.suppress(KeyboardInterrupt):
        for path in paths:
            tell(path)
            Judge(load(path), out, JUDGES).run()
            out.files += 1
    return out


__all__ = ["JUDGES", "Judgement", "validate"]
