"""The walk of a recorded path through the model's mounts, as the kernel walks it (fs/namei.c, v6.18;
path_resolution(7), symlink(7)): `..`, symbolic links, mounts that are crossed, the links of /proc.

A walk starts at the root, the working directory or a descriptor, and does not cross over what is mounted on that place
itself. An unknown name is supposed to be there, as what the call needs; the caller judges by the recorded result
whether it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from nsmodel.kernel.objects import AttributeKind, Dentry, Mount, Namespace, Task
from nsmodel.oracle.recorded.flags import has
from nsmodel.oracle.recorded.judgement import Uncovered
from nsmodel.oracle.recorded.names import Kind, Names

NAME_MAX, PATH_MAX, LINKS_MAX = 255, 4096, 40
_MAGIC = re.compile(r"/(\d+)(?:/task/(\d+))?/(?:fd/(\d+)|(root|cwd|exe)|ns/(\w+))\Z")
_SELF = re.compile(r"/(self|thread-self)\Z")
_PID = re.compile(r"/(\d+)\Z")


@dataclass(frozen=True)
class Place:
    """A name in a mount."""

    mount: Mount
    dentry: Dentry


@dataclass
class Walked:
    """Where a walk ended: a place, the file of a namespace, or an errno; `supposed` are the unknown names that it took
    for existing. With `parent`, the place is the directory of the last name, which is `last`."""

    place: Place | None = None
    namespace: Namespace | None = None
    errno: str | None = None
    supposed: list[Dentry] = field(default_factory=list)
    last: str = ""
    directory: bool = False
    """It must be one."""
    slash: bool = False
    """The path ends with a slash: it asks for a directory."""
    text: str = ""


@dataclass(frozen=True)
class Links:
    """What the links of /proc lead to, asked of whoever follows the recording."""

    number: Callable[[Task, Dentry, bool], int]
    """The number of a process (or thread) where a proc file system shows it."""
    task: Callable[[Dentry, int], Task | None]
    """The task of a number there."""
    allowed: Callable[[Task, Task], bool]
    """A task may look into another one (ptrace(2), "ptrace access mode checking")."""
    descriptor: Callable[[Task, int], Place | Namespace | None]
    namespace: Callable[[Task, str], Namespace | None]


class Walker:
    """Walks paths through the mounts of one recording."""

    def __init__(self, names: Names, links: Links) -> None:
        self.names = names
        self.links = links
        self.told_all = True
        """Nothing that makes names was left out of the recording where the walk goes."""
        self._over: dict[tuple[Mount, Dentry], Mount] = {}

    def refresh(self) -> None:
        """Look again at what is mounted where; to be called when mounts may have changed."""
        self._over = {}
        for m in self.names.k.live(Mount):
            if m.parent is not None and m.mountpoint is not None:
                self._over[m.parent, m.mountpoint] = m

    def cross(self, place: Place) -> Place:
        """What is mounted on a place, topmost (fs/namei.c: traverse_mounts, v6.18)."""
        over = self._over.get((place.mount, place.dentry))
        while over is not None:
            place = Place(over, over.root)
            over = self._over.get((over, over.root))
        return place

    def walk(
        self,
        task: Task,
        path: str,
        base: Place | None,
        *,
        follow: bool = True,
        directory: bool = False,
        parent: bool = False,
    ) -> Walked:
        """Walk a path of a task; `base` is where a relative one starts, None where that is unknown."""
        out = Walked(text=path, slash=path.endswith("/"))
        out.directory = (directory or out.slash) and not parent
        self.refresh()
        if not path:
            out.errno = "ENOENT"
            return out
        if len(path.encode()) >= PATH_MAX:
            out.errno = "ENAMETOOLONG"
            return out
        here = self._root(task) if path.startswith("/") else base
        if here is None:
            raise Uncovered("a path from a place that the recording does not tell")
        _Walk(self, task, out, follow or out.slash, directory or (out.slash and not parent), parent).go(here, path)
        return out

    def _root(self, task: Task) -> Place | None:
        fs = task.fs
        if fs is None or fs.root_mnt is None or fs.root_dentry is None:
            return None
        return Place(fs.root_mnt, fs.root_dentry)

    def up(self, task: Task, place: Place) -> Place:
        """`..` (fs/namei.c: follow_dotdot, choose_mountpoint, v6.18): the root is its own parent."""
        root = self._root(task)
        m, d = place.mount, place.dentry
        if place == root:
            return self.cross(place)
        while d is m.root:
            on, where = m.parent, m.mountpoint
            if on is None or where is None:
                return self.cross(place)
            m, d = on, where
            if root is not None and m is root.mount and d is root.dentry:
                return self.cross(place)
        return self.cross(Place(m, d.parent if d.parent is not None else d))


class _Walk:
    """One walk under way."""

    def __init__(self, walker: Walker, task: Task, out: Walked, follow: bool, directory: bool, parent: bool) -> None:
        self.walker, self.names, self.task, self.out = walker, walker.names, task, out
        self.follow, self.directory, self.parent = follow, directory, parent
        self.links = 0

    def go(self, here: Place, path: str) -> None:
        out = self.out
        todo = [part for part in path.split("/") if part]
        if self.parent:
            out.last = todo[-1] if todo else "/"
            todo = todo[:-1]
        while todo:
            name = todo.pop(0)
            last = not todo and not self.parent
            if len(name.encode()) > NAME_MAX:
                out.errno = "ENAMETOOLONG"
                return
            if not self._is_directory(here.dentry):
                out.errno = "ENOTDIR"
                return
            if name == ".":
                continue
            if name == "..":
                here = self.walker.up(self.task, here)
                continue
            step = self._step(here, name, last, todo)
            if step is None:
                return
            here = step
        if (self.directory or self.parent) and not self._is_directory(here.dentry):
            out.errno = "ENOTDIR"
            return
        out.place = here

    def _is_directory(self, dentry: Dentry) -> bool:
        """A name is a directory; one that is only supposed to be there is taken for one from now on."""
        kind = self.names.kind(dentry)
        return kind is None or kind is Kind.DIRECTORY

    def _step(self, here: Place, name: str, last: bool, todo: list[str]) -> Place | None:
        """One name further; None when the walk ended."""
        out, names = self.out, self.names
        if here.dentry.dead:
            out.errno = "ENOENT"
            return None
        if names.types.get(here.dentry.fs) == "proc":
            magic = self._magic(here, name, last, todo)
            if magic is not None or out.errno is not None or out.namespace is not None:
                return magic
            if self._jumped:
                self._jumped = False
                return here
            if _MAGIC.match(names.path(here.dentry).rstrip("/") + "/" + name):
                comes = names.passing(here.dentry, name)
                out.supposed.append(comes)
                return Place(here.mount, comes)
        found = names.find(here.dentry, name)
        if found is not None:
            dentry = found
        elif names.is_absent(here.dentry, name, self.walker.told_all):
            out.errno = "ENOENT"
            return None
        else:
            dentry = names.make(here.dentry, name, None)
            out.supposed.append(dentry)
        next_place = self.walker.cross(Place(here.mount, dentry))
        if next_place.dentry is dentry and names.kind(dentry) is Kind.SYMLINK and (not last or self.follow):
            return self._link(here, dentry, todo)
        return next_place

    def _link(self, here: Place, dentry: Dentry, todo: list[str]) -> Place | None:
        out = self.out
        target = self.names.targets.get(dentry)
        if target is None:
            raise Uncovered("a symbolic link whose target the recording does not tell")
        if here.mount.attributes and has(here.mount.attributes, AttributeKind.NOSYMFOLLOW):
            out.errno = "ELOOP"
            return None
        self.links += 1
        if self.links > LINKS_MAX:
            out.errno = "ELOOP"
            return None
        todo[:0] = [part for part in target.split("/") if part]
        if target.endswith("/") and not todo:
            self.directory = True
        if target.startswith("/"):
            return self.walker._root(self.task)
        return here

    _jumped = False

    def _magic(self, here: Place, name: str, last: bool, todo: list[str]) -> Place | None:
        """A link of /proc; None where the name is an ordinary one (or the walk ended)."""
        links, out = self.walker.links, self.out
        path = self.names.path(here.dentry).rstrip("/") + "/" + name
        told = _SELF.match(path)
        if told is not None and (not last or self.follow):
            number = links.number(self.task, here.dentry, told.group(1) == "thread-self")
            if number == 0:
                out.errno = "ENOENT"
                return None
            leader = links.number(self.task, here.dentry, False)
            todo[:0] = [str(leader), "task", str(number)] if told.group(1) == "thread-self" else [str(number)]
            self._jumped = True
            return None
        found = _MAGIC.match(path)
        if found is None or (last and not self.follow):
            return None
        if has(here.mount.attributes, AttributeKind.NOSYMFOLLOW):
            out.errno = "ELOOP"
            return None
        process, thread, fd, fs_link, ns_link = found.groups()
        who = links.task(here.dentry, int(thread or process))
        if who is None:
            raise Uncovered("a link in /proc of a process that the recording does not show")
        if not links.allowed(self.task, who):
            out.errno = "EACCES"
            return None
        if fd is not None:
            return self._jump(links.descriptor(who, int(fd)), todo)
        if ns_link is not None:
            return self._jump(links.namespace(who, ns_link), todo)
        fs = who.fs
        if fs_link == "exe":
            raise Uncovered("the executable of a process, which the recording does not tell")
        mount, dentry = (None, None) if fs is None else (fs.root_mnt, fs.root_dentry)
        if fs is not None and fs_link == "cwd":
            mount, dentry = fs.cwd_mnt, fs.cwd_dentry
        return self._jump(Place(mount, dentry) if mount is not None and dentry is not None else None, todo)

    def _jump(self, to: Place | Namespace | None, todo: list[str]) -> Place | None:
        """Go where a link of /proc leads, without crossing anything (fs/namei.c: nd_jump_link, v6.18)."""
        if isinstance(to, Namespace):
            if todo or self.parent or self.directory:
                self.out.errno = "ENOTDIR"
            else:
                self.out.namespace = to
            return None
        if to is None:
            raise Uncovered("a link in /proc to something that the recording does not tell")
        return to
