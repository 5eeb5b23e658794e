"""The most mounts after k calls: every run of a few calls, up to isomorphism; of more, branch and bound.

The search of every run knows no bound, and checks the bound on each call that it runs. Branch and bound tries calls by
path, and leaves out whatever the bound says cannot beat what was found; when it meets the bound of the first state, no
run of any calls makes more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nsmodel.growth.bound import Size, most
from nsmodel.growth.script import PLENTY, Command, growth_system, paths, resolve, run, size_of
from nsmodel.ir.state import Frozen
from nsmodel.kernel.mount.path import walks_to
from nsmodel.kernel.mount.propagation import takers
from nsmodel.kernel.mount.tree import copied, top_at
from nsmodel.kernel.objects import Dentry, Kernel, Mount, Task
from nsmodel.system.operation import Call
from nsmodel.system.transition import Runner, TransitionSystem

PLACES = (("source", "root"), ("at", "dentry"), ("target", "root"))
"""The parameters of the rules that name a place: a mount and a name in it."""


class BoundBroken(AssertionError):
    """A call made more than the bound allows: the bound is wrong."""


@dataclass(frozen=True)
class Most:
    """The most mounts that were found, and how."""

    mounts: int
    script: tuple[Command, ...]
    states: int


def every_run(system: TransitionSystem, start: Frozen, calls: int) -> Most:
    """The most mounts after some calls, of every run of the operations; `script` is left empty."""
    best = size_of(system.thaw(start)).mounts
    level = {system.canonical.form(start): start}
    states = 1
    for left in range(calls, 0, -1):
        found: dict[Frozen, Frozen] = {}
        for state in level.values():
            runner = Runner(system, state)
            size = size_of(runner.state)
            for call in _nameable(runner):
                after = _after(runner, call, size)
                if after is None:
                    continue
                best = max(best, size_of(system.thaw(after)).mounts)
                if left > 1:
                    found.setdefault(system.canonical.form(after), after)
        level = found
        states += len(level)
    return Most(best, (), states)


def _nameable(runner: Runner) -> list[Call]:
    """The calls of a state whose places the caller can name: others are refused before anything else is looked at."""
    k = runner.state
    known = {
        (t.slot, m.slot, d.slot)
        for t in k.live(Task)
        for m in k.live(Mount)
        for d in k.live(Dentry)
        if walks_to(k, t, m, d)
    }
    out = []
    for call in runner.calls():
        told = call.by_name
        named = ((told["task"], told[m], told[d]) for m, d in PLACES if m in told and d in told)
        if all(place in known for place in named):
            out.append(call)
    return out


def _after(runner: Runner, call: Call, size: Size) -> Frozen | None:
    """The state after a call that succeeds and changes something, held against the bound."""
    done = runner.run(call)
    if done is None or done.result < 0 or done.state is None or done.state == runner.frozen:
        return None
    after = size_of(runner.system.thaw(done.state))
    if not size.allows(after):
        raise BoundBroken(f"{call} makes {after} of {size}")
    return done.state


class BranchAndBound:
    """The most mounts after some calls by path, from one state."""

    def __init__(self, system: TransitionSystem, start: Frozen) -> None:
        self.system, self.start = system, start
        self.best = 0
        self.script: tuple[Command, ...] = ()
        self.states = 0

    def search(self, calls: int) -> Most:
        """Search; the result meets `most(size of the start, calls)` or falls short of it."""
        self.best, self.script, self.states = 0, (), 0
        self._visit(self.start, calls, ())
        return Most(self.best, self.script, self.states)

    def _visit(self, state: Frozen, left: int, script: tuple[Command, ...]) -> None:
        self.states += 1
        k = self.system.thaw(state)
        size = size_of(k)
        if size.mounts > self.best:
            self.best, self.script = size.mounts, script
        if left == 0:
            return
        limit = most(size, left)
        for command, after in self._commands(k, size):
            if self.best >= limit:
                return
            if most(after, left - 1) <= self.best:
                continue
            if left == 1:
                # The last call is counted as the kernel counts it before it attaches anything (count_mounts).
                self.best, self.script = after.mounts, (*script, command)
                continue
            assert after.mounts < PLENTY
            self._visit(run(self.system, state, command), left - 1, (*script, command))

    def _commands(self, k: Kernel, size: Size) -> Iterator[tuple[Command, Size]]:
        """Commands in a state, with the exact number of mounts and the bound on the reach after each."""
        task = k.live(Task)[0]
        if size.reach == 0:
            for path in paths(k, task):
                at, dentry = resolve(k, task, path)
                if at.root is dentry:
                    yield Command("make-shared", path), size.shared
        for source in paths(k, task):
            m, root = resolve(k, task, source)
            if m.unbindable:
                continue
            for verb, tree in (("rbind", len(copied(k, m, root, True))), ("bind", 1)):
                for target in paths(k, task):
                    at, dentry = resolve(k, task, target)
                    on = top_at(k, at, dentry)
                    spread = 1 + len(takers(k, on, dentry if on is at else on.root))
                    reach = size.reach * (1 + spread)
                    yield (
                        Command("rbind" if verb == "rbind" else "bind", target, source),
                        Size(size.mounts + tree * spread, reach),
                    )


def start_of(system: TransitionSystem, *, shared: bool) -> Frozen:
    """One mount, shared or not."""
    return run(system, system.initial, Command("make-shared", "/")) if shared else system.initial


def grow(script: tuple[Command, ...]) -> list[int]:
    """How many mounts there are after each command of a script, from one mount."""
    system = growth_system()
    state = system.initial
    out = []
    for command in script:
        state = run(system, state, command)
        out.append(size_of(system.thaw(state)).mounts)
    return out
