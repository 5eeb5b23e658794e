"""Machine output of every command as types; the JSON schemas in `nsmodel/schema` come from them.

Names are binding for scripts: fields may be added, none is renamed. Times are seconds, memory is MiB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from nsmodel import __version__
from nsmodel.traces.trace import ObjectRef, Trace


class Output(msgspec.Struct, kw_only=True):
    """What every command writes: `nsmodel` is the version, `exit` the exit status."""

    nsmodel: str = __version__
    command: str
    exit: int
    seconds: float


class ScopeInfo(msgspec.Struct, frozen=True):
    """The scope of a search: its name, slots by collection, and the most steps (null: no limit)."""

    name: str
    bounds: dict[str, int]
    depth: int | None


class Result(msgspec.Struct, kw_only=True):
    """What one engine says of one property.

    `states` counts distinct states, 0 where an engine has none. `complete`: no new state was left. `cuts` counts the
    calls that needed an object beyond a bound. `reason` says why a verdict is UNKNOWN or VACUOUS. A vacuous operation
    is a result whose property is `operation NAME`.
    """

    spec: str
    property: str
    verdict: Literal["PROVED", "HOLDS", "VIOLATED", "VACUOUS", "UNKNOWN"]
    expected: Literal["PROVED", "HOLDS", "VIOLATED", "VACUOUS", "UNKNOWN"]
    as_expected: bool
    engine: str
    kernel: str
    mutant: str | None
    scope: ScopeInfo
    depth: int | None
    complete: bool
    states: int
    transitions: int
    seconds: float
    compile_seconds: float
    clause: str | None = None
    objects: list[ObjectRef] = []
    trace: Trace | None = None
    reason: str | None = None
    cuts: dict[str, int] = {}


class Disagreement(msgspec.Struct, frozen=True):
    """Two engines that say different things of one property."""

    spec: str
    property: str
    engines: tuple[str, str]
    what: str


class CheckOutput(Output, kw_only=True):
    """`check` and `prove`."""

    results: list[Result]
    disagreements: list[Disagreement] = []


class SimulateOutput(Output, kw_only=True):
    """`simulate`: what random walks met; `complete` is never true."""

    seed: int
    walks: int
    steps: int
    results: list[Result]


class ShowOutput(Output, kw_only=True):
    """`show`."""

    trace: Trace


class GroupInfo(msgspec.Struct, frozen=True):
    """A peer group: its members and its slaves by place (`slaves` are in no group themselves), and which groups it
    receives from: one, or none; more only in a broken state."""

    group: str
    members: list[str]
    slaves: list[str]
    masters: list[str]


class ReceiverInfo(msgspec.Struct, frozen=True):
    """Who receives from a mount, and through which groups, the sender's first."""

    mount: str
    how: Literal["peer", "slave"]
    chain: list[str]


class LandingInfo(msgspec.Struct, frozen=True):
    """Whether a receiver gets a copy of what is put on a place, where (`at`), and why or why not."""

    mount: str
    gets: bool
    at: str | None
    why: str


class PlaceInfo(msgspec.Struct, frozen=True):
    """A place where something can be mounted."""

    place: str
    copies: list[LandingInfo]


class SenderInfo(msgspec.Struct, frozen=True):
    """A mount that hands on. `covered_by`: what lies on its root, so that no path leads to its names."""

    mount: str
    group: str
    covered_by: str | None
    receivers: list[ReceiverInfo]
    places: list[PlaceInfo]


class SilentInfo(msgspec.Struct, frozen=True):
    """A mount that hands nothing on, and why."""

    mount: str
    why: str


class PropagationOutput(Output, kw_only=True):
    """`propagation`: the state after `step` of a trace, 0 for the initial one."""

    spec: str
    step: int
    groups: list[GroupInfo]
    senders: list[SenderInfo]
    silent: list[SilentInfo]


class GrowthRow(msgspec.Struct, kw_only=True):
    """The most mounts after so many calls. `how`: `searched` when every run of the operations was looked at, `bound`
    when no run can pass the bound that `script` meets. `states` counts what was looked at. `measured` is null where
    the kernel was not asked, or refused the script (`errno`)."""

    calls: int
    mounts: int
    how: Literal["searched", "bound"]
    bound: int
    closed_form: str
    script: list[str]
    states: int
    measured: int | None = None
    errno: str | None = None


class SeriesRow(msgspec.Struct, kw_only=True):
    """Mounts after 1, 2, … calls of a well-known script."""

    script: list[str]
    closed_form: str
    mounts: list[int]
    measured: list[int] | None = None


class GrowthOutput(Output, kw_only=True):
    """`growth`: from the tree in `tree`, counted without the hidden bottom. `kernel` is the release that was measured;
    `mount_max` is its fs.mount-max."""

    tree: str
    operations: list[str]
    rows: list[GrowthRow]
    series: list[SeriesRow]
    kernel: str | None
    mount_max: int | None


class MutantResult(msgspec.Struct, kw_only=True):
    """One known bug: which specs kill it, and how soon. `replay` is null where the machine was not asked; `introduced`
    and `fixed` are versions with commits, null where they are not known."""

    id: str
    toggle: str
    specs: list[str]
    property: str
    killed: bool
    trace_length: int | None
    engine: str
    seconds: float
    replay: Literal["diverges", "agrees", "not observable"] | None = None
    why_not: str | None = None
    source: str = ""
    introduced: str | None = None
    fixed: str | None = None


class NotYet(msgspec.Struct, kw_only=True):
    """A known bug that is no switch, and why."""

    id: str
    why_not: str


class MutantsOutput(Output, kw_only=True):
    """`mutants`; `not_yet` is empty where specs or bugs were chosen. `unkilled` are the properties that no known bug
    breaks, asked where all specs are."""

    mutants: list[MutantResult]
    not_yet: list[NotYet] = []
    unkilled: list[str] = []


class ModuleScore(msgspec.Struct, kw_only=True):
    """The mutants of one module of rules: how many count, and what killed them."""

    module: str
    mutants: int
    campaign: int
    property: int
    recording: int
    survived: int


class Survivor(msgspec.Struct, kw_only=True):
    """A mutant that nothing killed: what it changes, whether something reaches the place, and what would kill it."""

    id: str
    module: str
    function: str
    line: int
    kind: str
    change: str
    reached: bool
    would_kill: str


class ScoreOutput(Output, kw_only=True):
    """`score`: `mutants` count, `killed` of them die; `refused` are no rules and do not count.

    `traces` is how many traces of the campaign of each area (seed `seed`) judged, `sample` of how many mutants they
    were taken, null for all.
    """

    seed: int
    traces: int
    recordings: int
    specs: int
    sample: int | None
    mutants: int
    killed: int
    refused: int
    modules: list[ModuleScore]
    survivors: list[Survivor]
    interrupted: bool


class DivergenceInfo(msgspec.Struct, kw_only=True):
    """Where a machine or a recording and the model part; `step` counts from 1, `trace` names file or number."""

    trace: str | int
    step: int
    operation: str
    expected: str
    got: str
    what: str


class ReplayOutput(Output, kw_only=True):
    """`replay` and `conform`: `kernel` is the release; `coverage` counts `operation|errno name or ok`."""

    kernel: str
    traces: int
    steps: int
    diverged: int
    coverage: dict[str, int]
    divergences: list[DivergenceInfo]


class ReportOutput(Output, kw_only=True):
    """`report`: the page is in `file`; `replay` is null, and so is `kernel` (the release), where none was asked for."""

    file: str
    spec: str
    steps: int
    kernel: str | None
    replay: Literal["agrees", "diverges"] | None
    divergence: DivergenceInfo | None


class Cell(msgspec.Struct, kw_only=True):
    """Steps of one operation, kind and result."""

    agreed: int = 0
    diverged: int = 0
    uncovered: int = 0


class ValidateOutput(Output, kw_only=True):
    """`validate`: `modelled` and `uncovered` add up to `steps`.

    A cell is `operation|propagation types|result`. The types are those that the result depends on: of one mount, of the
    parent and the mount (`parent/mount`, umount2), of source and target (`source->target`), behind what kind of call it
    was (`rbind shared->slave`, `make-rslave shared`, `lazy shared/private`); "-" for calls that touch no mount.
    """

    files: int
    steps: int
    modelled: int
    uncovered: int
    diverged: int
    tables_compared: int
    tables_equal: int
    resynced: int
    assumed: int
    cells: dict[str, Cell]
    divergences: list[DivergenceInfo]
    uncovered_operations: dict[str, int]


class BenchCase(msgspec.Struct, kw_only=True):
    """Our engine on one case, beside one peer or (`peer` null) none.

    `seconds` is the search alone; `compile_seconds`, which LLVM took for the case, comes once and apart.
    `bytes_per_state` is arena, table and parent links at the end over states; `peak_rss_mib` is of the search's whole
    process. `ratio` is `peer_seconds` over `seconds`, null where a count differs or the peer's time is below what it
    can tell. `again` is the command that measures the row again.
    """

    name: str
    engine: str
    threads: int
    states: int
    transitions: int
    seconds: float
    compile_seconds: float
    states_per_second: float
    bytes_per_state: float
    peak_rss_mib: float
    peer: str | None
    peer_threads: int | None
    peer_states: int | None
    peer_seconds: float | None
    peer_compile_seconds: float | None
    ratio: float | None
    again: str


class Machine(msgspec.Struct, frozen=True):
    """What was measured on; `load` is the load average of the last minute when the command began."""

    cores: int
    cpu: str
    system: str
    load: float


class LeftOut(msgspec.Struct, frozen=True):
    """What was not measured: a peer on a case, or (`name` null) on every case."""

    name: str | None
    peer: str
    why: str


class Difference(msgspec.Struct, frozen=True):
    """A count of states or a verdict on a case that differs from ours; `peer` is `known` for the case's own number."""

    name: str
    peer: str
    what: str


class BenchOutput(Output, kw_only=True):
    """`bench`; `peers` has the version of each that was run."""

    repeat: int
    cases: list[BenchCase]
    machine: Machine
    peers: dict[str, str]
    left_out: list[LeftOut]
    differences: list[Difference]
    interrupted: bool


class TheoremSize(msgspec.Struct, kw_only=True):
    """All forests of so many mounts, up to isomorphism; a case is a forest with what is done to it and an order of the
    kernel's lists. `complete` is false where it was interrupted, or ended at a difference."""

    mounts: int
    forests: int
    cases: int
    seconds: float
    complete: bool
    differences: int


class TheoremForest(msgspec.Struct, kw_only=True):
    """A smallest forest on which the theorem fails: why (differences of one `kind` have one reason), the forest, and
    its picture as lines. Mounts are numbered from 0 in `forest`, sets of them are bits and -1 is none; a picture counts
    from 1."""

    mounts: int
    kind: str
    what: str
    forest: dict[str, Any]
    picture: list[str]


class TheoremOutput(Output, kw_only=True):
    """`theorem`: `holds` is null where it was interrupted before anything was found."""

    theorem: Literal["umount", "attach", "invariants"]
    algorithm: str
    mutant: str | None
    mounts: int
    holds: bool | None
    sizes: list[TheoremSize]
    found: list[TheoremForest]
    interrupted: bool


class CheckInfo(msgspec.Struct, frozen=True):
    """A check that refuses a call: `function` and `place` of the rule, `source` the kernel's functions."""

    errno: str
    reason: str
    function: str
    place: str
    source: str


class PairInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Two checks that refuse one call, of which `winner` comes first.

    `replay`: what the running kernel says of the trace; null when it was not asked. `file` is where the trace was
    written.
    """

    operation: str
    winner: CheckInfo
    loser: CheckInfo
    steps: int
    replay: Literal["agrees", "diverges"] | None = None
    why: str | None = None
    file: str | None = None


class WhyOutput(Output, kw_only=True):
    """`why`: of a call the checks that refuse it in order, and what it does with all of them passed over; or the pairs
    of checks that calls of random traces meet, of which so many were refused."""

    call: str | None = None
    step: int | None = None
    checks: list[CheckInfo] = []
    end: str | None = None
    pairs: list[PairInfo] = []
    traces: int = 0
    refused: int = 0
    interrupted: bool = False


class CaseVariant(msgspec.Struct, frozen=True):
    """A kernel version on which a case goes otherwise than it should, and the known bugs that make it."""

    kernel: str
    bugs: list[str]


class CaseInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A test case: `files` has the program of each form that can express it, `cannot` why the others cannot. `killers`
    are mutants under which its programs fail."""

    name: str
    title: str
    steps: int
    cells: list[str]
    files: dict[str, str]
    cannot: dict[str, str]
    killers: list[str]
    variants: list[CaseVariant]


class CellInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A cell: the case that covers it, and by which step. Without a case, `why` says why there is none."""

    cover: str
    operation: str
    cell: str
    title: str
    case: str | None = None
    step: int | None = None
    why: str | None = None


class SuiteOutput(Output, kw_only=True):
    """`tests`: what was covered of a spec, and by which files of `folder`. `depth` is the most calls of a run that was
    looked at, `complete` says that no state of the scope was left out; `looked` has the covers that look at calls one
    by one, and up to which call they looked at all of them."""

    spec: str
    kernel: str
    scope: ScopeInfo
    covers: list[str]
    forms: list[str]
    folder: str
    depth: int
    states: int
    complete: bool
    stopped: str | None
    interrupted: bool
    looked: dict[str, int]
    cells: list[CellInfo]
    cases: list[CaseInfo]


OUTPUTS: dict[str, type[msgspec.Struct]] = {
    "check": CheckOutput,
    "simulate": SimulateOutput,
    "show": ShowOutput,
    "propagation": PropagationOutput,
    "growth": GrowthOutput,
    "mutants": MutantsOutput,
    "score": ScoreOutput,
    "bench": BenchOutput,
    "theorem": TheoremOutput,
    "why": WhyOutput,
    "tests": SuiteOutput,
    "replay": ReplayOutput,
    "report": ReportOutput,
    "conform": ReplayOutput,
    "validate": ValidateOutput,
    "trace": Trace,
}
"""The type of each command's output, and of a trace file."""


def encode(output: msgspec.Struct) -> bytes:
    """An output as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(output), indent=1) + b"\n"


def write(output: msgspec.Struct, target: str, stdout: int = 1) -> None:
    """Write an output to a file, or to standard output for `-`. Raises OSError."""
    if target == "-":
        with open(stdout, "wb", closefd=False) as out:
            out.write(encode(output))
    else:
        Path(target).write_bytes(encode(output))
