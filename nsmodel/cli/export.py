"""`nsmodel export`: a spec's transition system as the model of another checker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from nsmodel.cli.options import system_options, systems, writable
from nsmodel.export.murphi import murphi
from nsmodel.export.program import Program, program_of
from nsmodel.export.promela import promela
from nsmodel.system.load import load_specs, near
from nsmodel.system.problem import Problem
from nsmodel.system.verdict import Exit

FORMATS: dict[str, tuple[Callable[[Program], str], bool]] = {"promela": (promela, True), "murphi": (murphi, False)}
"""Printers by name, and whether booleans are packed into masks for them."""


@click.command()
@click.argument("spec")
@click.option("--to", "to", required=True, metavar="FORMAT", help="promela (for Spin) or murphi (for Rumur).")
@click.option("--out", metavar="FILE", help="Where to write the model (default: standard output).")
@system_options
def command(
    spec: str, to: str, out: str | None, scope: str | None, bounds: tuple[str, ...], mutant: str | None, kernel: str
) -> int:
    """Print the transition system of SPEC in one scope for a peer to check: every state, without symmetry or depth.

    The first lines of the model say how to run it. The number of states that the peer finds can be compared with that
    of `nsmodel check --no-symmetry`.
    """
    if to not in FORMATS:
        raise Problem(f"unknown format {to}", place=f"--to {to}", fix=near(to, list(FORMATS), "a format"))
    writable(out)
    loaded = load_specs([spec])
    if len(loaded) > 1:
        raise Problem("one spec is exported at a time", place=spec, fix=f"name one, for example {loaded[0].path}")
    (asked,) = systems(loaded, scope=scope, bounds=bounds, depth=None, mutant=mutant, kernel=kernel)
    printer, packed = FORMATS[to]
    text = printer(program_of(asked.system, packed=packed))
    if out in (None, "-"):
        click.echo(text, nl=False)
    else:
        Path(str(out)).write_text(text)
    return int(Exit.MET)
