"""A whole trace as one picture: its title, a panel for each state, and a legend of the signs that it uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nsmodel.report import calls
from nsmodel.report.console import plural
from nsmodel.report.picture import signs
from nsmodel.report.picture.mounts import mount_blocks
from nsmodel.report.picture.panel import Panel
from nsmodel.report.picture.processes import process_blocks
from nsmodel.report.picture.rows import Block
from nsmodel.report.picture.svg import BROKEN, FAINT, INK, SOFT, Canvas, Style, width_of, wrapped
from nsmodel.system.problem import Problem
from nsmodel.traces.mount_facts import MountFacts
from nsmodel.traces.names import Names
from nsmodel.traces.places import mounts_of
from nsmodel.traces.trace import State, Step, Trace

WIDE, EDGE, GUTTER = 1000.0, 28.0, 28.0
MANY = 12
"""A longer trace is drawn at its beginning, its end and where it breaks; of other steps only the call is told."""
LAST = 3
TITLE = Style(19, bold=True)
SUBTITLE = Style(12.5, ink=SOFT)
CLAUSE = Style(13, bold=True, ink=BROKEN)


def drawable(trace: Trace) -> bool:
    """A trace has mounts or processes in it."""
    return any(panel.blocks for panel in panels_of(trace))


def draw(trace: Trace) -> str:
    """The picture of a trace. Raises :class:`Problem` where a trace has neither mounts nor processes."""
    panels = panels_of(trace)
    if not any(panel.blocks for panel in panels):
        cause = "its states have neither mounts nor a tree of processes"
        raise Problem("there is nothing to draw", place=trace.spec, cause=cause, fix="nsmodel show without --svg")
    return layout(title_of(trace), panels, trace.spec)


def title_of(trace: Trace) -> list[tuple[str, Style]]:
    """The lines above the panels."""
    on = f" with {trace.mutant} on" if trace.mutant else ""
    broken = trace.violates
    if broken is None:
        return [(trace.spec, TITLE), (f"a trace of {plural(len(trace.steps), 'step')}{on}, kernel {trace.kernel}",
                                      SUBTITLE)]  # fmt: skip
    kind = "shortest counterexample" if broken.minimal else "counterexample, perhaps not the shortest"
    return [
        (f"{trace.spec}: {broken.property} is violated{on}", TITLE),
        (f"{kind}, {plural(len(trace.steps), 'step')}, kernel {trace.kernel}", SUBTITLE),
    ]


def panels_of(trace: Trace) -> list[Panel]:
    """A panel for the initial state and each step."""
    names = Names()
    for state in (trace.start, *(s.state for s in trace.prelude if s.state is not None)):
        names.see(state)
    maker = _Maker(trace, names, with_mounts=any(mounts_of(state) for state in trace.states()))
    out = [maker.initial()]
    drawn = _drawn(trace)
    if len(drawn) < len(trace.steps):
        out[0].lines.append(f"of {len(trace.steps) - len(drawn)} steps only the call is told")
    for number, step in enumerate(trace.steps, 1):
        out.append(maker.step(number, step, full=number in drawn))
    return out


def _drawn(trace: Trace) -> set[int]:
    """The steps after which the state is drawn."""
    steps = len(trace.steps)
    if steps <= MANY:
        return set(range(1, steps + 1))
    return {*range(steps - LAST + 1, steps + 1), trace.violates.step if trace.violates is not None else steps}


class _Maker:
    """Makes panels, one state after the other."""

    def __init__(self, trace: Trace, names: Names, *, with_mounts: bool) -> None:
        self.trace, self.names, self.with_mounts = trace, names, with_mounts
        self.state = trace.initial
        self.table = dict(names.see(trace.initial))
        self.drawn: list[Block] = []

    def initial(self) -> Panel:
        """The state before the first step."""
        after = f"after {plural(len(self.trace.prelude), 'call')} of preparation" if self.trace.prelude else ""
        panel = Panel("0", "initial state", lines=[after] if after else [])
        panel.blocks = self._blocks(self.state, None, {}, self._broken(0))
        self.drawn = self._told(panel.blocks)
        panel.broken = self._clause(0)
        return panel

    def step(self, number: int, step: Step, *, full: bool) -> Panel:
        """A step, and the state after it."""
        trace, before, old = self.trace, self.table, self.state
        who = before.get(("tasks", step.task), f"task {step.task}") if step.task is not None else ""
        parts = calls.arguments(trace, step, before, old)
        words = [f"{step.operation}(", *(p + ", " for p in parts[:-1]), *parts[-1:], ")"]
        if len(words) > 2:
            words[-2:] = [words[-2] + words[-1]]
        result = f" = {'-1 ' + step.errno if step.errno else step.result}"
        panel = Panel(str(number), who, words, result, [step.reason] if step.reason else [])
        panel.broken = self._clause(number)
        if step.state is None:
            panel.lines.append("the rule was trapped: there is no state after it")
        else:
            self.table = dict(self.names.see(step.state))
            self.state = step.state
            panel.lines += self._also(step, {**before, **self.table})
            if full:
                blocks = self._blocks(step.state, old, before, self._broken(number))
                if self._told(blocks) != self.drawn or panel.broken:
                    panel.blocks, self.drawn = blocks, self._told(blocks)
                else:
                    panel.lines.append("all mounts stay as they are" if self.with_mounts else "no process changes")
            else:
                self.drawn = []
        return panel

    def _told(self, blocks: list[Block]) -> list[Block]:
        """Blocks without what a step did: what is drawn again where nothing happens."""
        return [replace(b, rows=[replace(r, change="", note="") for r in b.rows]) for b in blocks]

    def _blocks(
        self, state: State, before: State | None, old: Mapping[tuple[str, int], str], broken: dict[str, frozenset[int]]
    ) -> list[Block]:
        if not self.with_mounts:
            return process_blocks(state, self.table, before, old, broken.get("tasks", frozenset()))
        facts = MountFacts(state, self.table)
        was = MountFacts(before, old) if before is not None else None
        return mount_blocks(facts, was, broken.get("mounts", frozenset()), broken.get("mnt_namespaces", frozenset()))

    def _broken(self, number: int) -> dict[str, frozenset[int]]:
        found = self.trace.violates
        if found is None or found.step != number:
            return {}
        kinds = {ref.collection for ref in found.objects}
        return {kind: frozenset(r.id for r in found.objects if r.collection == kind) for kind in kinds}

    def _clause(self, number: int) -> list[str]:
        found = self.trace.violates
        return [f"{found.property}: {found.clause}"] if found is not None and found.step == number else []

    def _also(self, step: Step, table: dict[tuple[str, int], str]) -> list[str]:
        """What else came and went, beside what is drawn."""
        drawn = {"mounts", "peer_groups"} if self.with_mounts else {"tasks", "pids"}
        words = {"created": "+", "freed": "−"}
        told = [
            f"{words[c.kind]} {table.get((c.collection, c.id), c.collection)}"
            for c in step.changes
            if c.kind in words and c.collection not in drawn
        ]
        return ["  ".join(told)] if told else []


def layout(title: Sequence[tuple[str, Style]], panels: Sequence[Panel], name: str) -> str:
    """Panels in one column, or in two where all are narrow, between a title and a legend."""
    inner = WIDE - 2 * EDGE
    half = (inner - GUTTER) / 2
    columns = 2 if len(panels) > 1 and all(p.width() <= half for p in panels) else 1
    wide = max(WIDE, *(p.width() + 2 * EDGE for p in panels))
    width = half if columns == 2 else wide - 2 * EDGE
    c = Canvas()
    y = EDGE + 10
    for text, style in title:
        for part in wrapped(text, style, wide - 2 * EDGE):
            c.text(EDGE, y + 6, part, style)
            y += style.size + 8
    y += 6
    told = True
    for start in range(0, len(panels), columns):
        line = panels[start : start + columns]
        before, told = told, any(p.blocks for p in line)
        if before or told:  # calls without a picture follow each other closely
            c.line([(EDGE, y), (wide - EDGE, y)], FAINT, 0.8)
            y += 14
        y += max(p.draw(c, EDGE + i * (width + GUTTER), y, width) for i, p in enumerate(line)) + (6 if told else -4)
    y = _legend(c, y + 8, wide, {s for p in panels for s in p.signs()})
    return c.document(wide, y + EDGE - 8, name)


def _legend(c: Canvas, y: float, wide: float, used: set[str]) -> float:
    """The signs that were used and what they mean; gives where it ends."""
    c.line([(EDGE, y), (wide - EDGE, y)], INK, 1)
    style = Style(11, ink=SOFT)
    y += 22
    x = EDGE
    shown = [sign for sign in signs.MEANINGS if sign in used]
    cell = 48 + max(width_of(signs.MEANINGS[s], style) for s in shown) if shown else 0
    across = max(1, int((wide - 2 * EDGE) // cell)) if shown else 1
    cell = (wide - 2 * EDGE) / across
    for i, sign in enumerate(shown):
        x, row = EDGE + (i % across) * cell, y + (i // across) * 22
        signs.sample(c, sign, x + 16, row)
        c.text(x + 42, row + 4, signs.MEANINGS[sign], style)
    return y + ((len(shown) - 1) // across) * 22 + 16
