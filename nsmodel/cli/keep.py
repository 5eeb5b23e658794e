"""Writes the counterexamples of known bugs into a folder, each with its story and what else shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nsmodel.cli.replay import say
from nsmodel.ir.language import Switch
from nsmodel.kernel.catalogue import catalogue
from nsmodel.kernel.versions import all_switches, running
from nsmodel.oracle.errors import OracleUnavailable
from nsmodel.report import written
from nsmodel.report.picture import page
from nsmodel.system.spec import Spec
from nsmodel.testgen.c_program import C
from nsmodel.testgen.case import Case
from nsmodel.traces import itf
from nsmodel.traces.read import load_trace
from nsmodel.traces.trace import Trace, encode

TABLE = "README.md"
SAID = "replay.txt"


@dataclass(frozen=True)
class Found:
    """The counterexample of a known bug; `right` is what the same calls do without it, `apart` what of that a process
    can see, None for nothing."""

    switch: Switch
    spec: Spec
    trace: Trace
    right: Trace | None
    apart: str | None


def keep(folder: Path, found: Found) -> None:
    """Write one folder of the catalogue. A program that was written by hand stays, and so does what a kernel said where
    none can be asked. Raises OSError."""
    said = replayed(folder.name, found)
    folder.mkdir(parents=True, exist_ok=True)
    if said is not None:
        (folder / SAID).write_bytes(said)
    made = files(folder, found)
    for name in written.FILES:
        if name not in made and name not in (written.BY_HAND, SAID):
            (folder / name).unlink(missing_ok=True)
    for name, data in made.items():
        (folder / name).write_bytes(data)


def files(folder: Path, found: Found) -> dict[str, bytes]:
    """The files of a folder that need no kernel, the same bytes whenever they are made; the README tells of what else
    is there."""
    out = {
        "trace.json": encode(found.trace),
        "trace.itf.json": itf.encode(found.trace),
    }
    if page.drawable(found.trace):
        out[written.PICTURE] = page.draw(found.trace).encode()
    program, why = (None, None) if (folder / written.BY_HAND).exists() else reproducer(found)
    if program is not None:
        out["reproduce.c"] = program
    there = {*out, *(name for name in (written.BY_HAND, SAID) if (folder / name).exists())}
    broken = found.trace.violates
    statements = {p.name: p.statement for p in found.spec.properties}
    kept = written.Kept(
        bug=found.switch,
        story=catalogue().stories.get(found.switch.name),
        statement=statements.get(broken.property, "") if broken is not None else "",
        files=tuple(name for name in written.FILES if name in there),
        no_program=why,
    )
    out["README.md"] = written.readme(kept, found.trace).encode()
    return out


def reproducer(found: Found) -> tuple[bytes | None, str | None]:
    """A program that a kernel with the bug fails, or why there is none."""
    if not found.trace.replayable:
        return None, "no calls lead to its initial state"
    if found.switch.program:
        return None, "it is a bug of a program, and every kernel does what it is told"
    if found.right is None or found.apart is None:
        return None, "no process can see a difference to a kernel without the bug within these calls"
    if len(found.right.steps) < len(found.trace.steps):
        return None, f"without the bug there is no such call as that of step {len(found.right.steps) + 1}"
    case = Case(
        name=found.switch.name,
        title=f"not so: {found.switch.summary}",
        cells=(f"{found.trace.spec}: {found.switch.name} ({found.switch.toggle}, {found.switch.source})",),
        trace=found.right,
        killers=(found.switch.name,),
    )
    why = C.cannot(case)
    return (C.write(case).encode(), None) if why is None else (None, why)


def replayed(name: str, found: Found) -> bytes | None:
    """What `nsmodel replay` says of a bug that the running kernel has; None where it has not, or cannot be asked."""
    if running() not in found.switch.kernels or not found.trace.replayable:
        return None
    try:
        return ("\n".join(say(f"counterexamples/{name}/trace.json", found.trace)) + "\n").encode()
    except OracleUnavailable:
        return None


def table(folder: Path) -> str:
    """The table of what a folder keeps, in the order of the switches."""
    names = {p.parent.name for p in folder.glob("*/trace.json")}
    known = [s for s in all_switches() if s.name in names]
    return written.table((s, load_trace(folder / s.name / "trace.json")) for s in known)
