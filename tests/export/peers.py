"""Runs exported models in the peers that they are for, where those are installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nsmodel.engines.interface import Limits
from nsmodel.engines.reference import Reference
from nsmodel.export.murphi import murphi
from nsmodel.export.program import program_of
from nsmodel.export.promela import promela
from nsmodel.ir.language import Switch
from nsmodel.system.operation import op
from nsmodel.system.spec import Spec, prop
from nsmodel.system.transition import TransitionSystem, make_system
from tests.export.lamps import SPEC
from tests.models import mounts, pidns

KNOWN = {"pidns": 5198, "mounts": 3814}
"""States of the toy models in these bounds, as the reference engine counts them (in seconds)."""


def needs(*tools: str) -> pytest.MarkDecorator:
    """Skip where a tool is not installed."""
    missing = [t for t in tools if shutil.which(t) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def lamps(mutant: Switch | None = None) -> TransitionSystem:
    """The toy with every kind of field."""
    return make_system(SPEC, SPEC.scope(None), mutant=mutant)


def toy(model: str) -> TransitionSystem:
    """A toy model of the other tests."""
    module = pidns if model == "pidns" else mounts
    bounds = {"tasks": 3, "nss": 2, "levels": 1} if model == "pidns" else {}
    bounds = bounds or {"dentries": 2, "groups": 2, "users": 1, "nss": 1, "mounts": 3}
    named = zip(("ONE", "TWO"), module.INVARIANTS, strict=True)
    spec = Spec(
        name=model,
        title=model,
        state=module.K,
        base=module.base,
        bounds=bounds,
        operations=tuple(op(rule) for rule in module.RULES),
        properties=tuple(prop(name, name, fn) for name, fn in named),
    )
    return make_system(spec, spec.scope(None))


def ours(system: TransitionSystem) -> int:
    """How many states the reference engine finds without symmetry."""
    found = Reference().search(system, Limits(), lambda _: None, symmetry=False)
    assert found.complete and not found.found
    return found.states


def spin(system: TransitionSystem, folder: Path) -> tuple[int, str]:
    """States that Spin stores, and the assertion that it finds violated."""
    (folder / "model.pml").write_text(promela(program_of(system, packed=True)))
    run(folder, "spin", "-a", "model.pml")
    run(folder, "gcc", "-O0", "-w", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c")
    out = run(folder, "./pan", "-m100000", "-w16")
    broken = re.search(r"assertion violated (.*) \(at", out)
    stored = re.search(r"(\d+) states, stored", out)
    assert stored is not None
    return int(stored.group(1)), broken.group(1) if broken else ""


def rumur(system: TransitionSystem, folder: Path) -> tuple[int, str]:
    """States that Rumur finds, and what it says of the first error."""
    (folder / "model.m").write_text(murphi(program_of(system, packed=False)))
    run(folder, "rumur", "--deadlock-detection", "off", "--threads", "1", "-o", "model.c", "model.m")
    run(folder, "gcc", "-std=c11", "-O0", "-w", "-mcx16", "-o", "model", "model.c", "-lpthread")
    done = subprocess.run(["./model"], cwd=folder, capture_output=True, text=True, check=False)
    states = re.search(r"(\d+) states, \d+ rules fired", done.stdout)
    assert states is not None
    broken = re.search(r'(?:invariant|assertion|property) "?(.*?)"? (?:failed|violated)', done.stdout)
    return int(states.group(1)), broken.group(1) if broken else ("" if done.returncode == 0 else done.stdout)


def run(folder: Path, *command: str) -> str:
    """Run a command that must succeed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[:500]} {done.stderr[:500]}"
    return done.stdout
