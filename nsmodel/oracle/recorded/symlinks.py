"""Symbolic links that no step of a recording made: where a call's effect shows that a path led elsewhere, a name on its
way that nothing is known of is a link, and its target is kept.

Of `/bin/x` that proves to be `/usr/bin/x`, `/bin` is the link: the longest part that both paths end with, as long as
what is left of the first is a name of an unknown kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nsmodel.kernel.objects import Dentry, MntNamespace, Mount, Task
from nsmodel.oracle.recorded.credentials import told
from nsmodel.oracle.recorded.mounts import shown_rows
from nsmodel.oracle.recorded.names import Kind, parts_of
from nsmodel.oracle.recorded.paths import Place
from nsmodel.oracle.recorded.places import Places
from nsmodel.oracle.recorded.recordings import View

Guess = Callable[[], Callable[[], None]]
"""Takes a name for a link; gives how to take that back."""


def guesses(places: Places, view: View, task: Task) -> list[Guess]:
    """The links that would explain what the recording shows of this call."""
    out: list[Guess] = []
    seen: set[tuple[Dentry, str]] = set()
    for place in places.trail:
        for shown in _evidence(places, view, task, place):
            found = _link(places, place, shown)
            if found is not None and found not in seen:
                seen.add(found)
                out.append(_guess(places, *found))
    return out


def _evidence(places: Places, view: View, task: Task, place: Place) -> Iterator[str]:
    """Paths where the place of a walk may really have been."""
    step = view.step
    proc = step.procs.get(step.p)
    if proc is not None and step.op in ("chdir", "chroot"):
        for path in (proc.cwd, proc.root):
            if told(path):
                yield str(path)
    fresh = step.out.get("newfd")
    if isinstance(fresh, dict) and str(fresh.get("link") or "").startswith("/"):
        yield str(fresh["link"])
    labels = places.mounts.labels
    ns = None if task.nsproxy is None else task.nsproxy.mnt
    for table in step.after.values():
        for shown in shown_rows(table):
            row = shown.row
            if row.n.id in labels.mounts or row.n.parent not in labels.mounts:
                continue
            yield shown.place
            if ns is not None and row.dev in labels.devices and row.root is not None:
                yield from _sources(places, ns, labels.devices[row.dev], row.root)


def _sources(places: Places, ns: MntNamespace, fs: object, root: str) -> Iterator[str]:
    """The paths that show a name of a file system."""
    for m in places.k.live(Mount):
        if m.ns is ns and m.root.fs is fs:
            above = places.names.path(m.root).rstrip("/")
            if root == above or root.startswith(above + "/"):
                yield places.mounts.location(m).rstrip("/") + root[len(above) :]


def _link(places: Places, place: Place, shown: str) -> tuple[Dentry, str] | None:
    """The name that must be a link, and its target, if the place is really at `shown`."""
    ours, theirs = parts_of(places.mounts.path(place.mount, place.dentry)), parts_of(shown)
    if ours == theirs:
        return None
    common = 0
    while common < min(len(ours), len(theirs)) and ours[-1 - common] == theirs[-1 - common]:
        common += 1
    for same in range(common, -1, -1):
        dentry = _above(place, same)
        if dentry is not None and places.names.kinds.get(dentry) is None:
            return dentry, "/" + "/".join(theirs[: len(theirs) - same])
    return None


def _above(place: Place, steps: int) -> Dentry | None:
    """The name so many steps above a place, within its mount."""
    here: Dentry | None = place.dentry
    for _ in range(steps):
        if here is None or here is place.mount.root:
            return None
        here = here.parent
    return None if here is place.mount.root else here


def _guess(places: Places, dentry: Dentry, target: str) -> Guess:
    names = places.names
    root, parts = names.roots[dentry.fs], parts_of(names.path(dentry))

    def take() -> Callable[[], None]:
        dentry = names.at(root, parts)  # the walk that came to it was taken back
        inside = names.children.pop(dentry, None)
        names.settle(dentry, Kind.SYMLINK)
        names.targets[dentry] = target
        names.undo.clear()

        def back() -> None:
            names.targets.pop(dentry, None)
            names.kinds.pop(dentry, None)
            names.settle(dentry, None)
            if inside is not None:
                names.children[dentry] = inside

        return back

    return take
