"""How recorded calls on mounts are judged: paths are walked as the kernel does, then the rule makes the call.

The cell of a call names the propagation types that its result depends on: of one place `type` (for umount2 the mount's
parent, then the mount: `parent/type`), of two `source->target`, the target being the mount that something is put on.
`mount` tells which of its calls it was: `bind`, `rbind`, `move`, `new`, `remount`, `make-rshared` and so on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nsmodel.ir.language import Refused
from nsmodel.kernel.arguments import AttributeFlags
from nsmodel.kernel.mount.attributes import Atime, SetattrFlags, TypeChange, do_mount_setattr
from nsmodel.kernel.mount.bind import OpenTreeFlags, do_open_tree
from nsmodel.kernel.mount.dispatch import MountFlags, path_mount
from nsmodel.kernel.mount.move import MoveFlags, vfs_move_mount
from nsmodel.kernel.mount.place import do_chdir, do_chroot, path_pivot_root
from nsmodel.kernel.mount.umount import UmountFlags, path_umount
from nsmodel.kernel.objects import Task
from nsmodel.kernel.refs import close_file
from nsmodel.oracle.recorded import new_mounts
from nsmodel.oracle.recorded.flags import (
    MS_TYPES,
    MS_WITH_TYPES,
    PAGE,
    SETATTR_SIZE,
    mount_attributes,
    mount_flags,
    setattr_flags,
    split,
    type_word,
)
from nsmodel.oracle.recorded.judgement import Differs, Uncovered
from nsmodel.oracle.recorded.judging import Judge
from nsmodel.oracle.recorded.lookups import ends, lands, opened, permitted, place_of, spot
from nsmodel.oracle.recorded.paths import Place
from nsmodel.oracle.recorded.recordings import View


def _mount(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    names = split(step.args.get("flags"))
    kind = _branch(names)
    judge.types = kind
    if step.errno == "EFAULT":
        raise Uncovered("EFAULT: pointers are not recorded")
    target = judge.places.walk(view, task, "target")
    if ends(judge, view, target, sure=kind not in ("bind", "rbind", "move", "new")):
        return
    at = place_of(judge, target)
    judge.types = f"{kind} {type_word(at.mount)}"
    flags = mount_flags(names)
    if not flags.remount and not flags.bind and names & MS_TYPES and names - MS_WITH_TYPES:
        flags = MountFlags(rec=flags.rec, shared=True, slave=True)  # one type, and flags that no type goes with
    attributes = AttributeFlags() if kind.startswith("make") else mount_attributes(names, at.mount)
    if kind in ("bind", "rbind", "move"):
        _with_source(judge, view, task, flags, at)
        return
    if kind != "new":
        _of_one(judge, view, lambda: judge.call(view, path_mount, task, flags, attributes, None, None, at.mount,
                                                at.dentry), kind)  # fmt: skip
        return
    judge.types = f"new->{type_word(lands(judge, at))}"
    if not permitted(judge, view, task):
        return
    fstype = step.text("fstype")
    if not new_mounts.check_type(judge, view, fstype):
        return
    assert fstype is not None
    fs = new_mounts.file_system_of(judge, view, task, fstype, step.text("source"))
    root = new_mounts.root_of(judge, view, fs)
    judge.places.mounts.kind_like(spot(judge, at), root, step.errno != "ENOTDIR")
    try:
        judge.call(view, path_mount, task, flags, attributes, None, root, at.mount, at.dentry)
    except Differs as problem:
        if problem.expected == "success" and new_mounts.own_error(judge, view, fstype):
            raise Uncovered(f"{step.errno} of the file system itself: {fstype}") from None
        raise
    if step.errno is None:
        new_mounts.made(judge, task, fs, "upperdir=" in (step.text("data") or ""))
        source = step.text("source")
        judge.places.mounts.labels.sources[fs] = "none" if source is None else source


def _of_one(judge: Judge, view: View, call: Callable[[], Any], kind: str) -> None:
    """A call on one mount; EBUSY can come of a file that was opened for writing unseen."""
    try:
        call()
    except Differs as problem:
        if problem.expected == "success" and view.step.errno == "EBUSY":
            raise Uncovered("EBUSY: something opened unseen may be written") from None
        if problem.expected == "success" and kind == "remount" and view.step.errno in new_mounts.FS_ERRORS:
            raise Uncovered(f"{view.step.errno} of the file system itself") from None
        raise


def _branch(names: frozenset[str]) -> str:
    """What mount(2) does, by the first flag that applies (path_mount)."""
    if "REMOUNT" in names:
        return "remount-bind" if "BIND" in names else "remount"
    if "BIND" in names:
        return "rbind" if "REC" in names else "bind"
    types = sorted(names & MS_TYPES)
    if types:
        return f"make-{'r' if 'REC' in names else ''}{'+'.join(types).lower()}"
    return "move" if "MOVE" in names else "new"


def _with_source(judge: Judge, view: View, task: Task, flags: MountFlags, at: Place) -> None:
    step = view.step
    kind = judge.types.split()[0]
    judge.types = f"{kind} -->{type_word(lands(judge, at))}"
    if not permitted(judge, view, task):
        return
    if not step.args.get("source"):
        judge.must(view, "EINVAL", f"a {kind} without a source")
        return
    source = judge.places.walk(view, task, "source")
    if ends(judge, view, source):
        return
    found = place_of(judge, source)
    judge.types = f"{kind} {type_word(found.mount)}->{type_word(lands(judge, at))}"
    judge.places.mounts.kind_like(spot(judge, at), found.dentry, step.errno != "ENOTDIR")
    judge.call(view, path_mount, task, flags, mount_attributes(frozenset(), at.mount), found.mount, found.dentry,
               at.mount, at.dentry)  # fmt: skip


def _umount2(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    names = split(step.args.get("flags"))
    known = {"FORCE", "DETACH", "EXPIRE", "UMOUNT_NOFOLLOW"}
    flags = UmountFlags(detach="DETACH" in names, expire="EXPIRE" in names, force="FORCE" in names,
                        unknown=bool(names - known))  # fmt: skip
    if flags.unknown:
        judge.must(view, "EINVAL", "an unknown flag of umount2")
        return
    walked = judge.places.walk(view, task, "target", follow="UMOUNT_NOFOLLOW" not in names)
    if ends(judge, view, walked):
        return
    at = place_of(judge, walked)
    top = lands(judge, at)
    how = "lazy " if flags.detach else "expire " if flags.expire else ""
    judge.types = f"{how}{type_word(top.parent)}/{type_word(top)}"
    try:
        judge.call(view, path_umount, task, at.mount, at.dentry, flags)
    except Differs as problem:
        if problem.expected in ("success", "EAGAIN") and step.errno == "EBUSY":
            raise Uncovered("EBUSY: a descriptor or process that the recording does not show may be there") from None
        if problem.expected == "success" and step.errno == "EAGAIN" and flags.expire:
            raise Uncovered("EAGAIN: something that the recording does not show may have been there") from None
        raise


def _pivot_root(judge: Judge, view: View) -> None:
    task = judge.caller(view)
    if not permitted(judge, view, task):
        return
    new = judge.places.walk(view, task, "new_root", directory=True)
    if ends(judge, view, new, sure=False):
        return
    old = judge.places.walk(view, task, "put_old", directory=True)
    if ends(judge, view, old):
        return
    one, two = place_of(judge, new), place_of(judge, old)
    judge.types = f"{type_word(one.mount)}->{type_word(two.mount)}"
    judge.call(view, path_pivot_root, task, one.mount, one.dentry, two.mount, two.dentry)


def _into(rule: Callable[..., Any]) -> Callable[[Judge, View], None]:
    """chroot or chdir: the call of a path that ends on a directory."""

    def judged(judge: Judge, view: View) -> None:
        task = judge.caller(view)
        walked = judge.places.walk(view, task, "path", directory=True)
        if not ends(judge, view, walked):
            at = place_of(judge, walked)
            judge.call(view, rule, task, at.mount, at.dentry)

    return judged


def _fchdir(judge: Judge, view: View) -> None:
    task = judge.caller(view)
    found = judge.places.resolve(task, view.step.descriptor())
    if found.bad:
        judge.must(view, "EBADF", "the descriptor is not open")
        return
    if found.place is None:
        link = view.step.descriptor().link or ""
        if link.startswith("/"):
            raise Uncovered("a descriptor whose place the recording does not tell")
        judge.must(view, "ENOTDIR", "the descriptor is of no directory")
        return
    judge.call(view, do_chdir, task, found.place.mount, found.place.dentry)


def _open_tree(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    names = split(step.args.get("flags"))
    known = {"OPEN_TREE_CLONE", "CLOEXEC", "AT_RECURSIVE", "AT_EMPTY_PATH", "AT_SYMLINK_NOFOLLOW", "AT_NO_AUTOMOUNT"}
    flags = OpenTreeFlags(clone="OPEN_TREE_CLONE" in names, recursive="AT_RECURSIVE" in names,
                          unknown=bool(names - known))  # fmt: skip
    judge.types = f"{'r' if flags.recursive else ''}{'clone' if flags.clone else 'open'}"
    if flags.unknown or (flags.recursive and not flags.clone):
        judge.must(view, "EINVAL", "an unknown flag, or AT_RECURSIVE without OPEN_TREE_CLONE")
        return
    if flags.clone and not permitted(judge, view, task):
        return
    follow = "AT_SYMLINK_NOFOLLOW" not in names
    walked = judge.places.walk(view, task, "path", "dfd", follow=follow, empty="AT_EMPTY_PATH" in names)
    if ends(judge, view, walked):
        return
    at = place_of(judge, walked)
    judge.types += f" {type_word(at.mount)}"
    if step.op == "open_tree_attr":
        _open_tree_attr(judge, view, task, at, flags, names)
        return
    file = judge.call(view, do_open_tree, task, at.mount, at.dentry, flags)
    if file is not None:
        opened(judge, view, task, file)


def _open_tree_attr(
    judge: Judge, view: View, task: Task, at: Place, flags: OpenTreeFlags, names: frozenset[str]
) -> None:
    """open_tree and mount_setattr of what it gives; a failure of the second leaves nothing of the first."""
    attr = view.step.args.get("attr") or {}
    if "IDMAP" in split(attr.get("attr_set")) or "IDMAP" in split(attr.get("attr_clr")):
        raise Uncovered("idmapped mounts are not modelled")
    how, on, off = setattr_flags(names & {"AT_RECURSIVE"}, attr)
    k = judge.world.k
    judge.rule = "do_open_tree"
    try:
        file = do_open_tree(k, task, at.mount, at.dentry, flags)
    except Refused as refused:
        judge.must(view, refused.errno.name, f"{refused.reason}; check of do_open_tree")
        return
    try:
        judge.call(view, do_mount_setattr, task, file.mount, file.dentry, how, on, off)
    finally:
        if view.step.errno is not None:
            close_file(k, file)
    opened(judge, view, task, file) if view.step.errno is None else None


def _move_mount(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    names = split(step.args.get("flags"))
    known = {"F_SYMLINKS", "F_AUTOMOUNTS", "F_EMPTY_PATH", "T_SYMLINKS", "T_AUTOMOUNTS", "T_EMPTY_PATH", "SET_GROUP",
             "BENEATH"}  # fmt: skip
    flags = MoveFlags(beneath="BENEATH" in names, set_group="SET_GROUP" in names, unknown=bool(names - known))
    if not permitted(judge, view, task):
        return
    if flags.unknown or (flags.beneath and flags.set_group):
        judge.must(view, "EINVAL", "an unknown flag, or two that exclude each other")
        return
    to = judge.places.walk(view, task, "to_path", "to_dfd", follow="T_SYMLINKS" in names, empty="T_EMPTY_PATH" in names)
    if ends(judge, view, to, sure=False):
        return
    source = judge.places.walk(view, task, "from_path", "from_dfd", follow="F_SYMLINKS" in names,
                               empty="F_EMPTY_PATH" in names)  # fmt: skip
    if ends(judge, view, source):
        return
    one, two = place_of(judge, source), place_of(judge, to)
    how = "beneath " if flags.beneath else "set-group " if flags.set_group else ""
    judge.types = f"{how}{type_word(one.mount)}->{type_word(two.mount if flags.set_group else lands(judge, two))}"
    if not flags.set_group:
        judge.places.mounts.kind_like(two.dentry, one.dentry, step.errno is None)
    judge.call(view, vfs_move_mount, task, one.mount, one.dentry, two.mount, two.dentry, flags)


def _mount_setattr(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    names = split(step.args.get("flags"))
    attr = step.args.get("attr") or {}
    how, on, off = setattr_flags(names, attr)
    size = step.integer("usize")
    if how.unknown:
        judge.must(view, "EINVAL", "an unknown flag of mount_setattr")
        return
    if size > PAGE or size < SETATTR_SIZE:
        judge.must(view, "E2BIG" if size > PAGE else "EINVAL", "the size of the attributes")
        return
    if not permitted(judge, view, task):
        return
    if "IDMAP" in split(attr.get("attr_set")) | split(attr.get("attr_clr")):
        raise Uncovered("idmapped mounts are not modelled")
    if step.errno == "E2BIG" or (step.errno == "EFAULT"):
        raise Uncovered(f"{step.errno}: what lies beyond the first attributes is not recorded")
    if _nothing(attr):
        if step.errno is not None:
            raise Differs("success", step.errno, "a request of nothing; check of do_mount_setattr")
        return
    if _bad_request(how):
        judge.must(view, "EINVAL", "unknown attributes, access times misused, or several propagation types")
        return
    walked = judge.places.walk(view, task, "path", "dfd", follow="AT_SYMLINK_NOFOLLOW" not in names,
                               empty="AT_EMPTY_PATH" in names)  # fmt: skip
    if ends(judge, view, walked):
        return
    at = place_of(judge, walked)
    judge.types = f"{'r' if how.recursive else ''}{how.propagation.name.lower()} {type_word(at.mount)}"
    _of_one(judge, view, lambda: judge.call(view, do_mount_setattr, task, at.mount, at.dentry, how, on, off), "setattr")


def _nothing(attr: dict[str, Any]) -> bool:
    return not (split(attr.get("attr_set")) | split(attr.get("attr_clr")) | split(attr.get("propagation")))


def _bad_request(how: SetattrFlags) -> bool:
    """The attributes themselves are refused, before the path is looked up (build_mount_kattr)."""
    return how.atime is Atime.MISUSED or how.propagation is TypeChange.SEVERAL


MOUNT_JUDGES: dict[str, Callable[[Judge, View], None]] = {
    "mount": _mount,
    "umount2": _umount2,
    "pivot_root": _pivot_root,
    "chroot": _into(do_chroot),
    "chdir": _into(do_chdir),
    "fchdir": _fchdir,
    "open_tree": _open_tree,
    "open_tree_attr": _open_tree,
    "move_mount": _move_mount,
    "mount_setattr": _mount_setattr,
}
"""The judge of each recorded call on mounts, except those that make new file systems step by step."""
