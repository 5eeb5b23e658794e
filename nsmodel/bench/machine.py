"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from nsmodel.report.output import Machine


def this_machine() -> Machine:
    """Processor, cores that this process may use, and how busy it is now."""
    return Machine(len(os.sched_getaffinity(0)), _cpu(), platform.platform(), round(os.getloadavg()[0], 2))


def _cpu() -> str:
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
