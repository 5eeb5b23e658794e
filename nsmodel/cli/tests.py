"""`nsmodel tests`: edge cases of a spec as programs that stand alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from nsmodel.cli.options import Stopwatch, json_option, systems, writable
from nsmodel.engines.interface import Limits
from nsmodel.kernel.versions import FIXED
from nsmodel.report.console import line, people, plural
from nsmodel.report.output import CaseInfo, CaseVariant, CellInfo, SuiteOutput, write
from nsmodel.report.progress import counting
from nsmodel.system.load import load_specs, near
from nsmodel.system.problem import Problem
from nsmodel.system.verdict import Exit
from nsmodel.testgen import forms as registry
from nsmodel.testgen import sequences, table
from nsmodel.testgen.case import Case
from nsmodel.testgen.covers.registry import covers as covers_of
from nsmodel.testgen.covers.registry import names as cover_names
from nsmodel.testgen.find import Found, find
from nsmodel.testgen.form import Form
from nsmodel.testgen.suite import Suite, make_suite

LOOK = 30.0
"""Seconds of processor time that each cover may take to look at calls one by one."""


@click.command()
@click.argument("spec")
@click.option("--cover", "covers", multiple=True, metavar="NAME", help="What to cover; may be repeated.")
@click.option("--format", "formats", multiple=True, metavar="NAME", help="shell, c, pytest or trace; may be repeated.")
@click.option("--out", "folder", required=True, metavar="DIR", help="Where the programs and TABLE.md go.")
@click.option("--scope", metavar="NAME", help="A scope of the spec: default, small, deep, …")
@click.option("--bound", "bounds", multiple=True, metavar="NAME=N", help="Slots of a collection. May be repeated.")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="The most calls of a test.")
@click.option("--kernel", default=FIXED, show_default=True, metavar="VERSION", help="The kernel that tests expect.")
@click.option(
    "--length", type=click.IntRange(min=1), default=2, show_default=True, metavar="N", help="Of sequences: their calls."
)
@click.option("--time-limit", type=click.FloatRange(min=0), metavar="S", help="Seconds for the search.")
@click.option("--memory-limit", type=click.IntRange(min=1), metavar="MB", help="Memory for the search.")
@json_option
def command(
    spec: str,
    covers: tuple[str, ...],
    formats: tuple[str, ...],
    folder: str,
    scope: str | None,
    bounds: tuple[str, ...],
    depth: int | None,
    kernel: str,
    length: int,
    time_limit: float | None,
    memory_limit: int | None,
    json_file: str | None,
) -> int:
    """Write edge cases of SPEC as programs for a kernel: a shortest run into every cell of what is to be covered.

    errnos (default): every operation with every result that it can have. checks: every check, refusing and passed.
    pairs: every two checks that one call meets, and which wins. transitions: every operation with the propagation
    types of the mounts that it names. sequences: all sequences of calls up to a length.
    """
    watch = Stopwatch()
    writable(json_file)
    wanted = _chosen(covers or ("errnos",), (*cover_names(), sequences.NAME), "--cover", "a cover")
    named = _chosen(formats or ("c",), registry.names(), "--format", "a format")
    loaded = load_specs([spec])
    if len(loaded) != 1:
        raise Problem("tests are made of one spec at a time", place=spec, fix="name one spec")
    asked = systems(loaded, scope=scope, bounds=bounds, depth=depth, mutant=None, kernel=kernel)[0]
    if not asked.system.spec.replayable:
        raise Problem("no tests can be made of the spec", place=spec, cause="no calls lead to its initial state")
    chosen = [registry.form(name) for name in named]
    out = _folder(folder)
    asking = covers_of(wanted)
    with counting(f"cells of {asked.system.spec.name}") as tell:
        limits = Limits(depth, time_limit, None, memory_limit)
        found = find(asked.system, asking, limits, LOOK, tell) if asking else Found(depth=length, complete=True)
        if sequences.NAME in wanted and not found.interrupted:
            found.runs |= sequences.sequences(asked.system, length, tell)
        suite = make_suite(asked.system, asking, found.runs, lambda n, of: tell(f"{n} of {of} cases"))
    files = [_written(case, chosen, out) for case in suite.cases]
    status = Exit.UNKNOWN if found.interrupted or found.stopped else Exit.MET
    output = SuiteOutput(
        command="tests",
        exit=status,
        seconds=0.0,
        spec=asked.system.spec.name,
        kernel=kernel,
        scope=asked.info,
        covers=list(wanted),
        forms=[form.name for form in chosen],
        folder=folder,
        depth=found.depth,
        states=found.states,
        complete=found.complete,
        stopped=found.stopped,
        interrupted=found.interrupted,
        looked=found.looked,
        cells=_cells(found, suite),
        cases=files,
    )
    (out / table.NAME).write_text(table.table(output), encoding="utf-8")
    output.seconds = watch.seconds
    _say(output, json_file)
    if json_file:
        write(output, json_file)
    return status


def _chosen(given: Sequence[str], known: Sequence[str], option: str, what: str) -> tuple[str, ...]:
    """Names that an option was given, each once; also several with commas between them. Raises :class:`Problem`."""
    out = list(dict.fromkeys(name for text in given for name in text.split(",")))
    for name in out:
        if name not in known:
            raise Problem(f"{name!r} is not known", place=option, fix=near(name, known, what))
    return tuple(out)


def _folder(name: str) -> Path:
    path = Path(name)
    if path.exists() and not path.is_dir():
        raise Problem("the tests cannot be written", place=name, cause="it is no folder", fix="name a folder")
    path.mkdir(parents=True, exist_ok=True)
    return path


def _written(case: Case, forms: Sequence[Form], folder: Path) -> CaseInfo:
    """Write the programs of a case."""
    files: dict[str, str] = {}
    cannot: dict[str, str] = {}
    for form in forms:
        why = form.cannot(case)
        if why is not None:
            cannot[form.name] = why
            continue
        path = folder / f"{case.name}{form.suffix}"
        text = form.write(case)
        path.write_text(text, encoding="utf-8")
        if text.startswith("#!"):
            path.chmod(0o755)
        files[form.name] = path.name
    return CaseInfo(
        name=case.name,
        title=case.title,
        steps=len(case.trace.steps),
        cells=list(case.cells),
        files=files,
        cannot=cannot,
        killers=list(case.killers),
        variants=[CaseVariant(v.kernel, list(v.bugs)) for v in case.variants],
    )


def _cells(found: Found, suite: Suite) -> list[CellInfo]:
    """What was reached, the shortest first, and what was not."""
    out = []
    for cell in found.runs:
        place = suite.places[cell]
        out.append(
            CellInfo(
                cover=cell.cover,
                operation=cell.operation,
                cell=cell.name,
                title=cell.title,
                case=place.case,
                step=place.step,
            )
        )
    for cell in found.missing:
        depth = found.looked.get(cell.cover, found.depth)
        why = "not reachable in the scope" if found.complete else f"not reached in depth {depth}"
        out.append(CellInfo(cover=cell.cover, operation=cell.operation, cell=cell.name, title=cell.title, why=why))
    return out


def _say(output: SuiteOutput, json_file: str | None) -> None:
    console = people(json_file)
    reached = [cell for cell in output.cells if cell.case is not None]
    for cover in output.covers:
        own = sum(cell.cover == cover for cell in reached)
        missing = sum(cell.cover == cover for cell in output.cells) - own
        line(console, f"{cover}: {plural(own, 'cell')} reached, {missing} not")
    for form in output.forms:
        line(console, f"{form}: {plural(sum(form in case.files for case in output.cases), 'file')}")
    alive = sum(not case.killers for case in output.cases)
    expected = sum(bool(case.variants) for case in output.cases)
    line(console, f"{plural(len(output.cases), 'case')}: {alive} without a mutant that they fail under")
    line(console, f"{expected} go otherwise on a kernel with known bugs")
    why = "; interrupted" if output.interrupted else f"; {output.stopped}" if output.stopped else ""
    line(console, f"{output.folder}/{table.NAME}; {output.seconds:g} s{why}; exit {output.exit:d}")
