"""Cases for tests: counterexamples as the fixed kernel takes their calls, random traces as a campaign draws them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from nsmodel.kernel.arguments import AttributeFlags
from nsmodel.kernel.mount.type import Propagation
from nsmodel.kernel.mount.umount import UmountFlags
from nsmodel.kernel.versions import running, switches_of
from nsmodel.oracle.live.conform import Plan, again, draw, whole_system
from nsmodel.system.load import load_specs, scope_of
from nsmodel.system.operation import Call
from nsmodel.system.transition import TransitionSystem, make_system
from nsmodel.testgen.case import Case, Variant
from nsmodel.traces.observable import difference
from nsmodel.traces.read import load_trace
from nsmodel.traces.record import calls_of, record
from nsmodel.traces.trace import Trace

KEPT = Path(__file__).parents[2] / "counterexamples"
RELEASE = "6.18"


def kept(name: str) -> Case:
    """A counterexample's calls on the kernel as it should be, and on the release if that takes them otherwise."""
    wrong = load_trace(KEPT / name / "trace.json")
    (loaded,) = load_specs([wrong.spec])

    def performed(kernel: str, switches: frozenset[str]) -> Trace:
        system = make_system(loaded.spec, scope_of(loaded, None, {}, None), kernel=kernel, switches=switches)
        return record(system, calls_of(wrong.steps, {o.name: o for o in system.operations}))

    return _case(
        f"{wrong.spec}_{name}", name, performed("fixed", frozenset()), performed(RELEASE, switches_of(RELEASE))
    )


def busy_copy() -> Case:
    """MP19 in words that a shell has too: a copy that is open for reading is taken along."""
    calls = [
        _call("mount_change_type", target=2, root=2, to=Propagation.SHARED, rec=False),
        _call("mount_bind", source=2, root=2, at=2, dentry=3, rec=False),
        _call("mount_bind", source=3, root=3, at=3, dentry=3, rec=False),
        _call("open_path", at=3, dentry=2, opath=False, write=False),
        _call("umount2", at=4, dentry=3, flags=UmountFlags()),
    ]
    right, wrong = whole_system("fixed"), whole_system(RELEASE, switches_of(RELEASE))
    return _case("busy_copy", "MP19", record(right, calls), record(wrong, calls))


def kernel_file_systems() -> Case:
    """Sysfs is there from the start; on it lies what the kernel fills, one upon the other, and a file is written."""
    cgroup1, cgroup2, devpts, mqueue, overlay, devtmpfs, sysfs = 13, 14, 15, 5, 16, 17, 7
    on = [(3, sysfs), (4, cgroup1), (5, cgroup2), (6, devpts), (7, mqueue)]
    new = [cgroup1, cgroup2, devpts, mqueue, overlay]
    calls = [
        _call("mount_new", root=root, at=at, dentry=dentry, flags=AttributeFlags())
        for root, (at, dentry) in zip(new, on, strict=True)
    ]
    calls += [_call("mount_new", root=root, at=7, dentry=mqueue, flags=AttributeFlags()) for root in (devtmpfs, sysfs)]
    calls.insert(1, _call("write_release_agent", at=4, dentry=cgroup1))
    return _of_spec("shown_namespaces", calls)


def exchanged() -> Case:
    """Two directories change places while somebody is in one of them, who then goes up."""
    return _of_spec(
        "bind_escape",
        [
            _call("chdir", at=2, dentry=4),
            _call("exchange", at=2, dentry=4, over_at=2, over=5),
            _call("chdir_up"),
        ],
    )


def _of_spec(name: str, calls: list[Call]) -> Case:
    (loaded,) = load_specs([name])
    trace = record(make_system(loaded.spec, scope_of(loaded, None, {}, None)), calls)
    return _case(name, "some calls", trace, trace)


def _case(name: str, bug: str, right: Trace, release: Trace) -> Case:
    other = difference(release.steps, right.steps) is not None
    variants = (Variant(RELEASE, (bug,), release),) if other else ()
    return Case(name, f"What {bug} is about", (f"{right.steps[-1].operation}, {bug}",), right, variants, (bug,))


def _call(operation: str, **arguments: object) -> Call:
    return Call(operation, (("task", 1), *arguments.items()))


@cache
def whole() -> TransitionSystem:
    """Everything that the model can do, as the running kernel does it."""
    return whole_system(running(), switches_of(running()))


def drawn(area: str | None, seed: str, length: int) -> Case:
    """A random trace of an area."""
    calls = draw(whole(), seed, length, Plan(1, area=area)).calls
    return Case("random", f"random calls, {area or 'all areas'}", (f"seed {seed}",), record(whole(), calls))


SAYABLE = frozenset({"mount_new", "mount_bind", "mount_move", "mount_change_type", "umount2", "open_path", "close"})


def drawn_without(seed: str, length: int, cannot: object) -> Case:
    """A random trace of mounts, those calls left out that a form cannot express (`cannot` is its method)."""
    calls: list[Call] = []
    for call in draw(whole(), seed, length, Plan(1, area="mount", only=SAYABLE)).calls:
        longer = again(whole(), [*calls, call]).calls
        case = Case("random", "random calls of mounts", (f"seed {seed}",), record(whole(), longer))
        if cannot(case) is None:  # type: ignore[operator]
            calls = longer
    return Case("random", "random calls of mounts", (f"seed {seed}",), record(whole(), calls))
