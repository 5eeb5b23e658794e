"""The states of a trace as a page shows them: each with its call, what it changed, and panels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nsmodel.report import calls
from nsmodel.report.html.moment import Moment
from nsmodel.report.html.mounts import Forest, forest
from nsmodel.report.html.namespaces import namespaces
from nsmodel.report.html.others import others
from nsmodel.report.html.processes import processes
from nsmodel.report.html.readings import readings
from nsmodel.report.objects import Told, told
from nsmodel.traces.mountinfo import Ages
from nsmodel.traces.names import Names
from nsmodel.traces.trace import State, Step, Trace

PANELS: tuple[tuple[str, str, Callable[[Moment, Moment | None], Any]], ...] = (
    ("mounts", "Mounts", forest),
    ("processes", "Processes", processes),
    ("namespaces", "Namespaces", namespaces),
    ("mountinfo", "What each task reads in mountinfo", readings),
    ("others", "Other objects", others),
)
"""What is told of a state: an identifier, a title, and what makes it."""


@dataclass(frozen=True)
class CallText:
    """A call as people write it."""

    who: str
    name: str
    arguments: tuple[str, ...]
    result: str
    refused: bool
    reason: str

    def __str__(self) -> str:
        return f"{self.who} {self.name}({', '.join(self.arguments)}) = {self.result}".strip()


@dataclass(frozen=True)
class Panel:
    """One panel of a state. `like` is the step that shows the same, where nothing of it changed since; `body` is then
    None."""

    kind: str
    title: str
    body: Any
    like: int | None = None


@dataclass
class StepPage:
    """A step, or the initial state where `call` is None."""

    number: int
    call: CallText | None
    changes: list[Told] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    clause: str = ""
    trapped: bool = False


def call_text(trace: Trace, step: Step, names: dict[tuple[str, int], str], state: State) -> CallText:
    """The call of a step, with the names from before it."""
    who = names.get(("tasks", step.task), f"task {step.task}") if step.task is not None else ""
    result = f"-1 {step.errno}" if step.errno else str(step.result)
    arguments = tuple(calls.arguments(trace, step, names, state))
    return CallText(who, step.operation, arguments, result, bool(step.errno), step.reason or "")


def prelude_of(trace: Trace) -> list[CallText]:
    """The calls that lead to the initial state."""
    names, state, out = Names(), trace.start, []
    for step in trace.prelude:
        out.append(call_text(trace, step, dict(names.see(state)), state))
        state = step.state if step.state is not None else state
    return out


def steps_of(trace: Trace) -> list[StepPage]:
    """The initial state and every step."""
    names, ages = Names(), Ages()
    for state in (trace.start, *(s.state for s in trace.prelude if s.state is not None)):
        names.see(state)
        ages.see(state)
    maker = _Maker(trace, names, ages)
    return [maker.initial(), *(maker.step(number, step) for number, step in enumerate(trace.steps, 1))]


class _Maker:
    """Makes steps one after the other, and knows which step showed each panel last."""

    def __init__(self, trace: Trace, names: Names, ages: Ages) -> None:
        self.trace, self.names, self.ages = trace, names, ages
        self.now = self._moment(trace.initial, 0)
        self.shown: dict[str, tuple[int, Any]] = {}

    def initial(self) -> StepPage:
        page = StepPage(0, None, clause=self._clause(0))
        page.panels = self._panels(0, None)
        return page

    def step(self, number: int, step: Step) -> StepPage:
        before = self.now
        names = dict(before.names)
        page = StepPage(number, call_text(self.trace, step, names, before.state), clause=self._clause(number))
        if step.state is None:
            page.trapped = True
            return page
        self.now = self._moment(step.state, number)
        page.panels = self._panels(number, before)
        page.changes = [
            *_of_mounts(page.panels, self.now),
            *told(self.trace, step, names | dict(self.now.names), before.state),
        ]
        return page

    def _moment(self, state: State, number: int) -> Moment:
        broken = self.trace.violates
        found: dict[str, frozenset[int]] = {}
        if broken is not None and broken.step == number:
            kinds = {ref.collection for ref in broken.objects}
            found = {kind: frozenset(r.id for r in broken.objects if r.collection == kind) for kind in kinds}
        return Moment(self.trace, state, dict(self.names.see(state)), self.ages.see(state), found)

    def _clause(self, number: int) -> str:
        broken = self.trace.violates
        return f"{broken.property}: {broken.clause}" if broken is not None and broken.step == number else ""

    def _panels(self, number: int, before: Moment | None) -> list[Panel]:
        out = []
        for kind, title, make in PANELS:
            body = make(self.now, before)
            plain = make(self.now, None) if before is not None else body
            last = self.shown.get(kind)
            if body is None:
                self.shown.pop(kind, None)
            elif last is not None and last[1] == plain == body:
                out.append(Panel(kind, title, None, last[0]))
            else:
                out.append(Panel(kind, title, body))
                self.shown[kind] = (number, plain)
        return out


def _of_mounts(panels: list[Panel], now: Moment) -> list[Told]:
    """What a step did to mounts, from the panel that draws them."""
    body = next((panel.body for panel in panels if panel.kind == "mounts"), None)
    out = []
    for line in (line for block in body.blocks for line in block) if isinstance(body, Forest) else ():
        row = line.row
        if row is None or not row.change:
            continue
        words = [f"shared:{row.group}"] * (row.group is not None) + [f"master:{row.master}"] * (row.master is not None)
        text = row.note or " ".join([f"shows {row.shows}", *words])
        if row.change == "-":
            out.append(Told("-", f"mount {row.name}", f"showed {row.shows} {row.note}".strip()))
        elif row.change == "+":
            out.append(Told("+", f"mount {now.name('mounts', row.slot)}", text))
        else:
            out.append(Told("~", f"mount {now.name('mounts', row.slot)}", text))
    return out
