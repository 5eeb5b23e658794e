"""Verdicts as SARIF 2.1.0 (OASIS): a result for each expectation that is not met and each violation.

A rule is a property. A result lies in the spec's file, where the property is named first; the rule of the model that
decided it is a related location, and the steps of its trace are a code flow through the rules of the calls. What nobody
could decide is of kind `open`, an expected violation `informational`; both have level `none`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from nsmodel import __version__
from nsmodel.report.calls import call_text
from nsmodel.report.junit import summary
from nsmodel.report.output import CheckOutput, Result
from nsmodel.system.load import Loaded
from nsmodel.system.precedence import PACKAGE
from nsmodel.system.verdict import Exit
from nsmodel.traces.names import Names
from nsmodel.traces.trace import Rule, Trace

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


class Part(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """Base of what a log is made of; the names are those of the standard."""


class Message(Part):
    """A text."""

    text: str


class ArtifactLocation(Part):
    """A file: relative to the current folder where it lies below that."""

    uri: str


class Region(Part):
    """A place in a file."""

    start_line: int


class PhysicalLocation(Part):
    """A place in a file, or the file."""

    artifact_location: ArtifactLocation
    region: Region | None = None


class LogicalLocation(Part):
    """A function."""

    name: str
    kind: Literal["function"]


class Location(Part):
    """Where something is."""

    physical_location: PhysicalLocation
    logical_locations: tuple[LogicalLocation, ...] = ()
    message: Message | None = None


class ThreadFlowLocation(Part):
    """A step of a trace."""

    location: Location
    importance: Literal["important", "essential"] | None = None


class ThreadFlow(Part):
    """The steps of a trace."""

    locations: tuple[ThreadFlowLocation, ...]


class CodeFlow(Part):
    """A trace."""

    thread_flows: tuple[ThreadFlow, ...]


class Found(Part):
    """A result."""

    rule_id: str
    rule_index: int
    kind: Literal["fail", "open", "informational"]
    level: Literal["error", "warning", "none"]
    message: Message
    locations: tuple[Location, ...]
    related_locations: tuple[Location, ...] = ()
    code_flows: tuple[CodeFlow, ...] = ()
    properties: dict[str, str] = {}


class ReportingDescriptor(Part):
    """A property that specs check."""

    id: str
    short_description: Message


class Driver(Part):
    """This program."""

    name: str
    version: str
    rules: tuple[ReportingDescriptor, ...]


class Tool(Part):
    """What made the log."""

    driver: Driver


class Notification(Part):
    """What kept a search from its end."""

    message: Message


class Invocation(Part):
    """How the run ended."""

    execution_successful: bool
    exit_code: int
    exit_code_description: str
    tool_execution_notifications: tuple[Notification, ...] = ()


class Run(Part):
    """One run."""

    tool: Tool
    invocations: tuple[Invocation, ...]
    results: tuple[Found, ...]


class Log(msgspec.Struct):
    """The file."""

    version: Literal["2.1.0"]
    schema: str = msgspec.field(name="$schema")
    runs: tuple[Run, ...]


def encode(output: CheckOutput, specs: Mapping[str, Loaded]) -> bytes:
    """The file; `specs` are those of the results by name."""
    writer = _Writer(specs)
    shown = [r for r in output.results if not r.as_expected or r.verdict in ("VIOLATED", "UNKNOWN")]
    rules = list(dict.fromkeys(r.property for r in shown))
    statements = {p.name: p.statement for loaded in specs.values() for p in loaded.spec.properties}
    described = tuple(
        ReportingDescriptor(id=r, short_description=Message(text=statements.get(r, "an operation that can succeed")))
        for r in rules
    )
    unknown = dict.fromkeys(f"{r.spec}, {r.engine}: {r.reason}" for r in output.results if r.verdict == "UNKNOWN")
    status = Exit(output.exit)
    invocation = Invocation(
        execution_successful=status is not Exit.UNKNOWN,
        exit_code=int(status),
        exit_code_description=status.name.lower().replace("_", " "),
        tool_execution_notifications=tuple(Notification(message=Message(text=text)) for text in unknown),
    )
    run = Run(
        tool=Tool(driver=Driver(name="nsmodel", version=__version__, rules=described)),
        invocations=(invocation,),
        results=tuple(writer.found(r, rules.index(r.property)) for r in shown),
    )
    log = Log(version="2.1.0", schema=SCHEMA, runs=(run,))
    return msgspec.json.format(msgspec.json.encode(log), indent=1) + b"\n"


class _Writer:
    """Writes results; knows the files of specs."""

    def __init__(self, specs: Mapping[str, Loaded]) -> None:
        self.specs = specs

    def found(self, result: Result, rule: int) -> Found:
        loaded = self.specs[result.spec]
        unknown, expected = result.verdict == "UNKNOWN", result.as_expected
        trace = result.trace
        told = {"engine": result.engine, "kernel": result.kernel, "scope": result.scope.name}
        return Found(
            rule_id=result.property,
            rule_index=rule,
            kind="open" if unknown else "informational" if expected else "fail",
            level="none" if unknown or expected else "warning" if result.verdict == "VACUOUS" else "error",
            message=Message(text=f"{result.spec}: {summary(result)}"),
            locations=(_at(loaded.path, _line(loaded.path, rf"\b{result.property}\b", r"^SPEC\b")),),
            related_locations=tuple(self._decided(loaded, trace)) if trace is not None else (),
            code_flows=(self._flow(loaded, trace),) if trace is not None and trace.steps else (),
            properties=told | ({"mutant": result.mutant} if result.mutant else {}),
        )

    def _decided(self, loaded: Loaded, trace: Trace) -> Iterator[Location]:
        """The rules that decided a trace: the check that is missing, or where the bugs are asked for."""
        blame = trace.violates.blame if trace.violates is not None else None
        if blame is None:
            return
        if blame.check is not None:
            text = f"step {blame.parted} would fail here with {blame.check.errno}: {blame.check.reason}"
            yield self._rule(loaded, blame.check.rule, text)
        for rule in blame.asked:
            if blame.check is None or rule != blame.check.rule:
                yield self._rule(loaded, rule, f"step {blame.parted} asks here for {' and '.join(blame.bugs)}")

    def _rule(self, loaded: Loaded, rule: Rule, text: str) -> Location:
        path = loaded.path if rule.file == loaded.path.name else PACKAGE.parent / rule.file
        place = _at(path, _line(path, rf"^\s*def {re.escape(rule.function)}\b"), rule.function)
        return msgspec.structs.replace(place, message=Message(text=f"{text} ({rule.source})"))

    def _flow(self, loaded: Loaded, trace: Trace) -> CodeFlow:
        names = Names()
        before, state = dict(names.see(trace.initial)), trace.initial
        steps = []
        for number, step in enumerate(trace.steps, 1):
            rule = loaded.spec.operation(step.operation).function
            place = _at(Path(rule.file), rule.line, rule.name)
            text = f"step {number}: {call_text(trace, step, before, state)}"
            last = trace.violates is not None and trace.violates.step == number
            location = msgspec.structs.replace(place, message=Message(text=text))
            steps.append(ThreadFlowLocation(location=location, importance="essential" if last else None))
            if step.state is not None:
                before, state = dict(names.see(step.state)), step.state
        return CodeFlow(thread_flows=(ThreadFlow(locations=tuple(steps)),))


def _at(path: Path, line: int | None, function: str | None = None) -> Location:
    whole, here = path.resolve(), Path.cwd()
    uri = whole.relative_to(here).as_posix() if whole.is_relative_to(here) else whole.as_uri()
    region = Region(start_line=line) if line is not None else None
    named = (LogicalLocation(name=function, kind="function"),) if function is not None else ()
    physical = PhysicalLocation(artifact_location=ArtifactLocation(uri=uri), region=region)
    return Location(physical_location=physical, logical_locations=named)


def _line(path: Path, *patterns: str) -> int | None:
    """The first line of a file that has the first of some patterns that it has at all; None where it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((n for p in patterns for n, text in enumerate(lines, 1) if re.search(p, text)), None)
