"""Random differential campaign: draw traces from the whole model, perform them on the running kernel, compare.

Calls are drawn at random over everything that lives, so that refusals come up as often as successes; a trace that
diverges is shrunk by leaving out steps as long as the same difference stays.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from nsmodel.ir import nodes as n
from nsmodel.ir.language import ScopeCut
from nsmodel.ir.lower import definition_of
from nsmodel.ir.types import BoolType, EnumType, FlagsType, RefType
from nsmodel.kernel.base import base_state
from nsmodel.kernel.exit import WaitFor, exit_group, exit_thread, wait4, waitid
from nsmodel.kernel.fork import clone3, unshare
from nsmodel.kernel.join import setns, setns_pidfd
from nsmodel.kernel.nsfs import bind_ns, close, open_bind, open_ns, pidfd_open, umount_ns
from nsmodel.kernel.objects import CloneFlags, Kernel, NsFlags, NsType, SetTid, Task, TaskState
from nsmodel.kernel.session import (
    getpgid,
    getpid,
    getppid,
    getsid,
    gettid,
    set_child_subreaper,
    setpgid,
    setresuid,
    setsid,
)
from nsmodel.kernel.signal import kill, pidfd_send_signal, sigaction, tgkill
from nsmodel.kernel.user import set_limit
from nsmodel.oracle.driver import Sandbox
from nsmodel.oracle.replay import Divergence, Replayer, Step
from nsmodel.system.operation import Call, Operation, op, to_json
from nsmodel.system.snapshot import View, snapshot
from nsmodel.system.spec import Spec
from nsmodel.system.transition import Outcome, Runner, TransitionSystem, make_system

AREAS = ("process",)
"""Areas of the model that a campaign can be restricted to."""
THREAD = CloneFlags(vm=True, sighand=True, thread=True, files=True, fs=True)
ATTEMPTS = 60
"""Draws of one step before the trace ends early."""

WHOLE = Spec(
    name="whole",
    title="Everything that the model can do, with room for forty calls.",
    state=Kernel,
    base=base_state,
    bounds={
        "tasks": 16, "pids": 20, "nsproxies": 18, "fs_structs": 18, "pid_namespaces": 12, "user_namespaces": 8,
        "mnt_namespaces": 10, "uts_namespaces": 10, "ipc_namespaces": 10, "net_namespaces": 6, "cgroup_namespaces": 8,
        "time_namespaces": 8, "descriptors": 24, "bind_mounts": 12, "places": 7, "numbers": 8, "limits": 8,
    },
    operations=(
        op(clone3), op(unshare), op(setns), op(setns_pidfd), op(exit_thread, code=[0]), op(exit_group, code=[0]),
        op(wait4), op(waitid), op(kill), op(tgkill), op(pidfd_send_signal), op(sigaction), op(getpid), op(gettid),
        op(getppid), op(getpgid), op(getsid), op(setsid), op(setpgid), op(set_child_subreaper), op(setresuid),
        op(open_ns), op(close), op(bind_ns, place=[1]), op(umount_ns), op(open_bind), op(pidfd_open),
        op(set_limit, limit=[0]),
    ),
    properties=(),
)  # fmt: skip
WEIGHTS = {
    "clone3": 14, "unshare": 7, "setns": 7, "setns_pidfd": 5, "exit_thread": 3, "exit_group": 3, "wait4": 4,
    "waitid": 2, "kill": 5, "tgkill": 2, "pidfd_send_signal": 2, "sigaction": 2, "getpid": 1, "gettid": 1, "getppid": 2,
    "getpgid": 2, "getsid": 2, "setsid": 2, "setpgid": 3, "set_child_subreaper": 2, "setresuid": 2, "open_ns": 8,
    "close": 2, "bind_ns": 3, "umount_ns": 2, "open_bind": 2, "pidfd_open": 4, "set_limit": 2,
}  # fmt: skip
UNREACHED: dict[str, str] = {}
"""Pairs of operation and errno that no campaign reaches, with the reason."""


@dataclass
class Draw:
    """Draws random calls."""

    random: random.Random
    system: TransitionSystem
    weights: dict[str, int]

    def call(self, runner: Runner) -> Call:
        """Some call in a state; it need not be enabled."""
        state = runner.state
        name = self.random.choices(list(self.weights), list(self.weights.values()))[0]
        operation = self.system.operation(name)
        arguments = []
        for parameter, kind in operation.parameters:
            arguments.append((parameter, self._value(state, operation, parameter, kind)))
        return Call(name, tuple(arguments))

    def _value(self, state: Kernel, operation: Operation, parameter: str, kind: Any) -> Any:
        pick = self.random
        special = VALUES.get((operation.name, parameter))
        if special is not None:
            return special(pick)
        if isinstance(kind, RefType):
            items = state.live(kind.entity)
            if parameter == "task":
                callers = [t for t in state.live(Task) if t.state == TaskState.RUNNING]
                if operation.name in ("exit_thread", "exit_group") and pick.random() < 0.98:
                    callers = [t for t in callers if t.group_leader.slot != 1]
                return pick.choice(callers).slot if callers else 0
            if not items or (kind.optional and pick.random() < 0.3):
                return None if kind.optional else 1
            return pick.choice(items).slot
        if isinstance(kind, BoolType):
            return pick.random() < 0.3
        if isinstance(kind, EnumType):
            return pick.choice(list(kind.cls))
        if isinstance(kind, FlagsType):
            return kind.cls()
        return pick.randrange(3)


def _clone_flags(pick: random.Random) -> CloneFlags:
    kind = pick.random()
    if kind < 0.25:
        return CloneFlags(fs=pick.random() < 0.3)
    if kind < 0.40:
        return CloneFlags(vm=True, sighand=True, thread=True, files=True, fs=pick.random() < 0.7, sysvsem=True)
    if kind < 0.60:
        return CloneFlags(newpid=True)
    if kind < 0.85:
        return _some_flags(
            pick, ("newns", "newuts", "newipc", "newpid", "newnet", "newcgroup", "newtime", "newuser"), 2
        )
    return _some_flags(pick, tuple(f.name for f in fields(CloneFlags)), 3)


def _unshare_flags(pick: random.Random) -> CloneFlags:
    if pick.random() < 0.8:
        return _some_flags(
            pick, ("newns", "newuts", "newipc", "newpid", "newcgroup", "newtime", "newuser", "newnet"), 2
        )
    return _some_flags(pick, ("fs", "files", "sysvsem", "thread", "unknown", "parent", "newuser", "newpid"), 2)


def _some_flags(pick: random.Random, names: tuple[str, ...], most: int) -> CloneFlags:
    return CloneFlags(**dict.fromkeys(pick.sample(names, pick.randint(1, most)), True))


def _set_tid(pick: random.Random) -> SetTid:
    if pick.random() < 0.7:
        return SetTid()
    return SetTid(
        size=pick.choice((1, 1, 2)), first=pick.choice((0, 1, 3, 4)), second=pick.choice((0, 1, 3, 5)), third=0
    )


def _ns_flags(pick: random.Random) -> NsFlags:
    names = [f.name for f in fields(NsFlags)]
    if pick.random() < 0.95:
        names.remove("unknown")
    return NsFlags(**dict.fromkeys(pick.sample(names, pick.choice((0, 1, 1, 1, 2, 2, 3))), True))


VALUES: dict[tuple[str, str], Callable[[random.Random], Any]] = {
    ("clone3", "flags"): _clone_flags,
    ("clone3", "tids"): _set_tid,
    ("unshare", "flags"): _unshare_flags,
    ("setns_pidfd", "flags"): _ns_flags,
    ("exit_thread", "code"): lambda pick: pick.randrange(4),
    ("exit_group", "code"): lambda pick: pick.randrange(4),
    ("bind_ns", "place"): lambda pick: pick.randint(1, 7),
    ("set_limit", "limit"): lambda pick: pick.choice((0, 1, 2, 3)),
    ("set_limit", "kind"): lambda pick: pick.choice([t for t in NsType if not t.name.endswith("CHILDREN")]),
    ("wait4", "who"): lambda pick: pick.choice((WaitFor.PID, WaitFor.PID, WaitFor.ANY, WaitFor.OWN_GROUP)),
    ("setns", "wrong_type"): lambda pick: pick.random() < 0.1,
    ("sigaction", "action"): lambda pick: pick.choice(list(_dispositions())),
}
"""How arguments are drawn where chance over the type alone would rarely hit the interesting ones."""


def _dispositions() -> Any:
    from nsmodel.kernel.objects import Disposition

    return Disposition


@dataclass
class Drawn:
    """A trace as drawn: the calls and what the model says of each."""

    seed: str
    calls: list[Call] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


@dataclass
class Finding:
    """A trace that diverges, shrunk."""

    seed: str
    divergence: Divergence
    calls: list[Call]


@dataclass
class Campaign:
    """What a campaign has seen so far; `depth` to `transitions` are what a progress line shows."""

    traces: int = 0
    steps: int = 0
    depth: int = 0
    states: int = 0
    frontier: int = 0
    transitions: int = 0
    coverage: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


def whole_system(kernel: str = "fixed", switches: frozenset[str] = frozenset()) -> TransitionSystem:
    """The whole model with room for long traces."""
    return make_system(WHOLE, WHOLE.scope(None), kernel=kernel, switches=switches)


def draw(system: TransitionSystem, seed: str, length: int, only: set[str] | None = None) -> Drawn:
    """One random trace."""
    out = Drawn(seed)
    chance = Draw(random.Random(seed), system, {n: w for n, w in WEIGHTS.items() if only is None or n in only})
    frozen = system.initial
    while len(out.calls) < length:
        runner = Runner(system, frozen)
        for _ in range(ATTEMPTS):
            call = chance.call(runner)
            done = _run(runner, call)
            if done is not None:
                break
        else:
            return out
        out.calls.append(call)
        out.outcomes.append(done)
        assert done.state is not None
        frozen = done.state
    return out


def _run(runner: Runner, call: Call) -> Outcome | None:
    """A call's outcome; None when it is not enabled, names what is not there, or outgrows the bounds."""
    from nsmodel.system.operation import OperationError

    try:
        done = runner.run(call)
    except (ScopeCut, OperationError):
        return None
    if done is not None and _kernel_chooses(runner.system, runner.state, call):
        return None
    if done is not None and done.state is None:
        raise AssertionError(f"{call}: {done.violations}")
    return done


def _kernel_chooses(system: TransitionSystem, state: Kernel, call: Call) -> bool:
    """A wait that finds several zombies takes the oldest, which the model does not tell: such calls are left out."""
    given = call.by_name
    if call.operation not in ("wait4", "waitid") or given["who"] is WaitFor.PID or given["child"] is None:
        return False
    task = state.at(Task, given["task"])
    children = [t for t in state.live(Task) if task is not None and t.parent is task.group_leader]
    return sum(t.state == TaskState.ZOMBIE for t in children) > 1


def again(system: TransitionSystem, calls: list[Call]) -> Drawn:
    """The trace of some calls, those that are not enabled left out."""
    out = Drawn("")
    frozen = system.initial
    for call in calls:
        done = _run(Runner(system, frozen), call)
        if done is not None:
            out.calls.append(call)
            out.outcomes.append(done)
            assert done.state is not None
            frozen = done.state
    return out


def steps_of(system: TransitionSystem, drawn: Drawn) -> Iterator[Step]:
    """A drawn trace as a replay wants it."""
    schema = system.sizes.schema
    before = View(snapshot(schema, system.initial))
    frozen = system.initial
    for call, done in zip(drawn.calls, drawn.outcomes, strict=True):
        assert done.state is not None
        after = before if done.state is frozen else View(snapshot(schema, done.state))
        arguments = {name: to_json(value) for name, value in call.arguments}
        yield Step(call.operation, arguments["task"], arguments, done.result, before, after)
        before, frozen = after, done.state


def replay_drawn(system: TransitionSystem, drawn: Drawn) -> Divergence | None:
    """Perform a drawn trace in a sandbox of its own."""
    initial = View(snapshot(system.sizes.schema, system.initial))
    with Sandbox() as box:
        return Replayer(box, initial).run(steps_of(system, drawn)).divergence


def shrink(
    system: TransitionSystem, calls: list[Call], found: Divergence, attempts: int = 80
) -> tuple[list[Call], Divergence]:
    """Leave out calls while the same kind of difference stays."""
    at = max(found.step, 1)
    calls = calls[:at]
    i = len(calls) - 2
    while i >= 0 and attempts > 0:
        attempts -= 1
        shorter = again(system, calls[:i] + calls[i + 1 :])
        other = replay_drawn(system, shorter)
        if other is not None and (other.operation, _kind(other)) == (found.operation, _kind(found)):
            calls, found = shorter.calls[: max(other.step, 1)], other
            i = min(i, len(calls) - 1)
        i -= 1
    return calls, found


def _kind(found: Divergence) -> str:
    return " ".join(w for w in found.what.split() if not w.isdigit())


def campaign(
    system: TransitionSystem,
    traces: int,
    seed: int,
    length: int | None,
    tell: Callable[[Campaign], None],
    only: set[str] | None = None,
) -> Campaign:
    """Draw, replay and compare `traces` traces of 5 to 40 calls, or of `length`, with the operations in `only`; Ctrl-C
    ends it with what was seen."""
    out = Campaign()
    try:
        for index in range(traces):
            name = f"{seed}/{index}"
            calls = length or random.Random(f"length {name}").randint(5, 40)
            drawn = draw(system, name, calls, only)
            found = replay_drawn(system, drawn)
            out.traces += 1
            out.steps += len(drawn.calls)
            out.depth, out.states, out.transitions = out.traces, out.steps, out.steps
            for call, done in zip(drawn.calls, drawn.outcomes, strict=True):
                out.coverage[f"{call.operation}|{done.errno or 'ok'}"] += 1
            if found is not None:
                short, difference = shrink(system, drawn.calls, found)
                out.findings.append(Finding(name, difference, short))
            tell(out)
    except KeyboardInterrupt:
        pass
    return out


def producible(system: TransitionSystem) -> list[str]:
    """Every `operation|errno` that some check of the rules can give, and `operation|ok`."""
    out = []
    for operation in system.operations:
        out.append(f"{operation.name}|ok")
        errnos: set[str] = set()
        _errnos(definition_of(operation.function).body, errnos, set())
        out += [f"{operation.name}|{name}" for name in sorted(errnos)]
    return out


def _errnos(node: Any, out: set[str], seen: set[int]) -> None:
    if isinstance(node, n.Fail):
        out.add(node.errno.name)
    if isinstance(node, n.Call) and id(node.callee) not in seen:
        seen.add(id(node.callee))
        _errnos(node.callee.body, out, seen)
    if isinstance(node, tuple):
        for part in node:
            _errnos(part, out, seen)
    elif isinstance(node, n.Stmt | n.Expr):
        for name in node.__dataclass_fields__:
            part = getattr(node, name)
            if isinstance(part, n.Stmt | n.Expr | tuple):
                _errnos(part, out, seen)
