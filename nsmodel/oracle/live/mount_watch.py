"""Compares the mounts that a trace says there are with those of the running kernel, one state after the other.

Mounts are matched by their places in the trees of the mount namespaces; what is matched once keeps its identity: a
mount its unique id, a file system its device, a peer group its number, for as long as the trace says it lives. What is
in no namespace that can be looked into (a detached tree) is known by the descriptor, root or working directory there.
Locks and reference counts cannot be seen: they show in later results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nsmodel.oracle.errors import Diverged
from nsmodel.oracle.live.driver import NsHandle
from nsmodel.oracle.live.mount_table import MS_SHARED, MS_SLAVE, MS_UNBINDABLE, SB_RDONLY, MountSeen, standing, table
from nsmodel.oracle.live.routes import Forests, Place
from nsmodel.system.snapshot import View
from nsmodel.traces.mount_facts import FILES, HIERARCHIES

ATTRIBUTES = {"READONLY": 0x1, "NOSUID": 0x2, "NODEV": 0x4, "NOEXEC": 0x8, "NODIRATIME": 0x80, "NOSYMFOLLOW": 0x200000}
"""MOUNT_ATTR_* of each attribute of the model, those of access times aside."""
ATIME, NOATIME, STRICTATIME = 0x70, 0x10, 0x20


class MountWatch:
    """What is known of the machine's mounts."""

    def __init__(self, view: View, namespaces: dict[tuple[str, int], NsHandle], folder: Callable[[int], str]) -> None:
        self.folder = folder
        """The folder in /proc of each task."""
        self.forests = Forests(view)
        self.namespaces = namespaces
        self.attributes = {slot: str(row["kind"]) for slot, row in view.rows("attributes").items()}
        self.ids: dict[int, int] = {}
        """The machine's id of each mount."""
        self.groups: dict[int, int] = {}
        self.devices: dict[int, tuple[int, ...]] = {}
        """The device of each file system that is there."""
        self.inodes: dict[int, int] = {}
        """The file number of each name."""
        self.readonly: dict[int, bool] = {}
        """Which file systems are there, and read-only."""
        self._paths = {slot: self.forests.path(slot) for slot in self.forests.dentries}

    def made(self, root: int, inodes: tuple[int, ...]) -> None:
        """The names of a file system were made; these are their file numbers, the root's first."""
        self.inodes.update(zip([root, *self.forests.order(root)], inodes, strict=False))

    def swap(self, one: int, other: int) -> None:
        """Two names have changed places."""
        known = {slot: self.inodes.pop(slot, None) for slot in (one, other)}
        for slot, number in ((one, known[other]), (other, known[one])):
            if number is not None:
                self.inodes[slot] = number

    def opened(self, row: dict[str, Any], where: tuple[int, ...]) -> None:
        """A descriptor was opened: compares where it leads. Raises :class:`Diverged`."""
        self._compare_place((row["mount"], row["dentry"]), where, "what was opened")

    def forget(self, after: View) -> None:
        """Drop what the trace says is gone."""
        for known, collection in ((self.ids, "mounts"), (self.groups, "peer_groups")):
            for slot in known.keys() - after.rows(collection).keys():
                del known[slot]
        there = {row["fs"] for row in after.rows("superblocks").values()}
        shown = {self.forests.dentries[row["root"]]["fs"] for row in after.rows("mounts").values()}
        for fs in self.devices.keys() - shown:
            # What no mount shows may go unseen: mqueue with its IPC namespace; the number of its device comes again.
            del self.devices[fs]
        for fs in {self.forests.dentries[d]["fs"] for d in self.inodes} - there:
            for dentry in [d for d in self.inodes if self.forests.dentries[d]["fs"] == fs]:
                del self.inodes[dentry]

    def compare(self, view: View) -> None:
        """Compare every mount namespace, and where every task stands. Raises :class:`Diverged`."""
        mounts = view.rows("mounts")
        children: dict[int, list[int]] = {}
        for slot, row in mounts.items():
            if row["parent"] is not None:
                children.setdefault(row["parent"], []).append(slot)
        self.readonly = {row["fs"]: row["readonly"] for row in view.rows("superblocks").values()}
        for ns, row in view.rows("mnt_namespaces").items():
            handle = self.namespaces.get(("mnt_namespaces", ns))
            if handle is None or row["anonymous"] or row["root"] is None:
                continue
            on_bottom = children.get(row["root"], [])
            if not any(mounts[m]["expiring"] for m in on_bottom):
                self._compare_tree(view, ns, row["root"], children, table(handle.ns_id))
        self._compare_tasks(view)

    def _compare_tree(
        self, view: View, ns: int, bottom: int, children: dict[int, list[int]], seen: dict[int, MountSeen]
    ) -> None:
        inside: dict[int, list[MountSeen]] = {}
        for m in seen.values():
            if m.parent != m.id:
                inside.setdefault(m.parent, []).append(m)
        tops = [m for m in seen.values() if m.parent == m.id or m.parent not in seen]
        if not tops and all(self._unlisted(bottom, m) for m in children.get(bottom, [])):
            return
        if len(tops) != 1:
            raise Diverged("one bottom", f"{len(tops)}", f"mounts of mount namespace {ns}")
        todo = [(bottom, tops[0])]
        while todo:
            slot, got = todo.pop()
            self._compare_mount(view, slot, got)
            places = {self._place(got, child): child for child in inside.get(got.id, [])}
            for child in children.get(slot, []):
                at = self._paths[view.rows("mounts")[child]["mountpoint"]]
                found = places.pop(at, None)
                if found is None:
                    raise Diverged(f"mount {child} there", "nothing", f"on {at or '/'} of mount {slot}")
                listed = view.rows("mounts")[child]["ns"]
                if listed != ns:
                    raise Diverged(f"listed in mount namespace {listed}", f"in {ns}", f"mount {child}")
                todo.append((child, found))
            for at, extra in places.items():
                raise Diverged("nothing", _shown(extra), f"on {at or '/'} of mount {slot}")

    def _unlisted(self, bottom: int, mount: int) -> bool:
        """Linux looks for the mount on the bottom of another namespace among those that were made after the bottom, and
        lists nothing when what is there is older: a tree that was moved in (grab_requested_root, v6.18)."""
        mine, below = self.ids.get(mount), self.ids.get(bottom)
        return mine is None or below is None or mine < below

    @staticmethod
    def _place(on: MountSeen, child: MountSeen) -> str:
        """Where a mount is, as a path in the file system of the mount that it is on."""
        above = on.point.rstrip("/")
        if not on.root.startswith("/"):
            return ""  # the file of a namespace, `uts:[4026531838]`, has no names below
        return on.root.rstrip("/") + child.point.rstrip("/")[len(above) :]

    def _compare_mount(self, view: View, slot: int, got: MountSeen) -> None:
        row = view.rows("mounts")[slot]
        what = f"of mount {slot}"
        self._learn(slot, got.id)
        fs = self.forests.dentries[row["root"]]["fs"]
        if self.devices.setdefault(fs, got.device) != got.device:
            raise Diverged(f"device {self.devices[fs]}", f"device {got.device}", f"file system {what}")
        if sum(device == got.device for device in self.devices.values()) > 1:
            raise Diverged("a file system of its own", f"device {got.device}", f"file system {what}")
        if self.forests.kind(fs) == "NSFS":
            self._compare_file(row, got, what)
        elif self.forests.kind(fs) not in HIERARCHIES and got.root.rstrip("/") != self._paths[row["root"]]:
            raise Diverged(self._paths[row["root"]] or "/", got.root, f"root {what}")
        for name, group, bit in (("group", got.group, MS_SHARED), ("master", got.master, MS_SLAVE)):
            number = group if got.propagation & bit else 0
            if (row[name] is None) != (number == 0):
                raise Diverged(f"group {row[name]}" if row[name] else "none", str(number or "none"), f"{name} {what}")
            if number:
                self._compare_group(row[name], number, f"{name} {what}")
        if bool(got.propagation & MS_UNBINDABLE) != row["unbindable"]:
            raise Diverged(row["unbindable"], not row["unbindable"], f"unbindable {what}")
        if row["parent"] is not None:
            self._compare_attributes(row, got, what)
        if fs in self.readonly and bool(got.superblock_flags & SB_RDONLY) != self.readonly[fs]:
            raise Diverged(self.readonly[fs], not self.readonly[fs], f"superblock read-only {what}")

    def _learn(self, slot: int, number: int) -> None:
        known = self.ids.get(slot)
        if known is None:
            if number in self.ids.values():
                raise Diverged("a mount of its own", f"id {number}, which another has", f"mount {slot}")
            self.ids[slot] = number
        elif known != number:
            raise Diverged(f"id {known}", f"id {number}", f"mount {slot}")

    def _compare_group(self, group: int, number: int, what: str) -> None:
        known = self.groups.get(group)
        if known is None:
            if number in self.groups.values():
                raise Diverged("a group of its own", f"{number}, which another has", what)
            self.groups[group] = number
        elif known != number:
            raise Diverged(known, number, what)

    def _compare_file(self, row: dict[str, Any], got: MountSeen, what: str) -> None:
        """The namespace whose file a mount shows, as far as it is known."""
        for name, collection in FILES.items():
            handle = self.namespaces.get((collection, row[name])) if row[name] else None
            if handle is not None and f"[{handle.inode}]" not in got.root:
                raise Diverged(f"{name} [{handle.inode}]", got.root, f"namespace {what}")

    def _compare_attributes(self, row: dict[str, Any], got: MountSeen, what: str) -> None:
        have = {self.attributes[slot] for slot in row["attributes"]}
        for name in self.attributes.values():
            if name in ATTRIBUTES:
                there = bool(got.attributes & ATTRIBUTES[name])
            elif name == "NOATIME":
                there = got.attributes & ATIME == NOATIME
            else:
                there = got.attributes & ATIME == 0
            if there != (name in have):
                raise Diverged(name in have, there, f"{name} {what}")

    def _compare_tasks(self, view: View) -> None:
        """Root and working directory of every running task."""
        for slot, task in view.rows("tasks").items():
            if task["state"] != "RUNNING" or task["fs"] is None:
                continue
            fs = view.row("fs_structs", task["fs"])
            for link in ("root", "cwd"):
                if fs[f"{link}_mnt"] is None:
                    continue
                where = standing(f"{self.folder(slot)}/{link}")
                if where is not None:
                    self._compare_place((fs[f"{link}_mnt"], fs[f"{link}_dentry"]), where, f"{link} of task {slot}")

    def _compare_place(self, place: Place, where: tuple[int, ...], what: str) -> None:
        mount, dentry = place
        known = self.ids.get(mount)
        if known is None:
            self._learn(mount, where[0])
        elif known != where[0]:
            raise Diverged(f"mount {mount}, id {known}", f"id {where[0]}", what)
        if self.forests.kind(self.forests.dentries[dentry]["fs"]) == "NSFS":
            return
        if self.inodes.setdefault(dentry, where[1]) != where[1]:
            expected = f"{self._paths[dentry] or '/'}, file {self.inodes[dentry]}"
            raise Diverged(expected, f"file {where[1]}", what)


def _shown(m: MountSeen) -> str:
    return f"a mount of {m.root} on device {m.device[0]}:{m.device[1]}"
