"""Cases for tests: counterexamples as the fixed kernel takes their calls, random traces as a campaign draws them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from nsmodel.kernel.versions import running, switches_of
from nsmodel.oracle.live.conform import Plan, draw, whole_system
from nsmodel.system.load import load_specs, scope_of
from nsmodel.system.transition import TransitionSystem, make_system
from nsmodel.testgen.case import Case, Variant
from nsmodel.traces.observable import difference
from nsmodel.traces.read import load_trace
from nsmodel.traces.record import calls_of, record
from nsmodel.traces.trace import Trace

KEPT = Path(__file__).parents[2] / "counterexamples"


def kept(name: str, release: str | None = None) -> Case:
    """A counterexample's calls, on the kernel as it should be; with a release, as that one takes them too."""
    wrong = load_trace(KEPT / name / "trace.json")
    (loaded,) = load_specs([wrong.spec])

    def performed(kernel: str, switches: frozenset[str]) -> Trace:
        system = make_system(loaded.spec, scope_of(loaded, None, {}, None), kernel=kernel, switches=switches)
        operations = {o.name: o for o in system.operations}
        return record(system, calls_of(wrong.steps, operations))

    right = performed("fixed", frozenset())
    variants: tuple[Variant, ...] = ()
    if release is not None:
        there = performed(release, switches_of(release))
        assert difference(there.steps, right.steps) is not None
        variants = (Variant(release, (name,), there),)
    return Case(f"{wrong.spec}_{name}", f"{wrong.spec} with {name}", (f"mutant {name}",), right, variants, (name,))


@cache
def whole() -> TransitionSystem:
    """Everything that the model can do, as the running kernel does it."""
    return whole_system(running(), switches_of(running()))


def drawn(area: str | None, seed: str, length: int) -> Case:
    """A random trace."""
    calls = draw(whole(), seed, length, Plan(1, area=area)).calls
    return Case("random", f"random calls, {area or 'all areas'}, {seed}", ("random",), record(whole(), calls))
