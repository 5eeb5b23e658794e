"""Rumur: the exported Murphi model, `rumur`, the C compiler, and the verifier in as many threads as ours."""

from __future__ import annotations

import re
from pathlib import Path

from nsmodel.bench.cases import Case
from nsmodel.bench.peer import Built, Counted, not_there, without_symmetry
from nsmodel.bench.processes import Done, Failed, run
from nsmodel.export.murphi import murphi
from nsmodel.export.program import program_of

COMPILE = ("gcc", "-std=c11", "-O3", "-march=native", "-w", "-mcx16")
MOST = 1_000_000
"""States up to which Rumur takes at most a few minutes."""


class Rumur:
    """Rumur. Seconds are those of the verifier's whole process, which tells whole seconds only."""

    name = "rumur"

    def missing(self) -> str | None:
        """Rumur and the C compiler."""
        absent = not_there("rumur", "gcc")
        return f"not installed: {', '.join(absent)} (apt-get install rumur gcc)" if absent else None

    def version(self) -> str:
        """Such as `Rumur version v2022.08.20-1`."""
        return run(["rumur", "--version"]).out.strip()

    def threads(self, ours: int) -> int:
        """As many as ours."""
        return ours

    def refuses(self, case: Case) -> str | None:
        """Cases with symmetry, and large ones."""
        if case.states > MOST:
            return f"above {MOST:,} states Rumur takes many minutes"
        return without_symmetry(case)

    def build(self, case: Case, threads: int, folder: Path) -> Built:
        """Print the model, generate the verifier for so many threads and compile it."""
        (folder / "model.m").write_text(murphi(program_of(case.system(), packed=False)))
        options = ["--deadlock-detection", "off", "--threads", str(threads)]
        made = run(["rumur", *options, "-o", "model.c", "model.m"], folder).succeeded("rumur")
        compiled = run([*COMPILE, "model.c", "-o", "model", "-lpthread"], folder).succeeded("gcc")
        return Built(made.seconds + compiled.seconds, lambda: counted(run(["./model"], folder)))


def counted(done: Done) -> Counted:
    """What a verifier printed, and how long it took. Raises :class:`Failed` for no result."""
    summary = re.search(r"(\d+) states, \d+ rules fired", done.out)
    if summary is None:
        done.succeeded("the verifier")
        raise Failed("the verifier gave no result")
    error = None
    if "No error found." not in done.out:
        said = re.search(r"^\s*(\w+ .*(?:failed|violated))", done.out, re.M)
        error = said.group(1) if said else f"the verifier ended with status {done.status}"
    return Counted(int(summary.group(1)), done.seconds, error)
