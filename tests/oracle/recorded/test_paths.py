"""The walk of recorded paths through the model's mounts."""

from __future__ import annotations

import pytest

from nsmodel.kernel.objects import AttributeKind, FsStruct, Kernel, MntNamespace, Mount, Nsproxy, Task
from nsmodel.oracle.recorded.judgement import Uncovered
from nsmodel.oracle.recorded.mounts import RecordedMounts
from nsmodel.oracle.recorded.names import Kind, Names
from nsmodel.oracle.recorded.paths import Links, Place, Walked, Walker


class Tree:
    """A namespace with a file system of known names, one more mounted on /mnt, and a task at its root."""

    def __init__(self) -> None:
        self.k = Kernel()
        self.names = Names(self.k)
        self.mounts = RecordedMounts(self.k, self.names)
        self.ns = self.k.new(MntNamespace)
        self.root = self.mount(None)
        for path in ("mnt", "a", "a/b"):
            self.make(path, Kind.DIRECTORY)
        self.make("a/file", Kind.FILE)
        self.upper = self.mount(self.place("mnt"))
        self.names.make(self.upper.root, "in", Kind.DIRECTORY, whole=True)
        self.task = self.k.new(Task)
        self.task.group_leader = self.task
        self.task.nsproxy = self.k.new(Nsproxy)
        self.task.nsproxy.mnt = self.ns
        fs = self.task.fs = self.k.new(FsStruct)
        fs.root_mnt = fs.cwd_mnt = self.root
        fs.root_dentry = fs.cwd_dentry = self.root.root
        links = Links(
            lambda task, dentry, thread: 7,
            lambda dentry, number: self.task if number == 7 else None,
            lambda task, other: True,
            lambda task, fd: Place(self.upper, self.upper.root) if fd == 3 else None,
            lambda task, link: self.ns if link == "mnt" else None,
        )
        self.walker = Walker(self.names, links)

    def mount(self, on: Place | None, fstype: str = "tmpfs") -> Mount:
        m = self.k.new(Mount)
        m.count = 1
        m.ns = self.ns
        m.root = self.names.roots[self.names.file_system(fstype, None, False)]
        if on is None:
            self.ns.root = m
        else:
            m.parent, m.mountpoint = on.mount, on.dentry
        return m

    def make(self, path: str, kind: Kind, target: str | None = None) -> None:
        *above, name = path.split("/")
        made = self.names.make(self.names.at(self.root.root, above), name, kind, whole=kind is Kind.DIRECTORY)
        if target is not None:
            self.names.targets[made] = target

    def place(self, path: str) -> Place:
        return Place(self.root, self.names.at(self.root.root, path.split("/")))

    def walk(self, path: str, base: Place | None = None, **how: bool) -> Walked:
        return self.walker.walk(self.task, path, base or Place(self.root, self.root.root), **how)

    def ends(self, path: str, base: Place | None = None, **how: bool) -> Place | str | None:
        walked = self.walk(path, base, **how)
        return walked.errno or walked.place


@pytest.fixture
def tree() -> Tree:
    return Tree()


def test_mounts_are_crossed(tree: Tree) -> None:
    assert tree.ends("/mnt") == Place(tree.upper, tree.upper.root)
    assert tree.ends("mnt/in/../..") == Place(tree.root, tree.root.root)
    assert tree.ends("/mnt/in/../../a/b/.") == tree.place("a/b")
    assert tree.ends("/a//b///") == tree.place("a/b")


def test_the_start_is_not_crossed_and_what_is_above_it_is(tree: Tree) -> None:
    over = tree.mount(Place(tree.upper, tree.upper.root))
    assert tree.ends("/mnt") == Place(over, over.root)
    assert tree.ends(".", Place(tree.upper, tree.upper.root)) == Place(tree.upper, tree.upper.root)
    assert tree.ends("in/..", Place(tree.upper, tree.upper.root)) == Place(over, over.root)


def test_the_root_is_its_own_parent(tree: Tree) -> None:
    assert tree.ends("/../..") == Place(tree.root, tree.root.root)
    fs = tree.task.fs
    assert fs is not None
    fs.root_mnt, fs.root_dentry = tree.upper, tree.upper.root
    assert tree.ends("/..") == Place(tree.upper, tree.upper.root)
    assert tree.ends("/in/../..") == Place(tree.upper, tree.upper.root)


def test_what_fails(tree: Tree) -> None:
    assert tree.ends("") == "ENOENT"
    assert tree.ends("/none") == "ENOENT"
    assert tree.ends("/a/file/x") == "ENOTDIR"
    assert tree.ends("/a/file/") == "ENOTDIR"
    assert tree.ends("/a/file/.") == "ENOTDIR"
    assert tree.ends("/a/file", directory=True) == "ENOTDIR"
    assert tree.ends("/" + "x" * 256) == "ENAMETOOLONG"
    assert tree.ends("/" + "a/" * 2048) == "ENAMETOOLONG"


def test_symbolic_links(tree: Tree) -> None:
    tree.make("link", Kind.SYMLINK, "a/b")
    tree.make("a/up", Kind.SYMLINK, "../mnt")
    tree.make("loop", Kind.SYMLINK, "loop")
    assert tree.ends("/link") == tree.place("a/b")
    assert tree.ends("/link", follow=False) == tree.place("link")
    assert tree.ends("/link/", follow=False) == tree.place("a/b")
    assert tree.ends("/a/up/in/..") == Place(tree.upper, tree.upper.root)
    assert tree.ends("/loop") == "ELOOP"
    tree.root.attributes = frozenset({tree.mounts.attributes[AttributeKind.NOSYMFOLLOW]})  # type: ignore[assignment]
    assert tree.ends("/link") == "ELOOP"


def test_unknown_names_are_supposed_where_nothing_told_of_them(tree: Tree) -> None:
    disk = tree.mount(tree.place("a"), "ext4")
    walked = tree.walk("/a/x/y")
    assert walked.errno is None and walked.place is not None and walked.place.mount is disk
    assert [tree.names.names[d] for d in walked.supposed] == ["x", "y"]
    tree.names.forget(walked.supposed[1])
    assert tree.ends("/a/x/y") == "ENOENT"
    assert tree.walk("/a/x").supposed == []


def test_the_last_name_apart(tree: Tree) -> None:
    walked = tree.walk("/a/b/new/", parent=True)
    assert (walked.place, walked.last, walked.slash) == (tree.place("a/b"), "new", True)
    assert tree.walk("/a/b/..", parent=True).last == ".."
    assert tree.walk("/", parent=True).last == "/"
    assert tree.ends("/a/file/new", parent=True) == "ENOTDIR"


def test_links_of_proc(tree: Tree) -> None:
    tree.mount(tree.place("a"), "proc")
    assert tree.ends("/a/self/fd/3") == Place(tree.upper, tree.upper.root)
    assert tree.ends("/a/7/fd/3/in") == Place(tree.upper, tree.names.at(tree.upper.root, ["in"]))
    assert tree.ends("/a/thread-self/root/a/..") == Place(tree.root, tree.root.root)
    assert tree.walk("/a/self/ns/mnt").namespace is tree.ns
    assert tree.ends("/a/self/ns/mnt/x") == "ENOTDIR"
    with pytest.raises(Uncovered):
        tree.walk("/a/self/fd/4")
    with pytest.raises(Uncovered):
        tree.walk("/a/9/cwd")
