"""Where the tasks of a recording stand, and what their paths lead to: mounts, names and descriptors together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from nsmodel.kernel.credentials import may_access
from nsmodel.kernel.mount.namespace import enter
from nsmodel.kernel.objects import (
    Dentry,
    Descriptor,
    FileSystem,
    MntNamespace,
    Mount,
    Namespace,
    PidNamespace,
    Task,
    TaskState,
    UserNamespace,
)
from nsmodel.kernel.pins import pin_file
from nsmodel.kernel.refs import reap, set_pwd, set_root
from nsmodel.oracle.recorded import recordings
from nsmodel.oracle.recorded.files import Files, Resolved
from nsmodel.oracle.recorded.judgement import Uncovered
from nsmodel.oracle.recorded.mounts import NS_FIELDS, RecordedMounts
from nsmodel.oracle.recorded.names import Kind, Names, parts_of
from nsmodel.oracle.recorded.paths import Links, Place, Walked, Walker
from nsmodel.oracle.recorded.recordings import Case, Proc, Step, Table, View
from nsmodel.oracle.recorded.state import HELD, LINKS, World

SANDBOX = ("/tmp/sb", "./src/ul/tests/output")
"""The folders whose calls a recording of profile `mount` keeps."""
NAMESPACES: dict[str, type[Namespace]] = {**LINKS, "pid": PidNamespace, "user": UserNamespace}


class Places:
    """The mounts of a recording and who stands where in them."""

    def __init__(self, case: Case, world: World) -> None:
        self.case = case
        self.world = world
        self.k = world.k
        self.names = Names(world.k)
        self.mounts = RecordedMounts(world.k, self.names)
        self.files = Files(world.k, self.mounts, case)
        self.walker = Walker(
            self.names, Links(self._number, self._task, self._allowed, self._descriptor, self._link_namespace)
        )
        self.viewers: dict[str, Table] = {}
        self.shown_by: dict[FileSystem, PidNamespace] = {}
        """The pid namespace that a proc file system shows."""
        self.contexts: dict[Descriptor, dict[str, str]] = {}
        """The options that contexts of fsopen and fspick were given."""
        self.trail: list[Place] = []
        """Where the walks of the call under way ended."""
        self.internals: dict[Namespace, Mount] = {}
        """The kernel's own mounts of namespace files, as long as the call under way uses them."""
        self.waiting: set[str] = set()
        """Mount namespaces that no process is in any more, and that something may still hold."""
        self.last_mention = _mentions(case)
        self._load()

    def _load(self) -> None:
        initial = self.case.initial
        for label, table in initial.mounts.items():
            self.adopt(label, table)
        for label, proc in initial.procs.items():
            self.stand(label, proc)

    def adopt(self, label: str, table: Table) -> None:
        """Take the mounts of a namespace from a table."""
        for found, info in self.case.namespaces.items():
            kind = found.rstrip("0123456789")
            if kind in NAMESPACES and any(f":[{info.ino}]" in (r.root or "") for r in table.all_rows()):
                self.mounts.namespace_of_inode[info.ino] = self.world.namespace(found, NAMESPACES[kind])
        ns = self.world.namespace(label, MntNamespace)
        assert isinstance(ns, MntNamespace)
        self.mounts.adopt(ns, table)
        self.order()

    def order(self) -> None:
        """The order of mount namespaces is that of their recorded ids."""
        known: dict[MntNamespace, int] = {}
        for label, ns in self.world.namespaces.items():
            info = self.case.namespaces.get(label)
            if type(ns) is MntNamespace and info is not None and info.ns_id is not None:
                known[ns] = info.ns_id
        for ns, number in known.items():
            older = {other for other, its in known.items() if its < number}
            ns.older = frozenset((ns.older - set(known)) | older)  # type: ignore[assignment]

    # -- where tasks stand ----------------------------------------------------------------------------------------

    def stand(self, label: str, proc: Proc) -> None:
        """Put a task where the recording shows it; the paths are seen from the root of its namespace."""
        task = self.world.tasks.get(label)
        if task is None or task.fs is None or task.state != TaskState.RUNNING or task.nsproxy is None:
            return
        ns = task.nsproxy.mnt
        if ns is None or ns.root is None:
            return
        for name, put in (("root", set_root), ("cwd", set_pwd)):
            path = getattr(proc, name)
            if path is msgspec.UNSET or path is None:
                path = "/" if (task.fs.root_mnt if name == "root" else task.fs.cwd_mnt) is None else None
            if path is not None:
                found = self.find(ns, path)
                if found is not None:
                    put(self.k, task.fs, found.mount, found.dentry)

    def find(self, ns: MntNamespace, path: str) -> Place | None:
        """The place that a path from the root of a namespace shows, topmost where mounts cover each other."""
        if ns.root is None or path.endswith(" (deleted)"):
            return None
        self.walker.refresh()
        here = self.walker.cross(Place(ns.root, ns.root.root))
        for part in parts_of(path):
            here = self.walker.cross(Place(here.mount, self.names.at(here.dentry, [part])))
        return here

    def enter(self, task: Task) -> None:
        """A task of which nothing more is known stands at the top of its namespace."""
        ns = None if task.nsproxy is None else task.nsproxy.mnt
        if ns is not None and task.fs is not None:
            enter(self.k, task.fs, ns)

    def shown(self, task: Task, name: str) -> str | None:
        """Root or working directory of a task, as the recording would show it."""
        fs = task.fs
        if fs is None:
            return None
        m, d = (fs.root_mnt, fs.root_dentry) if name == "root" else (fs.cwd_mnt, fs.cwd_dentry)
        if m is None or d is None:
            return None
        return self.mounts.path(m, d) + (" (deleted)" if d.dead else "")

    def visible(self, task: Task) -> set[Mount] | None:
        """The mounts that a task's root shows (fs/d_path.c: __d_path, v6.18)."""
        fs = task.fs
        if fs is None or fs.root_mnt is None or fs.root_dentry is None or task.nsproxy is None:
            return None
        root, top = fs.root_mnt, fs.root_dentry
        out: set[Mount] = set()
        for m in self.k.live(Mount):
            here: Mount = m
            where: Dentry | None = m.root
            while where is not None:
                if here is root and self._is_below(where, top, here.root):
                    out.add(m)
                    break
                where, on = here.mountpoint, here.parent
                if on is None:
                    break
                here = on
        return out

    def _is_below(self, dentry: Dentry, top: Dentry, end: Dentry) -> bool:
        """Climbing from a name inside of one mount, one comes by `top`."""
        here: Dentry | None = dentry
        while here is not None:
            if here is top:
                return True
            here = None if here is end else here.parent
        return False

    # -- paths ----------------------------------------------------------------------------------------------------

    def walk(
        self,
        view: View,
        task: Task,
        name: str,
        dfd: str | None = None,
        *,
        follow: bool = True,
        directory: bool = False,
        parent: bool = False,
        empty: bool = False,
    ) -> Walked:
        """Walk a path argument. `dfd` names the descriptor argument that a relative path starts from; with `empty`
        (AT_EMPTY_PATH) an empty path is the descriptor itself."""
        step = view.step
        path = step.args.get(name)
        if path is not None and not isinstance(path, str):
            step.fail(f"args.{name} should be text, not {path!r}")
        if path is not None and path.startswith("<bad ptr"):
            return Walked(errno="EFAULT")
        self.walker.told_all = self._told_all(step, name)
        if not path and empty and dfd is not None:
            return self._descriptor_itself(view, task, dfd)
        if path is None:
            return Walked(errno="EFAULT")
        base: Place | None = None
        if path and not path.startswith("/"):
            found = Resolved(cwd=True) if dfd is None else self.resolve(task, step.descriptor(dfd))
            if found.bad:
                return Walked(errno="EBADF")
            base = self.cwd(task) if found.cwd else found.place
            if base is not None and not found.cwd and self.names.kind(base.dentry) not in (None, Kind.DIRECTORY):
                return Walked(errno="ENOTDIR")
            if base is None and not found.cwd and found.file is None and dfd is not None:
                link = step.descriptor(dfd).link or ""
                if not link.startswith("/"):
                    return Walked(errno="ENOTDIR")
        out = self.walker.walk(task, path, base, follow=follow, directory=directory, parent=parent)
        if out.place is not None:
            self.trail.append(out.place)
        return out

    def resolve(self, task: Task, recorded: recordings.Descriptor) -> Resolved:
        """What a descriptor argument leads to. An older recording tells the path alone of one that was opened unseen:
        it leads where the path does."""
        found = self.files.resolve(task, recorded)
        if found.place is None and recorded.ns is not None:
            kind = recorded.ns.rstrip("0123456789")
            if kind in NAMESPACES:
                return Resolved(place=self.internal(self.world.namespace(recorded.ns, NAMESPACES[kind])))
        if found.place is None and recorded.link is not None and recorded.link.startswith("/"):
            ns = None if task.nsproxy is None else task.nsproxy.mnt
            if recorded.mnt_id is None and ns is not None and not self._detached(task, recorded.fd):
                return Resolved(place=self.find(ns, recorded.link))
        return found

    def _detached(self, task: Task, fd: int) -> bool:
        """The number was given to a tree that is mounted nowhere: a path says nothing of it."""
        known = self.files.known(task, fd)
        return known is not None and known.tree

    def _descriptor_itself(self, view: View, task: Task, dfd: str) -> Walked:
        found = self.resolve(task, view.step.descriptor(dfd))
        if found.bad:
            return Walked(errno="EBADF")
        place = self.cwd(task) if found.cwd else found.place
        if place is None and found.namespace is None:
            raise Uncovered("a descriptor whose place the recording does not tell")
        return Walked(place=place, namespace=None if place is not None else found.namespace)

    def _told_all(self, step: Step, name: str) -> bool:
        """Every call that makes names where a path leads is in the recording."""
        if self.case.profile == "full":
            return True
        paths = (step.args.get(name), step.args.get(name + "_abs"))
        return any(isinstance(p, str) and p.startswith(SANDBOX) for p in paths)

    def cwd(self, task: Task) -> Place | None:
        """The working directory of a task."""
        fs = task.fs
        if fs is None or fs.cwd_mnt is None or fs.cwd_dentry is None:
            return None
        return Place(fs.cwd_mnt, fs.cwd_dentry)

    def internal(self, namespace: Namespace) -> Place:
        """The file of a namespace where a link of /proc leads to: in a mount that is in no tree."""
        m = self.internals.get(namespace)
        if m is None:
            m = self.k.new(Mount)
            m.count = 1
            m.root = self.names.roots[self.mounts.nsfs]
            setattr(m, NS_FIELDS[type(namespace).__name__.removesuffix("Namespace").lower()], namespace)
            pin_file(self.k, m)
            self.internals[namespace] = m
        return Place(m, m.root)

    def drop_internals(self) -> None:
        """The call is over: what it did not keep is gone."""
        for m in self.internals.values():
            m.count -= 1
        if self.internals:
            self.internals.clear()
            reap(self.k)

    # -- links of /proc -------------------------------------------------------------------------------------------

    def _proc_ns(self, dentry: Dentry) -> PidNamespace:
        shown = self.shown_by.get(dentry.fs)
        found = shown if shown is not None else self.world.namespace("pid1", PidNamespace)
        assert isinstance(found, PidNamespace)
        return found

    def _number(self, task: Task, dentry: Dentry, thread: bool) -> int:
        who = task if thread else task.group_leader
        number = self.world.number(who.pid, self._proc_ns(dentry))
        if number < 0:
            raise Uncovered("the number of a process, which the recording does not tell")
        return number

    def _task(self, dentry: Dentry, number: int) -> Task | None:
        ns = self._proc_ns(dentry)
        for task in self.k.live(Task):
            if task.pid.numbers[ns] != 0 and self.world.number(task.pid, ns) == number:
                return task
        return None

    def process(self, file: recordings.Descriptor, number: int) -> Task | None:
        """The task of a number in the proc file system that a file is in."""
        m = self.mounts.by_id(file.mnt_id) or self.mounts.labels.mounts.get(file.mnt or "")
        seen = type(m) is Mount and self.names.types.get(m.root.fs) == "proc"
        return self._task(m.root if seen and m is not None else self.names.roots[self.mounts.bottom], number)

    def _allowed(self, task: Task, target: Task) -> bool:
        return may_access(self.k, task, target, True)

    def _descriptor(self, task: Task, fd: int) -> Place | Namespace | None:
        found = self.files.known(task, fd)
        if found is not None and found.mount is not None and found.dentry is not None:
            return Place(found.mount, found.dentry)
        return None

    def _link_namespace(self, task: Task, link: str) -> Namespace | None:
        proxy: Any = task.nsproxy
        if link == "user":
            return task.user_ns
        if link == "pid":
            return task.pid.ns
        found = None if proxy is None else getattr(proxy, link, None)
        return found if isinstance(found, Namespace) else None

    # -- namespaces that end --------------------------------------------------------------------------------------

    def end_namespaces(self, view: View) -> None:
        """Put mount namespaces that no process is in any more, unless the recording shows that something holds them:
        it names them later, or a slave in another namespace keeps the master that it has there."""
        if view.step.mnt_live is not None:
            gone = [label for label in view.tables_before if label not in view.tables]
            self.waiting.update(label for label in gone if label in self.world.namespaces)
        for label in sorted(self.waiting):
            ns = self.world.namespaces[label]
            if type(ns) is not MntNamespace:
                self.waiting.discard(label)
                continue
            if label in view.tables:
                self.waiting.discard(label)
            elif self.last_mention.get(label, -1) <= view.step.i and not self._entered(ns) and not self._held(view, ns):
                self.waiting.discard(label)
                ns.count -= HELD
                if ns.count <= 0:
                    ns.count = 0
                    reap(self.k)

    def _entered(self, ns: MntNamespace) -> bool:
        return any(t.nsproxy is not None and t.nsproxy.mnt is ns for t in self.k.live(Task))

    def _held(self, view: View, ns: MntNamespace) -> bool:
        """A group of which all members are in the namespace still is the master of something that a table shows."""
        mounts = self.k.live(Mount)
        outside = {m.group for m in mounts if m.ns is not ns}
        dying = {m.group for m in mounts if m.ns is ns and m.group is not None and m.group not in outside}
        if not dying:
            return False
        shown = {r.n.id: r for t in view.tables.values() for r in t.all_rows()}
        for m in mounts:
            if m.ns is not ns and m.master in dying:
                row = shown.get(self.mounts.labels.mount(m) or "")
                if row is not None and row.n.master is not None:
                    if self.mounts.labels.groups.get(row.n.master) is m.master:
                        return True
        return False


def _mentions(case: Case) -> dict[str, int]:
    """The last step that tells of each mount namespace, as the target of a descriptor or of a process."""
    last: dict[str, int] = {}
    for step in case.steps:
        for label in step.after:
            last[label] = step.i
        for proc in step.procs.values():
            if not isinstance(proc.ns, msgspec.UnsetType):
                inside = proc.ns.get("mnt")
                if inside is not None:
                    last[inside] = step.i
        for value in (*step.args.values(), *step.out.values()):
            if isinstance(value, Mapping) and str(value.get("ns", "")).startswith("mnt"):
                last[str(value["ns"])] = step.i
    return last
