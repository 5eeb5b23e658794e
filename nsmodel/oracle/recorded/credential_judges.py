"""How recorded calls on credentials are judged: set-id calls, capset, prctl, what a process is told of its ids, exec.

After every call that is judged the caller's ids, groups and capabilities are compared with the recorded ones
(:mod:`nsmodel.oracle.recorded.credentials`); here are the rules and arguments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from nsmodel.ir.language import Errno, Refused
from nsmodel.kernel.fork import threaded
from nsmodel.kernel.objects import AttributeKind, Group, IdKind, Kernel, Program, Task
from nsmodel.kernel.session import set_child_subreaper
from nsmodel.kernel.user.execve import execve
from nsmodel.kernel.user.maps import kernel_id, maps_id, shown_id
from nsmodel.kernel.user.privileges import (
    SecurebitFlags,
    ambient_clear,
    do_ambient_lower,
    do_ambient_raise,
    do_capbset_drop,
    do_capset,
    set_dumpable,
    set_keepcaps,
    set_no_new_privs,
    set_securebits,
)
from nsmodel.kernel.user.setid import (
    KEEP,
    check_may_setgroups,
    setgid,
    setregid,
    setresgid,
    setresuid,
    setreuid,
    setuid,
)
from nsmodel.oracle.recorded import credentials, id_maps, limits
from nsmodel.oracle.recorded.flags import has
from nsmodel.oracle.recorded.judgement import Differs, Uncovered
from nsmodel.oracle.recorded.judging import Judge
from nsmodel.oracle.recorded.lookups import ends
from nsmodel.oracle.recorded.names import Kind
from nsmodel.oracle.recorded.recordings import Proc, Step, View

IDS = 2**32
LISTED = 16
"""Groups of a setgroups that a recording has; more are cut off."""
NGROUPS_MAX = 65536
CAPSET_SIZE = 24
"""Bytes of the sets that capset and capget exchange, two words for each of three sets (version 3)."""
_SETS = re.compile(rf"[0-9a-f]{{{2 * CAPSET_SIZE}}}\Z")
(PDEATHSIG, GET_PDEATHSIG, DUMPABLE, KEEPCAPS, CAPBSET_READ, CAPBSET_DROP, SECUREBITS, SUBREAPER, GET_SUBREAPER,
 NO_NEW_PRIVS, AMBIENT) = (1, 2, 4, 8, 23, 24, 28, 36, 37, 38, 47)  # fmt: skip
AMBIENT_IS_SET, AMBIENT_RAISE, AMBIENT_LOWER, AMBIENT_CLEAR_ALL = 1, 2, 3, 4
SECUREBIT_NAMES = ("noroot", "noroot_locked", "no_setuid_fixup", "no_setuid_fixup_locked", "keep_caps",
                   "keep_caps_locked", "no_cap_ambient_raise", "no_cap_ambient_raise_locked")  # fmt: skip


def _id(step: Step, name: str) -> int:
    """An id as it was given, -1 for what stays as it is."""
    number = step.integer(name)
    return KEEP if number == -1 else number % IDS


def run(judge: Judge, view: View, rule: Callable[..., Any], task: Task, *arguments: Any) -> None:
    """Make a call that may depend on what ids mean."""
    try:
        judge.call(view, rule, task, *arguments)
    except Differs:
        if judge.world.supposes(task.user_ns):
            raise Uncovered("the id maps are not recorded") from None
        raise


def _by_ids(rule: Callable[..., Any], *names: str) -> Callable[[Judge, View], None]:
    """A call of ids alone."""

    def judged(judge: Judge, view: View) -> None:
        task = judge.caller(view)
        ids = [_id(view.step, name) for name in names]
        if len(ids) == 1 and ids == [KEEP]:
            judge.must(view, "EINVAL", "the id that is none")
            return
        run(judge, view, rule, task, *ids)

    return judged


def _setgroups(judge: Judge, view: View) -> None:
    step, task = view.step, judge.caller(view)
    listed, size = step.args.get("list"), step.integer("n")
    if not isinstance(listed, list) or not all(isinstance(gid, int) for gid in listed):
        step.fail("args.list should be numbers")
    if LISTED < size <= NGROUPS_MAX or step.errno == "EFAULT":
        raise Uncovered("not all groups are recorded")
    run(judge, view, take_groups, task, judge, size, listed)


def take_groups(k: Kernel, task: Task, judge: Judge, size: int, listed: list[int]) -> int:
    """The rule of setgroups, for any number of groups."""
    check_may_setgroups(k, task)
    if not 0 <= size <= NGROUPS_MAX:
        raise Refused(Errno.EINVAL, "more groups than there can be")
    if not all(maps_id(k, task.user_ns, IdKind.GID, gid) and gid != IDS - 1 for gid in listed):
        raise Refused(Errno.EINVAL, "a group is not mapped in the user namespace")
    groups: set[Group] = {judge.world.credentials.group(kernel_id(k, task.user_ns, IdKind.GID, g)) for g in listed}
    task.groups = frozenset(groups)  # type: ignore[assignment]
    return 0


def _sets(data: object) -> tuple[int, int, int]:
    """Effective, permitted and inheritable capabilities as capset and capget exchange them."""
    if not isinstance(data, str) or not _SETS.match(data):
        raise Uncovered("the sets are not recorded")
    words = [int.from_bytes(bytes.fromhex(data)[i : i + 4], "little") for i in range(0, CAPSET_SIZE, 4)]
    effective, permitted, inheritable = (low | high << 32 for low, high in zip(words[:3], words[3:], strict=True))
    return effective, permitted, inheritable


def _capset(judge: Judge, view: View) -> None:
    task = judge.caller(view)
    named = [judge.world.credentials.named(mask) for mask in _sets(view.step.args.get("data"))]
    try:
        judge.call(view, do_capset, task, *named)
    except Differs as problem:
        if problem.expected == "success":
            raise Uncovered(f"{view.step.errno}: for whom, and in which version, is not recorded") from None
        raise


def _capget(judge: Judge, view: View) -> None:
    step, task = view.step, judge.caller(view)
    if step.errno is not None:
        raise Uncovered(f"{step.errno}: of whom, and in which version, is not recorded")
    if "data" not in step.out:  # it asked for the version alone
        return
    told = _sets(step.out.get("data"))
    shown = judge.world.credentials
    ours = tuple(shown.mask(s) for s in (task.effective, task.permitted, task.inheritable))
    if told != ours:
        others = [t for t in judge.world.tasks.values() if type(t) is Task and t is not task]
        if any(told == tuple(shown.mask(s) for s in (t.effective, t.permitted, t.inheritable)) for t in others):
            raise Uncovered("the capabilities of another process")
        raise Differs(" ".join(f"{m:x}" for m in ours), " ".join(f"{m:x}" for m in told), "capabilities")


# -- prctl ------------------------------------------------------------------------------------------------------------


def _prctl(judge: Judge, view: View) -> None:
    step, task = view.step, judge.caller(view)
    option, one, two = step.integer("option"), step.integer("arg2"), step.integer("arg3")
    if option == NO_NEW_PRIVS:
        if one != 1 or two != 0:
            judge.must(view, "EINVAL", "arguments of PR_SET_NO_NEW_PRIVS")
            return
        judge.call(view, set_no_new_privs, task)
    elif option in (DUMPABLE, KEEPCAPS):
        if one > 1:
            judge.must(view, "EINVAL", "neither on nor off")
            return
        judge.call(view, set_dumpable if option == DUMPABLE else set_keepcaps, task, bool(one))
    elif option == SECUREBITS:
        if one >> len(SECUREBIT_NAMES):
            raise Uncovered("securebits that are not modelled")
        flags = {name: bool(one >> bit & 1) for bit, name in enumerate(SECUREBIT_NAMES)}
        judge.call(view, set_securebits, task, SecurebitFlags(**flags))
    elif option == SUBREAPER:
        if bool(one) != task.group_leader.child_subreaper:
            judge.call(view, set_child_subreaper, task, bool(one))
        elif step.errno is not None:
            raise Differs("success", step.errno, "what was so before")
    elif option in (CAPBSET_READ, CAPBSET_DROP, AMBIENT):
        _capability(judge, view, task, option, one, two)
    else:
        raise Uncovered(f"option {option} is not modelled")


def _capability(judge: Judge, view: View, task: Task, option: int, one: int, two: int) -> None:
    """prctl about one capability."""
    shown = judge.world.credentials
    number = two if option == AMBIENT else one
    valid = number < len(shown.bits)
    named = shown.named(1 << number) if valid else frozenset()
    if option == CAPBSET_DROP:
        if valid or view.step.errno == "EPERM":
            judge.call(view, do_capbset_drop, task, named)
        else:
            judge.must(view, "EINVAL", "no such capability")
        return
    if option == AMBIENT and one == AMBIENT_CLEAR_ALL and number == 0:
        judge.call(view, ambient_clear, task)
    elif not valid or (option == AMBIENT and not AMBIENT_IS_SET <= one <= AMBIENT_LOWER):
        judge.must(view, "EINVAL", "no such capability, or no such request")
    elif option == CAPBSET_READ or one == AMBIENT_IS_SET:
        held = task.bounding if option == CAPBSET_READ else task.ambient
        if view.step.rc != int(named <= held):
            raise Differs(int(named <= held), view.step.rc, "the capability is in the set")
    elif one == AMBIENT_RAISE:
        judge.call(view, do_ambient_raise, task, named)
    else:
        judge.call(view, do_ambient_lower, task, named)


# -- what a process is told -------------------------------------------------------------------------------------------


def _shown(kind: IdKind, *fields: str) -> Callable[[Judge, View], None]:
    """A call that tells ids of the caller."""

    def judged(judge: Judge, view: View) -> None:
        step, task = view.step, judge.caller(view)
        if step.errno is not None:
            raise Uncovered(f"{step.errno}: pointers are not recorded")
        told = [step.rc] if len(fields) == 1 else step.out.get("ids")
        if not isinstance(told, list):
            raise Uncovered("the ids are not recorded")
        ours = [shown_id(judge.world.k, task.user_ns, kind, getattr(task, field)) for field in fields]
        if told != ours:
            if judge.world.supposes(task.user_ns):
                raise Uncovered("the id maps are not recorded")
            raise Differs(" ".join(map(str, ours)), " ".join(map(str, told)), "ids; effect of shown_id")

    return judged


def _getgroups(judge: Judge, view: View) -> None:
    task = judge.caller(view)
    size, there = view.step.integer("n"), len(task.groups)
    listed = view.after.get(view.step.p, Proc()).groups
    if isinstance(listed, str) and len(set(listed.split())) == there:  # some may be there more than once
        there = len(listed.split())
    if size < 0 or 0 < size < there:
        judge.must(view, "EINVAL", "more groups than asked for")
    elif view.step.rc != there:
        raise Differs(there, view.step.rc, "number of groups")


# -- exec -------------------------------------------------------------------------------------------------------------


def _execve(judge: Judge, view: View) -> None:
    step, task = view.step, judge.caller(view)
    if step.errno is not None:
        _failed_exec(judge, view, task)
        return
    if threaded(judge.world.k, task):
        raise Uncovered("an exec that ends the other threads")
    before = credentials.saved(task)
    dumpable = task.group_leader.dumpable
    judge.call(view, execve, task, None)
    proc = view.after.get(step.p, Proc())
    try:
        judge.world.compare(step.p, proc, judge.rule)
    except Differs as plain:
        if not _with_program(judge, view, task, proc, before, dumpable):
            raise plain from None


def _with_program(judge: Judge, view: View, task: Task, proc: Proc, before: dict[str, Any], dumpable: bool) -> bool:
    """The credentials agree where the file was set-id or had capabilities, which a recording does not tell."""
    k, world = judge.world.k, judge.world
    program = k.new(Program)
    try:
        for _ in _programs(judge, program, before, proc):
            credentials.put_back(task, before)
            task.group_leader.dumpable = dumpable
            try:
                judge.call(view, execve, task, program)
                world.compare(view.step.p, proc, judge.rule)
            except Differs:
                continue
            judge.guesses += 1
            return True
    finally:
        k.free(program)
    return False


def _programs(judge: Judge, program: Program, before: dict[str, Any], proc: Proc) -> Iterator[None]:
    """Make a program what would explain the recorded credentials, in one way after another."""
    told = credentials.recorded(proc)
    euid, egid = told.get("uid", (0, before["euid"]))[1], told.get("gid", (0, before["egid"]))[1]
    program.setuid, program.uid = euid != before["euid"], euid
    program.setgid, program.gid = egid != before["egid"], egid
    if program.setuid or program.setgid:
        yield
    held = judge.world.credentials.named(told.get("cap_prm", 0))
    inherited = held & before["inheritable"]
    for permitted, inheritable in ((held, frozenset()), (held - inherited, inherited)):
        program.permitted, program.inheritable = permitted, inheritable  # type: ignore[assignment]
        for program.raises in (True, False):
            yield


def _failed_exec(judge: Judge, view: View, task: Task) -> None:
    """What is executed is not there, no file, not for this task, or on a mount that nothing can be executed on."""
    step, dfd = view.step, "dfd" if view.step.op == "execveat" else None
    walked = judge.places.walk(view, task, "path", dfd, empty=dfd is not None)
    if step.errno == "EACCES" and not walked.supposed and walked.place is not None:
        at = walked.place
        if judge.places.names.kind(at.dentry) is Kind.DIRECTORY or has(at.mount.attributes, AttributeKind.NOEXEC):
            return
    if ends(judge, view, walked, sure=False):
        return
    raise Uncovered(f"{step.errno}: permissions and contents of files are not modelled")


def _write(judge: Judge, view: View) -> None:
    link = view.step.descriptor().link or "nothing"
    if id_maps.FILE.search(link):
        id_maps.judge_write(judge, view)
    elif limits.FILE.search(link):
        limits.judge_limit(judge, view)
    else:
        raise Uncovered(f"a write to {link.rpartition('/')[2]}")


CREDENTIAL_JUDGES: dict[str, Callable[[Judge, View], None]] = {
    "setuid": _by_ids(setuid, "uid"),
    "setgid": _by_ids(setgid, "gid"),
    "setreuid": _by_ids(setreuid, "ruid", "euid"),
    "setregid": _by_ids(setregid, "rgid", "egid"),
    "setresuid": _by_ids(setresuid, "ruid", "euid", "suid"),
    "setresgid": _by_ids(setresgid, "rgid", "egid", "sgid"),
    "setgroups": _setgroups,
    "capset": _capset,
    "capget": _capget,
    "prctl": _prctl,
    "getuid": _shown(IdKind.UID, "uid"),
    "geteuid": _shown(IdKind.UID, "euid"),
    "getgid": _shown(IdKind.GID, "gid"),
    "getegid": _shown(IdKind.GID, "egid"),
    "getresuid": _shown(IdKind.UID, "uid", "euid", "suid"),
    "getresgid": _shown(IdKind.GID, "gid", "egid", "sgid"),
    "getgroups": _getgroups,
    "execve": _execve,
    "execveat": _execve,
    "write": _write,
    "writev": _write,
    "pwrite64": _write,
}
"""The judge of each recorded call on credentials and what ids mean."""
