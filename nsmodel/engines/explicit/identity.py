"""What makes two searches the same one, and counterexamples as JSON, for checkpoints."""

from __future__ import annotations

import hashlib
from typing import Any

from nsmodel import __version__
from nsmodel.engines.interface import Found
from nsmodel.engines.native.library import Library
from nsmodel.system.operation import Call, from_json, to_json
from nsmodel.system.transition import TransitionSystem, Violation


def identity_of(system: TransitionSystem, library: Library, depth: int | None, *, symmetry: bool) -> dict[str, str]:
    """All that the outcome of a search depends on; budgets and threads are not among it."""
    return {
        "version": __version__,
        "spec": system.spec.name,
        "bounds": ", ".join(f"{name}={value}" for name, value in system.bounds),
        "depth": str(depth) if depth is not None else "no limit",
        "kernel": system.kernel,
        "mutant": system.mutant or "none",
        "symmetry": "on" if symmetry else "off",
        "rules": hashlib.sha256(f"{library.program.text}{system.initial!r}".encode()).hexdigest(),
    }


def encoded(found: Found) -> dict[str, Any]:
    """A counterexample as JSON."""
    violation = found.violation
    return {
        "property": violation.property,
        "clause": violation.clause,
        "objects": list(violation.objects),
        "calls": [[c.operation, {name: to_json(value) for name, value in c.arguments}] for c in found.calls],
    }


def decoded(system: TransitionSystem, data: dict[str, Any]) -> Found:
    """The inverse of :func:`encoded`."""
    calls = []
    for name, given in data["calls"]:
        kinds = system.operation(name).parameters
        calls.append(Call(name, tuple((n, from_json(kind, given[n])) for n, kind in kinds)))
    return Found(Violation(data["property"], data["clause"], tuple(data["objects"])), tuple(calls))
