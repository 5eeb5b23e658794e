"""The judge that follows one recording step by step: it makes each call by the rules, and compares what came of it."""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from nsmodel.ir.language import BROKEN, Errno, NotEnabled, Refused, Trap
from nsmodel.kernel.objects import Descriptor, MntNamespace, Mount, Superblock, Task, TaskState, UserNamespace
from nsmodel.oracle.recorded import symlinks
from nsmodel.oracle.recorded.checkpoint import Checkpoint
from nsmodel.oracle.recorded.credentials import told
from nsmodel.oracle.recorded.judgement import Difference, Differs, Judgement, Uncovered
from nsmodel.oracle.recorded.places import Places
from nsmodel.oracle.recorded.recordings import FORKS, Case, Proc, RecordingError, Table, View, views
from nsmodel.oracle.recorded.state import HELD, LINKS, World
from nsmodel.oracle.recorded.tables import Comparison, Mismatch

STANDS = {"cwd": ("chdir", "fchdir", "pivot_root", "setns"), "root": ("chroot", "pivot_root", "setns")}
"""Calls that move a task; a recording of profile `mount` leaves out some others, so there only these are compared."""
LOOKUPS, WAYS = 4, 24
"""Lookups of names shown alike that are tried otherwise, and how many ways of it."""
EXECS = frozenset({"execve", "execveat"})
"""Calls that another call may see the effects of before they are recorded themselves."""
CHANGING = EXECS | {
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capset",
    "prctl", "unshare", "setns",
}  # fmt: skip
"""Calls that can change the caller's credentials."""
TRIED = 4
"""Descriptors that are tried as closed one by one, before all of them."""


class Judge:
    """Judges one recording. `touching` are the operations that can change a mount table, `plain` those that give 0."""

    def __init__(
        self,
        case: Case,
        out: Judgement,
        judges: Mapping[str, Callable[[Judge, View], None]],
        touching: frozenset[str] = frozenset(),
        plain: frozenset[str] = frozenset(),
    ) -> None:
        self.case = case
        self.out = out
        self.judges = judges
        self.touching = touching
        self.plain = plain
        self.world = World(dict(case.initial.procs), case.kernel, follows=case.profile == "full")
        self.places = Places(case, self.world)
        self.types = "-"
        """Propagation types of the places that the call under way is about."""
        self.known: dict[str, tuple[Any, ...]] = {}
        """How the table of each mount namespace was when it was last compared."""
        self.early: dict[str, Table] = {}
        """Tables that came with a call that changes none: another call, still under way, had changed them."""
        self.ends = {step.p: step for step in case.steps if step.op == "!exit"}
        self.gone: set[str] = set()
        """Tasks that ended together with another, before their end was recorded."""
        self.together = False
        """Tasks that are dead by now ended with the one whose end is judged."""
        self.written: set[tuple[Task, int, str]] = set()
        """Descriptors through which an id map was written, with the file's path."""
        self.parents: dict[Task, int] = {}
        """Numbers of parents outside of the recording."""
        self.late: dict[str, list[Callable[[UserNamespace], None]]] = {}
        """What was done to a user namespace whose making is recorded after it, by label."""
        self.changed: set[str] = set()
        """Tasks whose credentials were shown otherwise during a call of another task."""
        self.rule = ""
        self.guesses = 0
        """How often the call under way decided what was unknown."""
        for label in case.initial.mounts:
            self.known[label] = self._signature(self.world.namespaces[label])

    def run(self) -> None:
        """Every step in order."""
        for view in views(self.case):
            if view.step.is_judged:
                self._judge(view)
            self._follow(view)
            if view.step.after or view.step.mnt_live is not None:
                self.places.mounts.drop_labels(view.tables)

    def _judge(self, view: View) -> None:
        step, out = view.step, self.out
        out.steps += 1
        result = step.errno or "ok"
        judge = self.judges.get(step.op)
        self.types, self.rule, self.guesses = "-", step.op, 0
        touches = step.op in self.touching
        self._catch_up(view)
        mark = _Mark(self) if touches else None
        try:
            if judge is None:
                raise Uncovered("not modelled")
            try:
                self._attempt(view, judge, mark)
            except RecordingError as missing:
                raise Uncovered(f"an argument is not recorded: {missing.cause}") from None
        except Uncovered as why:
            self._leave_out(view, str(why), mark)
            return
        except (Differs, NotEnabled, Trap, AssertionError) as problem:
            if not isinstance(problem, Differs):
                problem = Differs("a call that can be made here", result, str(problem) or type(problem).__name__)
            if not self.world.follows and (problem.expected, problem.got) == ("success", "EPERM"):
                self._leave_out(view, "EPERM: credentials are not recorded", mark)
                return
            out.modelled += 1
            out.tables_compared += problem.tables[0]
            out.tables_equal += problem.tables[1]
            out.count(step.op, self.types, result, "diverged")
            out.differences.append(
                Difference(self.case.path, step.i, step.op, problem.expected, problem.got, problem.what)
            )
            if mark is not None:
                mark.restore()
            self._resync(view)
            return
        out.modelled += 1
        out.assumed += self.guesses > 0
        out.count(step.op, self.types, result, "agreed")

    def _leave_out(self, view: View, why: str, mark: _Mark | None) -> None:
        """A step is not judged."""
        step, out = view.step, self.out
        out.uncovered[step.op] += 1
        out.reasons[f"{step.op}: {why}"] += 1
        out.count(step.op, self.types, step.errno or "ok", "uncovered")
        if mark is not None:
            mark.restore()
        self._resync(view)

    # -- one call, one way or another -----------------------------------------------------------------------------

    def _attempt(self, view: View, judge: Callable[[Judge, View], None], mark: _Mark | None) -> None:
        """Make the call; where that does not agree, in the other ways that the recording leaves open: with another one
        of several names that it shows alike, with descriptors closed that may have been."""
        names = self.places.names
        names.choices = ()
        names.offered.clear()
        self.together = False
        try:
            self._once(view, judge)
            return
        except (Differs, Trap, AssertionError) as problem:
            if mark is None:
                raise
            first = problem
        task = self.world.tasks.get(view.step.p)
        links: list[symlinks.Guess] = []
        offered = list(names.offered)
        mark.restore()
        if type(task) is Task:
            links = symlinks.guesses(self.places, view, task)
        ways = list(itertools.product(*(range(n) for n in offered[:LOOKUPS])))[:WAYS]
        closable = [tuple(c) for c in self._closable(view, mark)]
        early = [((), (), True)] if self.early else []
        if view.step.op == "!exit" and any(p.is_dead for x, p in view.step.procs.items() if x != view.step.p):
            self.together = True
            closable.insert(0, ())
        for choices, closed, unseen in [
            *((way, (), False) for way in ways if way),
            *(((), c, False) for c in closable),
            *early,
        ]:
            mark.restore()
            if unseen:
                self._adopt(self.early)
            self.places.files.close(closed)
            names.choices = choices
            names.offered.clear()
            self.guesses = 1
            try:
                self._once(view, judge)
                return
            except (Differs, Trap, AssertionError, Uncovered):
                continue
            finally:
                names.choices = ()
        self.together = False
        if self._by_links(view, judge, mark, links):
            return
        raise first

    def _by_links(
        self, view: View, judge: Callable[[Judge, View], None], mark: _Mark, links: list[symlinks.Guess]
    ) -> bool:
        """The call agrees where a name that nothing is known of is a symbolic link."""
        for take in links:
            mark.restore()
            back = take()
            self.guesses = 1
            try:
                self._once(view, judge)
                return True
            except (Differs, Trap, AssertionError, Uncovered):
                mark.restore()
                back()
        return False

    def _once(self, view: View, judge: Callable[[Judge, View], None]) -> None:
        self.places.internals.clear()
        self.places.trail.clear()
        judge(self, view)
        if view.step.op in self.plain and view.step.errno is None and view.step.rc != 0:
            raise Differs(0, view.step.rc, "result")
        self.places.drop_internals()
        if view.step.is_call and view.step.p in view.after:
            self.world.compare(view.step.p, view.after[view.step.p], self.rule)
        if view.step.op in self.touching:
            self.places.end_namespaces(view)
            self._compare_tables(view)
            self._compare_standing(view)
        elif view.step.after or view.step.mnt_live is not None:  # by a call that is still under way
            self.early.update(view.step.after)
            self.places.end_namespaces(view)

    def _closable(self, view: View, mark: _Mark) -> list[list[Descriptor]]:
        mark.restore()
        labels: dict[Task, list[str]] = {}
        for label, task in self.world.tasks.items():
            if type(task) is Task:
                labels.setdefault(task.group_leader, []).append(label)
        found = self.places.files.may_be_closed(view.step, labels)
        if not found:
            return []
        return [found] if len(found) == 1 else [found, *([f] for f in found[:TRIED])]

    def _compare_tables(self, view: View) -> None:
        """Every table that the recording or the model changed."""
        step, out = view.step, self.out
        self._compare_live(view)
        comparison = Comparison(self.places.mounts)
        seen: dict[str, tuple[Any, ...]] = {}
        compared = 0
        try:
            for label, table in view.tables.items():
                ns = self.world.namespaces.get(label)
                if type(ns) is not MntNamespace:
                    raise Differs("no such namespace", f"a table of {label}", f"mount namespace {label}")
                shape = self._signature(ns)
                seen[label] = shape
                if label not in step.after and shape == self.known.get(label):
                    continue
                compared += 1
                viewer = self.world.tasks.get(table.viewer)
                sees = type(viewer) is Task and label in step.after and viewer.state == TaskState.RUNNING
                if sees and viewer is not None and table.viewer_root is not None:
                    root = self.places.shown(viewer, "root")
                    if root is not None and root != table.viewer_root:
                        raise Differs(
                            root, table.viewer_root, f"root directory of {table.viewer}; effect of {self.rule}"
                        )
                comparison.compare(ns, table, self.places.visible(viewer) if sees and viewer is not None else None)
        except Mismatch as wrong:
            out_of = f"table of {label}, {wrong.title}; effect of {self.rule}"
            problem = Differs(wrong.expected, wrong.got, out_of)
            problem.tables = (compared, compared - 1)
            raise problem from None
        comparison.keep()
        self.early = {}
        self.known.update(seen)
        out.tables_compared += compared
        out.tables_equal += compared

    def _compare_live(self, view: View) -> None:
        """Which mount namespaces have a process. Processes that end together are left out: their ends are not recorded
        in the order of what they let go."""
        recorded = view.step.mnt_live
        for label in recorded or ():
            if label not in view.tables:
                raise Differs("a table", "none", f"mount namespace {label}, which a process is in")
        if recorded is None or view.step.op == "!exit":
            return
        world = self.world
        inside = {t.nsproxy.mnt for t in world.tasks.values() if type(t) is Task and t.nsproxy is not None}
        live = sorted(str(world.label(ns)) for ns in inside)
        if live != sorted(recorded):
            what = f"mount namespaces with a process; effect of {self.rule}"
            raise Differs(" ".join(live), " ".join(recorded), what)

    def _signature(self, ns: Any) -> tuple[Any, ...]:
        """Everything of a namespace that its table shows."""
        names = self.places.names
        readonly = {sb.fs for sb in self.world.k.live(Superblock) if sb.readonly}
        rows = []
        for m in self.world.k.live(Mount):
            if m.ns is ns:
                where = "" if m.mountpoint is None or m.parent is None else names.path(m.mountpoint, m.parent.root)
                rows.append(
                    (
                        id(m),
                        id(m.parent),
                        where,
                        names.shown(m.root),
                        id(m.group),
                        id(m.master),
                        m.unbindable,
                        m.attributes,
                        m.root.fs in readonly,
                    )
                )
        return tuple(rows)

    def _compare_standing(self, view: View) -> None:
        """Where the tasks stand, as far as the recording tells that it changed."""
        step = view.step
        for label, delta in step.procs.items():
            task = self.world.tasks.get(label)
            if type(task) is not Task or task.state != TaskState.RUNNING or label == step.child:
                continue
            for name, movers in STANDS.items():
                recorded = getattr(delta, name)
                if not told(recorded) or (self.case.profile != "full" and (label != step.p or step.op not in movers)):
                    continue
                shown = self.places.shown(task, name)
                if shown is not None and shown != recorded:
                    words = {"cwd": "working directory", "root": "root directory"}[name]
                    raise Differs(shown, recorded, f"{words} of {label}; effect of {self.rule}")

    # -- following the recording ----------------------------------------------------------------------------------

    def _follow(self, view: View) -> None:
        """Tasks that appear without a judged birth, and what other calls did to those that are known."""
        for label, proc in view.step.procs.items():
            if label not in self.world.tasks and not proc.is_dead:
                self._appear(label, view)
            elif label in self.world.tasks:
                if label != view.step.p:
                    self.changed.add(label)
                elif self.world.take(label, view.after[label]):
                    self.out.resynced += 1
                self._follow_standing(label, proc)

    def _appear(self, label: str, view: View) -> None:
        """A task whose birth is not in the recording."""
        self.world.add(label, view.after[label], dict(view.after))
        self.places.stand(label, view.after[label])
        self.out.resynced += 1

    def _catch_up(self, view: View) -> None:
        """A task that is first shown with a call that leaves it as it is, and credentials that a call left out of the
        recording changed. An exec changes them before it is recorded itself, so its effect may have been shown with
        another call."""
        label = view.step.p
        shown = view.step.procs.get(label)
        if shown is not None and label not in self.world.tasks and not shown.is_dead:
            if view.step.op not in self.touching or view.step.op in FORKS:
                self._appear(label, view)
        if label in self.world.tasks:
            late = label in self.changed and view.step.op not in EXECS and self.world.take(label, view.before[label])
            if shown is not None and view.step.op not in CHANGING:
                late = self.world.take(label, shown) or late
            self.out.resynced += late
        self.changed.discard(label)
        if shown is not None and told(shown.cwd) and self._started_at(view, str(shown.cwd)):
            self._follow_standing(label, shown)

    def _started_at(self, view: View, cwd: str) -> bool:
        """A relative path of the call was recorded as one from this working directory: the caller got there by a call
        that was left out."""
        args = view.step.args
        relative = [name for name in args if f"{name}_abs" in args and not str(args[name]).startswith("/")]
        return any(posixpath.normpath(f"{cwd}/{args[name]}") == args[f"{name}_abs"] for name in relative)

    def _follow_standing(self, label: str, delta: Proc) -> None:
        """A task stands elsewhere than the model has it: calls that moved it were left out of the recording."""
        task = self.world.tasks[label]
        if type(task) is not Task or task.state != TaskState.RUNNING:
            return
        for name in STANDS:
            recorded = getattr(delta, name)
            if told(recorded) and self.places.shown(task, name) != recorded:
                self.places.stand(label, Proc(**{name: recorded}))

    def _resync(self, view: View) -> None:
        step = view.step
        if step.child is not None and step.child not in self.world.tasks and step.child in view.after:
            task = self.world.add(step.child, view.after[step.child], dict(view.after))
            parent = self.world.tasks.get(step.p)
            if parent is not None:
                task.parent = parent.group_leader
                task.pgrp, task.session = parent.group_leader.pgrp, parent.group_leader.session
                self.places.files.inherit(parent, task)
            self.out.resynced += 1
        self.places.files.forget(self.world.tasks.get(step.p), step)
        # What another task shows at the end of a call that changes nothing, a call of its own under way did to it.
        told_of = {step.p, *step.procs} if step.op in self.touching or not step.is_call else {step.p}
        for label in told_of:
            if label in view.after:
                self.world.resync(label, view.after[label])
        if step.op in self.touching or not step.is_call:
            self._adopt({**self.early, **step.after})
            self.early = {}
        else:
            self.early.update(step.after)
        self.places.end_namespaces(view)
        for label in {step.p, *step.procs} | ({step.child} if step.child else set()):
            if label in view.after and label in self.world.tasks:
                self._follow_standing(label, view.after[label])

    def _adopt(self, tables: Mapping[str, Table]) -> None:
        """Take mounts from tables."""
        for label, table in tables.items():
            self.places.adopt(label, table)
            self.known[label] = self._signature(self.world.namespaces[label])
            self.out.resynced += 1

    # -- what all judges share ------------------------------------------------------------------------------------

    def caller(self, view: View) -> Task:
        """The calling task; one that the model holds for dead makes no calls."""
        task = self.world.tasks.get(view.step.p)
        if task is None:
            raise Uncovered("a task that the recording does not show")
        if type(task) is not Task or task.state != TaskState.RUNNING:
            raise Uncovered("the task is dead in the model already")
        return task

    def call(self, view: View, rule: Callable[..., Any], *arguments: Any) -> Any:
        """Run a rule, which must agree with the recording in success and errno; gives what the rule gives."""
        BROKEN.clear()
        recorded = view.step.errno
        self.rule = getattr(rule, "__name__", str(rule))
        try:
            result = rule(self.world.k, *arguments)
        except Refused as refused:
            self.must(view, refused.errno.name, f"{refused.reason}; check of {self.rule}")
            return None
        if isinstance(result, int) and not isinstance(result, bool) and result < 0:
            self.must(view, Errno(-result).name, f"an error that keeps what was done; check of {self.rule}")
            return None
        if recorded is not None:
            raise Differs("success", recorded, f"result; the checks of {self.rule} all pass")
        return result

    def must(self, view: View, errno: str, reason: str) -> None:
        """The model says that the call fails."""
        if view.step.errno != errno:
            raise Differs(errno, view.step.errno or "success", reason)

    def run_rule(self, view: View, rule: Callable[..., Any], *arguments: Any) -> int:
        """The model's result as a number, which must agree with the recording in success and errno."""
        BROKEN.clear()
        recorded = view.step.errno
        self.rule = getattr(rule, "__name__", str(rule))
        try:
            result = int(rule(self.world.k, *arguments) or 0)
        except Refused as refused:
            if recorded != refused.errno.name:
                raise Differs(refused.errno.name, recorded or "success", refused.reason) from None
            return -int(refused.errno)
        if recorded is not None:
            raise Differs("success", recorded, "result")
        return result

    def compare_namespaces(self, label: str, proc: Proc) -> None:
        """The namespaces of a task, up to the names of new ones."""
        world = self.world
        task = world.tasks[label]
        if isinstance(proc.ns, msgspec.UnsetType) or task.nsproxy is None:
            return
        named: dict[str, Any] = {link: getattr(task.nsproxy, link) for link in LINKS}
        named["pid_for_children"] = task.nsproxy.pid_for_children
        named["user"], named["pid"] = task.user_ns, task.pid.ns
        for link, recorded in proc.ns.items():
            namespace = named.get(link)
            if namespace is None:
                continue
            if recorded is None:
                if link == "pid_for_children" and not namespace.started:
                    continue
                if proc.is_dead:
                    continue
                raise Differs(world.label(namespace), "no link", f"{link} of {label}")
            known = world.label(namespace)
            if known is None and recorded not in world.namespaces:
                world.namespaces[recorded] = namespace
                namespace.count += HELD
                if link == "mnt":
                    self.places.order()
                if isinstance(namespace, UserNamespace):
                    if not world.follows:
                        world.suppose_maps(namespace)
                    for late in self.late.pop(recorded, ()):
                        late(namespace)
            elif known != recorded:
                raise Differs(known or "a new namespace", recorded, f"{link} of {label}")


class _Mark:
    """Everything that a call may change, to go back to."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        world, places = judge.world, judge.places
        self.state = Checkpoint(world.k)
        self.dicts: list[tuple[dict[Any, Any], dict[Any, Any]]] = [
            (d, dict(d)) for d in (world.tasks, world.namespaces, world.numbers, places.files.open)
        ]
        self.waiting, self.gone = set(places.waiting), set(judge.gone)
        places.names.undo.clear()

    def restore(self) -> None:
        """Go back."""
        self.state.restore()
        for d, kept in self.dicts:
            d.clear()
            d.update(kept)
        self.judge.places.waiting, self.judge.gone = set(self.waiting), set(self.gone)
        self.judge.places.names.take_back(0)
