"""Random differential campaign: draw traces from the whole model, perform them on the running kernel, compare.

Of several calls that could come next, the one is taken whose cell, operation and kinds of mounts and outcome, was seen
least. What was seen is counted for blocks of traces, so that traces are the same for a seed however the blocks are
shared out. A trace that diverges is shrunk as long as the same kind of difference stays.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nsmodel.ir import nodes as n
from nsmodel.ir.language import ScopeCut
from nsmodel.ir.lower import definition_of
from nsmodel.kernel.credentials import capable
from nsmodel.kernel.exit import WaitFor
from nsmodel.kernel.objects import CapabilityKind, Descriptor, Kernel, Mount, Task, TaskState
from nsmodel.oracle.live.draws import Draw
from nsmodel.oracle.live.driver import Sandbox
from nsmodel.oracle.live.replay import Divergence, Replayer, Step, shows_proc
from nsmodel.oracle.live.user_draws import opening
from nsmodel.oracle.live.whole import AREAS, EVERYTHING, whole_system
from nsmodel.system.operation import Call, OperationError, to_json
from nsmodel.system.snapshot import Snapshots, View
from nsmodel.system.transition import Outcome, Runner, TransitionSystem
from nsmodel.traces import shrink as shrinking
from nsmodel.traces.script import Performer, Run

__all__ = ["AREAS", "Campaign", "campaign", "producible", "whole_system"]

ATTEMPTS = 60
"""Draws of one step before the trace ends early."""
BLOCK = 250
"""Traces that share what was seen."""
CHOICES = 4
"""Calls that one is taken from."""
ATTEMPTED = 100
"""Traces that are performed at most to make one smaller that diverges."""
BUILD = 0.4
"""The part of a trace that makes something to take apart."""
MOUNT_MAX = "fs.mount-max is the whole machine's: a campaign leaves it alone"
MADE_AGAIN = "a name that is removed is made again, so none with others below it is"
UNREACHED = {
    **dict.fromkeys((f"{o}|ENOSPC" for o in ("mount_new", "mount_bind", "mount_move", "mount", "bind_ns")), MOUNT_MAX),
    "move_mount|ENOSPC": MOUNT_MAX,
    "unlink|ENOTEMPTY": MADE_AGAIN,
    "rename|ENOTEMPTY": MADE_AGAIN,
    "open_path|EINVAL": "directories are not opened for writing",
}
"""Pairs of operation and errno that no campaign reaches, with the reason."""

Cells = Counter[tuple[Any, ...]]


@dataclass(frozen=True)
class Plan:
    """What a campaign draws: `only` restricts the operations, `area` what they are drawn for."""

    seed: int
    length: int | None = None
    """Calls of each trace; 5 to 40 for None."""
    only: frozenset[str] | None = None
    area: str | None = None

    @property
    def weights(self) -> dict[str, int]:
        """How often each operation is drawn."""
        chosen = EVERYTHING if self.area is None else AREAS[self.area]
        return {name: weight for name, weight in chosen.items() if self.only is None or name in self.only}


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
    interrupted: bool = False

    def joined(self, other: Campaign) -> Campaign:
        """What both have seen."""
        steps = self.steps + other.steps
        traces = self.traces + other.traces
        return Campaign(
            traces,
            steps,
            traces,
            steps,
            0,
            steps,
            self.coverage + other.coverage,
            self.findings + other.findings,
            self.interrupted or other.interrupted,
        )


def draw(system: TransitionSystem, seed: str, length: int, plan: Plan, cells: Cells | None = None) -> Drawn:
    """One random trace; `cells` is what was seen before."""
    out = Drawn(seed)
    pick = random.Random(seed)
    chance = Draw(pick, system, plan.weights, plan.area)
    seen = Counter() if cells is None else cells
    frozen = system.initial
    for first in opening(pick) if plan.area == "user" else ():
        done = Runner(system, frozen).run(first)
        assert done is not None and done.state is not None
        out.calls.append(first)
        out.outcomes.append(done)
        frozen = done.state
    while len(out.calls) < length:
        runner = Runner(system, frozen)
        found: list[tuple[int, int, tuple[Any, ...], Call, Outcome]] = []
        wanted = CHOICES if pick.random() < 0.6 else 1
        for _ in range(ATTEMPTS):
            call = chance.call(runner, len(out.calls) < BUILD * length)
            if call is None:
                continue
            kinds = _kinds(runner.state, call)
            done = _run(runner, call)
            if done is not None:
                cell = (call.operation, *kinds, done.errno, done.reason)
                found.append((seen[cell], len(found), cell, call, done))
                if len(found) == wanted:
                    break
        if not found:
            break
        _, _, cell, call, done = min(found, key=lambda item: item[:2])
        seen[cell] += 1
        out.calls.append(call)
        out.outcomes.append(done)
        assert done.state is not None
        frozen = done.state
    return out


def _kinds(state: Kernel, call: Call) -> tuple[str, ...]:
    """The propagation types of the mounts that a call names, and of what they are on."""
    out = []
    for name, value in call.arguments:
        if name in ("source", "at", "target", "new", "over_at") and value is not None:
            m = state.at(Mount, value)
            if m is not None:
                out.append(_type(m) + (_type(m.parent) if m.parent is not None else "-"))
    return tuple(out)


def _type(m: Mount) -> str:
    kind = "u" if m.unbindable else "sx"[m.master is not None] if m.group is not None else "pm"[m.master is not None]
    if m.ns is None or m.ns.anonymous:
        kind += "d" if m.ns is None else "a"
    return kind + "l" * m.locked


def _run(runner: Runner, call: Call) -> Outcome | None:
    """A call's outcome; None when it is not enabled, names what is not there, or outgrows the bounds."""
    try:
        done = runner.run(call)
    except (ScopeCut, OperationError):
        return None
    if done is not None and any(cannot(runner.state, call) for cannot in UNTOLD):
        return None
    if done is not None and done.state is None:
        raise AssertionError(f"{call}: {done.violations}")
    return done


def _cannot_furnish(state: Kernel, call: Call) -> bool:
    """A new file system would get no names: replay makes them with CAP_SYS_CHROOT, which the caller has not."""
    if call.operation not in ("mount_new", "mount", "fsmount"):
        return False
    task = state.at(Task, call.by_name["task"])
    return task is not None and not capable(state, task, task.user_ns, CapabilityKind.SYS_CHROOT)


def _shares_context(state: Kernel, call: Call) -> bool:
    """A child would share a context of fsopen or fspick with its parent, which the model does not tell."""
    if call.operation != "clone3":
        return False
    task = state.at(Task, call.by_name["task"])
    return any(f.phase and task is not None and f.table is task.group_leader for f in state.live(Descriptor))


def _kernel_chooses(state: Kernel, call: Call) -> bool:
    """A wait that finds several zombies takes the oldest, which the model does not tell: such calls are left out."""
    given = call.by_name
    if call.operation not in ("wait4", "waitid") or given["who"] is WaitFor.PID or given["child"] is None:
        return False
    task = state.at(Task, given["task"])
    children = [t for t in state.live(Task) if task is not None and t.parent is task.group_leader]
    return sum(t.state == TaskState.ZOMBIE for t in children) > 1


UNTOLD = (_kernel_chooses, _shares_context, _cannot_furnish)
"""Calls that replay cannot judge."""


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
    snapshots = Snapshots(system.sizes.schema)
    before = View(snapshots.of(system.initial))
    frozen = system.initial
    for call, done in zip(drawn.calls, drawn.outcomes, strict=True):
        assert done.state is not None
        after = before if done.state is frozen else View(snapshots.of(done.state))
        arguments = {name: to_json(value) for name, value in call.arguments}
        yield Step(call.operation, arguments["task"], arguments, done.result, before, after)
        before, frozen = after, done.state


def replay_drawn(system: TransitionSystem, drawn: Drawn) -> Divergence | None:
    """Perform a drawn trace in a sandbox of its own."""
    initial = View(Snapshots(system.sizes.schema).of(system.initial))
    with Sandbox(proc=shows_proc(initial)) as box:
        return Replayer(box, initial).run(steps_of(system, drawn)).divergence


def shrink(
    system: TransitionSystem, calls: list[Call], found: Divergence, attempts: int = ATTEMPTED
) -> tuple[list[Call], Divergence]:
    """A smaller trace with the same kind of difference, and that difference; the same trace where it comes and goes."""
    differences: dict[tuple[Call, ...], Divergence] = {}

    def shows(run: Run) -> int | None:
        if any(done.state is None for done in run.outcomes):
            return None  # a trapped call cannot be performed
        other = replay_drawn(system, Drawn("", list(run.calls), list(run.outcomes)))
        if other is None or (other.operation, _kind(other)) != (found.operation, _kind(found)):
            return None
        step = max(other.step, 1)
        differences[run.calls[:step]] = other
        return step

    performer = Performer(system, lambda state, call: any(cannot(state, call) for cannot in UNTOLD))
    best = shrinking.shrink(performer, calls, shows, attempts=attempts, passes=shrinking.DROPPING)
    return (calls, found) if best is None else (list(best.calls), differences[best.calls])


def _kind(found: Divergence) -> str:
    return " ".join(w for w in found.what.split() if not w.isdigit())


def blocks(traces: int) -> list[range]:
    """The traces of a campaign in blocks."""
    return [range(start, min(start + BLOCK, traces)) for start in range(0, traces, BLOCK)]


def run_block(system: TransitionSystem, plan: Plan, indices: range, tell: Callable[[Any], None]) -> Campaign:
    """Draw, replay and compare the traces of a block; Ctrl-C ends it with what was seen."""
    out = Campaign()
    cells: Cells = Counter()
    try:
        for index in indices:
            name = f"{plan.seed}/{index}"
            calls = plan.length or random.Random(f"length {name}").randint(5, 40)
            drawn = draw(system, name, calls, plan, cells)
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
        out.interrupted = True
    return out


def campaign(
    system: TransitionSystem, traces: int, plan: Plan, tell: Callable[[Campaign], None] = lambda so_far: None
) -> Campaign:
    """Draw, replay and compare as many traces as wanted, one block after the other."""
    out = Campaign()
    for indices in blocks(traces):
        out = out.joined(run_block(system, plan, indices, _after(out, tell)))
        if out.interrupted:
            break
    return out


def _after(before: Campaign, tell: Callable[[Campaign], None]) -> Callable[[Campaign], None]:
    return lambda part: tell(before.joined(part))


def producible(system: TransitionSystem, plan: Plan) -> list[str]:
    """Every `operation|errno` that some check of the rules of a plan can give, and `operation|ok`."""
    out = []
    for operation in system.operations:
        if operation.name not in plan.weights:
            continue
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
