"""The signs of the SVG pictures as symbols of a page, in the page's colours; and what its legend explains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from nsmodel.report.html.mounts import Forest
from nsmodel.report.html.processes import Processes
from nsmodel.report.html.steps import StepPage
from nsmodel.report.picture import signs
from nsmodel.report.picture.svg import BROKEN, INK, PAPER, Canvas

SIZE = 16
JOINTS = ("private", "shared", "slave", "both", "unbindable", "running", "exiting", "zombie")
LEGEND = {sign: text for sign, text in signs.MEANINGS.items() if sign not in ("attribute", "held")}
"""What the legend says of a sign."""
CHANGES = {"+": "new", "~": "changed", "-": "gone"}


def symbols() -> str:
    """All signs as `<symbol id="sign-NAME">`."""
    half = SIZE / 2
    drawn = [_symbol(name, partial(signs.joint, kind=name, x=half, y=half)) for name in JOINTS]
    drawn.append(_symbol("lock", partial(signs.lock, x=half, y=half - 1)))
    drawn.append(_symbol("broken", partial(signs.cross, x=half, y=half)))
    return "".join(drawn)


def _symbol(name: str, draw: Callable[[Canvas], object]) -> str:
    c = Canvas()
    draw(c)
    inside = "".join(c.parts).replace(INK, "currentColor").replace(PAPER, "var(--paper)").replace(BROKEN, "var(--red)")
    return f'<symbol id="sign-{name}" viewBox="0 0 {SIZE} {SIZE}">{inside}</symbol>'


def used_signs(steps: Sequence[StepPage]) -> set[str]:
    """The signs that some panel shows."""
    out: set[str] = set()
    for panel in (panel for step in steps for panel in step.panels):
        if isinstance(panel.body, Forest):
            for line in (line for block in panel.body.blocks for line in block):
                out |= {"broken"} if line.broken else set()
                out |= {"member" if k.node == "member" else "receiver" for k in line.knots if k.node}
                if line.row is not None:
                    out |= {line.row.sign} | ({"lock"} if line.row.locked else set())
                    out |= {"stacked"} if "^" in line.row.name else set()
        elif isinstance(panel.body, Processes):
            out |= {process.row.sign for process in panel.body.rows}
        out |= {CHANGES[c.sign] for step in steps for c in step.changes if c.sign in CHANGES}
    return out
