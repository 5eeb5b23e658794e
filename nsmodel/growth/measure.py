"""A script on the running kernel, in a throw-away mount namespace whose root is a tmpfs of its own."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nsmodel.growth.script import Command
from nsmodel.oracle.live.driver import Sandbox

MS_BIND, MS_REC, MS_SHARED = 1 << 12, 1 << 14, 1 << 20
FLAGS = {"make-shared": MS_SHARED, "bind": MS_BIND, "rbind": MS_BIND | MS_REC}
MOUNT_MAX = Path("/proc/sys/fs/mount-max")


@dataclass(frozen=True)
class Measured:
    """How many mounts there were after each command, as far as they succeeded, and the error of the one that did
    not."""

    mounts: tuple[int, ...]
    errno: str | None = None


def mount_max() -> int:
    """The most mounts that this kernel allows in a namespace."""
    return int(MOUNT_MAX.read_text(encoding="ascii"))


def measure(script: Sequence[Command]) -> Measured:
    """Run a script. Raises :class:`nsmodel.oracle.errors.OracleUnavailable` where the kernel cannot be asked."""
    out: list[int] = []
    with Sandbox() as box:
        made = box.call(0, "mN", "a")
        assert made.result >= 0
        for command in script:
            done = box.call(0, "mm", command.source or "=none", command.target, "-", FLAGS[command.verb])
            if done.result < 0:
                return Measured(tuple(out), errno.errorcode.get(-done.result, str(-done.result)))
            with Path(f"{box.folder(0)}/mountinfo").open(encoding="utf-8") as table:
                out.append(sum(1 for _ in table))
    return Measured(tuple(out))
