"""Descriptors of a recording. Opening one is recorded where the call makes something; closing one never is.

A descriptor argument tells where it leads when it is used (path, number of the mount), which finds the place also where
its opening was not recorded. A descriptor that the recording uses again is open until then; any other may have been
closed at any time, and is, where only that explains what the kernel did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from nsmodel.kernel.objects import ContextPhase, Dentry, Descriptor, Kernel, Mount, Namespace, Task
from nsmodel.kernel.refs import close_file
from nsmodel.oracle.recorded import recordings
from nsmodel.oracle.recorded.judgement import Uncovered
from nsmodel.oracle.recorded.mounts import RecordedMounts, named_by
from nsmodel.oracle.recorded.names import parts_of
from nsmodel.oracle.recorded.paths import Place
from nsmodel.oracle.recorded.recordings import Case, Step

_FD_PATH = re.compile(r"/(?:proc/(?:self|\d+)|dev)/fd/(\d+)")
CONTEXT = "anon_inode:[fscontext]"


@dataclass(frozen=True)
class Resolved:
    """What a recorded descriptor is of; nothing of it set: something that mounts have nothing to do with."""

    bad: bool = False
    cwd: bool = False
    place: Place | None = None
    namespace: Namespace | None = None
    file: Descriptor | None = None


class Files:
    """The descriptors of one recording."""

    def __init__(self, k: Kernel, mounts: RecordedMounts, case: Case) -> None:
        self.k = k
        self.mounts = mounts
        self.open: dict[tuple[Task, int], Descriptor] = {}
        self.uses: dict[tuple[str, int], list[tuple[int, bool]]] = {}
        """For each process and number: at which step it is used, or (True) opened anew."""
        for step in case.steps:
            for fd, fresh in _mentions(step):
                self.uses.setdefault((step.p, fd), []).append((step.i, fresh))

    def known(self, task: Task, fd: int) -> Descriptor | None:
        """The descriptor of a number whose opening was recorded."""
        found = self.open.get((task.group_leader, fd))
        return found if found is not None and type(found) is Descriptor else None

    def opened(self, task: Task, fd: int, file: Descriptor) -> None:
        """A call gave a number: whatever had it was closed."""
        old = self.known(task, fd)
        if old is not None and old is not file:
            close_file(self.k, old)
        self.open[task.group_leader, fd] = file

    def forget(self, task: Task | None, step: Step) -> None:
        """A call that was not judged gave a number: whatever had it was closed."""
        fresh = step.out.get("newfd")
        if task is not None and type(task) is Task and isinstance(fresh, dict):
            old = self.open.pop((task.group_leader, int(fresh.get("fd", -1))), None)
            if old is not None:
                self.close([old])

    def inherit(self, parent: Task, child: Task) -> None:
        """A forked process has its parent's descriptors; the rule copied them in slot order."""
        if child.group_leader is parent.group_leader:
            return
        theirs = [f for f in self.k.live(Descriptor) if f.table is parent.group_leader]
        copies = [f for f in self.k.live(Descriptor) if f.table is child.group_leader]
        twin = dict(zip(theirs, copies, strict=False))
        for (leader, fd), file in list(self.open.items()):
            if leader is parent.group_leader and file in twin:
                self.open[child.group_leader, fd] = twin[file]

    def resolve(self, task: Task, recorded: recordings.Descriptor) -> Resolved:
        """What a descriptor argument leads to."""
        if recorded.fd == recordings.AT_FDCWD:
            return Resolved(cwd=True)
        link = recorded.link
        if link is None:
            return Resolved(bad=True)
        known = self.known(task, recorded.fd)
        if link == CONTEXT:
            found = known if known is not None and known.phase != ContextPhase.NONE else None
            return Resolved(file=found)
        if not link.startswith("/"):
            if recorded.ns is not None and known is not None and known.mount is not None and known.dentry is not None:
                return Resolved(place=Place(known.mount, known.dentry), file=known, namespace=named_by(known.mount))
            return Resolved()
        if known is not None and known.mount is not None and known.dentry is not None:
            number = self.mounts.labels.ids.get(known.mount)
            if recorded.mnt_id is None or number is None or number == recorded.mnt_id:
                if recorded.mnt_id is not None:
                    self.mounts.labels.ids[known.mount] = recorded.mnt_id
                if self._leads(known.mount, known.dentry, link):
                    return Resolved(place=Place(known.mount, known.dentry), file=known, namespace=named_by(known.mount))
        place = self.place(recorded.mnt_id, recorded.mnt, link)
        return Resolved(place=place, namespace=named_by(place.mount) if place is not None else None)

    def _leads(self, m: Mount, dentry: Dentry, link: str) -> bool:
        shown = self.mounts.path(m, dentry)
        return link in (shown, shown + " (deleted)")

    def place(self, number: int | None, label: str | None, link: str) -> Place | None:
        """The place of a descriptor that was opened unseen: by the mount's number, and its path; None where no mount
        with the number is known."""
        m = self.mounts.by_id(number)
        if m is None and number is None and label is not None:
            m = self.mounts.labels.mounts.get(label)
        if m is None:
            return None
        path = link.removesuffix(" (deleted)")
        above = self.mounts.location(m).rstrip("/")
        if path != above and not path.startswith(above + "/"):
            return None
        if path != link:
            raise Uncovered("a descriptor of a removed name, opened unseen")
        return Place(m, self.mounts.names.at(m.root, parts_of(path[len(above) :])))

    def may_be_closed(self, step: Step, labels: dict[Task, list[str]]) -> list[Descriptor]:
        """Descriptors that the recording does not use any more (from this step on), with some weight on a mount."""
        out = []
        for (leader, fd), file in self.open.items():
            if type(file) is not Descriptor or (file.mount is None and file.context is None):
                continue
            if not any(self._used_later(label, fd, step.i) for label in labels.get(leader, [])):
                out.append(file)
        return out

    def _used_later(self, label: str, fd: int, now: int) -> bool:
        for i, fresh in self.uses.get((label, fd), ()):
            if i >= now:
                return not fresh
        return False

    def close(self, files: Iterable[Descriptor]) -> None:
        """Close descriptors that must have been closed."""
        for file in files:
            if type(file) is Descriptor:
                close_file(self.k, file)


def _mentions(step: Step) -> Iterator[tuple[int, bool]]:
    """The descriptor numbers that a step uses, and (True) those that it gives out."""
    for name, value in step.args.items():
        if isinstance(value, dict) and isinstance(value.get("fd"), int):
            yield value["fd"], False
        elif isinstance(value, str) and name.removesuffix("_abs") == name:
            for found in _FD_PATH.finditer(value):
                yield int(found.group(1)), False
    fresh: Any = step.out.get("newfd")
    if isinstance(fresh, dict) and isinstance(fresh.get("fd"), int):
        yield fresh["fd"], True
