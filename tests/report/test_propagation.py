"""Who receives from whom, as text and as data."""

import io

from nsmodel.report import propagation
from nsmodel.report.console import console_on
from nsmodel.traces.receivers import Propagation
from nsmodel.traces.trace import State
from tests.golden import same
from tests.traces.mounted import BOTTOM, EVERYTHING, ROOT, facts_of, state


def text(shown: State, only: str | None = None) -> str:
    graph = Propagation(facts_of(shown))
    out = io.StringIO()
    groups = propagation.groups_of(graph)
    propagation.show(console_on(out), groups, propagation.senders_of(graph, only), propagation.silent_of(graph, only))
    return out.getvalue()


def test_golden() -> None:
    same("propagation_everything.txt", text(EVERYTHING))


def test_one_mount() -> None:
    shown = text(EVERYTHING, "2:/")
    assert "from 2:/  shared:2" in shown
    assert "from 1:/" not in shown


def test_nobody_receives() -> None:
    assert "nobody receives" in text(state(BOTTOM, ROOT))
