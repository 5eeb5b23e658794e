"""Recorded tables as mounts of the model, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsmodel.kernel.mount.new import open_mount
from nsmodel.kernel.objects import AttributeKind, MntNamespace, Mount, PeerGroup
from nsmodel.kernel.refs import close_file
from nsmodel.oracle.recorded.checkpoint import Checkpoint
from nsmodel.oracle.recorded.places import Places
from nsmodel.oracle.recorded.recordings import Case, Table, load
from nsmodel.oracle.recorded.state import World
from nsmodel.oracle.recorded.tables import Comparison, Mismatch

DATA = Path(__file__).parents[2] / "data" / "recordings"
OWNERS = DATA / "random_owners.json"


def loaded(path: Path) -> tuple[Case, Places]:
    case = load(path)
    return case, Places(case, World(dict(case.initial.procs), case.kernel))


def all_tables(case: Case) -> list[tuple[str, Table]]:
    """Every table of a recording, each under its label."""
    return [*case.initial.mounts.items(), *(t for step in case.steps for t in step.after.items())]


@pytest.mark.parametrize("name", ["random_owners", "beneath", "bubblewrap", "mount_namespaces"])
def test_a_table_that_is_adopted_is_equal(name: str) -> None:
    case, places = loaded(DATA / f"{name}.json")
    for label, table in all_tables(case):
        if any(row.uid is None for row in table.all_rows()):
            continue
        places.adopt(label, table)
        ns = places.world.namespaces[label]
        assert isinstance(ns, MntNamespace)
        Comparison(places.mounts).compare(ns, table, None)


def test_what_a_table_tells_is_taken_over() -> None:
    case, places = loaded(OWNERS)
    label, table = next((x, t) for x, t in all_tables(case) if any(r.n.shared and r.n.parent != "top" for r in t.rows))
    places.adopt(label, table)
    row = next(r for r in table.rows if r.n.shared and r.n.parent != "top")
    labels = places.mounts.labels
    m = labels.mounts[row.n.id]
    assert m.group is labels.groups[str(row.n.shared)] and m.parent is labels.mounts[row.n.parent]
    assert places.mounts.location(m) == row.mp
    assert any(a.kind is AttributeKind.RELATIME for a in m.attributes)
    assert m.locked is False, "locks are not recorded, and none is invented"


def test_a_master_that_no_table_shows_lives() -> None:
    case, places = loaded(OWNERS)
    label, table = next((x, t) for x, t in all_tables(case) if any(r.n.master for r in t.rows))
    places.adopt(label, table)
    groups = places.k.live(PeerGroup)
    for m in places.k.live(Mount):
        assert m.master is None or m.master in groups
    for g in groups:
        assert any(m.group is g for m in places.k.live(Mount))


def test_tasks_stand_where_the_recording_has_them() -> None:
    case, places = loaded(DATA / "bubblewrap.json")
    for label, proc in case.initial.procs.items():
        task = places.world.tasks[label]
        assert places.shown(task, "cwd") == proc.cwd and places.shown(task, "root") == proc.root
        assert places.visible(task) == {m for m in places.k.live(Mount) if m.parent is not None}


def test_a_namespace_of_other_mounts_differs() -> None:
    case, places = loaded(OWNERS)
    (label, table), *_ = case.initial.mounts.items()
    ns = places.world.namespaces[label]
    assert isinstance(ns, MntNamespace)
    victim = next(
        m for m in places.k.live(Mount) if m.ns is ns and not any(c.parent is m for c in places.k.live(Mount))
    )
    victim.ns = None
    with pytest.raises(Mismatch) as caught:
        Comparison(places.mounts).compare(ns, table, None)
    assert caught.value.level == 2 and caught.value.expected == "nothing"


def test_a_checkpoint_brings_freed_objects_back() -> None:
    _, places = loaded(OWNERS)
    k, task = places.k, next(iter(places.world.tasks.values()))
    m = next(x for x in k.live(Mount) if x.parent is not None)
    before = (m.count, len(k.mounts))
    mark = Checkpoint(k)
    file = open_mount(k, task, m, m.root, True)
    m.count, m.ns = 1, None
    m.parent = m.mountpoint = None
    close_file(k, file)
    assert type(m) is not Mount, "with its last reference a mount is freed"
    mark.restore()
    assert type(m) is Mount and (m.count, len(k.mounts)) == before
    assert m in k.live(Mount) and m.parent is not None
