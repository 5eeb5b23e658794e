"""The running kernel and the rules side by side on random mount calls: the same result, and the same trees after each.

Runs in a process of its own with a private mount namespace; the sandbox is a tmpfs on a temporary folder. After some
calls a second process makes a mount namespace in a user namespace of its own, and both go on.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import re
import socket
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nsmodel.ir.language import Errno, Refused
from nsmodel.kernel import fork
from nsmodel.kernel.base import base_state
from nsmodel.kernel.mount import operations as ops
from nsmodel.kernel.mount.operations import Propagation, UmountFlags
from nsmodel.kernel.objects import CloneFlags, Dentry, Kernel, Mount, SetTid, Superblock, Task
from nsmodel.kernel.versions import running, switches_of

LIBC = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWUSER = 0x20000, 0x10000000
REC, BIND, MOVE, DETACH = 16384, 4096, 8192, 2
TYPES = {
    Propagation.SHARED: 1 << 20,
    Propagation.SLAVE: 1 << 19,
    Propagation.PRIVATE: 1 << 18,
    Propagation.UNBINDABLE: 1 << 17,
}
NAMES = ("a", "b")
DEEP = 2
Path_ = tuple[str, ...]


def mount(source: str | None, target: str, kind: str | None, flags: int) -> str | None:
    """mount(2): the name of the error, None for success."""
    given = [None if text is None else text.encode() for text in (source, target, kind)]
    return _errno(LIBC.mount(*given, ctypes.c_ulong(flags), None))


def umount(target: str, flags: int) -> str | None:
    """umount2(2)."""
    return _errno(LIBC.umount2(target.encode(), flags))


def _errno(result: int) -> str | None:
    return None if result == 0 else Errno(ctypes.get_errno()).name


def make_names(folder: str, depth: int = DEEP) -> None:
    """The directories that every file system has."""
    for name in NAMES if depth else ():
        path = Path(folder, name)
        path.mkdir()
        make_names(str(path), depth - 1)


@dataclass
class Model:
    """The rules, run directly on a state without bounds."""

    k: Kernel
    bases: list[Mount]
    """The sandbox's mount in the namespace of each task."""

    @classmethod
    def fresh(cls) -> Model:
        """One task, a root file system, and the sandbox's mount on it."""
        k = Kernel(None, switches_of(running()))
        task = base_state(k)
        assert task.nsproxy is not None and task.nsproxy.mnt is not None
        ns = task.nsproxy.mnt
        root = k.new(Mount)
        root.root, root.ns = forest(k), ns
        ns.root = root
        base = k.new(Mount)
        base.root, base.ns, base.parent, base.mountpoint = forest(k), ns, root, root.root
        return cls(k, [base])

    def tasks(self) -> list[Task]:
        """The tasks, in the order in which they came."""
        return list(self.k.tasks)

    def second(self) -> None:
        """A child unshares a user namespace, and then a mount namespace."""
        first = self.tasks()[0]
        fork.clone3(self.k, first, CloneFlags(), SetTid())
        child = self.tasks()[1]
        fork.unshare(self.k, child, CloneFlags(newuser=True))
        fork.unshare(self.k, child, CloneFlags(newns=True))
        assert child.nsproxy is not None and child.nsproxy.mnt is not None
        bottom = child.nsproxy.mnt.root
        self.bases.append(next(m for m in self.k.mounts if m.parent is bottom))

    def lookup(self, path: Path_, who: int = 0) -> tuple[Mount, Dentry]:
        """What a path of a task ends on."""
        at: Mount = self.bases[who]
        dentry = at.root
        while (over := self._on(at, dentry)) is not None:
            at, dentry = over, over.root
        for name in path:
            found = next((d for d in self.k.dentries if d.parent is dentry and NAME[d] == name), None)
            if found is None:
                raise Refused(Errno.ENOENT, "no such name")
            dentry = found
            while (over := self._on(at, dentry)) is not None:
                at, dentry = over, over.root
        return at, dentry

    def _on(self, at: Mount, dentry: Dentry) -> Mount | None:
        return next((m for m in self.k.mounts if m.parent is at and m.mountpoint is dentry), None)

    def trees(self) -> Any:
        """The tree above the base in each namespace, groups by first appearance."""
        labels: dict[Any, int] = {}

        def label(g: Any) -> int:
            return 0 if g is None else labels.setdefault(g, len(labels) + 1)

        def told(m: Mount) -> Any:
            children = [(full(c.mountpoint), c) for c in self.k.mounts if c.parent is m and c.mountpoint is not None]
            own = [full(m.root), label(m.group), label(m.master), m.unbindable]
            return [*own, [[where, *told(c)] for where, c in sorted(children, key=lambda pair: pair[0])]]

        return [told(base) for base in self.bases]


NAME: dict[Dentry, str] = {}
"""Names of dentries: the rules have no use for them."""


def full(d: Dentry | None) -> str:
    """The path of a name from the root of its file system."""
    return "" if d is None or d.parent is None else f"{full(d.parent)}/{NAME[d]}"


def forest(k: Kernel) -> Dentry:
    """A file system with its names: gives its root."""
    sb = k.new(Superblock)

    def grow(parent: Dentry | None, name: str, depth: int) -> Dentry:
        d = k.new(Dentry)
        d.sb, d.parent, d.directory = sb, parent, True
        NAME[d] = name
        for child in NAMES if depth else ():
            grow(d, child, depth - 1)
        return d

    return grow(None, "", DEEP)


def kernel_trees(base: str, pids: list[int]) -> Any:
    """The same of the running kernel, out of mountinfo."""
    labels: dict[str, int] = {}
    return [kernel_tree(base, pid, labels) for pid in pids]


def kernel_tree(base: str, pid: int, labels: dict[str, int]) -> Any:
    """The tree in the namespace of one process."""
    rows = []
    for line in Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8").splitlines():
        words = line.split()
        tags = words[6 : words.index("-")]
        rows.append((int(words[0]), int(words[1]), words[3], words[4], tags))
    inside = [r for r in rows if r[3] == base or r[3].startswith(base + "/")]
    ids = {r[0] for r in inside}
    top = next(r for r in inside if r[1] not in ids)

    def label(tags: list[str], kind: str) -> int:
        found = next((t.split(":")[1] for t in tags if re.fullmatch(rf"{kind}:\d+", t)), None)
        return 0 if found is None else labels.setdefault(found, len(labels) + 1)

    def told(row: Any) -> Any:
        number, _, root, at, tags = row
        root = root.rstrip("/")
        children = [(root + c[3][len(at) :], c) for c in inside if c[1] == number]
        own = [root, label(tags, "shared"), label(tags, "master"), "unbindable" in tags]
        return [*own, [[where, *told(c)] for where, c in sorted(children, key=lambda pair: pair[0])]]

    return told(top)


def mount_with_names(pool: str, target: str) -> str | None:
    """A new file system with its names in it: made aside and bound, because the path may lead elsewhere afterwards."""
    assert mount("new", pool, "tmpfs", 0) is None
    make_names(pool)
    got = mount(pool, target, None, BIND)
    assert umount(pool, 0) is None
    return got


KINDS = ("new", "new", "bind", "bind", "rbind", "move", "type", "type", "rtype", "umount", "detach")


@dataclass(frozen=True)
class Drawn:
    """One call, as drawn."""

    who: int
    kind: str
    path: Path_
    other: Path_
    to: Propagation

    def on_model(self, model: Model) -> str | None:
        """The rules' answer."""
        k, task, who = model.k, model.tasks()[self.who], self.who
        try:
            if self.kind == "new":
                root = forest(k)
                ops.mount_new(k, task, root, *model.lookup(self.path, who))
            elif self.kind in ("bind", "rbind"):
                at = model.lookup(self.other, who)
                ops.mount_bind(k, task, *model.lookup(self.path, who), *at, self.kind == "rbind")
            elif self.kind == "move":
                at = model.lookup(self.other, who)
                ops.mount_move(k, task, root_only(*model.lookup(self.path, who)), *at)
            elif self.kind in ("type", "rtype"):
                ops.mount_change_type(k, task, root_only(*model.lookup(self.path, who)), self.to, self.kind == "rtype")
            else:
                flags = UmountFlags(detach=self.kind == "detach")
                ops.umount2(k, task, root_only(*model.lookup(self.path, who)), flags)
        except Refused as refused:
            return refused.errno.name
        return None

    def on_kernel(self, base: str, pool: str) -> str | None:
        """The kernel's answer."""
        path, other = ("/".join((base, *p)) for p in (self.path, self.other))
        if self.kind == "new":
            return mount_with_names(pool, path)
        if self.kind in ("bind", "rbind"):
            return mount(path, other, None, BIND | (REC if self.kind == "rbind" else 0))
        if self.kind == "move":
            return mount(path, other, None, MOVE)
        if self.kind in ("type", "rtype"):
            return mount(None, path, None, TYPES[self.to] | (REC if self.kind == "rtype" else 0))
        return umount(path, DETACH if self.kind == "detach" else 0)


class Second:
    """A process with a mount namespace in a user namespace of its own."""

    def __init__(self, base: str, pool: str) -> None:
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            with suppress(BaseException):
                self._serve(theirs, base, pool)
            os._exit(0)
        theirs.close()
        self.file = ours.makefile("rw")
        assert self.file.readline() == "ready\n"

    def _serve(self, link: socket.socket, base: str, pool: str) -> None:
        assert LIBC.unshare(NEWUSER) == 0
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text("0 0 1")
        Path("/proc/self/gid_map").write_text("0 0 1")
        assert LIBC.unshare(NEWNS) == 0
        file = link.makefile("rw")
        print("ready", file=file, flush=True)
        for line in file:
            who, kind, path, other, to = json.loads(line)
            drawn = Drawn(who, kind, tuple(path), tuple(other), Propagation(to))
            print(json.dumps(drawn.on_kernel(base, pool)), file=file, flush=True)

    def call(self, drawn: Drawn) -> str | None:
        """Let it make a call."""
        words = [drawn.who, drawn.kind, drawn.path, drawn.other, int(drawn.to)]
        print(json.dumps(words), file=self.file, flush=True)
        found: str | None = json.loads(self.file.readline())
        return found

    def end(self) -> None:
        """It ends when nobody talks to it any more."""
        self.file.close()
        os.waitpid(self.pid, 0)


def run(base: str, pool: str, seed: int, steps: int, most: int = 60) -> list[str]:
    """One random sequence; gives back what differed, with the calls that led there."""
    rng = random.Random(seed)
    assert LIBC.unshare(NEWNS) == 0
    assert mount(None, "/", None, REC | TYPES[Propagation.PRIVATE]) is None
    assert mount("base", base, "tmpfs", 0) is None
    make_names(base)
    model = Model.fresh()
    lengths = [rng.choice([1, 1, 1, 2, 2, 3]) for _ in range(6)]
    paths: list[Path_] = [(), *(tuple(rng.choice(NAMES) for _ in range(length)) for length in lengths)]
    log: list[str] = []
    second: Second | None = None
    if rng.random() < 0.8:
        assert mount(None, base, None, TYPES[Propagation.SHARED]) is None
        ops.mount_change_type(model.k, model.tasks()[0], model.bases[0], Propagation.SHARED, False)
    alone = rng.randint(3, steps // 2)
    for number in range(steps):
        if len(list(model.k.mounts)) > most:
            break
        if number == alone:
            second = Second(base, pool)
            model.second()
        who = rng.choice([0, 0, 1]) if second is not None else 0
        drawn = Drawn(who, rng.choice(KINDS), rng.choice(paths), rng.choice(paths), rng.choice(list(Propagation)))
        if drawn.kind in ("umount", "detach", "move") and on_base(model, drawn.path, who):
            continue
        expected = drawn.on_model(model)
        got = second.call(drawn) if second is not None and who else drawn.on_kernel(base, pool)
        log.append(f"{drawn} = {got}")
        if expected != got:
            return [*log, f"the rules say {expected}"]
        pids = [os.getpid(), *([second.pid] if second is not None else [])]
        ours, theirs = model.trees(), kernel_trees(base, pids)
        if ours != theirs:
            return [*log, f"rules  {json.dumps(ours)}", f"kernel {json.dumps(theirs)}"]
    if second is not None:
        second.end()
    return []


def root_only(at: Mount, dentry: Dentry) -> Mount:
    """The mount at a path; refused where nothing is mounted there."""
    if at.root is not dentry:
        raise Refused(Errno.EINVAL, "not the root of a mount")
    return at


def on_base(model: Model, path: Path_, who: int) -> bool:
    """A path ends on the sandbox's own mount, which stays."""
    try:
        return model.lookup(path, who)[0] is model.bases[who]
    except Refused:
        return False


def in_child(seed: int, steps: int) -> list[str]:
    """Run one sequence in a process of its own."""
    base, pool = tempfile.mkdtemp(prefix="nsmodel-"), tempfile.mkdtemp(prefix="nsmodel-")
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            data = run(base, pool, seed, steps)
        except BaseException as error:
            import traceback

            data = [f"{type(error).__name__}: {error}", *traceback.format_exc().splitlines()[-4:]]
        os.write(into, json.dumps(data)[:60000].encode())
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as file:
        text = file.read()
    os.waitpid(pid, 0)
    for folder in (base, pool):
        Path(folder).rmdir()
    found: list[str] = json.loads(text)
    return found
