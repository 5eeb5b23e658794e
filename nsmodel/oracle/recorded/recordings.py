"""Reader of recorded kernel behaviour, format ``nsrec-case/1``.

A recording is one JSON object: what a program and its children did, call by call, and what the
kernel's tables and the processes' namespaces, numbers and credentials looked like after each call.
:func:`load` reads a file, checks it and gives a :class:`Case`; :func:`views` replays it and gives
the processes and the mount tables before and after every step.

Unknown fields are ignored, so a newer recorder's files stay readable. A file that is torn, empty,
not JSON, of another format, or that contradicts itself raises :class:`RecordingError` with file,
place, cause and remedy; nothing is guessed.

Source: the format description and the reference loader that accompany the recordings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NoReturn

import msgspec

FORMAT = "nsrec-case/1"
FORKS = frozenset({"clone", "clone3", "fork", "vfork"})
MARKS = frozenset({"!signal", "!check", "!expect", "!verdict"})
NAMESPACE_TYPES = ("mnt", "pid", "user", "uts", "ipc", "net", "cgroup", "time")
AT_FDCWD = -100

_SHORTENED = re.compile(rb'/peers(?=[/" ])')
_WHOLE = b"/tmp/peers"
"""Recordings shorten the name of the folder, below /tmp, that holds the programs under test. Whole again, it is where
the mounts say it is: a recursive bind of /tmp copies what is mounted there."""

_ALL_LINKS = (*NAMESPACE_TYPES, "pid_for_children", "time_for_children")
_LABEL = re.compile(r"P[1-9][0-9]*\Z")
_NAMESPACE = re.compile(rf"({'|'.join(NAMESPACE_TYPES)})[1-9][0-9]*\Z")
_MASK = re.compile(r"[0-9a-f]{1,16}\Z")
_GID = re.compile(r"[0-9]{1,10}\Z")
_PLACE = re.compile(r" - at `\$?\.?(.*)`\Z", re.DOTALL)
_STEP = re.compile(r"steps\[(\d+)\]\.?")
_Wrong = Callable[[str, str], NoReturn]


class RecordingError(Exception):
    """A recording cannot be read or contradicts itself.

    ``path`` is the file, ``place`` where in it, ``cause`` what is wrong, ``fix`` what to do. The
    message is these four in at most three lines; a command prints it and exits with status 2.
    """

    def __init__(self, path: str, place: str, cause: str, fix: str) -> None:
        super().__init__(path, place, cause, fix)
        self.what = "the recording cannot be read"
        self.path, self.place, self.cause, self.fix = path, place, cause, fix

    def __str__(self) -> str:
        return f"{self.path}: {self.place}: {self.cause}\n  fix: {self.fix}"


class Namespace(msgspec.Struct, frozen=True):
    """A namespace of the case: inode number (reused by the kernel) and 64-bit id (never reused)."""

    ino: int
    ns_id: int | None = None


class RowLabels(msgspec.Struct, frozen=True, gc=False):
    """Renumbered identities of a mount: ``parent`` is another row's ``id`` or ``"top"``."""

    id: str
    parent: str
    shared: str | None = None
    master: str | None = None
    propagate_from: str | None = None


class Row(msgspec.Struct, frozen=True, gc=False):
    """One mount of a table. Group numbers are the kernel's own, ``n`` holds the renumbered ones.

    A row of ``not_in_viewer_root`` comes from statmount alone and so lacks ``dev``, ``opts``,
    ``source`` and ``sbopts`` (``None``).
    """

    id: int
    parent: int
    n: RowLabels
    uid: int | None = None
    dev: str | None = None
    root: str | None = None
    mp: str | None = None
    opts: str | None = None
    fstype: str | None = None
    source: str | None = None
    sbopts: str | None = None
    shared: int | None = None
    master: int | None = None
    propagate_from: int | None = None
    unbindable: bool = False


class Table(msgspec.Struct, frozen=True, gc=False):
    """The mounts of one mount namespace as ``viewer`` sees them, and those beyond its root."""

    viewer: str
    rows: tuple[Row, ...]
    viewer_root: str | None = None
    not_in_viewer_root: tuple[Row, ...] = ()

    def all_rows(self) -> tuple[Row, ...]:
        """Every recorded mount of the namespace, reachable from the viewer's root or not."""
        return self.rows + self.not_in_viewer_root


class Proc(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known about a task at one point of the recording.

    A field that the recording has not told (yet) is ``UNSET``. In ``ns`` a missing key is unknown
    and ``None`` means that the link led nowhere: the task was a zombie, or the pid namespace for
    its children had no init yet. ``nspid`` and its siblings list the numbers from the recorder's
    namespace inwards; ``uid`` and ``gid`` are real, effective, saved, filesystem as the recorder
    sees them. ``ppid`` is a process label, ``"ext"`` for a parent outside the recording, or 0.
    """

    ns: Mapping[str, str | None] | msgspec.UnsetType = msgspec.UNSET
    nspid: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    nstgid: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    nspgid: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    nssid: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    ppid: str | int | msgspec.UnsetType = msgspec.UNSET
    uid: tuple[int, int, int, int] | msgspec.UnsetType = msgspec.UNSET
    gid: tuple[int, int, int, int] | msgspec.UnsetType = msgspec.UNSET
    groups: str | msgspec.UnsetType = msgspec.UNSET
    cap_eff: str | msgspec.UnsetType | None = msgspec.UNSET
    cap_prm: str | msgspec.UnsetType | None = msgspec.UNSET
    cap_bnd: str | msgspec.UnsetType | None = msgspec.UNSET
    cap_inh: str | msgspec.UnsetType | None = msgspec.UNSET
    cap_amb: str | msgspec.UnsetType | None = msgspec.UNSET
    nnp: str | msgspec.UnsetType | None = msgspec.UNSET
    cwd: str | msgspec.UnsetType | None = msgspec.UNSET
    root: str | msgspec.UnsetType | None = msgspec.UNSET

    def updated(self, delta: Proc) -> Proc:
        """This view with everything that ``delta`` tells laid over it."""
        told = {name: value for name in _PROC_FIELDS if (value := getattr(delta, name)) is not msgspec.UNSET}
        return msgspec.structs.replace(self, **told) if told else self

    def namespace(self, kind: str) -> str | None:
        """Label of the task's namespace of this kind; ``None`` if there is none or it is unknown."""
        return None if isinstance(self.ns, msgspec.UnsetType) else self.ns.get(kind)

    @property
    def is_thread(self) -> bool:
        """Whether the task is a thread other than its group's leader (False while unknown)."""
        return self.nspid != self.nstgid and msgspec.UNSET not in (self.nspid, self.nstgid)

    @property
    def is_dead(self) -> bool:
        """Whether the recorder met it as a zombie: its namespaces were gone, its number was not."""
        return not isinstance(self.ns, msgspec.UnsetType) and "mnt" in self.ns and self.ns["mnt"] is None


_PROC_FIELDS = tuple(Proc.__struct_fields__)


class Descriptor(msgspec.Struct, frozen=True):
    """A file descriptor argument or result and what stood behind it when the call began.

    ``ns`` names the namespace of an nsfs file, ``pid`` the process of a pidfd (a label, or a raw
    number in text if the process is not recorded), ``mnt`` the renumbered mount of an open file.
    ``link`` is ``None`` for a descriptor that was not open. ``AT_FDCWD`` has ``fd`` -100.
    """

    fd: int
    link: str | None = None
    mnt_id: int | None = None
    mnt: str | None = None
    ns: str | None = None
    pid: str | None = None


class Step(msgspec.Struct):
    """One recorded event: a system call, the end of a task (``!exit``) or a mark.

    ``i`` orders the steps by the *end* of the calls. ``rc`` is the raw return value, -1 with
    ``errno`` on failure (absent on marks). ``child`` is the task made by a fork or clone,
    ``thread_of`` the leader of its group if it is a thread. ``after``, ``mnt_live`` and ``procs``
    hold only what changed. ``rc_p`` is a hint (the process that ``rc`` seems to number), never
    evidence. ``origin`` is the file, filled in by the reader.
    """

    i: int
    p: str
    op: str
    args: dict[str, Any] = msgspec.field(default_factory=dict)
    rc: int | None = None
    errno: str | None = None
    out: dict[str, Any] = msgspec.field(default_factory=dict)
    child: str | None = None
    thread_of: str | None = None
    after: dict[str, Table] = msgspec.field(default_factory=dict)
    mnt_live: tuple[str, ...] | None = None
    procs: dict[str, Proc] = msgspec.field(default_factory=dict)
    rc_p: str | None = None
    origin: str = "<recording>"

    @property
    def is_call(self) -> bool:
        """Whether this is a system call (neither ``!exit`` nor a mark)."""
        return not self.op.startswith("!")

    @property
    def is_judged(self) -> bool:
        """Whether the step counts in a verdict: system calls and ``!exit`` do, marks do not."""
        return self.is_call or self.op == "!exit"

    @property
    def place(self) -> str:
        """The step as named in messages."""
        return f"step {self.i} ({self.p} {self.op})"

    def fail(self, cause: str, fix: str = "record the case again, or leave this file out") -> NoReturn:
        """Raise a :class:`RecordingError` at this step."""
        raise RecordingError(self.origin, self.place, cause, fix)

    def integer(self, name: str, of: Literal["args", "out"] = "args") -> int:
        """An integer argument or result; hexadecimal and octal text is converted.

        Raises :class:`RecordingError` when it is missing or of another type.
        """
        value = (self.args if of == "args" else self.out).get(name)
        if isinstance(value, str):
            try:
                return int(value, 8 if value.startswith(("0o", "0O")) else 0)
            except ValueError:
                pass
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail(f"{of}.{name} should be an integer, not {value!r}")
        return value

    def text(self, name: str) -> str | None:
        """A text argument, ``None`` for a null pointer or a missing one.

        Raises :class:`RecordingError` when it is of another type.
        """
        value = self.args.get(name)
        if value is not None and not isinstance(value, str):
            self.fail(f"args.{name} should be text, not {value!r}")
        return value

    def flags(self, name: str = "flags") -> frozenset[str]:
        """The names in a flag argument such as ``NEWNS|NEWPID|sig=17``.

        Bits without a name stay as hexadecimal text, an exit signal as ``sig=N``; ``"0"`` is the
        empty set. Raises :class:`RecordingError` when the argument is missing.
        """
        value = self.text(name)
        if value is None:
            self.fail(f"args.{name} should be flag names, and is missing")
        return frozenset(part for part in value.split("|") if part != "0")

    def exit_signal(self) -> int:
        """The signal that the child of this fork or clone sends to its parent at its end.

        Raises :class:`RecordingError` on another operation or on malformed arguments.
        """
        if self.op in ("fork", "vfork"):
            return 17
        if self.op == "clone3":
            return self.integer("exit_signal")
        if self.op != "clone":
            self.fail("only a fork or clone has an exit signal")
        named = [part[4:] for part in self.flags() if part.startswith("sig=")]
        if any(not part.isdecimal() for part in named):
            self.fail(f"args.flags has a malformed signal in {self.args['flags']!r}")
        return int(named[0]) if named else 0

    def descriptor(self, name: str = "fd", of: Literal["args", "out"] = "args") -> Descriptor:
        """A descriptor argument (or the result ``newfd``), ``AT_FDCWD`` included.

        Raises :class:`RecordingError` when it is missing or malformed.
        """
        value = (self.args if of == "args" else self.out).get(name)
        if value == "AT_FDCWD":
            return Descriptor(AT_FDCWD, "AT_FDCWD")
        try:
            return msgspec.convert(value, Descriptor)
        except msgspec.ValidationError as error:
            self.fail(f"{of}.{name} should be a descriptor: {error}")


class Initial(msgspec.Struct, frozen=True):
    """The state before the first step."""

    procs: dict[str, Proc]
    mounts: dict[str, Table]
    mnt_live: tuple[str, ...] | None = None


class Case(msgspec.Struct):
    """One recording. ``namespaces`` may also list other numbered kernel objects that a descriptor
    led to (``pipe1``, ``socket2``). ``variant`` tells which mount interface was recorded, ``exit`` how the first
    process ended, ``raw_steps`` how many steps the filter started from. ``path`` is the file,
    filled in by the reader.
    """

    format: str
    name: str
    suite: str
    kernel: str
    profile: Literal["mount", "full"]
    namespaces: dict[str, Namespace]
    initial: Initial
    steps: list[Step]
    raw_steps: int
    cmd: list[str] = msgspec.field(default_factory=list)
    exit: dict[str, int] | None = None
    variant: str | None = None
    focus_procs: list[str] = msgspec.field(default_factory=list)
    path: str = "<recording>"

    @property
    def judged_steps(self) -> int:
        """How many steps a verdict counts: system calls and ``!exit``."""
        return sum(step.is_judged for step in self.steps)


class View(msgspec.Struct, frozen=True):
    """One step with the recorded state around it.

    ``before`` and ``after`` map every label seen so far to what is known about it; a task that has
    ended keeps its last view and is found in ``ended`` with its ``!exit`` step (it may still be a
    zombie: the recorder sees the end before the parent does). ``tables_before`` and ``tables``
    hold the mount tables of the namespaces that have a process. All of them are read-only.
    """

    step: Step
    before: Mapping[str, Proc]
    after: Mapping[str, Proc]
    ended: Mapping[str, Step]
    tables_before: Mapping[str, Table]
    tables: Mapping[str, Table]


class _Header(msgspec.Struct):
    format: str


_HEADER: msgspec.json.Decoder[_Header] = msgspec.json.Decoder(_Header)
_CASE: msgspec.json.Decoder[Case] = msgspec.json.Decoder(Case)


def load(path: str | Path) -> Case:
    """Read, decode and check the recording at ``path``.

    Raises :class:`RecordingError` if the file cannot be opened, is empty, torn or not JSON, is of
    another format, or contradicts itself.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise RecordingError(str(path), "open", reason, "name a readable recording file") from error
    except ValueError as error:  # a null byte in the name
        raise RecordingError(str(path), "open", str(error), "name a readable recording file") from error
    return parse(data, str(path))


def parse(data: bytes, path: str = "<recording>") -> Case:
    """Decode and check the bytes of a recording; ``path`` names them in messages.

    Raises :class:`RecordingError` as :func:`load` does.
    """
    if not data.strip():
        raise RecordingError(path, "start", "the file is empty", "record the case again, or leave this file out")
    try:
        try:
            case = _CASE.decode(_SHORTENED.sub(_WHOLE, data))
        except msgspec.ValidationError:
            _check_format(_HEADER.decode(data).format, path)
            raise
    except msgspec.ValidationError as error:
        raise _shape_error(path, error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fix = "copy or record the file again: it is torn, or something else than a recording"
        raise RecordingError(path, f"{len(data)} bytes", f"not a JSON document: {error}", fix) from error
    except RecursionError as error:
        fix = "give a recording: no recording nests like this"
        raise RecordingError(path, "start", "the JSON document is nested too deeply", fix) from error
    _check_format(case.format, path)
    case.path = path
    for step in case.steps:
        step.origin = path
    _check(case)
    return case


def _check_format(found: str, path: str) -> None:
    if found != FORMAT:
        raise RecordingError(
            path, "format", f"the file is of format {found!r:.60}", f"give a recording of format {FORMAT}"
        )


def views(case: Case) -> Iterator[View]:
    """Replay a case: every step in order with the recorded state before and after it.

    A mount namespace that left ``mnt_live`` loses its table. Never raises on a case from
    :func:`load` or :func:`parse`.
    """
    procs: Mapping[str, Proc] = MappingProxyType(dict(case.initial.procs))
    tables: Mapping[str, Table] = MappingProxyType(dict(case.initial.mounts))
    ended: Mapping[str, Step] = MappingProxyType({})
    for step in case.steps:
        before, tables_before = procs, tables
        if step.procs:
            changed = {label: before.get(label, Proc()).updated(delta) for label, delta in step.procs.items()}
            procs = MappingProxyType({**before, **changed})
        if step.after or step.mnt_live is not None:
            merged = {**tables, **step.after}
            if step.mnt_live is not None:
                merged = {label: table for label, table in merged.items() if label in step.mnt_live}
            tables = MappingProxyType(merged)
        if step.op == "!exit":
            ended = MappingProxyType({**ended, step.p: step})
        yield View(step, before, procs, ended, tables_before, tables)


def _shape_error(path: str, error: msgspec.ValidationError) -> RecordingError:
    """The reader's words for a JSON document of the wrong shape."""
    message = str(error)
    found = _PLACE.search(message)
    place = found.group(1) if found else ""
    cause = message[: found.start()] if found else message
    if step := _STEP.match(place):
        rest = place[step.end() :]
        place = f"steps[{step.group(1)}]" + (f", {rest}" if rest else "")
    if "field `format`" in cause and not place:
        cause = "the JSON document has no format mark"
    fix = f"give a recording of format {FORMAT}; if it is one, the recorder wrote it wrongly: record it again"
    return RecordingError(path, place or "top level", cause[0].lower() + cause[1:], fix)


def _check(case: Case) -> None:
    """Refuse a case that contradicts itself; raises :class:`RecordingError`."""

    def wrong(place: str, cause: str) -> NoReturn:
        raise RecordingError(case.path, place, cause, "record the case again, or leave this file out")

    if not case.initial.procs:
        wrong("initial.procs", "there is no first process")
    initial = Step(
        -1, "", "initial", after=case.initial.mounts, mnt_live=case.initial.mnt_live, procs=case.initial.procs
    )
    _check_labels(case, "initial", initial, wrong)

    seen = set(case.initial.procs)
    ended: set[str] = set()
    last = -1
    for step in case.steps:
        place = step.place
        if step.i < last or (step.i == last and step.is_judged):
            wrong(place, f"step numbers must grow, and {last} came before")
        last = step.i
        if step.i >= case.raw_steps:
            wrong(place, f"the case claims only {case.raw_steps} raw steps")
        if not _LABEL.match(step.p):
            wrong(place, f"{step.p!r} is not a process label")
        if step.is_judged and step.p in ended:
            wrong(place, "the task has already ended")
        if step.is_call:
            _check_result(step, wrong)
        elif step.rc is not None or step.child is not None:
            wrong(place, "a mark has neither result nor child")
        if step.child is not None:
            if not _LABEL.match(step.child) or step.child in seen:
                wrong(place, f"the child {step.child!r} is not a fresh process label")
            seen.add(step.child)
        _check_labels(case, place, step, wrong)
        seen.update(step.procs, [step.p])
        if step.op == "!exit":
            kinds = [kind for kind in ("exit", "signal") if isinstance(step.args.get(kind), int)]
            if len(kinds) != 1:
                wrong(place, "an end tells either an exit status or a signal")
            ended.add(step.p)


def _check_result(step: Step, wrong: _Wrong) -> None:
    """The result of a system call: a value, or -1 and an errno; a child only of a fork or clone."""
    if step.rc is None:
        wrong(step.place, "the call has no result")
    elif (step.errno is not None) != (step.rc == -1):
        wrong(step.place, f"result {step.rc} and errno {step.errno} contradict each other")
    elif step.rc < -1:
        wrong(step.place, f"result {step.rc} is neither a success nor -1")
    elif step.child is not None and (step.op not in FORKS or step.rc <= 0):
        wrong(step.place, f"a child of {step.op} with result {step.rc}")
    elif step.op in FORKS and step.rc > 0 and step.child is None:
        wrong(step.place, "a fork or clone succeeded without a child")


def _check_labels(case: Case, place: str, step: Step, wrong: _Wrong) -> None:
    """The labels in a step's changes: declared namespaces of the right type, sound tables."""
    for label, proc in step.procs.items():
        if not _LABEL.match(label):
            wrong(place, f"{label!r} is not a process label")
        _check_credentials(place, label, proc, wrong)
        if isinstance(proc.ns, msgspec.UnsetType):
            continue
        for kind, namespace in proc.ns.items():
            if kind not in _ALL_LINKS or namespace is None:
                continue
            found = _NAMESPACE.match(namespace)
            if namespace not in case.namespaces or found is None or found.group(1) != kind.split("_")[0]:
                wrong(place, f"{label} has {namespace!r} as {kind}, which is no declared namespace of that type")
    for label in (*step.after, *(step.mnt_live or ())):
        if label not in case.namespaces or not label.startswith("mnt"):
            wrong(place, f"{label!r} is no declared mount namespace")
    for label, table in step.after.items():
        if step.mnt_live is not None and label not in step.mnt_live:
            wrong(place, f"{label} has a table but no process")
        names = {row.n.id for row in table.all_rows()}
        if len(names) != len(table.all_rows()):
            wrong(place, f"the table of {label} has a mount twice")
        for row in table.all_rows():
            if row.n.parent not in names and row.n.parent != "top":
                wrong(place, f"mount {row.n.id} of {label} has the unknown parent {row.n.parent}")
        if _in_circle({row.n.id: row.n.parent for row in table.all_rows()}):
            wrong(place, f"mounts of {label} are mounted on each other in a circle")


def _check_credentials(place: str, label: str, proc: Proc, wrong: _Wrong) -> None:
    """Masks of capabilities are hexadecimal, groups are numbers."""
    for name in ("cap_eff", "cap_prm", "cap_bnd", "cap_inh", "cap_amb"):
        mask = getattr(proc, name)
        if isinstance(mask, str) and not _MASK.match(mask):
            wrong(place, f"{label} has {mask!r} as {name}, which is no mask of capabilities")
    if isinstance(proc.groups, str) and not all(_GID.match(gid) for gid in proc.groups.split()):
        wrong(place, f"{label} has {proc.groups!r} as groups, which are no numbers")


def _in_circle(parents: Mapping[str, str]) -> bool:
    """Some mount leads back to itself by its parents."""
    done: set[str] = set()
    for label in parents:
        way: set[str] = set()
        here = label
        while here in parents and here not in done:
            if here in way:
                return True
            way.add(here)
            here = parents[here]
        done |= way
    return False
