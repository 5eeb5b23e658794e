"""Options that several commands share."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from nsmodel.cli import complete
from nsmodel.ir.language import Switch
from nsmodel.kernel.versions import FIXED, find_switch, switches_of
from nsmodel.report.output import ScopeInfo
from nsmodel.system.load import Loaded, near, parse_bounds, scope_of
from nsmodel.system.problem import Problem
from nsmodel.system.spec import Scope, SpecError
from nsmodel.system.transition import TransitionSystem, make_system

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

json_option: Decorator = click.option(
    "--json", "json_file", metavar="FILE", help="Write one JSON object; - is standard output."
)
svg_option: Decorator = click.option("--svg", metavar="FILE", help="Draw it as SVG, too; - is standard output.")
specs_argument: Decorator = click.argument("specs", nargs=-1, metavar="[SPEC]...", shell_complete=complete.specs)
full_option: Decorator = click.option("--full", is_flag=True, help="Show whole states, not only what changed.")


def system_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a search runs on: scope, bounds, kernel, mutant."""
    for option in (
        click.option(
            "--scope",
            metavar="NAME",
            shell_complete=complete.scopes,
            help="A scope of the spec: default, small, deep, …",
        ),
        click.option(
            "--bound",
            "bounds",
            multiple=True,
            metavar="NAME=N",
            help="Slots of a collection, as in tasks=4. May be repeated.",
        ),
        click.option(
            "--mutant",
            metavar="ID",
            shell_complete=complete.mutants,
            help="Turn a known bug on; then every property is expected to hold.",
        ),
        click.option(
            "--kernel",
            default=FIXED,
            show_default=True,
            metavar="VERSION",
            shell_complete=complete.kernels,
            help="The kernel version: its bugs are on.",
        ),
    ):
        command = option(command)
    return command


def budget_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Budgets of each search, and processes."""
    for option in (
        click.option(
            "--threads",
            type=click.IntRange(min=1),
            metavar="N",
            help="Threads in all: of one search, or specs searched at a time (default: the cores, at most 2).",
        ),
        click.option("--time-limit", type=click.FloatRange(min=0), metavar="S", help="Seconds for each search."),
        click.option("--memory-limit", type=click.IntRange(min=1), metavar="MB", help="Memory for each process."),
        click.option("--state-limit", type=click.IntRange(min=1), metavar="N", help="States for each search."),
    ):
        command = option(command)
    return command


def checkpoint_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where a search keeps itself."""
    for option in (
        click.option("--resume", is_flag=True, help="Go on from what --checkpoint DIR holds."),
        click.option(
            "--checkpoint",
            metavar="DIR",
            help="Keep the search in DIR, at least every 2 seconds and at its end (engine explicit).",
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Kept:
    """Where searches keep themselves: a folder for each spec in `folder`."""

    folder: Path
    resume: bool


def checkpoints(folder: str | None, *, resume: bool, engines: tuple[str, ...]) -> Kept | None:
    """What the options for checkpoints ask for. Raises :class:`Problem` for what cannot be."""
    if folder is None:
        if resume:
            raise Problem("there is nothing to resume", place="--resume", fix="name the folder with --checkpoint DIR")
        return None
    if engines != ("explicit",):
        cause = f"the engine {', '.join(engines)} writes none"
        raise Problem("no checkpoint can be kept", place="--checkpoint", cause=cause, fix="use --engine explicit")
    if Path(folder).exists() and not Path(folder).is_dir():
        raise Problem("no checkpoint can be kept", place=folder, cause="it is no folder", fix="name a folder")
    return Kept(Path(folder), resume)


def say_where_from(console: Console, kept: Kept | None, specs: list[str]) -> None:
    """Say where the search of each spec begins; without --resume, what is there is put aside, not lost."""
    for spec in specs if kept is not None else []:
        assert kept is not None
        folder = kept.folder / spec
        there = any(folder.glob("*.json"))
        if kept.resume and not there:
            console.print(f"{folder}: no checkpoint is there; starting from the beginning", highlight=False)
        elif there and not kept.resume:
            aside = folder.with_name(f"{spec}.before")
            shutil.rmtree(aside, ignore_errors=True)
            folder.rename(aside)
            console.print(f"{folder}: the checkpoint that was there is now {aside}", highlight=False)


@dataclass(frozen=True)
class Asked:
    """A system that a person asked for, with the scope's name."""

    loaded: Loaded
    scope: Scope
    system: TransitionSystem
    info: ScopeInfo


def systems(
    specs: list[Loaded],
    *,
    scope: str | None,
    bounds: tuple[str, ...],
    depth: int | None,
    mutant: str | None,
    kernel: str,
) -> list[Asked]:
    """The transition systems of some specs, with everything that can be wrong with the options checked.

    Raises :class:`Problem`.
    """
    known: list[Switch] = [s for loaded in specs for s in loaded.spec.kills]
    switch = find_switch(mutant, known) if mutant is not None else None
    switches = switches_of(kernel)
    given = parse_bounds(bounds)
    out = []
    for loaded in specs:
        chosen = scope_of(loaded, scope, given, depth)
        system = make_system(loaded.spec, chosen, kernel=kernel, switches=switches, mutant=switch)
        try:
            system.initial  # noqa: B018
        except SpecError as error:
            raise Problem("the spec has no initial state", place=str(loaded.path), cause=str(error)) from None
        except Exception as error:
            cause = f"{type(error).__name__}: {error}"
            fix = "a bound may be too small for the initial state" if given or scope else None
            raise Problem("the spec has no initial state", place=str(loaded.path), cause=cause, fix=fix) from None
        info = ScopeInfo(scope or "default", dict(sorted(chosen.bounds.items())), chosen.depth)
        out.append(Asked(loaded, chosen, system, info))
    return out


def restricted(specs: list[Loaded], properties: tuple[str, ...]) -> list[Loaded]:
    """Specs with some of their properties only, those specs that have any. Raises :class:`Problem` for a property that
    no spec has."""
    known = list(dict.fromkeys(p.name for loaded in specs for p in loaded.spec.properties))
    for name in properties:
        if name not in known:
            raise Problem(f"no spec has the property {name}", place="--property", fix=near(name, known, "a property"))
    out = []
    for loaded in specs:
        kept = tuple(p for p in loaded.spec.properties if not properties or p.name in properties)
        names = {p.name for p in kept}
        spec = dataclasses.replace(
            loaded.spec,
            properties=kept,
            expect={name: verdict for name, verdict in loaded.spec.expect.items() if name in names},
            kills={switch: name for switch, name in loaded.spec.kills.items() if name in names},
        )
        if kept:
            out.append(Loaded(spec, loaded.path))
    return out


def writable(*files: str | None) -> None:
    """Refuse output files whose folder is not there, before any work is done. Raises :class:`Problem`."""
    for file in files:
        if file in (None, "-"):
            continue
        path = Path(str(file))
        if path.is_dir():
            raise Problem("the output cannot be written", place=str(path), cause="it is a folder", fix="name a file")
        if not path.parent.is_dir():
            raise Problem(
                "the output cannot be written",
                place=str(path),
                cause=f"there is no folder {path.parent}",
                fix="make it first",
            )


def write_picture(text: str, target: str) -> None:
    """Write an SVG picture to a file, or to standard output for `-`. Raises OSError."""
    if target == "-":
        click.echo(text, nl=False)
    else:
        Path(target).write_text(text, encoding="utf-8")


class Stopwatch:
    """Seconds since the command began."""

    def __init__(self) -> None:
        self.start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds, to the millisecond."""
        return round(time.perf_counter() - self.start, 3)
