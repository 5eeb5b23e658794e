"""Performs a trace on the running kernel and compares, step by step, what the trace says with what happens."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from nsmodel.oracle.errors import Diverged
from nsmodel.oracle.live import translate, translate_mounts, translate_users
from nsmodel.oracle.live.credentials import compare_credentials, compare_maps, compare_programs, install_programs
from nsmodel.oracle.live.driver import SHOWN, Answer, NoAnswer, NsHandle, Sandbox, Seen
from nsmodel.oracle.live.machine import Bookkeeper
from nsmodel.oracle.live.mount_watch import MountWatch
from nsmodel.oracle.live.routes import NoPath
from nsmodel.oracle.live.translate import AUTO, AUTO_BASE, CHOSEN_BASE, IOCTL, SIGNALS, Command
from nsmodel.system.snapshot import View
from nsmodel.traces.mount_facts import FILES
from nsmodel.traces.trace import Trace

SETTLE_SECONDS = 3.0
"""How long the kernel may take to free a namespace: network, pid and user namespaces are put by deferred work."""
NAMESPACES = {
    "mnt": "mnt_namespaces", "uts": "uts_namespaces", "ipc": "ipc_namespaces", "net": "net_namespaces",
    "cgroup": "cgroup_namespaces", "time": "time_namespaces", "time_for_children": "time_namespaces",
    "pid_for_children": "pid_namespaces",
}  # fmt: skip
COMMANDS = translate.COMMANDS | translate_mounts.COMMANDS | translate_users.COMMANDS
HELD_BY_CONTEXTS = frozenset({"user_namespaces", "net_namespaces", "ipc_namespaces", "cgroup_namespaces"})
"""A context of fsopen or fspick holds those of its maker, which the model leaves out (fs/fs_context.c; of a cgroup
hierarchy cgroup_init_fs_context)."""
WITHIN_MOUNTS = frozenset(translate_mounts.COMMANDS)
"""Operations that change nothing of tasks but where they stand."""
PLAIN = frozenset({"ns_get_nstype", "ns_get_owner_uid", "getuid", "getgid", "capbset_read"})
"""Operations whose result is no number of a process."""
INTERLEAVED = {"unshare_uts_3", "exit_namespaces_2", "read_uts_2", "fork_racing_2"}
"""The step of each interleaved rule at which other tasks begin to see what it did: replay makes the call there."""


@dataclass(frozen=True)
class Step:
    """One step as a trace has it."""

    operation: str
    task: int
    arguments: dict[str, Any]
    result: int
    before: View
    after: View


@dataclass(frozen=True)
class Divergence:
    """Where the machine and the trace part: what was expected, what happened."""

    step: int
    operation: str
    expected: str
    got: str
    what: str


@dataclass
class Comparison:
    """How far a replay got."""

    steps: int = 0
    divergence: Divergence | None = None


@dataclass
class _World:
    """What the replay knows of the machine."""

    workers: dict[int, int] = field(default_factory=lambda: {1: 0})
    """Worker of each living task of the model."""
    numbers: dict[int, dict[int, int]] = field(default_factory=dict)
    """Numbers of each pid of the model, by pid namespace."""
    namespaces: dict[tuple[str, int], NsHandle] = field(default_factory=dict)
    retired: list[tuple[str, int, NsHandle]] = field(default_factory=list)
    """Namespaces that the trace says are freed."""
    next_worker: int = 1


class Replayer(Bookkeeper):
    """Replays steps in one sandbox; `thorough` looks for freed namespaces after every step, not only at the end."""

    def __init__(self, box: Sandbox, initial: View, *, thorough: bool = False) -> None:
        super().__init__(initial)
        self.box = box
        self.thorough = thorough
        self.world = _World()
        self.task = 1
        self.watch: MountWatch | None = None
        self._learn_numbers(initial, 1)
        if initial.rows("mounts"):
            self._furnish(initial)
        install_programs(box, initial)
        self._compare(initial)

    def _furnish(self, initial: View) -> None:
        """Make the names of the sandbox's root, and watch mounts from then on."""
        self.watch = MountWatch(initial, self.world.namespaces, lambda t: self.box.folder(self.world.workers[t]))
        bottoms = {row["root"] for row in initial.rows("mnt_namespaces").values()}
        top = next(row for row in initial.rows("mounts").values() if row["parent"] in bottoms)
        made = self.box.call(0, "mN", self.watch.forests.names(top["root"]))
        if made.extra[0] < 0:
            raise NoAnswer(f"the names of the sandbox's root cannot be made: {_shown(made.extra[0])}")
        self.watch.made(top["root"], made.extra)
        for slot, row in initial.rows("mounts").items():
            kind = self.watch.forests.kind(initial.row("dentries", row["root"])["fs"])
            if kind in SHOWN:
                shown = self.box.call(0, "mP", SHOWN.index(kind), self.watch.forests.path(row["mountpoint"]))
                if shown.result < 0:
                    raise NoAnswer(f"{kind.lower()} cannot be mounted as mount {slot}: {_shown(shown.result)}")

    def run(self, steps: Iterable[Step]) -> Comparison:
        """Perform steps until the first difference."""
        out = Comparison()
        for number, step in enumerate(steps, 1):
            try:
                self.perform(step)
            except Diverged as found:
                out.divergence = Divergence(number, step.operation, found.expected, found.got, found.what)
                return out
            except NoAnswer as silent:
                out.divergence = Divergence(number, step.operation, _shown(step.result), "no answer", str(silent))
                return out
            out.steps = number
        try:
            self._compare(self.view)
            self._compare_detached(self.view)
            self.check_lifetimes()
        except Diverged as found:
            out.divergence = Divergence(out.steps, "end", found.expected, found.got, found.what)
        return out

    # -- the machine as the translation sees it -------------------------------------------------------------------

    def number(self, task: int, target: int) -> int | None:
        """Number of a task in the active pid namespace of another."""
        return self._number_in(self._pid(target), self.active(task))

    def base_number(self, target: int) -> int:
        """Number of a task in the sandbox's own pid namespace."""
        return self.world.numbers[self._pid(target)][self.chain(self.active(target))[0]]

    def _pid(self, task: int) -> int:
        return int(self.view.row("tasks", task)["pid"])

    def _number_in(self, pid: int, ns: int) -> int | None:
        return self.world.numbers.get(pid, {}).get(ns)

    # -- one step -------------------------------------------------------------------------------------------------

    def perform(self, step: Step) -> None:
        """Make the call, compare its result, then everything that can be seen. Raises :class:`Diverged`."""
        self.view = step.before
        if step.operation in COMMANDS:
            self._call(step, step.operation, step.arguments, step.task)
        else:
            self._interleaved(step)
        self.view = step.after
        if step.after is step.before and not self.thorough:
            return  # what a refused call changed all the same shows after the next one
        self._forget(step)
        if step.operation == "chmod":
            compare_programs(step.after, f"{self.box.folder(self.world.workers[step.task])}/root")
        if step.operation in WITHIN_MOUNTS and not self.thorough:
            self._compare_mounts(step.after)
        else:
            self._compare(step.after)
        if self.thorough:
            self.check_lifetimes()

    def _interleaved(self, step: Step) -> None:
        """One step of an interleaved rule: the real call is atomic, and made where the others begin to see it."""
        base = step.operation.rstrip("_0123456789")
        refused_at_once = step.operation == "fork_racing" and step.result < 0
        if step.operation not in INTERLEAVED and not refused_at_once:
            return
        arguments = dict(step.arguments)
        if "frame" in arguments:
            frame = step.before.row(f"{base}_frames", arguments["frame"])
            arguments = {name: value for name, value in frame.items() if name != "id"}
            task = frame["caller"]
        else:
            task = step.task
        if base == "unshare_uts":
            self._call(step, "unshare", {"flags": {"newuts": True}}, task)
        elif base == "exit_namespaces":
            self._call(step, "exit_group", {"code": 0}, task)
        elif base == "fork_racing":
            self._call(step, "clone3", {"flags": {}}, task)
        elif base == "read_uts":
            handle = self.fresh_handle()
            path = f"/proc/{self.base_number(arguments['target'])}/ns/uts"
            self._compare_result(step, self.box.call(self.world.workers[task], "O", handle, path))
            if step.result >= 0:
                self.box.call(self.world.workers[task], "X", handle)

    def _call(self, step: Step, operation: str, arguments: dict[str, Any], task: int) -> None:
        self.task = task
        worker = self.world.workers[task]
        try:
            command = COMMANDS[operation](self, task, arguments)
        except NoPath as missing:
            raise Diverged("a path", "none", str(missing)) from None
        if command.clone_flags is not None:
            answer = self._clone(step, worker, command)
        elif step.after.rows("tasks").get(task, {}).get("state") != "RUNNING":
            self.box.send(worker, *command.words)
            return
        else:
            answer = self.box.call(worker, *command.words)
            if answer.result == -errno.ENOSPC != step.result:
                answer = self._retry(worker, command)
        self._compare_result(step, answer)
        self._compare_status(step, answer)
        if command.handle is not None and step.result >= 0:
            for slot in self.keep(command.handle, step.before, step.after):
                row = step.after.row("descriptors", slot)
                if self.watch is not None and row["mount"] is not None:
                    self.watch.opened(row, answer.extra[:2])
                self._compare_file(worker, command.handle, row)
        if self.watch is not None and step.result >= 0:
            self._keep_names(command, answer)

    def _compare_file(self, worker: int, handle: int, row: dict[str, Any]) -> None:
        """A new descriptor of a namespace is of the one that the trace says, as far as that was seen elsewhere."""
        for name, collection in FILES.items():
            known = self.world.namespaces.get((collection, row.get(name) or 0))
            if known is not None and not row.get("opath"):
                seen = self.box.call(worker, "J", handle, 0, IOCTL["id"]).result
                if seen != known.ns_id:
                    raise Diverged(f"namespace {known.ns_id}", _shown(seen), "what was opened")

    def _keep_names(self, command: Command, answer: Answer) -> None:
        """Make the names of a new file system, and learn the numbers of names that were made."""
        assert self.watch is not None
        if command.grown is not None:
            made = answer.extra[2:] if command.handle is not None else answer.extra
            if made[:1] == (-errno.EOVERFLOW,):
                return  # its user namespace maps no ids, so nobody can make names in it
            if made[0] < 0:
                raise Diverged("names in the new file system", _shown(made[0]), "making its names")
            self.watch.made(command.grown, made)
        if command.again is not None:
            if command.over is not None:
                self.watch.inodes[command.over] = self.watch.inodes[command.again]
            self.watch.inodes[command.again] = answer.extra[0]
        if command.swapped is not None:
            self.watch.swap(*command.swapped)

    def _retry(self, worker: int, command: Command) -> Answer:
        """A freed namespace is charged until deferred work has run: give it time."""
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            time.sleep(0.005)
            answer = self.box.call(worker, *command.words)
            if answer.result != -errno.ENOSPC or time.monotonic() > end:
                return answer

    def _clone(self, step: Step, worker: int, command: Command) -> Answer:
        assert command.clone_flags is not None
        child = self.world.next_worker
        self.world.next_worker += 1
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            answer = self.box.clone(worker, child, command.clone_flags, command.tids)
            late = answer.result == -errno.ENOSPC != step.result and time.monotonic() < end
            if not late:
                break
            time.sleep(0.005)
        if answer.result < 0 or step.result < 0:
            return answer
        (slot,) = step.after.rows("tasks").keys() - step.before.rows("tasks").keys()
        self.world.workers[slot] = child
        self.inherit(self.task, step.before, step.after)
        self.view = step.after
        self._learn_numbers(step.after, slot)
        return answer

    def _learn_numbers(self, view: View, task: int) -> None:
        """The numbers that the machine gave a new task: one for each level, the fixed ones as they are."""
        pid = int(view.row("tasks", task)["pid"])
        row = view.row("pids", pid)
        chain = self.chain(row["ns"])
        seen = self.box.see(self.world.workers[task])
        if len(seen.numbers) != len(chain):
            raise Diverged(f"{len(chain)} numbers", f"{len(seen.numbers)}: {seen.numbers}", "numbers of the new task")
        for ns, got in zip(chain, seen.numbers, strict=True):
            entry = row["numbers"].get(str(ns), 0)
            fixed = {0: None, 1: 1, 2: None}.get(entry, CHOSEN_BASE + entry)
            if fixed is not None and fixed != got:
                raise Diverged(fixed, got, "a number of the new task")
        self.world.numbers[pid] = dict(zip(chain, seen.numbers, strict=True))

    # -- comparing ------------------------------------------------------------------------------------------------

    def _expected_result(self, step: Step) -> int:
        """The result on this machine: a number that the allocator chose stands for whatever its owner got."""
        if step.result < AUTO_BASE or step.operation in PLAIN:
            return step.result
        pid = step.result - AUTO_BASE
        known = self.world.numbers[pid]
        entries = (step.after if pid in step.after.rows("pids") else step.before).row("pids", pid)["numbers"]
        ns = self._active_of(step)
        if entries.get(str(ns), AUTO) != AUTO or ns not in known:
            # The trace shows a number of the allocator where the pid has none: one of an outer namespace.
            ns = next(outer for outer in known if entries.get(str(outer)) == AUTO)
        return known[ns]

    def _active_of(self, step: Step) -> int:
        pid = int(step.before.row("tasks", self.task)["pid"])
        return int(step.before.row("pids", pid)["ns"])

    def _compare_result(self, step: Step, answer: Answer) -> None:
        if step.operation.startswith("fork_racing"):
            if (answer.result < 0) != (step.result < 0) or (step.result < 0 and answer.result != step.result):
                raise Diverged(_shown(step.result), _shown(answer.result), "result")
            return
        if answer.result < 0 <= step.result:
            raise Diverged("success", _shown(answer.result), "result")
        expected = self._expected_result(step)
        if answer.result != expected:
            raise Diverged(_shown(expected), _shown(answer.result), "result")

    def _compare_status(self, step: Step, answer: Answer) -> None:
        """What a wait tells of how the child ended."""
        if step.operation != "wait4" or answer.result <= 0:
            return
        child = step.before.row("tasks", step.arguments["child"])
        expected = child["exit_code"] << 8 | SIGNALS[child["exit_signal"]]
        if answer.extra[0] != expected:
            raise Diverged(f"status {expected:#x}", f"status {answer.extra[0]:#x}", "how the child ended")

    def _forget(self, step: Step) -> None:
        """Drop what the trace says is gone; it must be gone here too."""
        world = self.world
        for slot in step.before.rows("tasks").keys() - step.after.rows("tasks").keys():
            worker = world.workers.pop(slot)
            leader = step.after.rows("tasks").get(step.before.row("tasks", slot)["group_leader"])
            # Of a dying init any thread may be the last, which then waits for the others of the namespace.
            late = leader is not None and leader["state"] == "EXITING"
            seen = self.box.settle(worker, ("gone", "leaving") if late else ("gone",))
            if seen.state != "gone" and not (late and seen.state == "leaving"):
                raise Diverged("gone", seen.state, f"task {slot}")
        for pid in step.before.rows("pids").keys() - step.after.rows("pids").keys():
            world.numbers.pop(pid, None)
        self.forget_files(step.before, step.after)
        if self.watch is not None:
            self.watch.forget(step.after)
        for key in list(world.namespaces):
            if key[1] not in step.after.rows(key[0]):
                world.retired.append((*key, world.namespaces.pop(key)))

    def _compare(self, view: View) -> None:
        tasks = view.rows("tasks")
        inside: dict[int, str] = {}
        for slot, row in tasks.items():
            if slot not in self.world.workers:
                raise Diverged("a task", "none", f"task {slot}")
            expected = _expected_state(row)
            worker = self.world.workers[slot]
            states = ("leaving", "zombie") if expected == "leaving" else (expected,)
            seen = self.box.see(worker) if expected == "running" else self.box.settle(worker, states)
            if seen.state not in states:
                raise Diverged(expected, seen.state, f"task {slot}")
            self._compare_identity(view, slot, row, seen)
            if expected == "running":
                self._compare_namespaces(view, slot, row)
                compare_credentials(view, slot, row, seen, self.box.folder(worker))
                inside.setdefault(row["user_ns"], self.box.folder(worker))
        for ns, folder in inside.items():
            compare_maps(view, ns, folder)
        self._compare_mounts(view)

    def _compare_mounts(self, view: View) -> None:
        if self.watch is not None:
            self.watch.compare(view)

    def _compare_detached(self, view: View) -> None:
        """What is in no namespace that can be looked into is found by walking there: every mount of a tree that a
        running task has a descriptor of."""
        if self.watch is None:
            return
        self.view = view
        namespaces, mounts = view.rows("mnt_namespaces"), view.rows("mounts")
        detached = [s for s, row in mounts.items() if row["ns"] is None or namespaces[row["ns"]]["anonymous"]]
        for task, row in view.rows("tasks").items():
            if row["state"] != "RUNNING" or row["group_leader"] != task or not detached:
                continue
            for slot in detached:
                root, handle = mounts[slot]["root"], self.fresh_handle()
                try:
                    path = self.path(task, slot, root)
                except NoPath:
                    continue
                worker = self.world.workers[task]
                found = self.box.call(worker, "mo", handle, path, os.O_PATH)
                if found.result < 0:
                    raise Diverged(f"mount {slot}", _shown(found.result), f"a detached tree, at {path}")
                self.box.call(worker, "X", handle)
                self.watch.opened({"mount": slot, "dentry": root}, found.extra[:2])

    def _compare_identity(self, view: View, slot: int, row: dict[str, Any], seen: Seen) -> None:
        chain = self.chain(view.row("pids", row["pid"])["ns"])
        numbers = tuple(self.world.numbers[row["pid"]][ns] for ns in chain)
        if seen.numbers != numbers:
            raise Diverged(numbers, seen.numbers, f"numbers of task {slot}")
        leader = view.row("tasks", row["group_leader"])
        if row["group_leader"] == slot:
            parent = leader["parent"]
            expected = self.box.pids[self.world.workers[parent]] if parent else self.box.launcher
            if seen.parent != expected:
                raise Diverged(f"task {parent}", f"process {seen.parent}", f"parent of task {slot}")
        for name, got in (("pgrp", seen.group), ("session", seen.session)):
            wanted = tuple(self.world.numbers[leader[name]].get(ns, 0) for ns in chain)
            if got != wanted and seen.state == "running":
                raise Diverged(wanted, got, f"{name} of task {slot}")

    def _compare_namespaces(self, view: View, slot: int, row: dict[str, Any]) -> None:
        proxy = view.row("nsproxies", row["nsproxy"])
        named: dict[str, tuple[str, int]] = {
            link: (collection, proxy[link]) for link, collection in NAMESPACES.items() if proxy[link]
        }
        named["user"] = ("user_namespaces", row["user_ns"])
        named["pid"] = ("pid_namespaces", view.row("pids", row["pid"])["ns"])
        if not view.row("pid_namespaces", proxy["pid_for_children"])["started"]:
            del named["pid_for_children"]
        links = self.box.namespaces(self.world.workers[slot])
        for link in links.keys() - named.keys():
            if link == "pid_for_children":
                raise Diverged("no link", "a link", f"{link} of task {slot}")
        known = self.world.namespaces
        for link, key in named.items():
            if link not in links:
                raise Diverged("a link", "none", f"{link} of task {slot}")
            got = links[link]
            if key not in known and got in known.values():
                raise Diverged("a namespace of its own", "one that another object has", f"{link} of task {slot}")
            if known.setdefault(key, got) != got:
                raise Diverged(f"namespace {known[key].ns_id}", f"namespace {got.ns_id}", f"{link} of task {slot}")

    def check_lifetimes(self) -> None:
        """What the trace says is freed is freed here, and what lives lives. Raises :class:`Diverged`."""
        end = time.monotonic() + SETTLE_SECONDS
        contexts = any(row["phase"] != "NONE" for row in self.view.rows("descriptors").values())
        later = []
        for collection, slot, handle in self.world.retired:
            while handle.alive:
                if contexts and collection in HELD_BY_CONTEXTS:
                    later.append((collection, slot, handle))
                    break
                if time.monotonic() > end:
                    raise Diverged("freed", "alive", f"{collection} {slot}")
                time.sleep(0.001)
        self.world.retired = later
        for (collection, slot), handle in self.world.namespaces.items():
            if not handle.alive:
                raise Diverged("alive", "freed", f"{collection} {slot}")


def shown_types(initial: View) -> set[str]:
    """Of proc and sysfs, what the first state has a mount of."""
    dentries, systems = initial.rows("dentries"), initial.rows("file_systems")
    return {systems[dentries[m["root"]]["fs"]]["kind"] for m in initial.rows("mounts").values()} & set(SHOWN)


def _expected_state(row: dict[str, Any]) -> str:
    return {"RUNNING": "running", "EXITING": "leaving", "ZOMBIE": "zombie"}[row["state"]]


def _shown(result: int) -> str:
    if result < 0:
        return errno.errorcode.get(-result, str(result))
    return str(result)


def steps_of_trace(trace: Trace) -> list[Step]:
    """The prelude and the steps of a trace as a replay wants them."""
    before = View(trace.start)
    out = []
    for step in (*trace.prelude, *trace.steps):
        after = before if step.state is None else View(step.state)
        out.append(Step(step.operation, step.task or 0, step.arguments, step.result, before, after))
        before = after
    return out


def replay_trace(trace: Trace) -> Comparison:
    """Perform a trace on this machine's kernel in a sandbox of its own, looking for freed namespaces at every step.

    A divergence of the prelude has a step of 0 or below. Raises
    :class:`nsmodel.oracle.errors.OracleUnavailable` where the machine cannot be asked.
    """
    with Sandbox(shown_types(View(trace.start))) as box:
        done = Replayer(box, View(trace.start), thorough=True).run(steps_of_trace(trace))
    if done.divergence is not None:
        done.divergence = replace(done.divergence, step=done.divergence.step - len(trace.prelude))
    return done
