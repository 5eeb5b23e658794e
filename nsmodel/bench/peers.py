"""The checkers that we are measured against, each fed with the model that `nsmodel export` prints."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nsmodel.bench.cases import Case
from nsmodel.export.murphi import murphi
from nsmodel.export.program import program_of
from nsmodel.export.promela import promela
from nsmodel.system.problem import Problem

MOST = 3600.0
"""Seconds that a peer may take."""


@dataclass(frozen=True)
class PeerRun:
    """What a peer counted, and how long it took: to run, and to generate and compile its checker before."""

    states: int
    seconds: float
    compile_seconds: float


class Peer(Protocol):
    """A checker."""

    name: str

    def missing(self) -> str | None:
        """How to install it, where it is not."""
        ...

    def too_large(self, case: Case) -> str | None:
        """Why it is not asked about a case, or None."""
        ...

    def run(self, case: Case, folder: Path) -> PeerRun:
        """Check a case. Raises :class:`Problem` where that fails."""
        ...


class Spin:
    """Spin, depth-first, exhaustive, with a full state table."""

    name = "spin"

    def missing(self) -> str | None:
        """How to install it, where it is not."""
        return _needs(("spin", "gcc"), "apt-get install spin gcc")

    def too_large(self, case: Case) -> str | None:
        """Nothing is."""
        return None

    def run(self, case: Case, folder: Path) -> PeerRun:
        """Generate, compile and run a verifier."""
        (folder / "m.pml").write_text(promela(program_of(case.system(), packed=True)), encoding="utf-8")
        start = time.perf_counter()
        _call(["spin", "-a", "m.pml"], folder)
        flags = ["-O2", "-w", "-DSAFETY", "-DNOREDUCE", "-DNOBOUNDCHECK", "-DNOFAIR", "-DMEMLIM=20000"]
        _call(["gcc", *flags, "-o", "pan", "pan.c"], folder)
        compiled = time.perf_counter() - start
        table = max(18, min(27, (2 * case.states).bit_length()))
        text = _call(["./pan", "-m20000000", f"-w{table}"], folder)
        return PeerRun(spin_states(text), spin_seconds(text), compiled)


def spin_states(text: str) -> int:
    """Distinct states in the report of a verifier, without the one before the initial state."""
    found = re.search(r"^\s*(\d+) states, stored", text, re.M)
    if found is None or "error: max search depth too small" in text:
        raise Problem("Spin did not finish", cause=text[-300:])
    return int(found[1]) - 1


def spin_seconds(text: str) -> float:
    """Seconds in the report of a verifier; those too short to be told count as a hundredth."""
    found = re.search(r"elapsed time ([\d.e+-]+) seconds", text)
    return max(0.01, float(found[1])) if found else 0.01


class Rumur:
    """Rumur, breadth-first, with one thread."""

    name = "rumur"

    def missing(self) -> str | None:
        """How to install it, where it is not."""
        return _needs(("rumur", "gcc"), "apt-get install rumur gcc")

    def too_large(self, case: Case) -> str | None:
        """It takes minutes for what takes us a second."""
        return "more than 500,000 states take it many minutes" if case.states > 500_000 else None

    def run(self, case: Case, folder: Path) -> PeerRun:
        """Generate, compile and run a checker."""
        (folder / "m.m").write_text(murphi(program_of(case.system(), packed=False)), encoding="utf-8")
        start = time.perf_counter()
        _call(["rumur", "--deadlock-detection", "off", "--threads", "1", "-o", "m.c", "m.m"], folder)
        _call(["gcc", "-std=c11", "-O2", "-w", "-mcx16", "-march=native", "-o", "m", "m.c", "-lpthread"], folder)
        compiled = time.perf_counter() - start
        start = time.perf_counter()
        text = _call(["./m"], folder)
        return PeerRun(rumur_states(text), time.perf_counter() - start, compiled)


def rumur_states(text: str) -> int:
    """Distinct states in the report of a checker."""
    found = re.search(r"(\d+) states,", text)
    if found is None or "No error found" not in text:
        raise Problem("Rumur did not finish", cause=text[-300:])
    return int(found[1])


class Tlc:
    """TLC with two workers, on hand-written models in `$NSMODEL_TLA`: it is fed with no text of ours."""

    name = "tlc"

    def missing(self) -> str | None:
        """How to install it, where it is not."""
        if shutil.which("java") is None or not os.environ.get("TLA2TOOLS") or not os.environ.get("NSMODEL_TLA"):
            return "java; TLA2TOOLS names tla2tools.jar, NSMODEL_TLA a folder with pidns.tla and mounts.tla"
        return None

    def too_large(self, case: Case) -> str | None:
        """It takes minutes for what takes us a second."""
        if case.states > 500_000:
            return "more than 500,000 states take it many minutes"
        return None

    def run(self, case: Case, folder: Path) -> PeerRun:
        """Run TLC on the model of the case's family, its constants being the first letters of the bounds."""
        family = case.spec.removeprefix("bench_")
        letters = {"pidns": "PNL", "mounts": "MKD"}[family]
        source = Path(os.environ["NSMODEL_TLA"]) / f"{family}.tla"
        shutil.copy(source, folder / f"{family}.tla")
        constants = [f"CONSTANT {c} = {v}" for c, (_, v) in zip(letters, case.bounds, strict=True)]
        config = ["SPECIFICATION Spec", *constants, "CHECK_DEADLOCK FALSE"]
        (folder / f"{family}.cfg").write_text("\n".join(config) + "\n", encoding="utf-8")
        start = time.perf_counter()
        command = ["java", "-XX:+UseParallelGC", "-cp", os.environ["TLA2TOOLS"], "tlc2.TLC", "-workers", "2", family]
        text = _call(command, folder)
        return PeerRun(tlc_states(text), time.perf_counter() - start, 0.0)


def tlc_states(text: str) -> int:
    """Distinct states in the last line of a report that counts them."""
    found = re.findall(r"([\d,]+) distinct states found", text)
    if not found:
        raise Problem("TLC did not finish", cause=text[-300:])
    return int(found[-1].replace(",", ""))


PEERS: tuple[Peer, ...] = (Spin(), Rumur(), Tlc())


def _needs(tools: tuple[str, ...], how: str) -> str | None:
    return how if any(shutil.which(tool) is None for tool in tools) else None


def _call(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=MOST)
    except subprocess.TimeoutExpired:
        raise Problem(f"{command[0]} took more than {MOST:.0f} s", place=str(folder)) from None
    if done.returncode != 0 and command[0] in ("spin", "gcc", "rumur"):
        raise Problem(f"{command[0]} failed", cause=(done.stderr or done.stdout)[-300:])
    return done.stdout + done.stderr
