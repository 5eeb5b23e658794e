"""What says nothing in a scope is found, and what keeps an operation from succeeding is named."""

from dataclasses import replace

import pytest

from nsmodel.engines import vacuity
from nsmodel.engines.vacuity import blocked, idle
from nsmodel.kernel.properties import DETACHED_QUIET, MNT_AUTH
from nsmodel.system.load import load_specs
from nsmodel.system.spec import Scope
from nsmodel.system.transition import TransitionSystem, make_system


def system_of(name: str, **changes: object) -> TransitionSystem:
    (loaded,) = load_specs([name])
    spec = replace(loaded.spec, kills={}, expect={}, **changes)  # type: ignore[arg-type]
    return make_system(spec, spec.scope(None))


def test_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The spec has no mounts, of which the properties speak that it is given here."""
    monkeypatch.setattr(vacuity, "WALKS", 20)
    system = system_of("pid_fork_race")
    assert idle(system) == []
    more = replace(system.spec, properties=(*system.spec.properties, MNT_AUTH, DETACHED_QUIET))
    assert idle(replace(system, spec=more)) == ["MNT_AUTH", "DETACHED_QUIET"]


def test_what_a_known_bug_breaks_is_not_looked_for() -> None:
    (loaded,) = load_specs(["nsproxy_access"])
    assert idle(make_system(loaded.spec, loaded.spec.scope(None))) == []


def test_blocked_by_a_check() -> None:
    """Every call asks for another type than the file is of."""
    system = system_of("namespace_lifetime")
    (setns,) = [o for o in system.operations if o.name == "setns"]
    wrong = replace(setns, values=(*setns.values[:2], (True,)))
    told = blocked(system, wrong)
    assert told.startswith("EINVAL, the namespace is not of the type asked for (nsmodel/kernel/join.py:")


def test_blocked_by_the_scope_or_not_enabled() -> None:
    (loaded,) = load_specs(["nsproxy_access"])
    scope = Scope({**loaded.spec.bounds, "unshare_uts_frames": 0})
    none = make_system(loaded.spec, scope)
    by_name = {o.name: o for o in none.operations}
    assert blocked(none, by_name["unshare_uts"]) == "it needs more unshare_uts_frames than the scope has"
    assert blocked(none, by_name["unshare_uts_2"]) == "no call of it is enabled"
