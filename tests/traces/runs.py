"""Traces that several tests look at."""

from pathlib import Path
from typing import Any

from nsmodel.engines.interface import Limits
from nsmodel.engines.reference import Reference
from nsmodel.kernel.versions import find_switch
from nsmodel.system.load import load_file
from nsmodel.system.operation import Call
from nsmodel.system.transition import TransitionSystem, make_system
from nsmodel.traces.record import record
from nsmodel.traces.trace import Trace

SPECS = Path(__file__).parents[2] / "specs"


def system_of(spec: str, mutant: str | None = None) -> TransitionSystem:
    loaded = load_file(SPECS / f"{spec}.py").spec
    return make_system(loaded, loaded.scope(None), mutant=find_switch(mutant) if mutant else None)


def found(spec: str, mutant: str, prop: str, depth: int) -> Trace:
    system = system_of(spec, mutant)
    search = Reference().search(system, Limits(depth=depth), lambda progress: None)
    return record(system, search.found[prop].calls, search.found[prop].violation)


def run(spec: str, *calls: tuple[str, dict[str, Any]]) -> Trace:
    return record(system_of(spec), [Call(name, tuple(arguments.items())) for name, arguments in calls])
