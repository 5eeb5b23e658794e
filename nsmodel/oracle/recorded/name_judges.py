"""How recorded calls are judged that make, remove and rename names (fs/namei.c, v6.18): mkdir, open with O_CREAT,
symlink, link, mknod, rmdir, unlink, rename.

The walk decides whether the name is there; the rules decide about mounts: a name on which something is mounted in the
caller's namespace stays, mounts elsewhere are detached. Errors of the file system (space, permissions, links) are not
modelled.
"""

from __future__ import annotations

from collections.abc import Callable

from nsmodel.kernel.mount.place import do_open
from nsmodel.kernel.mount.tree import superblock_of
from nsmodel.kernel.mount.unlink import detach_mounts, may_rename, may_unlink
from nsmodel.kernel.objects import AttributeKind, Dentry, Mount, Task
from nsmodel.oracle.recorded.flags import has
from nsmodel.oracle.recorded.judgement import Differs, Uncovered
from nsmodel.oracle.recorded.judging import Judge
from nsmodel.oracle.recorded.lookups import ends, opened, place_of
from nsmodel.oracle.recorded.names import ALIKE, DEVICES, FRESH, Kind
from nsmodel.oracle.recorded.paths import NAME_MAX, Place, Walked
from nsmodel.oracle.recorded.recordings import View

O_ACCMODE, O_CREAT, O_EXCL, O_TRUNC = 3, 0o100, 0o200, 0o1000
O_DIRECTORY, O_NOFOLLOW, O_PATH = 0o200000, 0o400000, 0o10000000
AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH = 0x200, 0x400, 0x1000
RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
OWN_ERRORS = frozenset({
    "EACCES", "EPERM", "ENOSPC", "EDQUOT", "EMLINK", "EOVERFLOW", "EMFILE", "ENFILE", "ETXTBSY", "ENXIO", "ENODEV",
    "EOPNOTSUPP", "EIO", "EFAULT",
})  # fmt: skip
"""What the file system, its permissions or limits answer."""


def readonly(judge: Judge, m: Mount) -> bool:
    """Nothing can be written through a mount (mnt_want_write)."""
    return has(m.attributes, AttributeKind.READONLY) or superblock_of(judge.world.k, m.root.fs).readonly


def _own_error(judge: Judge, view: View, at: Place) -> None:
    """The kernel's error may be the file system's own."""
    if view.step.errno in OWN_ERRORS:
        raise Uncovered(f"{view.step.errno}: permissions and limits of file systems are not modelled")
    fstype = judge.places.names.types[at.dentry.fs]
    if view.step.errno is not None and fstype not in FRESH | DEVICES:
        raise Uncovered(f"{view.step.errno} of the file system itself: {fstype}")


def _takes_no_names(judge: Judge, view: View, at: Place) -> bool:
    """Names cannot be made in a removed directory, nor in /proc, which looks them up itself."""
    if at.dentry.dead or judge.places.names.types[at.dentry.fs] == "proc":
        judge.must(view, "ENOENT", "the directory was removed, or is of a file system that takes no names")
        return True
    return False


def _create(judge: Judge, view: View, name: str, dfd: str | None, kind: Kind, target: str | None = None) -> None:
    """Make a name that must not be there (filename_create)."""
    step, names = view.step, judge.places.names
    task = judge.caller(view)
    walked = judge.places.walk(view, task, name, dfd, follow=False, parent=True)
    if ends(judge, view, walked, sure=False) or _odd_last(judge, view, walked, "EEXIST"):
        return
    at = place_of(judge, walked)
    found = _there(judge, at, walked, view.step.errno == "EEXIST")
    whole = kind is Kind.DIRECTORY and _plain(judge, at.dentry)
    if found is not None and walked.last in ALIKE and step.errno is None and names.inside(at.dentry):
        names.make_twin(at.dentry, walked.last, kind, whole)
        judge.guesses += 1
        return
    if found is not None:
        judge.must(view, "EEXIST", f"{walked.last!r} is there already")
        return
    if walked.slash and kind is not Kind.DIRECTORY:
        judge.must(view, "ENOENT", "a name with a slash behind, that is no directory")
        return
    if not _can_make(judge, view, at, walked.last):
        return
    made = names.make(at.dentry, walked.last, kind, whole)
    if target is not None:
        names.targets[made] = target


def _can_make(judge: Judge, view: View, at: Place, name: str) -> bool:
    """Nothing keeps a name that is not there from being made; otherwise the call has failed as it must."""
    if _takes_no_names(judge, view, at):
        return False
    if readonly(judge, at.mount):
        judge.must(view, "EROFS", "the mount or its file system is read-only")
        return False
    _own_error(judge, view, at)
    if view.step.errno is not None:
        raise Differs("success", view.step.errno, f"making {name!r}, which is not there")
    return True


def _plain(judge: Judge, dentry: Dentry) -> bool:
    """A directory of the file system is empty when it is made (of cgroups it is not)."""
    return judge.places.names.types[dentry.fs] in FRESH | {"ext2", "ext3", "ext4", "xfs", "btrfs"}


def _there(judge: Judge, at: Place, walked: Walked, expected: bool) -> Dentry | None:
    """The last name of a walk, as far as it is known; an unknown one is there if the call says so."""
    names, walker = judge.places.names, judge.places.walker
    found = names.find(at.dentry, walked.last)
    if found is None and not names.is_absent(at.dentry, walked.last, walker.told_all):
        judge.guesses += 1
        if expected:
            return names.make(at.dentry, walked.last, None)
        names.absent.add((at.dentry, walked.last))
    return found


def _odd_last(judge: Judge, view: View, walked: Walked, errno: str) -> bool:
    """The path ends with no name of its own."""
    if walked.last in (".", "..", "/"):
        judge.must(view, errno, f"a path that ends with {walked.last!r}")
        return True
    if len(walked.last.encode()) > NAME_MAX:
        judge.must(view, "ENAMETOOLONG", "a name that is too long")
        return True
    return False


def _mkdir(judge: Judge, view: View) -> None:
    _create(judge, view, "path", "dfd" if view.step.op == "mkdirat" else None, Kind.DIRECTORY)


def _mknod(judge: Judge, view: View) -> None:
    _create(judge, view, "path", "dfd" if view.step.op == "mknodat" else None, Kind.FILE)


def _symlink(judge: Judge, view: View) -> None:
    target = view.step.text("target")
    if target == "":
        judge.must(view, "ENOENT", "an empty target")
        return
    _create(judge, view, "path", "dfd" if view.step.op == "symlinkat" else None, Kind.SYMLINK, target)


def _link(judge: Judge, view: View) -> None:
    step, names = view.step, judge.places.names
    task = judge.caller(view)
    at_form = step.op == "linkat"
    flags = step.integer("flags") if at_form else 0
    old = judge.places.walk(view, task, "old", "odfd" if at_form else None, follow=bool(flags & AT_SYMLINK_FOLLOW),
                            empty=bool(flags & AT_EMPTY_PATH))  # fmt: skip
    if ends(judge, view, old, sure=False):
        return
    source = place_of(judge, old)
    new = judge.places.walk(view, task, "new", "ndfd" if at_form else None, follow=False, parent=True)
    if ends(judge, view, new, sure=False) or _odd_last(judge, view, new, "EEXIST"):
        return
    at = place_of(judge, new)
    if _there(judge, at, new, step.errno == "EEXIST") is not None:
        judge.must(view, "EEXIST", f"{new.last!r} is there already")
        return
    if new.slash:
        judge.must(view, "ENOENT", "a name with a slash behind, of what is no directory")
        return
    if _takes_no_names(judge, view, at):
        return
    if readonly(judge, at.mount):
        judge.must(view, "EROFS", "the mount or its file system is read-only")
        return
    if source.mount is not at.mount:
        judge.must(view, "EXDEV", "a link from one mount to another")
        return
    if names.kind(source.dentry) is Kind.DIRECTORY:
        judge.must(view, "EPERM", "a link to a directory")
        return
    _own_error(judge, view, at)
    if step.errno is not None:
        raise Differs("success", step.errno, f"linking {new.last!r}, which is not there")
    names.settle(source.dentry, names.kind(source.dentry) or Kind.FILE)
    made = names.make(at.dentry, new.last, names.kind(source.dentry))
    if source.dentry in names.targets:
        names.targets[made] = names.targets[source.dentry]


def _remove(judge: Judge, view: View) -> None:
    step, names = view.step, judge.places.names
    task = judge.caller(view)
    at_form = step.op == "unlinkat"
    flags = step.integer("flags") if at_form else 0
    if flags & ~AT_REMOVEDIR:
        judge.must(view, "EINVAL", "an unknown flag of unlinkat")
        return
    directory = step.op == "rmdir" or bool(flags & AT_REMOVEDIR)
    walked = judge.places.walk(view, task, "path", "dfd" if at_form else None, follow=False, parent=True)
    if ends(judge, view, walked, sure=False):
        return
    if walked.last in (".", "..", "/"):
        errno = {".": "EINVAL", "..": "ENOTEMPTY", "/": "EBUSY"}[walked.last] if directory else "EISDIR"
        judge.must(view, errno, f"a path that ends with {walked.last!r}")
        return
    at = place_of(judge, walked)
    if readonly(judge, at.mount):
        judge.must(view, "EROFS", "the mount or its file system is read-only")
        return
    dentry = _there(judge, at, walked, step.errno != "ENOENT")
    if dentry is None and step.errno is None and not directory:
        judge.guesses += 1  # bind(2) of a socket makes a name, and is not recorded
        dentry = names.make(at.dentry, walked.last, Kind.FILE)
    if dentry is None:
        judge.must(view, "ENOENT", f"{walked.last!r} is not there")
        return
    _learn_kind(judge, dentry, directory, step.errno)
    if walked.slash and not directory:
        judge.must(view, "EISDIR" if names.kind(dentry) is Kind.DIRECTORY else "ENOTDIR", "a name with a slash behind")
        return
    if names.kind(dentry) is None or (step.errno == "ENOTEMPTY" and dentry not in names.whole):
        if step.errno == "ENOTEMPTY":
            judge.guesses += 1
            return
    if step.errno in OWN_ERRORS:
        _own_error(judge, view, at)
    if step.errno is None and directory and names.inside(dentry) and not judge.places.walker.told_all:
        for inner in list(names.children.get(dentry, {}).values()):
            names.remove(inner)  # removed by calls that the recording leaves out
    judge.call(view, may_unlink, task, at.mount, dentry, directory)
    if step.errno is None:
        judge.rule = "detach_mounts"
        detach_mounts(judge.world.k, dentry)
        names.remove(dentry)


def _learn_kind(judge: Judge, dentry: Dentry, directory: bool, errno: str | None) -> None:
    """What a name of an unknown kind is, by how removing it ended."""
    names = judge.places.names
    if names.kind(dentry) is not None:
        return
    if errno is None:
        names.settle(dentry, Kind.DIRECTORY if directory else Kind.FILE)
    elif errno in ("ENOTDIR", "EISDIR"):
        names.settle(dentry, Kind.DIRECTORY if errno == "EISDIR" else Kind.FILE)
    else:
        dentry.directory = directory
        return
    judge.guesses += 1


def _rename(judge: Judge, view: View) -> None:
    step, names = view.step, judge.places.names
    task = judge.caller(view)
    at_form = step.op != "rename"
    flags = step.integer("flags") if step.op == "renameat2" else 0
    if flags & (RENAME_EXCHANGE | RENAME_WHITEOUT):
        raise Uncovered("renameat2 that exchanges names")
    old = judge.places.walk(view, task, "old", "odfd" if at_form else None, follow=False, parent=True)
    if ends(judge, view, old, sure=False):
        return
    new = judge.places.walk(view, task, "new", "ndfd" if at_form else None, follow=False, parent=True)
    if ends(judge, view, new, sure=False):
        return
    one, two = place_of(judge, old), place_of(judge, new)
    if one.mount is not two.mount:
        judge.must(view, "EXDEV", "from one mount to another")
        return
    if old.last in (".", "..", "/") or new.last in (".", "..", "/"):
        judge.must(view, "EBUSY", "a path that ends with no name of its own")
        return
    if readonly(judge, one.mount):
        judge.must(view, "EROFS", "the mount or its file system is read-only")
        return
    dentry = _there(judge, one, old, step.errno != "ENOENT")
    if dentry is None:
        judge.must(view, "ENOENT", f"{old.last!r} is not there")
        return
    over = names.find(two.dentry, new.last)
    if over is None and not names.is_absent(two.dentry, new.last, judge.places.walker.told_all):
        judge.guesses += 1
        if step.errno in ("EEXIST", "ENOTEMPTY", "EISDIR", "ENOTDIR"):
            return
    if over is not None and flags & RENAME_NOREPLACE:
        judge.must(view, "EEXIST", f"{new.last!r} is there already")
        return
    if names.kind(dentry) is not Kind.DIRECTORY and (old.slash or new.slash):
        if names.kind(dentry) is not None or step.errno == "ENOTDIR":
            names.settle(dentry, names.kind(dentry) or Kind.FILE)
            judge.must(view, "ENOTDIR", "a name with a slash behind, of what is no directory")
            return
    if _below(two.dentry, dentry):
        judge.must(view, "EINVAL", "into a directory below itself")
        return
    if over is not None and _below(one.dentry, over):
        judge.must(view, "ENOTEMPTY", "over a directory that it is in")
        return
    if over is dentry:
        if step.errno is not None:
            raise Differs("success", step.errno, "two names of the same; check of vfs_rename")
        return
    if over is not None:
        same = step.errno not in ("ENOTDIR", "EISDIR")
        judge.places.mounts.kind_like(dentry, over, same)
    if step.errno in OWN_ERRORS:
        _own_error(judge, view, two)
    judge.call(view, may_rename, task, one.mount, dentry, two.mount, over)
    if step.errno is not None:
        return
    if over is not None:
        judge.rule = "detach_mounts"
        detach_mounts(judge.world.k, over)
        names.remove(over)
    names.move(dentry, two.dentry, new.last)


def _below(dentry: Dentry, top: Dentry) -> bool:
    here: Dentry | None = dentry
    while here is not None:
        if here is top:
            return True
        here = here.parent
    return False


def _open(judge: Judge, view: View) -> None:
    step, names = view.step, judge.places.names
    task = judge.caller(view)
    flags = O_CREAT | O_TRUNC | 1 if step.op == "creat" else step.integer("flags")
    dfd = "dfd" if step.op == "openat" else None
    write = flags & O_ACCMODE != 0 or bool(flags & O_TRUNC)
    if flags & O_PATH:
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW
    if not flags & O_CREAT:
        follow = not flags & O_NOFOLLOW
        walked = judge.places.walk(view, task, "path", dfd, follow=follow, directory=bool(flags & O_DIRECTORY))
        if not ends(judge, view, walked):
            _opened(judge, view, task, place_of(judge, walked), bool(flags & O_PATH), write)
        return
    walked = judge.places.walk(view, task, "path", dfd, follow=False, parent=True)
    if ends(judge, view, walked, sure=False) or _odd_last(judge, view, walked, "EISDIR"):
        return
    if walked.slash:
        judge.must(view, "EISDIR", "a name with a slash behind")
        return
    at = place_of(judge, walked)
    takes = names.types[at.dentry.fs] != "proc"
    dentry = _there(judge, at, walked, step.errno in ("EEXIST", "EISDIR") if takes else step.errno != "ENOENT")
    if dentry is None:
        if not _can_make(judge, view, at, walked.last):
            return
        dentry = names.make(at.dentry, walked.last, Kind.FILE)
    elif flags & O_EXCL:
        judge.must(view, "EEXIST", f"{walked.last!r} is there already")
        return
    place = judge.places.walker.cross(Place(at.mount, dentry))
    if names.kind(place.dentry) is Kind.SYMLINK:
        if flags & O_NOFOLLOW:
            judge.must(view, "ELOOP", "a symbolic link")
            return
        followed = judge.places.walk(view, task, "path", dfd)
        if ends(judge, view, followed):
            return
        place = place_of(judge, followed)
    if names.kind(place.dentry) is None and step.errno in (None, "EISDIR"):
        names.settle(place.dentry, Kind.FILE if step.errno is None else Kind.DIRECTORY)
    if names.kind(place.dentry) is Kind.DIRECTORY:
        judge.must(view, "EISDIR", "open with O_CREAT of a directory")
        return
    _opened(judge, view, task, place, False, write)


def _opened(judge: Judge, view: View, task: Task, at: Place, opath: bool, write: bool) -> None:
    if view.step.errno in OWN_ERRORS:
        _own_error(judge, view, at)
    file = judge.call(view, do_open, task, at.mount, at.dentry, opath, write)
    if file is not None:
        opened(judge, view, task, file)


NAME_JUDGES: dict[str, Callable[[Judge, View], None]] = {
    "mkdir": _mkdir,
    "mkdirat": _mkdir,
    "mknod": _mknod,
    "mknodat": _mknod,
    "symlink": _symlink,
    "symlinkat": _symlink,
    "link": _link,
    "linkat": _link,
    "rmdir": _remove,
    "unlink": _remove,
    "unlinkat": _remove,
    "rename": _rename,
    "renameat": _rename,
    "renameat2": _rename,
    "open": _open,
    "openat": _open,
    "creat": _open,
}
"""The judge of each recorded call on names."""
