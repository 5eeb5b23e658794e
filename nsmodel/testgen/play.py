"""A trace as a play, and where a release with known bugs departs from the kernel as it should be."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from nsmodel.kernel.versions import versions
from nsmodel.oracle.live.credentials import kinds
from nsmodel.oracle.live.driver import SHOWN
from nsmodel.oracle.live.routes import Forests
from nsmodel.oracle.live.translate_users import mask, mode, program_path
from nsmodel.system.snapshot import View
from nsmodel.testgen.calls import Call, Text, Word
from nsmodel.testgen.case import Case
from nsmodel.testgen.expected import Seen
from nsmodel.testgen.performance import HIERARCHY, STRAY, Performance, Unperformable
from nsmodel.traces.observable import visible
from nsmodel.traces.trace import Trace

T = TypeVar("T")
OLDEST = "6.18"
"""The release whose rules the model has."""


class Play:
    """One trace with everything that a program needs of it. Raises
    :class:`nsmodel.testgen.performance.Unperformable`."""

    def __init__(self, trace: Trace) -> None:
        performance = Performance(trace)
        self.trace = trace
        self.beginning = performance.beginning
        self.names = _names(performance)
        self.acts = list(performance.acts())
        self.finds = list(performance.finds())
        self.everybody = performance.observer.everybody
        self.places = bool(self.finds) or any(act.opened is not None and act.opened.place for act in self.acts)

    def tells_places(self, facets: Sequence[str]) -> bool:
        """It compares where something is, so the files of the root have to be known by their names."""
        return self.names is not None and (self.places or "ROOT" in facets or "CWD" in facets)

    @property
    def tests(self) -> int:
        """How many reports it makes: of the beginning, of each call, of what is mounted nowhere."""
        return 1 + len(self.acts) + bool(self.finds)

    @property
    def seen(self) -> Iterator[Seen]:
        """Everything that can be seen, state by state."""
        yield self.beginning
        yield from (act.seen for act in self.acts)


def _names(performance: Performance) -> tuple[str, str] | None:
    """The name of the file system at the root, and the names in it as the runtimes make them; None without mounts."""
    found = root_of(View(performance.trace.start))
    if found is None:
        return None
    root, forests = found, performance.observer.forests
    return performance.observer.file_system(forests.dentries[root]["fs"]), forests.names(root).strip("-")


def root_of(start: View) -> int | None:
    """The root directory in the beginning, None without mounts."""
    bottoms = {row["root"] for row in start.rows("mnt_namespaces").values()}
    return next((row["root"] for row in start.rows("mounts").values() if row["parent"] in bottoms), None)


def plays_of(case: Case) -> dict[str, Play]:
    """The plays of a case by the names of the functions that perform them: the kernel's as it should be, and how it
    goes on each release with known bugs. Raises :class:`nsmodel.testgen.performance.Unperformable`."""
    for trace in (case.trace, *(v.trace for v in case.variants)):
        if not trace.replayable:
            raise Unperformable("no calls lead to its initial state")
    out = {"the_case": Play(case.trace)}
    for variant in case.variants:
        out[f"on_{variant.kernel.replace('.', '_')}"] = Play(variant.trace)
    return out


def everybody(plays: Iterable[Play]) -> list[str]:
    """Every task of some plays, and STRAY where a task is refused."""
    there = list(plays)
    names = [name for play in there for name in play.everybody]
    refused = any(act.child == STRAY for play in there for act in play.acts)
    return list(dict.fromkeys(names)) + [STRAY] * refused


def uses_hierarchy(plays: Iterable[Play]) -> bool:
    """A call mounts a cgroup hierarchy of version 1, whose controllers a program has to know."""
    return any(HIERARCHY in str(word) for play in plays for act in play.acts for word in act.command.words)


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


def shared_beginning(blocks: Sequence[Sequence[T]]) -> int:
    """How many blocks of text several plays have in common at their beginning; none where there is one play."""
    if len(blocks) < 2:
        return 0
    pairs = zip(*blocks, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda same: all(block == same[0] for block in same), pairs))


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
    """What the first task makes before the case begins: names, proc and sysfs where the trace has them, programs."""
    view = View(trace.start)
    forests = Forests(view)
    root = root_of(view)
    if root is not None:
        yield Call("make_names", (Text(forests.names(root).strip("-")),))
        for row in view.rows("mounts").values():
            kind = forests.kind(view.row("dentries", row["root"])["fs"])
            if kind in SHOWN:
                yield Call(f"show_{kind.lower()}", (Text(forests.path(row["mountpoint"])),))
    if not any(step.operation in ("execve", "chmod") for step in (*trace.prelude, *trace.steps)):
        return
    capabilities, scope = view.rows("capabilities"), kinds(view)
    for slot, row in view.rows("programs").items():
        sets = [mask((capabilities[c]["kind"] for c in row[n]), scope) for n in ("permitted", "inheritable")]
        words = (row["uid"], row["gid"], f"{mode(row['setuid'], row['setgid']):#o}", *map(hex, sets))
        words = (*words, int(row["raises"]), row["rootid"])
        yield Call("install", (Text(program_path(slot)), *(Word(str(word)) for word in words)))
