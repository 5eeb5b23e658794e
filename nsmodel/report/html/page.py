"""Puts the page together: the title, the calls in lanes, every step, how to see it again, and the legend."""

from __future__ import annotations

import shlex
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from nsmodel import __version__
from nsmodel.report.bug import Bug
from nsmodel.report.console import plural
from nsmodel.report.html.judged import Judged, Replay
from nsmodel.report.html.steps import StepPage, prelude_of, steps_of
from nsmodel.report.html.symbols import LEGEND, symbols, used_signs
from nsmodel.report.html.timeline import columns_of, rails
from nsmodel.traces.trace import Trace

PACKAGE = "nsmodel.report.html"
SHORT = 10
"""So many letters of the names of tasks have room above the lanes; longer ones are turned."""
SIGNS = {"+": "new", "~": "changed", "-": "gone", "#": "count"}
"""What a change is called, and the class that it has in the style sheet."""
BADGES = {"+": "+", "~": "~", "-": "−", "#": "#"}
"""What is seen of it."""


def render(trace: Trace, judged: Judged) -> str:
    """The page of a trace. The same text for the same trace and judgement."""
    steps, tasks = steps_of(trace), columns_of(trace)
    used = used_signs(steps)
    page = _environment().get_template("page.html")
    return page.render(
        version=__version__,
        style=_file("style.css"),
        script=_file("script.js"),
        symbols=Markup(symbols()),
        signs=SIGNS,
        badges=BADGES,
        trace=trace,
        judged=judged,
        replay=judged.replay,
        title=_title(trace),
        lede=trace.violates.clause if trace.violates is not None else "",
        summary=_summary(judged.replay, trace),
        facts=_facts(trace, judged),
        prelude=prelude_of(trace),
        steps=steps,
        labels={step.number: label(step) for step in steps},
        lanes=list(zip(steps, rails(trace), strict=True)),
        tasks=tasks,
        turned=sum(map(len, tasks)) > SHORT,
        commands=commands(trace, judged),
        legend=[(sign, text) for sign, text in LEGEND.items() if sign in used],
    )


@cache
def _environment() -> jinja2.Environment:
    """The templates, which escape whatever comes from a trace."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader(PACKAGE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def _file(name: str) -> Markup:
    """A style sheet or a script of ours, as it is."""
    return Markup(resources.files(PACKAGE).joinpath(name).read_text(encoding="utf-8"))


def _title(trace: Trace) -> str:
    broken = trace.violates
    return f"{broken.property} is violated" if broken is not None else f"A trace of {plural(len(trace.steps), 'step')}"


def _facts(trace: Trace, judged: Judged) -> list[tuple[str, str]]:
    """What the page says of the trace in a few words: a name and a value."""
    out = []
    if trace.mutant is not None:
        out.append(("Known bug switched on", _bug(trace.mutant, judged.bug)))
    shortest = ", no trace is shorter" if trace.violates is not None and trace.violates.minimal else ""
    out += [("Spec", trace.spec), ("Steps", f"{len(trace.steps)}{shortest}")]
    return [*out, ("Kernel of the model", "as it should be (fixed)" if trace.kernel == "fixed" else trace.kernel)]


def _bug(name: str, bug: Bug | None) -> str:
    """A known bug: what goes wrong, where it is known from, which released kernels have it."""
    if bug is None:
        return name
    more = [bug.source] if bug.source and bug.source != "synthetic" else []
    more += [f"lives in Linux {', '.join(bug.kernels)}"] if bug.kernels else []
    return f"{name}: {bug.summary}" + (f" ({'; '.join(more)})" if more else "")


def _summary(replay: Replay | None, trace: Trace) -> tuple[str, str]:
    """The kernel's word on the whole trace: `same`, `differs` or `unknown`, and a sentence."""
    if replay is None:
        if not trace.replayable:
            return "unknown", "Not replayed: no calls lead to the initial state of this trace."
        return "unknown", "Not replayed on a kernel."
    found = replay.divergence
    kernel = f"Linux {replay.release}"
    if found is None:
        return "same", f"{kernel} does the same at every step."
    where = "in a last look at the end" if replay.at_the_end else f"at step {found.step}"
    if replay.in_prelude:
        where = "already in the preparation"
    what = f"{found.what}; the trace says {found.expected}, the kernel {found.got}"
    return "differs", f"{kernel} differs {where}: {what}."


def commands(trace: Trace, judged: Judged) -> list[tuple[str, str]]:
    """How to see it again: what for, and the command."""
    file = shlex.quote(judged.file)
    out = [("Show it as text", f"nsmodel show {file}")]
    if trace.replayable:
        out.append(("Perform it on this machine's kernel, as root", f"nsmodel replay {file}"))
        out.append(("This page with the kernel's word", f"nsmodel report {file} --replay --out report.html"))
    if trace.mutant is not None:
        out.append(("Search for it again", f"nsmodel check {trace.spec} --mutant {trace.mutant}"))
    return out


def label(step: StepPage) -> str:
    """A step in one line, for whoever listens."""
    return "Initial state" if step.call is None else f"Step {step.number}: {step.call}"
