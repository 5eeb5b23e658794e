"""A trace as a play, and where a release with known bugs departs from the kernel as it should be."""

from __future__ import annotations

from collections.abc import Iterator

from nsmodel.kernel.versions import versions
from nsmodel.oracle.live.credentials import kinds
from nsmodel.oracle.live.routes import Forests
from nsmodel.oracle.live.translate_users import mask, mode, program_path
from nsmodel.system.snapshot import View
from nsmodel.testgen.calls import Call, Text, Word
from nsmodel.testgen.case import Case
from nsmodel.testgen.expected import Seen
from nsmodel.testgen.performance import Performance
from nsmodel.traces.observable import visible
from nsmodel.traces.trace import Trace

OLDEST = "6.18"
"""The release whose rules the model has."""


class Play:
    """One trace with everything that a program needs of it. Raises
    :class:`nsmodel.testgen.performance.Unperformable`."""

    def __init__(self, trace: Trace) -> None:
        performance = Performance(trace)
        self.trace = trace
        self.beginning = performance.beginning
        self.acts = list(performance.acts())
        self.finds = list(performance.finds())
        self.everybody = performance.observer.everybody

    @property
    def tests(self) -> int:
        """How many reports it makes: of the beginning, of each call, of what is mounted nowhere."""
        return 1 + len(self.acts) + bool(self.finds)

    @property
    def seen(self) -> Iterator[Seen]:
        """Everything that can be seen, state by state."""
        yield self.beginning
        yield from (act.seen for act in self.acts)


def known_at(trace: Trace, case: Case) -> dict[int, tuple[str, ...]]:
    """The steps, counted with the prelude from 0, at which a variant's trace departs from the case's, with the bugs."""
    bugs = next((v.bugs for v in case.variants if v.trace is trace), None)
    if bugs is None:
        return {}
    right = [*case.trace.prelude, *case.trace.steps]
    out = {}
    for number, step in enumerate((*trace.prelude, *trace.steps)):
        there = right[number] if number < len(right) else None
        same = there is not None and step.result == there.result
        if not same or there is None or visible(step.state or {}) != visible(there.state or {}):
            out[number] = bugs
    return out


def version_code(version: str) -> int:
    """A version as one number that grows with it."""
    major, minor = version.split(".")[:2]
    return int(major) * 1000 + int(minor)


def next_version(version: str) -> str:
    """The first version that is not this one any more; of the latest none comes near."""
    later = [v for v in versions()[1:] if version_code(v) > version_code(version)]
    return min(later, key=version_code, default="1000.0")


def alike(seen: Seen) -> Seen:
    """Tasks that read the same mount table: told once."""
    first: dict[str, str] = {}
    out: Seen = {}
    for task, told in seen.items():
        out[task] = dict(told)
        table = told.get("MOUNT_TABLE")
        if table and table.count("\n") > 1:
            other = first.setdefault(table, task)
            if other != task:
                out[task]["MOUNT_TABLE"] = f"as {other}"
    return out


def setups(trace: Trace) -> Iterator[Call]:
    """What the first task makes before the case begins: names, proc where the trace has it, programs."""
    view = View(trace.start)
    forests = Forests(view)
    if view.rows("mounts"):
        bottoms = {row["root"] for row in view.rows("mnt_namespaces").values()}
        top = next(row for row in view.rows("mounts").values() if row["parent"] in bottoms)
        yield Call("make_names", (Text(forests.names(top["root"]).strip("-")),))
        for row in view.rows("mounts").values():
            if forests.kind(view.row("dentries", row["root"])["fs"]) == "PROC":
                yield Call("show_proc", (Text(forests.path(row["mountpoint"])),))
    if not any(step.operation in ("execve", "chmod") for step in (*trace.prelude, *trace.steps)):
        return
    capabilities, scope = view.rows("capabilities"), kinds(view)
    for slot, row in view.rows("programs").items():
        sets = [mask((capabilities[c]["kind"] for c in row[n]), scope) for n in ("permitted", "inheritable")]
        words = (row["uid"], row["gid"], f"{mode(row['setuid'], row['setgid']):#o}", *map(hex, sets))
        words = (*words, int(row["raises"]), row["rootid"])
        yield Call("install", (Text(program_path(slot)), *(Word(str(word)) for word in words)))
