"""From what engines found to results, expectations and the exit status."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from nsmodel.engines.interface import Found, Search
from nsmodel.engines.vacuity import blocked
from nsmodel.report.output import Disagreement, Result, ScopeInfo
from nsmodel.system.transition import TransitionSystem
from nsmodel.system.verdict import Exit, Verdict
from nsmodel.traces.blame import blame
from nsmodel.traces.record import record
from nsmodel.traces.trace import Trace

INTERRUPTED = "interrupted"


IDLE = "no state and no call of random walks in the scope comes to a clause of it"
"""Why a property is vacuous."""


def results_of(system: TransitionSystem, search: Search, scope: ScopeInfo, idle: Collection[str] = ()) -> list[Result]:
    """One result for each property of the system's spec, those that are `idle` being vacuous where they hold, and one
    for each operation that can never succeed."""
    out = []
    for prop in system.spec.properties:
        found = search.found.get(prop.name)
        expected = expectation(system, prop.name)
        verdict, reason = _verdict(search, prop.name)
        if verdict is Verdict.HOLDS and prop.name in idle:
            verdict, reason = Verdict.VACUOUS, IDLE
        result = _result(system, search, scope, prop.name, verdict, expected, reason)
        if found is not None:
            _explain(result, system, found)
        out.append(result)
    out += [
        _result(
            system,
            search,
            scope,
            f"operation {name}",
            Verdict.VACUOUS,
            Verdict.HOLDS,
            f"it never succeeds in the whole scope: {blocked(system, system.operation(name))}",
        )
        for name in vacuous(system, search)
    ]
    return out


def unfit(system: TransitionSystem, engine: str, scope: ScopeInfo, reason: str) -> list[Result]:
    """The results of an engine that did not run."""
    search = Search(engine, stopped=reason)
    return [
        _result(system, search, scope, p.name, Verdict.UNKNOWN, expectation(system, p.name), reason)
        for p in system.spec.properties
    ]


def expectation(system: TransitionSystem, prop: str) -> Verdict:
    """What the spec expects of a property; with a mutant, that it holds."""
    return Verdict.HOLDS if system.mutant else system.spec.expect.get(prop, Verdict.HOLDS)


def vacuous(system: TransitionSystem, search: Search) -> list[str]:
    """Operations that never succeed although no state was left out, or only those deeper than the spec itself goes;
    none where a bug or a violation cuts states off."""
    whole = search.complete or (search.engine != "simulate" and search.depth == system.depth == system.spec.depth)
    if not whole or search.found or search.stopped or system.mutant or not search.coverage:
        return []
    allowed: tuple[str, ...] = getattr(system.spec, "may_never_succeed", ())
    return [o.name for o in system.operations if not search.coverage[o.name, "ok"] and o.name not in allowed]


def _verdict(search: Search, prop: str) -> tuple[Verdict, str | None]:
    if prop in search.found:
        return Verdict.VIOLATED, None
    if prop in search.unknown:
        return Verdict.UNKNOWN, search.unknown[prop]
    if search.stopped:
        return Verdict.UNKNOWN, search.stopped
    return Verdict.HOLDS, None


def _result(
    system: TransitionSystem,
    search: Search,
    scope: ScopeInfo,
    prop: str,
    verdict: Verdict,
    expected: Verdict,
    reason: str | None,
) -> Result:
    met = verdict is expected or (verdict is Verdict.PROVED and expected is Verdict.HOLDS)
    return Result(
        spec=system.spec.name,
        property=prop,
        verdict=verdict.value,
        expected=expected.value,
        as_expected=met,
        engine=search.engine,
        kernel=system.kernel,
        mutant=system.mutant,
        scope=scope,
        depth=None if search.engine == "simulate" else search.depth,
        complete=search.complete,
        states=search.states,
        transitions=search.transitions,
        seconds=round(search.seconds, 3),
        compile_seconds=round(search.compile_seconds, 3),
        reason=reason,
        cuts=dict(sorted(search.cuts.items())),
    )


def _explain(result: Result, system: TransitionSystem, found: Found) -> None:
    trace = blamed(system, found)
    result.trace = trace
    result.clause = found.violation.clause
    result.objects = trace.violates.objects if trace.violates else []


def blamed(system: TransitionSystem, found: Found) -> Trace:
    """The trace of a counterexample, with where it was decided."""
    trace = record(system, found.calls, found.violation, minimal=found.minimal)
    assert trace.violates is not None
    trace.violates.blame = blame(system, found.calls, found.violation)
    return trace


def disagreements(results: Iterable[Result]) -> list[Disagreement]:
    """Pairs of engines that contradict each other on a property: a verdict, or the length of a shortest trace.

    A property that holds within N steps does not contradict a counterexample of more than N.
    """
    by_property: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        by_property.setdefault((result.spec, result.property), []).append(result)
    out = []
    for (spec, prop), several in by_property.items():
        for i, one in enumerate(several):
            for other in several[i + 1 :]:
                what = _contradiction(one, other) or _contradiction(other, one)
                if what:
                    out.append(Disagreement(spec, prop, (one.engine, other.engine), what))
    return out


def _contradiction(one: Result, other: Result) -> str | None:
    if one.trace is None or one.trace.violates is None:
        return None
    length = len(one.trace.steps)
    if other.trace is not None and other.trace.violates is not None:
        if one.trace.violates.minimal and length > len(other.trace.steps):
            return (
                f"{one.engine} has a shortest trace of {length} steps, {other.engine} one of {len(other.trace.steps)}"
            )
        return None
    holds = other.verdict in ("HOLDS", "PROVED")
    everywhere = other.complete or other.verdict == "PROVED"
    if holds and (everywhere or (other.depth is not None and other.depth >= length)):
        within = "everywhere" if everywhere else f"within {other.depth} steps"
        return f"{one.engine} breaks it in {length} steps, {other.engine} says that it holds {within}"
    return None


def exit_status(
    results: Sequence[Result], differing: Sequence[Disagreement] = (), *, interrupted: bool = False
) -> Exit:
    """The exit status of a run: engines that disagree come first, then Ctrl-C, then what is surely not as expected."""
    if differing:
        return Exit.DISAGREE
    if interrupted:
        return Exit.UNKNOWN
    odd = [r for r in results if not r.as_expected]
    if any(r.verdict not in ("UNKNOWN", "VACUOUS") for r in odd):
        return Exit.NOT_MET
    if any(r.verdict == "UNKNOWN" for r in odd):
        return Exit.UNKNOWN
    return Exit.VACUOUS if odd else Exit.MET
