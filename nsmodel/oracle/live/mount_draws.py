"""Random calls on mounts: places that a task can name, roots of mounts more often than other names."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

from nsmodel.kernel.arguments import AttributeFlags
from nsmodel.kernel.mount.attributes import Atime, SetattrFlags, TypeChange
from nsmodel.kernel.mount.bind import OpenTreeFlags
from nsmodel.kernel.mount.dispatch import MountFlags
from nsmodel.kernel.mount.move import MoveFlags
from nsmodel.kernel.mount.superblock import mountable
from nsmodel.kernel.mount.type import Propagation
from nsmodel.kernel.mount.umount import UmountFlags
from nsmodel.kernel.objects import ContextPhase, Dentry, Descriptor, FsKind, Kernel, Mount, NsType, Superblock, Task

Place = tuple[Mount, Dentry]
Given = list[tuple[str, Any]]
T = TypeVar("T")
PLAIN_ATTRIBUTES = ("readonly", "nosuid", "nodev", "noexec", "nodiratime", "nosymfollow")
TYPES = [Propagation.SHARED] * 3 + [Propagation.SLAVE] * 2 + [Propagation.PRIVATE, Propagation.UNBINDABLE]
MAINLY_BIND = (NsType.MNT, NsType.MNT, NsType.MNT, NsType.UTS, NsType.PID, NsType.USER)


class MountDraw:
    """Draws the arguments of one task's calls in one state."""

    def __init__(self, pick: random.Random, state: Kernel, task: Task, early: bool) -> None:
        self.pick = pick
        self.early = early
        """The trace is still being built up."""
        self.state = state
        self.task = task
        self.on: dict[Place, Mount] = {}
        for m in state.mounts:
            if m.parent is not None and m.mountpoint is not None:
                self.on[m.parent, m.mountpoint] = m
        self.inside: dict[Dentry, list[Dentry]] = {}
        for d in state.dentries:
            if d.parent is not None:
                self.inside.setdefault(d.parent, []).append(d)
        self.nameless = {s.fs for s in state.live(Superblock) if s.owner is not None and s.owner.owner is not None}
        """File systems in which nobody can make names: their user namespace maps no ids."""
        self.places = self._places()
        self.roots = [p for p in self.places if p[0].root is p[1]]
        self.hot = [p for p in self.roots if _special(p[0])]
        self.files = [p for p in self.roots if p[1].fs.kind == FsKind.NSFS]

    def arguments(self, name: str) -> Given | None:
        """Arguments of a call after the task, None when there are none to be had."""
        if not self.places:
            return None
        drawn: Given | None = getattr(self, f"_{name}")()
        return None if drawn is None else [(k, v.slot if hasattr(v, "slot") else v) for k, v in drawn]

    # -- what there is --------------------------------------------------------------------------------------------

    def _places(self) -> list[Place]:
        """Every place that the task can name, in a fixed order."""
        out: dict[Place, None] = {}
        todo: list[Place] = []

        def reach(place: Place) -> None:
            if place not in out:
                out[place] = None
                todo.append(place)

        for start, crossing in self._starts():
            reach(start)
            if crossing:
                reach(self._top(start))
        while todo:
            at, dentry = todo.pop()
            if dentry.fs not in self.nameless:
                for child in self.inside.get(dentry, []):
                    reach(self._top((at, child)))
        return list(out)

    def _starts(self) -> list[tuple[Place, bool]]:
        fs = self.task.fs
        found: list[tuple[Any, Any, bool]] = []
        if fs is not None:
            found += [(fs.root_mnt, fs.root_dentry, True), (fs.cwd_mnt, fs.cwd_dentry, False)]
        for f in self.state.live(Descriptor):
            if f.table is self.task.group_leader:
                found.append((f.mount, f.dentry, False))
        return [((m, d), crossing) for m, d, crossing in found if m is not None and d is not None]

    def _top(self, place: Place) -> Place:
        while (over := self.on.get(place)) is not None:
            place = (over, over.root)
        return place

    # -- kinds of arguments ---------------------------------------------------------------------------------------

    def _some(self, items: Sequence[T]) -> T | None:
        return self.pick.choice(items) if items else None

    def _place(self, roots: float) -> Place:
        """A place, with a chance of at least `roots` the root of a mount, and rather one that is more than private."""
        if self.roots and self.pick.random() < roots:
            return self.pick.choice(self.hot if self.hot and self.pick.random() < 0.4 else self.roots)
        return self.pick.choice(self.places)

    def _leaf(self, roots: float) -> Place:
        """A place, mostly not the root of a task nor of the tree, with which everything would go."""
        place = self._place(roots)
        used = {fs.root_mnt for fs in self.state.fs_structs}
        for _ in range(3):
            if place[0] not in used or self.pick.random() < 0.1:
                break
            place = self._place(roots)
        return place

    def _like(self, directory: bool, roots: float) -> Place:
        """A place that is mostly a directory, or mostly not."""
        pool = self.roots if self.pick.random() < roots else self.places
        fitting = [p for p in pool if p[1].directory == directory]
        return self.pick.choice(fitting) if fitting and self.pick.random() < 0.95 else self._place(roots)

    def _attributes(self, chance: float = 0.3) -> AttributeFlags:
        """Attributes, relatime among them as a rule: its absence with that of noatime is strictatime."""
        if self.pick.random() >= chance:
            return AttributeFlags(relatime=True)
        flags = dict.fromkeys(self.pick.sample(PLAIN_ATTRIBUTES, self.pick.choice((0, 1, 1, 2))), True)
        atime = self.pick.choice(("relatime", "relatime", "noatime", ""))
        return AttributeFlags(**flags, **({atime: True} if atime else {}))

    def _file(self, phases: tuple[ContextPhase, ...]) -> Descriptor | None:
        """A descriptor, mostly of a context that is so far."""
        own = [f for f in self.state.live(Descriptor) if f.table is self.task.group_leader]
        fitting = [f for f in own if f.phase in phases]
        return self._some(fitting if fitting and self.pick.random() < 0.9 else own)

    def _fs_root(self) -> Dentry | None:
        """The root of a file system to mount anew, mostly a tmpfs."""
        roots = [d for d in self.state.dentries if d.parent is None and mountable(self.state, self.task, d.fs)]
        if not roots:
            return None
        kind = FsKind.NEW if self.pick.random() < 0.8 else self.pick.choice([d.fs.kind for d in roots])
        return next((d for d in roots if d.fs.kind == kind), None)

    def _on(self, place: Place, at: str = "at", dentry: str = "dentry") -> Given:
        return [(at, place[0]), (dentry, place[1])]

    def _pair(self, roots: float) -> Given:
        """A source and a place that mostly are both directories, or both not."""
        source = self._place(roots)
        if self.files and self.pick.random() < 0.1:
            source = self.pick.choice(self.files)
        return [*self._on(source, "source", "root"), *self._on(self._like(source[1].directory, 0.35))]

    def _flag(self, *chances: tuple[str, float]) -> dict[str, bool]:
        return {name: True for name, chance in chances if self.pick.random() < chance}

    # -- calls ----------------------------------------------------------------------------------------------------

    def _mount_new(self) -> Given | None:
        root = self._fs_root()
        if root is None:
            return None
        return [("root", root), *self._on(self._like(True, 0.35)), ("flags", self._attributes())]

    def _mount_bind(self) -> Given:
        held = [m.parent for m in self.state.mounts if m.locked and m.unbindable and m.parent is not None]
        above = [p for p in self.roots if p[0] in held]
        if above and self.pick.random() < 0.2:
            source = self.pick.choice(above)
            return [*self._on(source, "source", "root"), *self._on(self._like(True, 0.35)), ("rec", True)]
        return [*self._pair(0.6), ("rec", self.pick.random() < 0.5)]

    def _mount_move(self) -> Given:
        return self._pair(0.9)

    def _mount_change_type(self) -> Given:
        to = self.pick.choice(TYPES) if self.pick.random() < 0.97 else Propagation.SEVERAL
        if self.early and self.pick.random() < 0.5:
            to = Propagation.SHARED
        locked = [p for p in self.roots if p[0].locked]
        if locked and self.pick.random() < 0.1:
            return [
                *self._on(self.pick.choice(locked), "target", "root"),
                ("to", Propagation.UNBINDABLE),
                ("rec", False),
            ]
        return [*self._on(self._place(0.95), "target", "root"), ("to", to), ("rec", self.pick.random() < 0.4)]

    def _mount_remount(self) -> Given:
        written = {f.mount for f in self.state.live(Descriptor) if f.write}
        busy = [p for p in self.roots if p[0] in written]
        if busy and self.pick.random() < 0.3:
            flags = AttributeFlags(readonly=True, relatime=True)
            return [*self._on(self.pick.choice(busy), "target", "root"), ("flags", flags)]
        return [*self._on(self._place(0.9), "target", "root"), ("flags", self._attributes(0.8))]

    _mount_remount_bind = _mount_remount

    def _mount(self) -> Given | None:
        """Any flags: each alone is another call's, so mostly several."""
        names = [f.name for f in fields(MountFlags)]
        flags = MountFlags(**dict.fromkeys(self.pick.sample(names, self.pick.choice((0, 1, 2, 2, 3))), True))
        pair = dict(self._pair(0.7))
        changes = flags.shared or flags.slave or flags.private or flags.unbindable
        source: Given = [("source", None), ("root", None)]
        if (flags.bind or flags.move) and self.pick.random() < 0.9:
            source = [("source", pair["source"]), ("root", pair["root"])]
        elif not flags.bind and not (flags.move and not (flags.remount or changes)) and self.pick.random() < 0.9:
            source = [("source", None), ("root", self._fs_root())]
        attributes = self._attributes() if flags.remount or not (changes or flags.move) else AttributeFlags()
        if changes and self.pick.random() < 0.1:
            attributes = self._attributes(1)
        at = [("at", pair["at"]), ("dentry", pair["dentry"])]
        if flags.remount and self.roots:
            at = self._on(self._place(0.9))
        return [("flags", flags), ("attributes", attributes), *source, *at]

    def _umount2(self) -> Given:
        chances = ("detach", 0.35), ("expire", 0.15), ("force", 0.08), ("unknown", 0.02)
        flags = UmountFlags(**self._flag(*chances))
        marked = [p for p in self.roots if p[0].expiring]
        if marked and self.pick.random() < 0.5:
            return [*self._on(self.pick.choice(marked)), ("flags", UmountFlags(expire=True))]
        fs = self.task.fs
        own = [p for p in self.roots if fs is not None and p[0] is fs.root_mnt]
        if own and self.pick.random() < 0.04:
            return [*self._on(own[0]), ("flags", UmountFlags())]
        return [*self._on(self._leaf(0.93)), ("flags", flags)]

    def _open_path(self) -> Given:
        opath = self.pick.random() < 0.6
        write = not opath and self.pick.random() < 0.5
        place = self._like(False, 0.2) if write else self._place(0.6)
        if self.files and not write and self.pick.random() < 0.25:
            place = self.pick.choice(self.files)
        return [*self._on(place), ("opath", opath), ("write", write)]

    def _fchdir(self) -> Given | None:
        file = self._some([f for f in self.state.live(Descriptor) if f.table is self.task.group_leader])
        return None if file is None else [("file", file)]

    def _chdir(self) -> Given:
        return self._on(self._like(True, 0.5))

    def _chroot(self) -> Given:
        """Mostly to the root of a mount, from where more can be done."""
        return self._on(self._like(True, 0.7))

    def _pivot_root(self) -> Given:
        """Mostly a new root that is no parent of the old one's place: on itself, or what is below."""
        new = self._place(0.95)
        below = [p for p in self.places if p[0] is new[0] or p[0].parent is new[0]]
        old = self.pick.choice(below) if below and self.pick.random() < 0.8 else self._place(0.3)
        return [*self._on(new, "new", "new_dentry"), *self._on(old)]

    def _open_tree(self) -> Given:
        flags = OpenTreeFlags(**self._flag(("clone", 0.85), ("recursive", 0.5), ("unknown", 0.02)))
        return [*self._on(self._place(0.6)), ("flags", flags)]

    def _move_mount(self) -> Given:
        """The source is a detached tree where there is one."""
        flags = MoveFlags(**self._flag(("beneath", 0.25), ("set_group", 0.2), ("unknown", 0.02)))
        given = self._pair(0.93)
        trees = [f for f in self.state.live(Descriptor) if f.table is self.task.group_leader and f.tree]
        if trees and self.pick.random() < 0.5:
            tree = self.pick.choice(trees)
            given[:2] = [("source", tree.mount), ("root", tree.dentry)]
        if (flags.beneath or flags.set_group) and self.roots:
            given[2:] = self._on(self.pick.choice(self.roots))
        deep = [p for p in self.roots if p[0].parent is not None and p[0].parent.parent is not None]
        if flags.beneath and deep and self.pick.random() < 0.8:
            given[2:] = self._on(self.pick.choice(deep))
        if flags.set_group and self.pick.random() < 0.8:
            given = self._group_pair() or given
        return [*given, ("flags", flags)]

    def _group_pair(self) -> Given | None:
        """A peer or slave, and a mount of the same file system that mostly is neither."""
        members = [p for p in self.roots if p[0].group is not None or p[0].master is not None]
        if not members:
            return None
        source = self.pick.choice(members)
        alike = [p for p in self.roots if p[1].fs is source[1].fs and p[0] is not source[0]]
        alone = [p for p in alike if p not in members]
        target = self._some(alone if alone and self.pick.random() < 0.8 else alike)
        return None if target is None else [*self._on(source, "source", "root"), *self._on(target)]

    def _mount_setattr(self) -> Given:
        pick = self.pick
        change = TypeChange.KEEP
        if pick.random() < 0.5:
            change = pick.choice(list(TypeChange))
        how = SetattrFlags(
            recursive=pick.random() < 0.5,
            unknown=pick.random() < 0.02,
            atime=pick.choice(list(Atime)) if pick.random() < 0.3 else Atime.KEEP,
            propagation=change,
        )
        on = AttributeFlags(**dict.fromkeys(pick.sample(PLAIN_ATTRIBUTES, pick.choice((0, 0, 1, 2))), True))
        off = AttributeFlags(**dict.fromkeys(pick.sample(PLAIN_ATTRIBUTES, pick.choice((0, 0, 1, 2))), True))
        return [*self._on(self._place(0.93), "target", "root"), ("how", how), ("on", on), ("off", off)]

    def _fsopen(self) -> Given | None:
        root = self._fs_root()
        return None if root is None else [("fs", root.fs)]

    def _fsconfig_create(self) -> Given | None:
        file = self._file((ContextPhase.CREATE_PARAMS,))
        return None if file is None else [("file", file)]

    def _fsconfig_reconfigure(self) -> Given | None:
        file = self._file((ContextPhase.RECONF_PARAMS,))
        return None if file is None else [("file", file), ("readonly", self.pick.random() < 0.5)]

    def _fsmount(self) -> Given | None:
        file = self._file((ContextPhase.AWAITING_MOUNT,))
        return None if file is None else [("file", file), ("flags", self._attributes())]

    def _fspick(self) -> Given:
        return self._on(self._place(0.93))

    def _bind_ns(self) -> Given:
        targets = self.state.live(Task)
        kind = self.pick.choice(MAINLY_BIND)
        mine = self.task.nsproxy.mnt if self.task.nsproxy is not None else None
        newer = [
            t for t in targets if t.nsproxy is not None and t.nsproxy.mnt is not None and mine in t.nsproxy.mnt.older
        ]
        target = self.pick.choice(newer if newer and self.pick.random() < 0.7 else targets)
        place = self._like(False, 0.3)
        shared = [p for p in self.places if p[0].group is not None and not p[1].directory]
        if kind == NsType.MNT and shared and self.pick.random() < 0.3:
            place = self.pick.choice(shared)
        return [("target", target), ("kind", kind), *self._on(place), ("swapped", False)]

    def _unlink(self) -> Given | None:
        place = self._removable()
        if place is None:
            return None
        directory = place[1].directory if self.pick.random() < 0.93 else not place[1].directory
        return [*self._on(place), ("directory", directory)]

    def _rename(self) -> Given | None:
        place = self._removable()
        if place is None or place[1].parent is None:
            return None
        siblings = [p for p in self.places if p[1].parent is place[1].parent and p[1] is not place[1]]
        near = [p for p in siblings if p[0] is place[0]]
        over = self._some(near if near and self.pick.random() < 0.9 else siblings)
        return None if over is None else [*self._on(place), *self._on(over, "over_at", "over")]

    def _exchange(self) -> Given | None:
        place, over = self._removable(), self._removable()
        return None if place is None or over is None else [*self._on(place), *self._on(over, "over_at", "over")]

    def _chdir_up(self) -> Given:
        return []

    def _removable(self) -> Place | None:
        """A name within a mount, mostly one on which something is mounted somewhere."""
        names = [p for p in self.places if p[0].root is not p[1]]
        used = {m.mountpoint for m in self.state.mounts}
        covered = [p for p in names if p[1] in used]
        return self._some(covered if covered and self.pick.random() < 0.7 else names)


def _special(m: Mount) -> bool:
    """A mount, or what it is on, is more than private."""
    on = m.parent
    own = m.group is not None or m.master is not None or m.locked or m.unbindable
    return own or (on is not None and (on.group is not None or on.master is not None))
