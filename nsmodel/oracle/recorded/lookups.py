"""What the judges of mount calls share: how a lookup ends a call, where things land, what a new descriptor is."""

from __future__ import annotations

from nsmodel.ir.language import Refused
from nsmodel.kernel.mount.common import check_may_mount
from nsmodel.kernel.mount.tree import top_at
from nsmodel.kernel.objects import Dentry, Descriptor, Mount, Task
from nsmodel.oracle.recorded.judgement import Differs, Uncovered
from nsmodel.oracle.recorded.judging import Judge
from nsmodel.oracle.recorded.names import Kind
from nsmodel.oracle.recorded.paths import Place, Walked
from nsmodel.oracle.recorded.recordings import View

LOOKUP_ERRORS = frozenset({"ENOENT", "ENOTDIR", "ELOOP", "EACCES"})
"""What tells that a name is not there, or not for this task."""


def ends(judge: Judge, view: View, walked: Walked, sure: bool = True) -> bool:
    """The call ends with the walk: it failed there, in the model too, or at a name that was unknown until now. Where
    the same error may come of something else too (not `sure`), nothing is learnt of the name."""
    errno = view.step.errno
    if walked.errno is not None and walked.supposed:
        judge.guesses += 1
        if errno in LOOKUP_ERRORS:  # there, or at an unknown name on the way
            settle_failure(judge, walked, errno, False)
            return True
    if walked.errno is not None:
        judge.must(view, walked.errno, f"lookup of {walked.text!r}")
        return True
    if walked.supposed:
        judge.guesses += 1
        if errno in LOOKUP_ERRORS:
            settle_failure(judge, walked, errno, sure)
            return True
        walked.supposed.clear()
    if errno == "ENOTDIR" and walked.directory and walked.place is not None:
        if judge.places.names.kind(walked.place.dentry) is None:  # it is there, and something else
            judge.guesses += 1
            judge.places.names.settle(walked.place.dentry, Kind.FILE)
            return True
    if errno == "EACCES":
        raise Uncovered("EACCES: permissions of files are not modelled")
    return False


def settle_failure(judge: Judge, walked: Walked, errno: str, sure: bool) -> None:
    """Keep what a failed lookup tells of the names that were unknown."""
    names = judge.places.names
    for dentry in reversed(walked.supposed):
        if errno == "ENOENT" and sure and dentry is walked.supposed[-1]:
            names.forget(dentry)
        elif dentry.parent is not None and not names.inside(dentry):
            names.forget(dentry, absent=False)
    walked.supposed.clear()


def place_of(judge: Judge, walked: Walked) -> Place:
    """The place that a walk ended on; a link of /proc to a namespace leads to the kernel's own mount of its file."""
    if walked.place is None:
        assert walked.namespace is not None
        return judge.places.internal(walked.namespace)
    return walked.place


def lands(judge: Judge, at: Place) -> Mount:
    """The mount that something lands on that is put on a place."""
    return top_at(judge.world.k, at.mount, at.dentry)


def spot(judge: Judge, at: Place) -> Dentry:
    """The name that it lands on."""
    on = lands(judge, at)
    return at.dentry if on is at.mount else on.root


def permitted(judge: Judge, view: View, task: Task) -> bool:
    """The permission that comes before the source is looked up; False when the call ended with it."""
    try:
        check_may_mount(judge.world.k, task)
    except Refused as refused:
        judge.must(view, refused.errno.name, f"{refused.reason}; check of check_may_mount")
        return False
    return True


def opened(judge: Judge, view: View, task: Task, file: Descriptor) -> None:
    """A call gave a descriptor: it is known by its number from now on, its mount by the kernel's number."""
    new = view.step.descriptor("newfd", "out")
    if new.fd != view.step.rc:
        raise Differs(f"descriptor {new.fd}", f"result {view.step.rc}", "number of the new descriptor")
    judge.places.files.opened(task, new.fd, file)
    if file.mount is None or file.dentry is None:
        return
    ids = judge.places.mounts.labels.ids
    known = ids.get(file.mount)
    if new.mnt_id is not None:
        if known is not None and known != new.mnt_id:
            raise Differs(
                f"mount {known}", f"mount {new.mnt_id}", f"mount of the new descriptor; effect of {judge.rule}"
            )
        for other in [m for m, number in ids.items() if number == new.mnt_id and m is not file.mount]:
            del ids[other]
        ids[file.mount] = new.mnt_id
    shown = judge.places.mounts.path(file.mount, file.dentry)
    if new.link is not None and new.link.startswith("/") and new.link.removesuffix(" (deleted)") != shown:
        raise Differs(shown, new.link, f"path of the new descriptor; effect of {judge.rule}")
