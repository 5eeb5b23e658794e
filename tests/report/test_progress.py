"""Progress: honest about what it does not know, and silent in a pipe."""

import io

from rich.console import Console

from nsmodel.engines.interface import Progress
from nsmodel.report.progress import Meter, ProgressView


def test_no_estimate_while_growing() -> None:
    meter = Meter(0.0)
    assert meter.text() == "starting"
    meter.update(Progress(depth=0, states=10, frontier=9, transitions=20), 50.0, 1.0)
    assert meter.estimate() == "no estimate yet"
    meter.update(Progress(depth=1, states=40, frontier=30, transitions=90), 51.0, 2.0)
    meter.update(Progress(depth=2, states=60, frontier=20, transitions=200), 52.0, 3.0)
    assert meter.growth == 30 / 9
    assert meter.text() == ("depth 2  60 states  20/s  next level 20 (×3.3)  52 MB  no estimate: still growing")


def test_estimate_when_shrinking() -> None:
    meter = Meter(0.0)
    for depth, states, frontier in ((0, 100, 100), (1, 200, 50), (2, 225, 25)):
        meter.update(Progress(depth, states, frontier, 0), 1.0, float(depth + 1))
    assert meter.growth == 0.5
    assert meter.estimate() == "about 0.7 s left"


def test_silent_in_a_pipe() -> None:
    out = io.StringIO()
    with ProgressView(["a"], Console(file=out)) as view:
        view.update(0, Progress(1, 2, 3, 4), 5.0)
        view.finish(0)
    assert out.getvalue() == ""


def test_a_line_for_each_search_on_a_terminal() -> None:
    out = io.StringIO()
    with ProgressView(["a", "b"], Console(file=out, force_terminal=True, width=120)) as view:
        view.update(1, Progress(1, 2, 3, 4), 5.0)
        view.finish(1)
    assert "b  depth 1  2 states" in out.getvalue()
    assert "1 of 2 done" in out.getvalue()


def test_out_of_the_way_while_something_is_printed() -> None:
    out = io.StringIO()
    with ProgressView(["a"], Console(file=out, force_terminal=True, width=120)) as view:
        view.update(0, Progress(1, 2, 3, 4), 5.0)
        with view.aside():
            out.write("MARK")
        before, after = out.getvalue().split("MARK")
    assert before.endswith("\x1b[2K"), "the last line was cleared"
    assert "a  depth 1" in after
