"""From a place of the model, a mount and a name in it, to a path that leads a task of the sandbox there.

The model says which places a task can name (nsmodel.kernel.mount.path); here one of the paths is found, walking back
from the place to the task's root, its working directory or one of its descriptors. What paths look like for a worker
is told in worker/mounts.h.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nsmodel.system.snapshot import View

Place = tuple[int, int]
"""A mount and a dentry."""


class NoPath(LookupError):
    """No path of the task ends on the place."""


IN_KERNEL = {"PROC": ("sys", "fs/nfsd"), "SYSFS": ("kernel", "fs/cgroup")}
"""Paths of the names that proc and sysfs have in a scope; they are there already."""


class Forests:
    """The names of each file system: a name's letter and path, and what a worker is told to make."""

    def __init__(self, view: View) -> None:
        self.dentries = view.rows("dentries")
        self.systems = view.rows("file_systems")
        self.inside: dict[int, list[int]] = {}
        self.letters: dict[int, str] = {}
        self.root: dict[int, int] = {}
        """The root of each file system."""
        for slot, row in sorted(self.dentries.items()):
            above = row["parent"]
            if above is None:
                self.root[row["fs"]] = slot
                continue
            siblings = self.inside.setdefault(above, [])
            there = IN_KERNEL.get(self.systems[row["fs"]]["kind"])
            self.letters[slot] = chr(ord("a") + len(siblings) % 26) if there is None else there[len(siblings)]
            siblings.append(slot)

    def path(self, dentry: int) -> str:
        """A name as a path within its file system: empty for the root, else `/a/b`."""
        above = self.dentries[dentry]["parent"]
        return "" if above is None else f"{self.path(above)}/{self.letters[dentry]}"

    def names(self, dentry: int) -> str:
        """What is below a directory in the words of a worker, `a(bc!)d`; `-` for nothing."""
        return self._names(dentry) or "-"

    def _names(self, dentry: int) -> str:
        out = ""
        for child in self.inside.get(dentry, []):
            below = self._names(child)
            row = self.dentries[child]
            plain = "" if row["directory"] else "@" if row.get("symlink") else "!"
            out += self.letters[child] + plain + (f"({below})" if below else "")
        return out

    def order(self, dentry: int) -> list[int]:
        """The names below a directory in the order in which a worker makes them."""
        out = []
        for child in self.inside.get(dentry, []):
            out += [child, *self.order(child)]
        return out

    def kind(self, fs: int) -> str:
        """The kind of a file system."""
        return str(self.systems[fs]["kind"])


class Routes:
    """Paths in one state. `handles` gives the worker's handle of each descriptor."""

    def __init__(self, view: View, forests: Forests, handles: Mapping[int, int]) -> None:
        self.view = view
        self.forests = forests
        self.handles = handles
        self.mounts = view.rows("mounts")
        self.covered = {(m["parent"], m["mountpoint"]) for m in self.mounts.values() if m["parent"]}

    def path(self, task: int, mount: int, dentry: int) -> str:
        """A path of a task that ends on a place. Raises :class:`NoPath`."""
        starts = self._starts(task)
        here, through, words = (mount, dentry), False, ""
        while True:
            start = starts.get(here)
            # A walk does not go over to what is mounted on its start, except by `..` at the root.
            if start is not None and not through:
                return f"{start}{words}" if start != "/" else words or "/"
            if start == "/" or (start is not None and self._lies_on_nothing(here)):
                return f"{start.rstrip('/')}/..{words}"
            if not through and here in self.covered:
                raise NoPath(f"something is mounted on {self.forests.path(here[1])} of mount {here[0]}")
            at, name = here
            if name == self.mounts[at]["root"]:
                if self.mounts[at]["parent"] is None:
                    raise NoPath(f"mount {at} lies on nothing")
                here, through = (self.mounts[at]["parent"], self.mounts[at]["mountpoint"]), True
            else:
                words = f"/{self.forests.letters[name]}{words}"
                here, through = (at, self.forests.dentries[name]["parent"]), False

    def entry(self, task: int, mount: int, dentry: int) -> str:
        """A path of a task whose last word is a name itself, whatever is mounted there; of the root of a mount, what it
        is mounted on. Raises :class:`NoPath`."""
        if dentry == self.mounts[mount]["root"]:
            if self._starts(task).get((mount, dentry)) == "/":
                return "/"
            on, at = self.mounts[mount]["parent"], self.mounts[mount]["mountpoint"]
            if on is None:
                raise NoPath(f"mount {mount} lies on nothing")
            return self.entry(task, on, at)
        above = self.path(task, mount, self.forests.dentries[dentry]["parent"])
        return f"{above.rstrip('/')}/{self.forests.letters[dentry]}"

    def _lies_on_nothing(self, place: Place) -> bool:
        """`..` stays there and goes over to what is mounted on it."""
        mount = self.mounts[place[0]]
        lies = place[1] == mount["root"] and mount["parent"] is None
        return bool(lies and self.forests.dentries[place[1]]["directory"])

    def _starts(self, task: int) -> dict[Place, str]:
        """Where lookups of a task start, with the first word of a path from there."""
        row = self.view.row("tasks", task)
        out: dict[Place, str] = {}
        for slot, file in sorted(self.view.rows("descriptors").items(), reverse=True):
            if file["table"] == row["group_leader"] and file["mount"] is not None and slot in self.handles:
                out[file["mount"], file["dentry"]] = f"@{self.handles[slot]}"
        if row["fs"] is None:
            # The scope has no roots: the task's is what is mounted on the bottom of its namespace.
            bottom = self._bottom(row)
            out.update({(s, m["root"]): "/" for s, m in self.mounts.items() if bottom and m["parent"] == bottom})
            return out
        fs = self.view.row("fs_structs", row["fs"])
        for name, word in (("cwd", "."), ("root", "/")):
            if fs[f"{name}_mnt"] is not None:
                out[fs[f"{name}_mnt"], fs[f"{name}_dentry"]] = word
        return out

    def _bottom(self, task: Mapping[str, Any]) -> int | None:
        ns = self.view.row("nsproxies", task["nsproxy"])["mnt"]
        found: int | None = self.view.row("mnt_namespaces", ns)["root"] if ns else None
        return found
