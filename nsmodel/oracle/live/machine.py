"""What calls of a trace name on a machine: descriptors by handles, places by paths, as far as the trace itself tells.

Replay and the generators of programs both follow a trace this way; what the machine alone knows, the numbers of
processes, each adds in its own manner.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nsmodel.oracle.errors import OracleUnavailable
from nsmodel.oracle.live.credentials import kinds
from nsmodel.oracle.live.routes import Forests, Routes
from nsmodel.system.snapshot import View


class Bookkeeper:
    """Follows the states of a trace: `view` is the state before the call that is to be translated."""

    def __init__(self, initial: View) -> None:
        self.view = initial
        self.names: Forests | None = Forests(initial) if initial.rows("mounts") else None
        self.handles: dict[int, int] = {}
        """The handle of each descriptor."""
        self.map_handles: dict[int, int] = {}
        """And of each id map that is open."""
        self._attributes = {str(row["kind"]) for row in initial.rows("attributes").values()}
        self._routes: Routes | None = None

    # -- what a translation asks ----------------------------------------------------------------------------------

    def handle(self, descriptor: int) -> int:
        """The handle of a descriptor."""
        return self.handles[descriptor]

    def map_handle(self, file: int) -> int:
        """The handle of an id map."""
        return self.map_handles[file]

    def leaks(self, task: int) -> list[int]:
        """The handles of a task that lead out of its mount namespace."""
        row = self.view.row("tasks", task)
        own = self.view.row("nsproxies", row["nsproxy"])["mnt"]
        mounts = self.view.rows("mounts")
        found = []
        for slot, file in self.view.rows("descriptors").items():
            ns = mounts[file["mount"]]["ns"] if file["mount"] else None
            if file["table"] == row["group_leader"] and ns not in (None, own):
                found.append(self.handles[slot])
        return found

    def capabilities(self) -> list[str]:
        """The capabilities that the scope tells apart."""
        return kinds(self.view)

    def fresh_handle(self) -> int:
        """A handle that no process uses."""
        used = {*self.handles.values(), *self.map_handles.values()}
        return next(h for h in range(64) if h not in used)

    def file_type(self, descriptor: int) -> str | None:
        """Which namespace type a descriptor names."""
        row = self.view.row("descriptors", descriptor)
        return next((n for n in ("mnt", "uts", "ipc", "pid_ns", "user", "net", "cgroup", "time") if row[n]), None)

    def row(self, collection: str, slot: int | None) -> dict[str, Any]:
        """An object as it is before the call."""
        return self.view.row(collection, slot)

    def forests(self) -> Forests:
        """The names of the file systems."""
        assert self.names is not None
        return self.names

    def relatime(self) -> bool:
        """The scope has mounts with the attribute RELATIME."""
        return self.names is not None and "RELATIME" in self._attributes

    def hierarchy(self) -> str:
        """The controllers of a cgroup hierarchy of version 1. Raises :class:`OracleUnavailable` where there is none."""
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, where = line.split(":", 2)
            if controllers and not controllers.startswith("name=") and where == "/":
                return controllers
        raise OracleUnavailable(
            "no cgroup hierarchy of version 1 that begins here",
            "/proc/self/cgroup lists none at /",
            "boot with systemd.unified_cgroup_hierarchy=0, or mount one",
        )

    def path(self, task: int, mount: int, dentry: int) -> str:
        """A path of a task that ends on a place."""
        return self._paths().path(task, mount, dentry)

    def entry(self, task: int, mount: int, dentry: int) -> str:
        """A path of a task whose last word is a name itself."""
        return self._paths().entry(task, mount, dentry)

    def _paths(self) -> Routes:
        if self._routes is None or self._routes.view is not self.view:
            self._routes = Routes(self.view, self.forests(), self.handles)
        return self._routes

    def active(self, task: int) -> int:
        """The pid namespace that a task has its own number in."""
        return int(self.view.row("pids", self.view.row("tasks", task)["pid"])["ns"])

    def chain(self, ns: int) -> list[int]:
        """A pid namespace and its ancestors, the outermost first."""
        return chain_of(self.view, ns)

    # -- what a call changes of it ----------------------------------------------------------------------------------

    def keep(self, handle: int, before: View, after: View) -> list[int]:
        """A call opened something: gives the new descriptors."""
        for slot in after.rows("map_files").keys() - before.rows("map_files").keys():
            self.map_handles[slot] = handle
        new = sorted(after.rows("descriptors").keys() - before.rows("descriptors").keys())
        self.handles.update(dict.fromkeys(new, handle))
        return new

    def inherit(self, task: int, before: View, after: View) -> None:
        """A forked process has what its parent has open, under the same handles."""
        for collection, handles in (("descriptors", self.handles), ("map_files", self.map_handles)):
            inherited = sorted(after.rows(collection).keys() - before.rows(collection).keys())
            if inherited:
                table = before.row("tasks", task)["group_leader"]
                own = sorted(s for s, row in before.rows(collection).items() if row["table"] == table)
                handles.update({new: handles[old] for old, new in zip(own, inherited, strict=True)})

    def forget_files(self, before: View, after: View) -> None:
        """Drop the handles of what the trace says is closed."""
        for collection, handles in (("descriptors", self.handles), ("map_files", self.map_handles)):
            for slot in before.rows(collection).keys() - after.rows(collection).keys():
                handles.pop(slot, None)


def chain_of(view: View, ns: int) -> list[int]:
    """A pid namespace and its ancestors, the outermost first."""
    out = [ns]
    while (up := view.row("pid_namespaces", out[0])["parent"]) is not None:
        out.insert(0, up)
    return out
