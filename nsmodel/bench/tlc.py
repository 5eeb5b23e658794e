"""TLC: the models of the folder `tla`, written by hand, in two workers."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from nsmodel.bench.cases import Case
from nsmodel.bench.peer import Built, Counted, without_symmetry
from nsmodel.bench.processes import Done, Failed, run

FOLDER = Path(__file__).with_name("tla")
"""Where the models are."""
JAR = "TLA2TOOLS"
"""The variable that names tla2tools.jar."""
WORKERS = 2
MOST = 1_000_000
"""States up to which TLC takes at most a few minutes."""
INVARIANTS = {
    "bench_pidns": ("pidns", ("Refcount", "Visible", "InitLive", "ParentLive")),
    "bench_mounts": ("mounts", ("Tree", "Peers", "Master")),
}
"""Module and invariants by spec; its constants are named like the bounds."""
HOW = f"set {JAR} to the path of tla2tools.jar (github.com/tlaplus/tlaplus/releases) and apt-get install default-jre"


class Tlc:
    """TLC. Seconds are those of the whole process, Java's start (about a second) included: it tells whole seconds."""

    name = "tlc"

    def missing(self) -> str | None:
        """The jar that `$TLA2TOOLS` names with Java, or a command tlc."""
        jar = os.environ.get(JAR)
        if jar and not Path(jar).is_file():
            return f"${JAR} names {jar}, which is no file"
        if jar and shutil.which("java") is None:
            return "not installed: java (apt-get install default-jre)"
        if not jar and shutil.which("tlc") is None:
            return f"not installed: {HOW}"
        return None

    def version(self) -> str:
        """Such as `TLC2 Version 2.19 of 08 August 2024`."""
        done = run(_command())  # without a model it says what it is, and what it misses
        lines = (done.out + done.err).splitlines()
        found = [line.strip() for line in lines if line.startswith("TLC2 Version")]
        return found[0] if found else "TLC"

    def threads(self, ours: int) -> int:
        """Two workers, whatever ours has."""
        return WORKERS

    def refuses(self, case: Case) -> str | None:
        """Cases with symmetry, and large ones."""
        if case.states > MOST:
            return f"above {MOST:,} states TLC takes many minutes"
        return without_symmetry(case)

    def build(self, case: Case, threads: int, folder: Path) -> Built:
        """Put the model and its configuration into the folder; nothing is compiled."""
        module, _ = INVARIANTS[case.spec]
        shutil.copy(FOLDER / f"{module}.tla", folder)
        (folder / f"{module}.cfg").write_text(configuration(case))
        command = [*_command(folder), "-workers", str(threads), "-noGenerateSpecTE", "-metadir", "states"]
        command += ["-config", f"{module}.cfg", f"{module}.tla"]
        return Built(0.0, lambda: counted(run(command, folder)))


def _command(folder: Path | None = None) -> list[str]:
    """How TLC is begun; what Java unpacks goes to the folder."""
    jar = os.environ.get(JAR)
    if not jar:
        return ["tlc"]
    unpacked = [f"-Djava.io.tmpdir={folder.resolve()}"] if folder is not None else []
    return ["java", "-XX:+UseParallelGC", *unpacked, "-cp", str(Path(jar).resolve()), "tlc2.TLC"]


def configuration(case: Case) -> str:
    """TLC's configuration of a case."""
    _, invariants = INVARIANTS[case.spec]
    constants = [f"CONSTANT {name.capitalize()} = {value}" for name, value in case.bounds.items()]
    return "\n".join(
        ["SPECIFICATION Spec", *constants, "CHECK_DEADLOCK FALSE", f"INVARIANT {' '.join(invariants)}", ""]
    )


def counted(done: Done) -> Counted:
    """What TLC printed, and how long it took. Raises :class:`Failed` for no result."""
    found = re.findall(r"(\d+) distinct states found", done.out.replace(",", ""))
    said = re.search(r"^Error: (.*)$", done.out, re.M)
    if not found:
        done.succeeded("TLC")
        raise Failed(f"TLC gave no result: {said.group(1) if said else done.out[-200:].strip()}")
    finished = "Model checking completed. No error has been found." in done.out
    error = None if finished else said.group(1) if said else f"TLC ended with status {done.status}"
    return Counted(int(found[-1]), done.seconds, error)
