"""How writes to /proc/PID/uid_map, gid_map, projid_map and setgroups are judged (user_namespaces(7);
kernel/user_namespace.c, v6.18).

The opening of such a file is not recorded: whoever writes is taken for the one who opened it, just before. The rules
take up to three extents; longer maps are checked by parts, which is the same, since every check but the one for the own
id asks something of each extent.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nsmodel.ir.language import Refused
from nsmodel.kernel.objects import IdKind, Kernel, Task, UserNamespace
from nsmodel.kernel.user.map_files import (
    MapLines,
    MapText,
    add_extent,
    check_open,
    check_write,
    do_setgroups,
    do_write,
)
from nsmodel.oracle.recorded.judgement import Differs, Uncovered
from nsmodel.oracle.recorded.judging import Judge
from nsmodel.oracle.recorded.recordings import Proc, View

FILE = re.compile(r"/(\d+)(?:/task/(\d+))?/(uid_map|gid_map|projid_map|setgroups)\Z")
KINDS = {"uid_map": IdKind.UID, "gid_map": IdKind.GID, "projid_map": IdKind.PROJID}
_LINE = re.compile(r"[ \t\v\f\r]*(\d+)[ \t\v\f\r]+(\d+)[ \t\v\f\r]+(\d+)[ \t\v\f\r]*\Z", re.ASCII)
PAGE, NO_ID, IDS = 4096, 2**32 - 1, 2**32
MAX_EXTENTS, RULE_EXTENTS = 340, 3
SETGROUPS_SIZE = 8
"""What is written to setgroups is shorter."""


@dataclass(frozen=True)
class Line:
    """A line of a map."""

    first: int
    lower: int
    count: int


Written = list[Line] | MapText | bool | None
"""What is written to a file: extents or what is wrong with them, or what is said of setgroups."""


def parse(text: str, size: int) -> list[Line] | MapText:
    """The extents of a text, or why it is no map (map_write)."""
    if size >= PAGE:
        return MapText.PAGE
    lines = text.split("\0")[0].split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    if not text.strip():
        return MapText.NOTHING
    out: list[Line] = []
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            return MapText.JUNK
        first, lower, count = (int(number) % IDS for number in found.groups())
        if NO_ID in (first, lower):
            return MapText.NO_ID
        if count and (first + count > NO_ID or lower + count > NO_ID):
            return MapText.WRAPS
        out.append(Line(first, lower, count))
    return MapText.JUNK if len(out) > MAX_EXTENTS else out


def parse_word(text: str, size: int) -> bool | None:
    """Whether a text allows or denies setgroups, None where it does neither (proc_setgroups_write)."""
    text = text.split("\0")[0]
    for word in ("allow", "deny"):
        if size < SETGROUPS_SIZE and text.startswith(word) and not text.removeprefix(word).strip():
            return word == "allow"
    return None


def parts_of(ranges: Sequence[Line]) -> list[MapLines]:
    """A map as the rules take it; of several parts none is a single line, which could be an own id."""
    out = []
    rest = list(ranges)
    while rest:
        size = len(rest) if len(rest) <= RULE_EXTENTS else 2 if len(rest) == RULE_EXTENTS + 1 else RULE_EXTENTS
        one, two, three = [*rest[:size], *[Line(0, 0, 1)] * (RULE_EXTENTS - size)]
        out.append(MapLines(size=size, first=one.first, lower=one.lower, count=one.count, first2=two.first,
                            lower2=two.lower, count2=two.count, first3=three.first, lower3=three.lower,
                            count3=three.count))  # fmt: skip
        rest = rest[size:]
    return out


def overlap(ranges: Sequence[Line]) -> bool:
    """Something is named twice, inside or in the parent (mappings_overlap)."""
    for starts in ([r.first for r in ranges], [r.lower for r in ranges]):
        spans = sorted((start, start + r.count) for start, r in zip(starts, ranges, strict=True))
        if any(one[1] > two[0] for one, two in itertools.pairwise(spans)):
            return True
    return False


def judge_write(judge: Judge, view: View) -> None:
    """write(2) and its kin to one of the files."""
    step = view.step
    task = judge.caller(view)
    target = step.descriptor()
    found = FILE.search(target.link or "")
    data = step.args.get("data")
    if found is None or not isinstance(data, str) or step.errno == "EFAULT":
        raise Uncovered("what was written is not recorded")
    process, thread, name = found.groups()
    owner = judge.places.process(target, int(thread or process))
    if owner is None:
        raise Uncovered("a file of a process that the recording does not show")
    size = step.integer("count") if "count" in step.args else len(data.encode())
    key = (task.group_leader, target.fd, target.link or "")
    if step.args.get("off") or (key in judge.written and step.errno == "EINVAL"):
        judge.must(view, "EINVAL", "a write that does not begin at the start of the file")
        return
    written = parse_word(data, size) if name == "setgroups" else parse(data, size)
    _in_time(judge, view, owner, KINDS.get(name), written)
    if isinstance(written, bool):
        _open(judge, task, owner, True)
        judge.call(view, do_setgroups, task, owner.user_ns, written)
    elif written is None:
        judge.must(view, "EINVAL", "neither allow nor deny")
    else:
        _write_map(judge, view, task, owner, KINDS[name], written)
    if step.errno is None:
        if step.rc != size:
            raise Differs(size, step.rc, "how much was written")
        judge.written.add(key)


def _in_time(judge: Judge, view: View, owner: Task, kind: IdKind | None, written: Written) -> None:
    """The process is in the user namespace that it is shown in: it may have got there by a call of its own that is
    still under way, and then what is written belongs to that."""
    world = judge.world
    label = next((x for x, t in world.tasks.items() if t is owner), "")
    shown = view.after.get(label, Proc()).namespace("user")
    if shown is None or world.label(owner.user_ns) == shown:
        return
    if view.step.errno is None and shown not in world.namespaces:
        judge.late.setdefault(shown, []).append(lambda ns: _take(judge, ns, kind, written))
    raise Uncovered("a file of a process that is under way to another user namespace")


def _take(judge: Judge, ns: UserNamespace, kind: IdKind | None, written: Written) -> None:
    """What was written is there."""
    if isinstance(written, bool):
        ns.setgroups = written
    elif isinstance(written, list) and kind is not None:
        judge.world.forget_map(ns, kind)
        add(judge.world.k, ns, kind, written)


def _open(judge: Judge, task: Task, owner: Task, setgroups: bool) -> None:
    """The file could be opened, as the write shows; where the writer could not, somebody else did it."""
    try:
        check_open(judge.world.k, task, owner, setgroups)
    except Refused:
        judge.guesses += 1


def _write_map(judge: Judge, view: View, task: Task, owner: Task, kind: IdKind, ranges: list[Line] | MapText) -> None:
    ns = owner.user_ns
    if (ns, kind) in judge.world.supposed:
        judge.world.forget_map(ns, kind)
    if isinstance(ranges, list) and len(ranges) > RULE_EXTENTS and overlap(ranges):
        ranges = MapText.JUNK
    _open(judge, task, owner, False)
    try:
        if isinstance(ranges, MapText):
            judge.call(view, do_write, task, task, ns, kind, MapLines(text=ranges))
        else:
            judge.call(view, write_parts, task, ns, kind, ranges)
    except Differs:
        if view.step.errno is None:  # the map is known all the same
            _take(judge, ns, kind, ranges)
        raise


def write_parts(k: Kernel, task: Task, ns: UserNamespace, kind: IdKind, ranges: Sequence[Line]) -> int:
    """The rule of a write, for any number of extents."""
    parts = parts_of(ranges)
    if len(parts) == 1:
        return do_write(k, task, task, ns, kind, parts[0])
    for part in parts:
        check_write(k, task, task, ns, kind, part)
    add(k, ns, kind, ranges)
    return 0


def add(k: Kernel, ns: UserNamespace, kind: IdKind, ranges: Sequence[Line]) -> None:
    """Extents as they were written."""
    for r in ranges:
        add_extent(k, ns, kind, r.first, r.lower, r.count)
