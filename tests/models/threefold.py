"""Systems in all three readings: one call, or one state, told by each in the same words."""

from __future__ import annotations

import ctypes
import functools
import random
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nsmodel.engines.explicit.store import Store
from nsmodel.engines.native import context, sites
from nsmodel.engines.native.calls import flat_argument
from nsmodel.engines.native.library import Library, compiled
from nsmodel.engines.native.program import ERRNOS, Program
from nsmodel.engines.native.reading import NativeForms, Single
from nsmodel.engines.native.sites import Cut, Refusal
from nsmodel.ir.language import Errno, ScopeCut
from nsmodel.ir.lower import flag_fields
from nsmodel.ir.schema import Sizes
from nsmodel.ir.state import Frozen, Row
from nsmodel.ir.types import BoolType, EnumType, FlagsType, IntType, MapType, RefType, SetType, Type
from nsmodel.system.load import load_file
from nsmodel.system.operation import Call, Operation, op
from nsmodel.system.spec import BUILT_IN, FAIL_ATOMIC, NO_UAF, STEP_TOTAL, Property, Scope, Spec, prop
from nsmodel.system.transition import Runner, TransitionSystem, make_system
from tests.models import loops, mounts, pidns, traps
from tests.models.readings import OVERSTATED, Reading, Told

Draw = Callable[[int], int]
"""A number below another one."""
Counts = Counter[tuple[str, str]]

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.py"))
WIDE = {"tasks": 3, "namespaces": 3, "levels": 3}
"""Bounds of bench_pidns with 77,824 states, 19,621 up to renaming."""
NEVER = (1 << 64) - 1
LEAST = {p.name for p in BUILT_IN}


def toy(
    model: Any, bounds: dict[str, int], *properties: Property, values: dict[str, dict[str, list[Any]]] | None = None
) -> TransitionSystem:
    """The system of a toy module with `base`, `RULES` and `INVARIANTS`; `values` of arguments by rule."""
    found = [prop(i.__nsmodel__.title, "", i) for i in model.INVARIANTS]
    operations = tuple(op(rule, **(values or {}).get(rule.__name__, {})) for rule in model.RULES)
    every = (*found, *properties, NO_UAF, STEP_TOTAL, FAIL_ATOMIC)
    spec = Spec(model.__name__.split(".")[-1], "", model.K, model.base, bounds, operations, every)
    return make_system(spec, spec.scope(None))


@functools.cache
def system(name: str, bug: str | None = None) -> TransitionSystem:
    """A toy, or a spec in its small scope, perhaps with a known bug; `wide` is bench_pidns with more states."""
    if name == "pidns":
        return toy(pidns, {"nss": 3, "tasks": 3, "levels": 1})
    if name == "mounts":
        bind = {"flags": [mounts.BindFlags(), mounts.BindFlags(recursive=True)]}
        umount = {"flags": [mounts.UmountFlags(), mounts.UmountFlags(detach=True)]}
        bounds = {"dentries": 2, "groups": 2, "users": 2, "nss": 2, "mounts": 4}
        return toy(mounts, bounds, values={"bind": bind, "umount2": umount})
    marks = Property("NO_MARK", "", (), True)
    if name == "traps":
        return toy(traps, {"nodes": 3}, marks)
    if name == "loops":
        return toy(loops, {"nodes": 4}, marks)
    (path,) = (p for p in SPECS if p.stem == ("bench_pidns" if name == "wide" else name))
    spec = load_file(path).spec
    scope = Scope(WIDE) if name == "wide" else spec.scope("small")
    mutant = next((switch for switch in spec.kills if switch.name == bug), None)
    assert (mutant is None) == (bug is None)
    return make_system(spec, scope, mutant=mutant)


LAYOUTS = frozenset({"rival_peers", "rival_locked", "rival_chain"})
REPEATED = LAYOUTS | {"mount_container", "mount_tree", "mount_slaves", "locked_mounts"}
"""Specs whose rules are those of others, and whose states offer thousands of calls each: minutes for a few states."""
NAMES = ("pidns", "mounts", "traps", "loops", *(p.stem for p in SPECS if p.stem not in REPEATED))
_CODE: dict[tuple[int, bool], Library] = {}


def code_of(made: TransitionSystem, *, symmetry: bool = True) -> Library:
    """The machine code of one of these systems, made once for all tests."""
    key = (id(made), symmetry)
    if key not in _CODE:
        _CODE[key] = compiled(Program(made, symmetry=symmetry))
    return _CODE[key]


def library(name: str) -> Library:
    """The machine code of a system by name."""
    return code_of(system(name))


@functools.cache
def threefold(name: str) -> Threefold:
    """A system's readings, made once for all tests."""
    return Threefold(system(name), library(name), thrice(name))


def thrice(name: str) -> frozenset[str]:
    """The operations of a system that are read symbolically as well.

    The terms of a rule take long to build, and a rule is the same in every spec: the smallest one has to do.
    """
    if name not in {p.stem for p in SPECS}:
        return frozenset(o.name for o in system(name).operations)
    smallest: dict[str, str] = {}
    for each in sorted((p.stem for p in SPECS), key=lambda n: (sum(system(n).limits.values()), n)):
        for operation in system(each).operations:
            smallest.setdefault(f"{operation.function.file}:{operation.name}", each)
    return frozenset(place.rpartition(":")[2] for place, spec in smallest.items() if spec == name)


class Threefold:
    """A system in its three readings; `thrice` are the operations that are read symbolically too."""

    def __init__(self, made: TransitionSystem, code: Library, thrice: frozenset[str]) -> None:
        self.system = made
        self.thrice = thrice
        self.library = code
        self.native = Single(code)
        self.reading = Reading(made.spec.state, made.limits, made.statics, made.switches)
        self.schema = made.sizes.schema
        self.properties = frozenset(p.name for p in made.spec.properties)

    # -- states and calls ---------------------------------------------------------------------------------------------

    @functools.cached_property
    def pool(self) -> list[Frozen]:
        """Reachable states, from random walks of the calls that the spec offers."""
        found = {self.system.initial: None}
        for seed in range(12):
            chance, state = random.Random(seed), self.system.initial
            for _ in range(12):
                after = self._step(chance, state)
                if after is None:
                    break
                state = after
                found[state] = None
        return list(found)

    def _step(self, chance: random.Random, state: Frozen) -> Frozen | None:
        """A successor, if one of a number of random calls has one; a call that does something rather than none."""
        runner = Runner(self.system, state)
        calls = list(runner.calls())
        for call in chance.sample(calls, len(calls)):
            try:
                done = runner.run(call)
            except ScopeCut:
                continue
            if done is not None and done.state is not None and done.state != state and self.fits(done.state):
                return done.state
        return None

    def fits(self, state: Frozen) -> bool:
        """Whether a state lies in the scope: the direct reading has no ranges."""
        try:
            self.library.program.layout.pack(state)
        except ValueError:
            return False
        return True

    def live(self, state: Frozen) -> dict[Any, list[int]]:
        """The slots of the live objects, by entity."""
        rows = zip(self.schema.entities, state, strict=True)
        return {info.cls: [i for i, row in enumerate(each, 1) if row is not None] for info, each in rows}

    def mutated(self, draw: Draw, state: Frozen) -> Frozen:
        """The state with one field of one object changed, within the types and bounds."""
        live = self.live(state)
        owners = [e for e, info in enumerate(self.schema.entities) if not info.static and info.fields]
        places = [(e, slot) for e in owners for slot in live[self.schema.entities[e].cls]]
        if not places:
            return state
        e, slot = places[draw(len(places))]
        info = self.schema.entities[e]
        f = draw(len(info.fields))
        rows: list[list[Row]] = [list(r) for r in state]
        row = list(rows[e][slot - 1] or ())
        row[f] = any_value(draw, self.system.sizes, info.fields[f].type, info.cls, live)
        rows[e][slot - 1] = tuple(row)
        return tuple(tuple(r) for r in rows)

    def call(self, draw: Draw, state: Frozen, operation: Operation) -> Call | None:
        """A call with any arguments that the rule's parameters allow; None where there is no object to name."""
        live, chosen = self.live(state), []
        for (name, kind), offered in zip(operation.parameters, operation.values, strict=True):
            if isinstance(kind, RefType):
                choices: list[Any] = [*live[kind.entity], *[None] * kind.optional]
                if not choices:
                    return None
                value = choices[draw(len(choices))]
            elif isinstance(kind, FlagsType):
                if offered and draw(2):
                    value = offered[draw(len(offered))]
                else:
                    value = kind.cls(**{n: self._scalar(draw, t) for n, t in flag_fields(kind.cls).items()})
            else:
                value = self._scalar(draw, kind)
            chosen.append((name, value))
        return Call(operation.name, tuple(chosen))

    def _scalar(self, draw: Draw, kind: Type) -> Any:
        if isinstance(kind, BoolType):
            return bool(draw(2))
        if isinstance(kind, EnumType):
            return list(kind.cls)[draw(len(kind.cls))]
        assert isinstance(kind, IntType)
        top = min(self.system.sizes.top(kind), (1 << self.reading.symbolic.layout.width(kind)) - 1)
        return kind.low + draw(top + 1 - kind.low)

    # -- one call -----------------------------------------------------------------------------------------------------

    def directly(self, state: Frozen, call: Call) -> Told:
        """The direct reading: of a cut the bound; of a trap its property and text; clauses that a step breaks."""
        try:
            done = Runner(self.system, state).run(call)
        except ScopeCut as cut:
            return Told("cut", (cut.entity,))
        except AttributeError:  # a set holds None, and not even the wreck can be frozen
            return Told("trap", (STEP_TOTAL.name, "None in a set"), None, self.properties & {STEP_TOTAL.name})
        if done is None:
            return Told("disabled")
        properties = frozenset(v.property for v in done.violations) & self.properties
        if done.state is None:
            (trap,) = (v for v in done.violations if v.property in (NO_UAF.name, STEP_TOTAL.name))
            return Told("trap", (trap.property, trap.clause), None, properties)
        if done.reason is not None:
            return Told("refused", (done.errno, done.reason))
        return Told("ok", (done.result,), done.state, properties)

    def clauses(self, state: Frozen, call: Call) -> frozenset[str]:
        """The clauses that a call breaks, as the direct reading says."""
        done = Runner(self.system, state).run(call)
        assert done is not None
        return frozenset(v.clause for v in done.violations if v.property not in LEAST)

    def symbolically(self, state: Frozen, call: Call) -> Told:
        """The symbolic reading: of a trap all that apply, of a step that breaks something the clauses."""
        operation = self.system.operation(call.operation)
        given = [0 if value is None else value for _, value in call.arguments]
        told = self.reading.tell(state, operation.run, given)
        if told.kind == "refused":
            return Told("refused", (Errno(told.what[0]).name, told.what[1]))
        return told

    def natively(self, state: Frozen, call: Call) -> Told:
        """The native reading, in the words of the direct one."""
        operation = self.system.operation(call.operation)
        flat = [n for _, t in operation.parameters for n in flat_argument(t, call.by_name[_])]
        answer = self.native.run(state, self.system.operations.index(operation), flat)
        if answer.status in (sites.OK, sites.UNCHANGED):
            return Told("ok", (answer.result,), answer.state, answer.broken)
        if answer.status == sites.DISABLED:
            return Told("disabled")
        if isinstance(answer.site, Refusal):
            return Told("refused", (answer.site.errno.name, answer.site.reason))
        if isinstance(answer.site, Cut):
            return Told("cut", (answer.site.bound,))
        assert answer.status == sites.TRAPPED and answer.site is not None and not isinstance(answer.site, Refusal | Cut)
        return Told("trap", (answer.site.property, answer.site.kind), None, answer.broken)

    def agreed(self, state: Frozen, call: Call) -> Told:
        """What the readings tell of a call; raises AssertionError where they disagree."""
        native, direct = self.natively(state, call), self.directly(state, call)
        where: tuple[Any, ...] = (state, str(call), direct, native)
        if call.operation in self.thrice:
            symbolic = self.symbolically(state, call)
            where = (*where, symbolic)
            overstated = all(what.startswith(tuple(OVERSTATED)) for what in symbolic.what if symbolic.kind == "trap")
            if symbolic.kind == "trap":
                assert native.kind == "trap" or (overstated and native == direct), where
            else:
                assert native.kind == symbolic.kind, where
                assert native.what == symbolic.what or native.kind == "cut", where
                assert native.state == symbolic.state, where
                if native.kind == "ok" and direct.kind == "ok":
                    assert symbolic.broken == self.clauses(state, call), where
        if native.kind == "trap":
            assert native.what[1] in OVERSTATED or (native.kind, native.what[0]) == (direct.kind, direct.what[0]), where
            assert native.what[1] in OVERSTATED or native.broken == direct.broken, where
        elif direct.kind != "trap" or not self._retakes(call):
            assert native == direct, where
        return native

    def _retakes(self, call: Call) -> bool:
        """Whether a call may take the slot of an object that it freed: only the direct reading sees that."""
        for rule in self.library.program.calls.rules:
            if rule.operation.name == call.operation:
                summary = self.library.program.functions.summaries.of(rule.definition)
                return bool(summary.frees & summary.creates)
        raise AssertionError(call)

    # -- one state ----------------------------------------------------------------------------------------------------

    def judged(self, state: Frozen) -> frozenset[str]:
        """The properties that native code says a state violates."""
        layout = self.library.program.layout
        arena = (ctypes.c_uint64 * layout.words)(*layout.pack(state))
        frontier = ctypes.c_uint32(0)
        names = [p.name for p in self.system.spec.properties]
        first = (ctypes.c_uint64 * len(names))(*[NEVER] * len(names))
        own = (ctypes.c_uint64 * context.SIZE)()
        for name, value in (
            ("arena", ctypes.addressof(arena)),
            ("first", ctypes.addressof(first)),
            ("wanted", (1 << len(names)) - 1),
        ):
            own[context.NAMES.index(name)] = value
        self.library.judge(ctypes.addressof(own), ctypes.addressof(frontier), 0, 1)
        return frozenset(name for name, rank in zip(names, first, strict=True) if rank == 0)

    def expanded(self, state: Frozen) -> tuple[Counts, Counter[str], set[Any]]:
        """What native code finds when it expands a state: calls by operation and errno, cuts, and successors in the
        form that is stored (the state itself among them)."""
        program = self.library.program
        store = Store(self.library, 1, 256_000_000)
        try:
            store.start(NativeForms(self.library, symmetry=False).form(state))
            worker = store.workers[0]
            assert self.library.expand(worker.address, store.frontier.address, 0, 1) == 1
            store.settle()
            stored = {store.words_of(number) for number in range(store.used)}
            counts, width = list(worker.counts), program.counters
        finally:
            store.free()
        calls: Counts = Counter()
        cuts: Counter[str] = Counter()
        for number, rule in enumerate(program.calls.rules):
            for status, count in enumerate(counts[number * width : (number + 1) * width]):
                if not count:
                    continue
                site = program.functions.sites.site(status) if sites.FIRST <= status < width - ERRNOS else None
                if isinstance(site, Cut):
                    cuts[site.bound] += count
                elif isinstance(site, Refusal):
                    calls[rule.operation.name, site.errno.name] += count
                else:
                    errno = Errno(status - (width - ERRNOS)).name if status >= width - ERRNOS else "ok"
                    calls[rule.operation.name, errno] += count
        return calls, cuts, stored


def offered(made: TransitionSystem, state: Frozen) -> tuple[Counts, Counter[str], list[Frozen]]:
    """What the direct reading finds when it expands a state: calls, cuts, and successors."""
    runner = Runner(made, state)
    calls: Counts = Counter()
    cuts: Counter[str] = Counter()
    after: list[Frozen] = []
    for call in runner.calls():
        try:
            done = runner.run(call)
        except ScopeCut as cut:
            cuts[cut.entity] += 1
            continue
        except AttributeError:  # as in `directly`
            calls[call.operation, "ok"] += 1
            continue
        if done is not None:
            calls[call.operation, done.errno or "ok"] += 1
            if done.state is not None:
                after.append(done.state)
    return calls, cuts, after


def any_value(draw: Draw, sizes: Sizes, kind: Type, owner: Any, live: dict[Any, list[int]]) -> Any:
    """A frozen value of a field, of those that its type and the live objects allow."""
    if isinstance(kind, RefType):
        choices = live[kind.entity] + [0] * (kind.optional or not live[kind.entity])
        return choices[draw(len(choices))]
    if isinstance(kind, SetType):
        return sum(1 << s for s in live[kind.entity] if draw(2))
    if isinstance(kind, MapType):
        pairs = [(s, any_value(draw, sizes, kind.value, owner, live)) for s in live[kind.entity]]
        return tuple((s, v) for s, v in pairs if v)
    low = kind.low if isinstance(kind, IntType) else 0
    return low + draw(sizes.top(kind, owner) + 1 - low)


def forms(code: Library, states: Iterable[Frozen], *, symmetry: bool = True) -> list[tuple[int, ...]]:
    """The forms in which a search stores states."""
    of = NativeForms(code, symmetry=symmetry)
    return [of.form(state) for state in states]
