"""Verdicts as JUnit XML: a test suite for each spec, a test case for each property."""

from __future__ import annotations

import io
from collections.abc import Iterable

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from nsmodel.report.output import CheckOutput, Disagreement, Result
from nsmodel.report.written import plain


def encode(output: CheckOutput) -> bytes:
    """The file. A case is as long as the search that decided it; of several decided by one search the first one is."""
    xml = JUnitXml("nsmodel check")
    for spec in dict.fromkeys(r.spec for r in output.results):
        results = [r for r in output.results if r.spec == spec]
        xml.add_testsuite(_suite(spec, results, [d for d in output.disagreements if d.spec == spec]))
    xml.update_statistics()
    out = io.BytesIO()
    xml.write(out, pretty=True)
    return out.getvalue()


def _suite(spec: str, results: list[Result], differing: Iterable[Disagreement]) -> TestSuite:
    suite = TestSuite(spec)
    first = results[0]
    suite.add_property("kernel", first.kernel)
    suite.add_property("scope", " ".join([first.scope.name, *(f"{k}={v}" for k, v in first.scope.bounds.items())]))
    if first.mutant is not None:
        suite.add_property("mutant", first.mutant)
    several = len({r.engine for r in results}) > 1
    timed = set()
    for result in results:
        name = f"{result.property} [{result.engine}]" if several else result.property
        case = TestCase(name, spec, 0.0 if result.engine in timed else result.seconds)
        timed.add(result.engine)
        ended = _ended(result)
        if ended is not None:
            case.result = [ended]
        suite.add_testcase(case)
    for one in differing:
        case = TestCase(f"{one.property} [{' and '.join(one.engines)}]", spec, 0.0)
        case.result = [Error(one.what, "DISAGREE")]
        suite.add_testcase(case)
    return suite


def _ended(result: Result) -> Failure | Skipped | None:
    """How a test case ended; None where it passed. What nobody could decide is skipped, with the reason."""
    if result.verdict == "UNKNOWN":
        return Skipped(result.reason, result.verdict)
    if result.as_expected:
        return None
    failure = Failure(summary(result), result.verdict)
    failure.text = plain(result.trace) if result.trace is not None else result.reason
    return failure


def summary(result: Result) -> str:
    """A verdict that was not expected, in a line."""
    why = result.clause or result.reason
    return f"{result.verdict}, expected {result.expected}" + (f": {why}" if why else "")
