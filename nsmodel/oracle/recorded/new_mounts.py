"""New file systems in a recording: which one a type names, and fsopen, fsconfig, fsmount, fspick step by step
(fs/namespace.c: do_new_mount; fs/fsopen.c, v6.18)."""

from __future__ import annotations

from collections.abc import Callable

from nsmodel.kernel.mount.new import do_fsconfig_create, do_fsconfig_reconfigure, do_fsmount, do_fsopen, do_fspick
from nsmodel.kernel.objects import ContextPhase, Dentry, Descriptor, FileSystem, Superblock, Task
from nsmodel.oracle.recorded.files import CONTEXT
from nsmodel.oracle.recorded.flags import new_mount_attributes, split, type_word
from nsmodel.oracle.recorded.judgement import Differs, Uncovered
from nsmodel.oracle.recorded.judging import Judge
from nsmodel.oracle.recorded.lookups import ends, opened, permitted, place_of
from nsmodel.oracle.recorded.names import DEVICES, MISSING, PSEUDO, READONLY, SINGLE, parts_of
from nsmodel.oracle.recorded.recordings import AT_FDCWD, View

FS_ERRORS = frozenset({
    "EINVAL", "ENODEV", "ENOTBLK", "ENOENT", "EACCES", "EROFS", "ENXIO", "EBUSY", "EIO", "EPERM", "ESTALE", "ELOOP",
    "EOPNOTSUPP",
})  # fmt: skip
"""What a file system can fail with itself, by its options, its device, or what it finds there."""
OF_NAMESPACE = {"sysfs": "net", "mqueue": "ipc"}
"""There is a sysfs for each network and a mqueue for each IPC namespace."""
SET_FLAG, SET_STRING, SET_BINARY, SET_PATH, SET_PATH_EMPTY, SET_FD, CREATE, RECONFIGURE, CREATE_EXCL = range(9)
FSOPEN_CLOEXEC = 1
FSPICK_KNOWN = 0xF
FSPICK_SYMLINK_NOFOLLOW, FSPICK_EMPTY_PATH = 2, 8


def check_type(judge: Judge, view: View, fstype: str | None) -> bool:
    """There is such a type; False when the call ended with it."""
    if fstype is None:
        judge.must(view, "EINVAL", "a new mount without a type")
        return False
    if fstype in MISSING:
        judge.must(view, "ENODEV", f"there is no file system {fstype!r}")
        return False
    if view.step.errno == "ENODEV":
        judge.guesses += 1  # which types a kernel has is a name like any other
        return False
    return True


def file_system_of(judge: Judge, view: View, task: Task, fstype: str, source: str | None) -> FileSystem:
    """The file system that mounting a type gives: a new one, or the one that is there."""
    places = judge.places
    singles, names = places.mounts.singles, places.names
    key: tuple[str, object] | None = None
    if fstype in SINGLE:
        field = OF_NAMESPACE.get(fstype)
        ns = None if field is None or task.nsproxy is None else getattr(task.nsproxy, field)
        first = ns is None or ns is judge.world.namespaces.get(f"{field}1")
        key = (fstype, view.step.args.get("data") if fstype == "cgroup" else None if first else ns)
    elif fstype in DEVICES:
        key = ("device", source)
    if key is not None and key in singles:
        return singles[key]
    ipc = None if task.nsproxy is None else task.nsproxy.ipc
    owner = ipc.owner if fstype == "mqueue" and ipc is not None else judge.world.first_user()
    fs = names.file_system(fstype, owner, False)
    if key is not None:
        singles[key] = fs
    return fs


def root_of(judge: Judge, view: View, fs: FileSystem) -> Dentry:
    """What of a file system a new mount shows: the root, of a cgroup file system that of the mounter's namespace."""
    names = judge.places.names
    root = names.roots[fs]
    if not names.types[fs].startswith("cgroup"):
        return root
    for table in view.step.after.values():
        for row in table.all_rows():
            if row.n.id not in judge.places.mounts.labels.mounts and row.fstype == names.types[fs] and row.root:
                judge.guesses += row.root != names.shown(root)
                if row.root.startswith("/.."):
                    names.shown_root[root] = row.root
                    return root
                return names.at(root, parts_of(row.root))
    return root


def made(judge: Judge, task: Task, fs: FileSystem, upper: bool) -> None:
    """A superblock was made, or found: what is known of it. `upper`: an overlay has a directory to write to."""
    fstype = judge.places.names.types[fs]
    if fstype == "proc":
        judge.places.shown_by[fs] = task.pid.ns
    for sb in judge.world.k.live(Superblock):
        if sb.fs is fs:
            if fstype in READONLY or (fstype == "overlay" and not upper):
                sb.readonly = True


def own_error(judge: Judge, view: View, fstype: str) -> bool:
    """The kernel's error may be the file system's own, which the model does not know."""
    errno = view.step.errno
    base = fstype.split(".")[0]
    if errno == "EBUSY":
        return base not in PSEUDO
    return errno in FS_ERRORS and (
        bool(view.step.args.get("data")) or base not in PSEUDO or base in ("overlay", "fuse")
    )


def _fsopen(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    if not permitted(judge, view, task):
        return
    if step.integer("flags") & ~FSOPEN_CLOEXEC:
        judge.must(view, "EINVAL", "an unknown flag of fsopen")
        return
    fstype = step.text("fstype")
    if fstype is None or fstype.startswith("<bad ptr"):
        judge.must(view, "EFAULT", "no type")
        return
    if fstype in MISSING:
        judge.must(view, "ENODEV", f"there is no file system {fstype!r}")
        return
    if step.errno == "ENODEV":
        judge.guesses += 1
        return
    fs = file_system_of(judge, view, task, fstype, None)
    file = judge.call(view, do_fsopen, task, fs)
    if file is not None:
        judge.places.contexts[file] = {}
        opened(judge, view, task, file)


def _context(judge: Judge, view: View, name: str) -> Descriptor | None:
    """The context that a descriptor argument names; None when the call ended with it."""
    recorded = view.step.descriptor(name)
    found = judge.places.files.resolve(judge.caller(view), recorded)
    if found.bad:
        judge.must(view, "EBADF", "the descriptor is not open")
        return None
    if recorded.link != CONTEXT:
        judge.must(view, "EINVAL", "the descriptor is no context")
        return None
    if found.file is None:
        raise Uncovered("a context that was opened unseen")
    return found.file


def _bad_fsconfig(cmd: int, key: object, value: object, aux: int) -> bool:
    """The arguments do not go with the command (SYSCALL_DEFINE5(fsconfig))."""
    given = value is not None and value != "0x0"
    if cmd == SET_FLAG:
        return key is None or given or aux != 0
    if cmd == SET_STRING:
        return key is None or not given or aux != 0
    if cmd == SET_BINARY:
        return key is None or not given or not 0 < aux <= 1024 * 1024
    if cmd in (SET_PATH, SET_PATH_EMPTY):
        return key is None or not given or (aux != AT_FDCWD and aux < 0)
    if cmd == SET_FD:
        return key is None or given or aux < 0
    return key is not None or given or aux != 0


def _fsconfig(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    cmd, aux = step.integer("cmd"), step.integer("aux")
    key, value = step.args.get("key"), step.args.get("value")
    if step.descriptor().fd < 0:
        judge.must(view, "EINVAL", "a negative descriptor")
        return
    if not 0 <= cmd <= CREATE_EXCL:
        judge.must(view, "ENOTSUP", "an unknown command of fsconfig")
        return
    if _bad_fsconfig(cmd, key, value, aux):
        judge.must(view, "EINVAL", "arguments that do not go with the command of fsconfig")
        return
    file = _context(judge, view, "fd")
    if file is None:
        return
    told = judge.places.contexts.setdefault(file, {})
    if "failed" in told and file.phase == ContextPhase.CREATE_PARAMS:
        file.phase = ContextPhase.FAILED
    if cmd < CREATE:
        if file.phase not in (ContextPhase.CREATE_PARAMS, ContextPhase.RECONF_PARAMS):
            judge.must(view, "EBUSY", "the context takes no more options")
            return
        if step.errno is not None:
            raise Uncovered(f"{step.errno}: options of file systems are not modelled")
        told[str(key)] = str(value)
        return
    readonly = "ro" in told and "rw" not in told
    if cmd == RECONFIGURE:
        if file.phase == ContextPhase.RECONF_PARAMS and step.errno is not None and step.errno not in ("EPERM", "EBUSY"):
            raise Uncovered(f"{step.errno} of the file system itself")
        judge.call(
            view, do_fsconfig_reconfigure, task, file, readonly if {"ro", "rw"} & told.keys() else _ro(judge, file)
        )
        return
    fs = file.context
    assert fs is not None
    fstype = judge.places.names.types[fs]
    if file.phase == ContextPhase.CREATE_PARAMS:
        if not check_type(judge, view, fstype):
            return
        if step.errno in FS_ERRORS and step.errno not in ("EPERM", "EBUSY"):
            told["failed"] = ""  # kept although the call is not judged
            raise Uncovered(f"{step.errno} of the file system itself: {fstype}")
        if fstype in DEVICES:
            file.context = fs = file_system_of(judge, view, task, fstype, told.get("source"))
    judge.call(view, do_fsconfig_create, task, file, readonly)
    if step.errno is None:
        made(judge, task, fs, "upperdir" in told)


def _ro(judge: Judge, file: Descriptor) -> bool:
    """What a reconfiguration without `ro` and `rw` keeps."""
    return any(sb.readonly for sb in judge.world.k.live(Superblock) if sb.fs is file.context)


def _fsmount(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    if not permitted(judge, view, task):
        return
    attributes = new_mount_attributes(split(step.args.get("attr_flags")))
    if step.integer("flags") & ~1 or attributes is None:
        judge.must(view, "EINVAL", "an unknown flag or attribute of fsmount")
        return
    file = _context(judge, view, "fsfd")
    if file is None:
        return
    out = judge.call(view, do_fsmount, task, file, attributes)
    if out is not None:
        opened(judge, view, task, out)


def _fspick(judge: Judge, view: View) -> None:
    step = view.step
    task = judge.caller(view)
    if not permitted(judge, view, task):
        return
    flags = step.integer("flags")
    if flags & ~FSPICK_KNOWN:
        judge.must(view, "EINVAL", "an unknown flag of fspick")
        return
    walked = judge.places.walk(view, task, "path", "dfd", follow=not flags & FSPICK_SYMLINK_NOFOLLOW,
                               empty=bool(flags & FSPICK_EMPTY_PATH))  # fmt: skip
    if ends(judge, view, walked):
        return
    at = place_of(judge, walked)
    judge.types = type_word(at.mount)
    try:
        file = judge.call(view, do_fspick, task, at.mount, at.dentry)
    except Differs as problem:
        if problem.expected == "success" and step.errno in FS_ERRORS:
            raise Uncovered(f"{step.errno} of the file system itself") from None
        raise
    if file is not None:
        judge.places.contexts[file] = {}
        opened(judge, view, task, file)


NEW_MOUNT_JUDGES: dict[str, Callable[[Judge, View], None]] = {
    "fsopen": _fsopen,
    "fsconfig": _fsconfig,
    "fsmount": _fsmount,
    "fspick": _fspick,
}
"""The judge of each call that makes a mount step by step."""
