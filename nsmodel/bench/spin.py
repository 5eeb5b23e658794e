"""Spin: the exported Promela model, `spin -a`, the C compiler, and `pan` in one thread."""

from __future__ import annotations

import re
from pathlib import Path

from nsmodel.bench.cases import Case
from nsmodel.bench.peer import Built, Counted, not_there, without_symmetry
from nsmodel.bench.processes import Failed, run
from nsmodel.export.program import program_of
from nsmodel.export.promela import promela

COMPILE = ("gcc", "-O2", "-w", "-DSAFETY", "-DNOREDUCE", "-DNOBOUNDCHECK", "-DNOFAIR", "-DMEMLIM=8000")
BEFORE = 1
"""States that Spin counts and the system has not: the one before the first step, which sets the initial state."""
LARGE = 2_000_000
"""States from which the hash table is four times larger."""
SMALL = 100_000
"""States up to which a short stack is long enough; a stack that is too short silently loses states."""


class Spin:
    """Spin. Seconds are what pan tells, to 10 ms; reserving its stack and table is not part of them."""

    name = "spin"

    def missing(self) -> str | None:
        """Spin and the C compiler."""
        absent = not_there("spin", "gcc")
        return f"not installed: {', '.join(absent)} (apt-get install spin gcc)" if absent else None

    def version(self) -> str:
        """Such as `Spin Version 6.5.2`."""
        return run(["spin", "-V"]).out.split("--")[0].strip()

    def threads(self, ours: int) -> int:
        """One: the exported model does not fit Spin's search with several."""
        return 1

    def refuses(self, case: Case) -> str | None:
        """Cases with symmetry."""
        return without_symmetry(case)

    def build(self, case: Case, threads: int, folder: Path) -> Built:
        """Print the model, generate pan and compile it."""
        (folder / "model.pml").write_text(promela(program_of(case.system(), packed=True)))
        made = run(["spin", "-a", "model.pml"], folder).succeeded("spin")
        compiled = run([*COMPILE, "-o", "pan", "pan.c"], folder).succeeded("gcc")
        options = arguments(case.states)
        return Built(made.seconds + compiled.seconds, lambda: counted(run(["./pan", *options], folder).out))


def arguments(states: int) -> list[str]:
    """Stack and table of pan for so many states."""
    return [f"-m{1_000_000 if states < SMALL else 20_000_000}", f"-w{24 if states < LARGE else 26}"]


def counted(text: str) -> Counted:
    """What pan printed. Raises :class:`Failed` for no result."""
    stored = re.search(r"^\s*(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored", text, re.M)
    seconds = re.search(r"elapsed time ([\d.e+-]+) seconds", text)
    if stored is None or seconds is None:
        last = [line for line in text.splitlines() if line.strip()]
        raise Failed(f"pan gave no result: {last[-1].strip() if last else 'it printed nothing'}")
    error = None
    errors = re.search(r"errors: (\d+)", text)
    if "max search depth too small" in text:
        error = "pan's stack is too short, states are missing"
    elif errors is not None and int(errors.group(1)):
        broken = re.search(r"^pan:\d+: (.*?)(?: \(at depth \d+\))?$", text, re.M)
        error = broken.group(1) if broken else "pan finds an error"
    return Counted(int(float(stored.group(1))) - BEFORE, float(seconds.group(1)), error)
