"""Mounts and the running kernel: what a sandbox begins with, paths, tables, random traces, replays of kept traces."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsmodel.kernel.arguments import AttributeFlags, CloneFlags, SetTid
from nsmodel.kernel.mount.bind import OpenTreeFlags
from nsmodel.kernel.mount.move import MoveFlags
from nsmodel.kernel.mount.type import Propagation
from nsmodel.kernel.mount.umount import UmountFlags
from nsmodel.kernel.objects import NsType
from nsmodel.kernel.versions import running, switches_of
from nsmodel.oracle.errors import OracleUnavailable
from nsmodel.oracle.live.conform import Plan, again, campaign, draw, replay_drawn, shrink, steps_of, whole_system
from nsmodel.oracle.live.driver import Sandbox
from nsmodel.oracle.live.mount_table import MS_PRIVATE, MS_SHARED, standing, table
from nsmodel.oracle.live.replay import Replayer, replay_trace
from nsmodel.oracle.live.routes import Forests, NoPath, Routes
from nsmodel.system.operation import Call
from nsmodel.system.snapshot import View, snapshot
from nsmodel.system.transition import TransitionSystem
from nsmodel.traces.read import load_trace

pytestmark = pytest.mark.kernel
KEPT = Path(__file__).parents[3] / "counterexamples"
BIND, REC, SHARED, DETACH = 4096, 16384, 1 << 20, 2


@pytest.fixture(scope="module", autouse=True)
def machine() -> None:
    try:
        with Sandbox() as box:
            assert table(box.namespaces(0)["mnt"].ns_id)
    except OracleUnavailable as why:
        pytest.skip(reason=f"the kernel cannot be asked: {why.what}: {why.cause}")


@pytest.fixture(scope="module")
def system() -> TransitionSystem:
    return whole_system(running(), switches_of(running()))


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox() as made:
        assert made.call(0, "mN", "a(bc!)d").extra == (1, 2, 3, 4, 5)
        yield made


def test_a_sandbox_begins_with_its_root_on_the_bottom(box: Sandbox) -> None:
    ns = box.namespaces(0)["mnt"].ns_id
    top, bottom = sorted(table(ns).values(), key=lambda m: m.parent == m.id)
    assert top.parent == bottom.id == bottom.parent
    assert (top.root, top.point, top.propagation, bottom.propagation) == ("/", "/", MS_PRIVATE, MS_PRIVATE)
    assert standing(f"{box.folder(0)}/root") == (top.id, 1)
    assert standing("/proc/self/no such link") is None


def test_nothing_in_a_sandbox_is_locked_and_its_namespace_outlives_its_root(box: Sandbox) -> None:
    ns = box.namespaces(0)["mnt"].ns_id
    assert box.call(0, "mu", "/", DETACH).result == 0
    assert table(ns) == {}
    assert box.call(0, "O", 0, "1/ns/mnt").result == 0
    assert box.call(0, "S", 0, 0).result == 0
    assert box.call(0, "mm", "=new", "/", "tmpfs", 0, "a", 0).extra == (1, 2)
    assert len(table(ns)) == 2


def test_the_machine_s_own_mounts_stay_as_they_are() -> None:
    before = Path("/proc/self/mountinfo").read_bytes()
    with Sandbox() as box:
        box.call(0, "mm", "=none", "/", "-", SHARED | REC)
        box.call(0, "mm", "=new", "/", "tmpfs", 0, "a", 0)
        box.call(0, "mu", "/", DETACH)
        assert Path("/proc/self/mountinfo").read_bytes() == before
    assert Path("/proc/self/mountinfo").read_bytes() == before


def test_paths_by_descriptors_lead_below_what_covers_them(box: Sandbox) -> None:
    below = box.call(0, "mo", 0, "/a", os.O_PATH)
    assert below.extra[1] == 2
    assert box.call(0, "mm", "=new", "/a", "tmpfs", 0, "a", 0).result == 0
    assert box.call(0, "mm", "@0/b", "/d", "-", BIND).result == 0
    rows = table(box.namespaces(0)["mnt"].ns_id).values()
    assert sorted((m.root, m.point) for m in rows if m.point) == [("/", "/"), ("/", "/a"), ("/a/b", "/d")]
    assert box.call(0, "mo", 1, "@0/b", os.O_PATH).extra == (below.extra[0], 3)
    where = standing(f"{box.folder(0)}/cwd")
    assert where is not None and where[1] == 1  # back where the worker was


def test_a_new_mount_gets_its_names_wherever_it_ends_up(box: Sandbox) -> None:
    """A copy made elsewhere covers the path to it; that it is read-only does not keep names from being made."""
    assert box.call(0, "mm", "=none", "/", "-", SHARED).result == 0
    assert box.call(0, "mm", "/", "/a/b", "-", BIND).result == 0
    assert box.call(0, "mm", "=new", "/a/b/a", "tmpfs", 1, "a(a)", 3).extra == (1, 2, 3)
    rows = table(box.namespaces(0)["mnt"].ns_id).values()
    new = [m for m in rows if m.propagation & MS_SHARED and m.attributes & 1]
    assert len(new) == 2 and all(m.superblock_flags & 1 for m in new)


def test_paths_go_back_to_where_a_task_starts(system: TransitionSystem) -> None:
    drawn = draw(system, "paths", 1, Plan(1, area="mount"))
    view = View(snapshot(system.sizes.schema, system.initial))
    forests = Forests(view)
    routes = Routes(view, forests, {})
    names = {forests.path(d): d for d, row in view.rows("dentries").items() if row["fs"] == 2}
    assert routes.path(1, 2, names[""]) == "/" and routes.path(1, 2, names["/a/b"]) == "/a/b"
    assert routes.entry(1, 2, names["/a/c"]) == "/a/c"
    assert forests.names(names[""]) == "a(abc!)b(a)c!d!"
    with pytest.raises(NoPath):
        routes.path(1, 1, 1)
    assert drawn.calls


def test_random_traces_of_mounts_agree_with_the_kernel(system: TransitionSystem) -> None:
    done = campaign(system, 60, Plan(4243, area="mount"))
    assert [str(f) for f in done.findings] == []
    assert done.traces == 60 and done.coverage["umount2|ok"] > 20 and done.coverage["mount_move|EINVAL"] > 10


@pytest.mark.parametrize(("bug", "name"), [("MP01", "wrong"), ("MP07", "wrong18"), ("ML01", "wrong")])
def test_a_wrong_model_diverges(bug: str, name: str) -> None:
    wrong = whole_system(running(), switches_of(running()) | {bug})
    plan = Plan(7, area="mount")
    found = None
    for i in range(100):
        drawn = draw(wrong, f"{name}/{i}", 30, plan)
        found = replay_drawn(wrong, drawn)
        if found is not None:
            break
    assert found is not None
    calls, same = shrink(wrong, drawn.calls, found, attempts=20)
    assert len(calls) <= len(drawn.calls) and same.operation == found.operation


def test_a_replay_tells_where_the_tree_differs(system: TransitionSystem) -> None:
    """What the kernel does beside the trace shows as the first difference of the tables."""
    drawn = draw(system, "beside", 1, Plan(1, area="mount"))
    initial = View(snapshot(system.sizes.schema, system.initial))
    with Sandbox() as box:
        replayer = Replayer(box, initial)
        assert box.call(0, "mm", "=new", "/a", "tmpfs", 0).result == 0
        done = replayer.run(list(steps_of(system, drawn))[:0])
    assert done.divergence is not None and done.divergence.operation == "end"
    assert done.divergence.what == "on /a of mount 2" and "a mount of /" in done.divergence.got


@pytest.mark.parametrize("trace", sorted(KEPT.glob("M*/trace.json")), ids=lambda path: path.parent.name)
def test_kept_traces_of_mounts_can_be_performed(trace: Path) -> None:
    loaded = load_trace(trace)
    if not loaded.replayable:
        pytest.skip(reason="no calls lead to its initial state")
    found = replay_trace(loaded).divergence
    assert found is None or "path" not in found.expected


def step(operation: str, **arguments: object) -> Call:
    return Call(operation, tuple(arguments.items()))


FOUND = {
    "a walk up from a directory that was moved out of its mount": (
        step("mount_bind", task=1, source=2, root=3, at=2, dentry=5, rec=False),
        step("chdir", task=1, at=3, dentry=4),
        step("exchange", task=1, at=2, dentry=4, over_at=2, over=8),
        step("chdir_up", task=1),
    ),
    "a name is removed by a path that leads over it": (
        step("mount_bind", task=1, source=2, root=2, at=2, dentry=2, rec=False),
        step("clone3", task=1, flags=CloneFlags(), tids=SetTid()),
        step("move_mount", task=1, source=3, root=2, at=2, dentry=5, flags=MoveFlags()),
        step("open_tree", task=2, at=2, dentry=2, flags=OpenTreeFlags(clone=True, recursive=True)),
        step("umount2", task=2, at=3, dentry=2, flags=UmountFlags(detach=True)),
        step("unlink", task=2, at=5, dentry=5, directory=True),
        step("mount_new", task=1, root=11, at=2, dentry=5, flags=AttributeFlags(nosuid=True, noatime=True)),
    ),
    "a tree is charged to the owner of the mount namespace": (
        step("clone3", task=1, flags=CloneFlags(newns=True, newuser=True), tids=SetTid()),
        step("open_ns", task=1, target=2, kind=NsType.MNT),
        step("set_limit", task=2, kind=NsType.MNT, limit=1),
        step("setns", task=1, file=1, wrong_type=False),
        step("open_tree", task=1, at=4, dentry=2, flags=OpenTreeFlags(clone=True)),
    ),
    "the number of a device comes again": (
        step("mount_new", task=1, root=43, at=2, dentry=4, flags=AttributeFlags(relatime=True)),
        step("umount2", task=1, at=3, dentry=43, flags=UmountFlags(detach=True)),
        step("unshare", task=1, flags=CloneFlags(newipc=True)),
        step("mount_new", task=1, root=11, at=2, dentry=2, flags=AttributeFlags(relatime=True)),
    ),
    "a copy of a namespace's file comes from where the file is": (
        step("unshare", task=1, flags=CloneFlags(newns=True)),
        step("bind_ns", task=1, target=1, kind=NsType.UTS, at=4, dentry=10, swapped=False),
        step("open_path", task=1, at=4, dentry=2, opath=True, write=False),
        step("open_tree", task=1, at=1, dentry=47, flags=OpenTreeFlags(clone=True, recursive=True)),
        step("mount_bind", task=1, source=2, root=47, at=4, dentry=9, rec=False),
        step("clone3", task=1, flags=CloneFlags(newns=True, newuser=True), tids=SetTid()),
        step("open_tree", task=2, at=8, dentry=7, flags=OpenTreeFlags(clone=True, recursive=True)),
        step("open_tree", task=2, at=1, dentry=47, flags=OpenTreeFlags(clone=True, recursive=True)),
        step("mount_move", task=2, source=2, root=47, at=11, dentry=47),
    ),
    "the bottom of a namespace is its own parent": (
        step("open_ns", task=1, target=1, kind=NsType.MNT),
        step("umount2", task=1, at=2, dentry=2, flags=UmountFlags(detach=True)),
        step("setns", task=1, file=1, wrong_type=False),
        step("mount_new", task=1, root=2, at=1, dentry=1, flags=AttributeFlags(relatime=True)),
        step("mount_change_type", task=1, target=1, root=1, to=Propagation.SHARED, rec=False),
        step("pivot_root", task=1, new=1, new_dentry=1, at=2, dentry=4),
    ),
    "nothing leads from the file of a namespace to what is on it but a walk": (
        step("bind_ns", task=1, target=1, kind=NsType.UTS, at=2, dentry=10, swapped=False),
        step("open_tree", task=1, at=3, dentry=47, flags=OpenTreeFlags(clone=True)),
        step("move_mount", task=1, source=3, root=47, at=4, dentry=47, flags=MoveFlags()),
    ),
}
"""Traces of campaigns on which model or replay were wrong once."""


@pytest.mark.parametrize("name", FOUND)
def test_what_campaigns_found_stays_mended(system: TransitionSystem, name: str) -> None:
    drawn = again(system, list(FOUND[name]))
    assert len(drawn.calls) == len(FOUND[name])
    assert replay_drawn(system, drawn) is None
