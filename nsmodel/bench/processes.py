"""Runs the commands that are measured, each in a session of its own: Ctrl-C ends it at once, with all it started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


class Failed(Exception):
    """A command, ours or a peer's, did not do its work; the text says why."""


@dataclass(frozen=True)
class Done:
    """A command that ended: its exit status (negative: a signal), what it printed, and wall seconds."""

    status: int
    out: str
    err: str
    seconds: float

    def succeeded(self, what: str) -> Done:
        """This, if the status is 0. Raises :class:`Failed`."""
        if self.status == 0:
            return self
        said = [line for line in (self.err + self.out).splitlines() if line.strip()]
        how = f"signal {-self.status}" if self.status < 0 else f"status {self.status}"
        raise Failed(f"{what} ended with {how}" + (f": {said[-1].strip()[:200]}" if said else ""))


def run(command: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None) -> Done:
    """Run a command, in a folder and with more in its environment. Raises :class:`Failed` where it cannot start."""
    start = time.perf_counter()
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise Failed(f"{command[0]} cannot be run: {error.strerror}") from None
    try:
        out, err = process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return Done(process.returncode, out, err, time.perf_counter() - start)
