"""The model's state of a recording: tasks, pids and namespaces under the labels that the recording gives them.

Namespaces are held beyond their counts, because a recording does not tell every holder.
"""

from __future__ import annotations

import msgspec

from nsmodel.kernel.credentials import become_root_of
from nsmodel.kernel.objects import (
    AUTO,
    CgroupNamespace,
    Extent,
    FsStruct,
    IdKind,
    IpcNamespace,
    Kernel,
    MntNamespace,
    Namespace,
    NetNamespace,
    Nsproxy,
    Pid,
    PidNamespace,
    Task,
    TaskState,
    TimeNamespace,
    Ucounts,
    UserNamespace,
    UtsNamespace,
)
from nsmodel.kernel.versions import switches_of, version_of
from nsmodel.oracle.recorded import credentials
from nsmodel.oracle.recorded.credentials import Credentials, told
from nsmodel.oracle.recorded.recordings import Proc

HELD = 1000
"""References that keep an object of a recording from being freed."""
IDS = 2**32 - 1
"""How many ids there are; the last number is none."""
LINKS: dict[str, type[Namespace]] = {
    "mnt": MntNamespace,
    "uts": UtsNamespace,
    "ipc": IpcNamespace,
    "net": NetNamespace,
    "cgroup": CgroupNamespace,
    "time": TimeNamespace,
    "time_for_children": TimeNamespace,
}
POINTERS = (*LINKS, "pid_for_children")


class World:
    """The kernel state of a recording with its labels. `follows`: the recording tells of every change of credentials
    and of every map that is written; otherwise it tells the first credentials alone."""

    def __init__(self, procs: dict[str, Proc], release: str, follows: bool = True) -> None:
        self.k = Kernel(switches=switches_of(version_of(release)))
        self.follows = follows
        self.credentials = Credentials(self.k, procs.values())
        self.tasks: dict[str, Task] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.numbers: dict[Pid, tuple[int, ...]] = {}
        """The real numbers of each pid, from the recorder's pid namespace inwards."""
        self.supposed: set[tuple[UserNamespace, IdKind]] = set()
        """Maps that the recording does not tell: they are taken for mapping every id to itself."""
        for label in sorted(procs, key=lambda x: (len(_numbers(procs[x])), _numbers(procs[x]), x)):
            self.add(label, procs[label], procs)
        for label, proc in procs.items():
            self._relate(label, proc)
        self._count_namespaces()

    # -- objects --------------------------------------------------------------------------------------------------

    def namespace(self, label: str, cls: type[Namespace]) -> Namespace:
        """The namespace of a label, made when it was not seen before."""
        found = self.namespaces.get(label)
        if found is None:
            found = self.k.new(cls)
            found.count = HELD
            found.owner = None if cls is UserNamespace else self.first_user()
            if isinstance(found, UserNamespace):
                found.setgroups = found.parent_could_setfcap = True
                found.initial = found is self.first_user()
            if isinstance(found, PidNamespace):
                found.started = found.adding = True
                found.child_reaper = self._unseen_init(found)
            self.namespaces[label] = found
        return found

    def _unseen_init(self, ns: PidNamespace) -> Task:
        """The init of a pid namespace that the recording does not show: orphans go to it, nobody can name it."""
        init = self.k.new(Task)
        init.group_leader = init
        init.unkillable = True
        init.pid = init.pgrp = init.session = self._outside(ns)
        user = self.first_user() or self.namespace("user1", UserNamespace)
        assert isinstance(user, UserNamespace)
        init.user_ns = user
        return init

    def first_user(self) -> UserNamespace | None:
        """The user namespace that all others come from."""
        users = self.k.live(UserNamespace)
        return users[0] if users else None

    def label(self, namespace: Namespace | None) -> str | None:
        """The label of a namespace, None while it has none."""
        return next((x for x, found in self.namespaces.items() if found is namespace), None)

    def _count_namespaces(self) -> None:
        """From now on namespaces count at who made them; what there is already was made outside."""
        world = self.first_user()
        if world is not None:
            entry = self.k.new(Ucounts)
            entry.ns, entry.count = world, HELD

    def add(self, label: str, proc: Proc, procs: dict[str, Proc]) -> Task:
        """A task that the recording shows without its birth."""
        ns = dict(proc.ns) if not isinstance(proc.ns, msgspec.UnsetType) else {}
        user = self.namespace(ns.get("user") or "user1", UserNamespace)
        active = self.namespace(ns.get("pid") or "pid1", PidNamespace)
        assert isinstance(user, UserNamespace) and isinstance(active, PidNamespace)
        task = self.k.new(Task)
        task.user_ns = user
        user.count += 1
        task.pid = self._pid(active, _numbers(proc))
        task.group_leader = task
        task.dumpable = True
        world = self.first_user()
        assert world is not None
        task.mm_ns = world
        world.count += 1
        task.pgrp = task.session = self._outside(active)
        self.tasks[label] = task
        task.nsproxy = self._proxy(ns)
        fs = self.k.new(FsStruct)
        fs.users = 1
        task.fs = fs
        if _numbers(proc)[-1:] == (1,):
            task.unkillable = True
            if active.child_reaper is not None and active.child_reaper is not task:
                self.k.free(active.child_reaper)
            active.child_reaper = task
        parent = self.tasks.get(proc.ppid) if isinstance(proc.ppid, str) else None
        model = parent if type(parent) is Task else next(t for t in self.tasks.values() if type(t) is Task)
        if model is not task:  # what is not told, a child has from its parent
            credentials.copy(task, model)
        if user.owner is None and user is not world:
            self._place_user(user, model)
        if not self.follows and user is not model.user_ns:
            become_root_of(self.k, task, user)
        if self.follows or model is task:
            self.credentials.take(task, proc)
        return task

    def _pid(self, active: PidNamespace, numbers: tuple[int, ...]) -> Pid:
        pid = self.k.new(Pid)
        pid.ns = active
        active.count += 1
        pid.count = HELD
        here: PidNamespace | None = active
        for number in reversed(numbers or (0,)):
            if here is None:
                break
            pid.numbers[here] = 1 if number == 1 else AUTO
            here = here.parent
        self.numbers[pid] = numbers
        return pid

    def _outside(self, active: PidNamespace) -> Pid:
        """A process group that nobody inside can name: its leader is not in the recording."""
        pid = self.k.new(Pid)
        pid.ns = active
        active.count += 1
        pid.count = HELD
        self.numbers[pid] = ()
        return pid

    def _proxy(self, ns: dict[str, str | None]) -> Nsproxy:
        proxy = self.k.new(Nsproxy)
        proxy.count = 1
        for name, cls in LINKS.items():
            target = self.namespace(ns.get(name) or f"{name.removesuffix('_for_children')}1", cls)
            target.count += 1
            setattr(proxy, name, target)
        children = self.namespace(ns.get("pid_for_children") or ns.get("pid") or "pid1", PidNamespace)
        assert isinstance(children, PidNamespace)
        children.count += 1
        proxy.pid_for_children = children
        return proxy

    def _relate(self, label: str, proc: Proc) -> None:
        """Parents, threads, groups and sessions of the first tasks, once all of them are there."""
        task = self.tasks[label]
        if isinstance(proc.ppid, str) and proc.ppid in self.tasks:
            task.parent = self.tasks[proc.ppid].group_leader
        for name, field in (("nspgid", "pgrp"), ("nssid", "session")):
            numbers = getattr(proc, name)
            if told(numbers):
                owner = next((p for p, n in self.numbers.items() if n and n[:1] == tuple(numbers)[:1]), None)
                if owner is not None:
                    setattr(task, field, owner)
                    if field == "session" and owner is task.pid:
                        task.session_leader = True
                else:
                    outside = getattr(task, field)
                    self.numbers[outside] = tuple(numbers)
                    self._share_outside(field, outside, tuple(numbers))

    def _share_outside(self, field: str, pid: Pid, numbers: tuple[int, ...]) -> None:
        for task in self.k.live(Task):
            other = getattr(task, field)
            if other is not None and other is not pid and self.numbers.get(other) == numbers:
                setattr(task, field, pid)

    # -- following the recording ----------------------------------------------------------------------------------

    def take(self, label: str, proc: Proc) -> bool:
        """Take credentials as recorded; True where the model had others."""
        task = self.tasks[label]
        return self.follows and type(task) is Task and self.credentials.take(task, proc)

    def compare(self, label: str, proc: Proc, rule: str) -> None:
        """A task's credentials are what the recording tells of them."""
        task = self.tasks.get(label)
        if self.follows and type(task) is Task:
            self.credentials.compare(label, task, proc, rule)

    def _place_user(self, user: UserNamespace, maker: Task) -> None:
        """A user namespace that the recording shows without its birth is of whoever is in it first."""
        user.owner = maker.user_ns
        maker.user_ns.count += 1
        user.creator, user.creator_group = maker.euid, maker.egid
        self.suppose_maps(user)

    def suppose_maps(self, user: UserNamespace) -> None:
        """Nothing tells of the maps of a user namespace."""
        for kind in IdKind:
            self.supposed.add((user, kind))
            extent = self.k.new(Extent)
            extent.ns, extent.kind, extent.count = user, kind, IDS

    def supposes(self, user: UserNamespace) -> bool:
        """What ids mean in a user namespace is not known."""
        return (user, IdKind.UID) in self.supposed or (user, IdKind.GID) in self.supposed

    def forget_map(self, user: UserNamespace, kind: IdKind) -> None:
        """A map is as yet not written."""
        self.supposed.discard((user, kind))
        for extent in self.k.live(Extent):
            if extent.ns is user and extent.kind == kind:
                self.k.free(extent)

    def resync(self, label: str, proc: Proc) -> None:
        """Take a task's namespaces, user and capabilities as recorded, after a call that the model did not make."""
        task = self.tasks.get(label)
        if task is None or task.state != TaskState.RUNNING:
            return
        self.take(label, proc)
        if isinstance(proc.ns, msgspec.UnsetType) or proc.is_dead:
            return
        ns = dict(proc.ns)
        if task.nsproxy is None or any(ns.get(p) and ns[p] != self.label(getattr(task.nsproxy, p)) for p in POINTERS):
            task.nsproxy = self._proxy(ns)
        if ns.get("user") and ns["user"] != self.label(task.user_ns):
            user = self.namespace(str(ns["user"]), UserNamespace)
            assert isinstance(user, UserNamespace)
            if user.owner is None and user is not self.first_user():
                self._place_user(user, task)
            user.count += 1
            if self.follows:
                task.user_ns = user
            else:
                become_root_of(self.k, task, user)

    def number(self, pid: Pid, ns: PidNamespace) -> int:
        """The real number of a pid in a pid namespace, 0 when it has none there."""
        if pid.numbers[ns] == 0 and ns is not pid.ns and not self._above(pid.ns, ns):
            return 0
        numbers = self.numbers.get(pid, ())
        depth = self._depth(ns)
        return numbers[depth] if depth < len(numbers) else 0

    def _above(self, ns: PidNamespace, top: PidNamespace) -> bool:
        here: PidNamespace | None = ns
        while here is not None:
            if here is top:
                return True
            here = here.parent
        return False

    def _depth(self, ns: PidNamespace) -> int:
        depth = 0
        while ns.parent is not None:
            ns = ns.parent
            depth += 1
        return depth

    def find(self, task: Task, number: int) -> Task | None:
        """The task that a number names where another task looks."""
        here = task.pid.ns
        for other in self.k.live(Task):
            if other.pid.numbers[here] != 0 and self.number(other.pid, here) == number:
                return other
        return None

    def knows_all(self, task: Task) -> bool:
        """Every process of the task's pid namespace is in the recording: the namespace was made there."""
        return task.pid.ns.parent is not None


def _numbers(proc: Proc) -> tuple[int, ...]:
    return () if isinstance(proc.nspid, msgspec.UnsetType) else tuple(proc.nspid)
