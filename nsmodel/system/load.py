"""Reads specs from files, and the bounds and scopes that a person asks of them.

A spec file is Python that sets `SPEC = Spec(…)`. What is wrong with it becomes a :class:`Problem` with file and line.
"""

from __future__ import annotations

import difflib
import importlib.util
import linecache
import sys
import traceback
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from nsmodel.ir.schema import schema_of
from nsmodel.ir.subset import SubsetError
from nsmodel.system.problem import Problem
from nsmodel.system.spec import Scope, Spec, SpecError

FOLDER = Path("specs")
"""Where specs are looked for by default: in the current folder."""


@dataclass(frozen=True)
class Loaded:
    """A spec and the file that defines it."""

    spec: Spec
    path: Path


def load_specs(names: Sequence[str], folder: Path = FOLDER) -> list[Loaded]:
    """The specs that a person names: files, folders (all of their `*.py`, in order), or names such as `pid_lifetime`.

    Without names, all of `folder`. Raises :class:`Problem`.
    """
    paths: list[Path] = []
    for name in names or [str(folder)]:
        paths += [p for p in _paths(name, folder, bool(names)) if p not in paths]
    out = [load_file(path) for path in paths]
    seen: dict[str, Path] = {}
    for loaded in out:
        other = seen.setdefault(loaded.spec.name, loaded.path)
        if other != loaded.path:
            place = f"{other} and {loaded.path}"
            raise Problem(f"two specs are named {loaded.spec.name}", place=place, fix="give one of them another name")
    return out


def _paths(name: str, folder: Path, asked: bool) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        found = sorted(p for p in path.glob("*.py") if not p.name.startswith("_"))
        if not found:
            fix = "name a spec file or another folder"
            raise Problem("no specs found", place=f"{path}/", cause="the folder has no *.py", fix=fix)
        return found
    if path.exists():
        return [path]
    if path.suffix != ".py" and "/" not in name and (folder / f"{name}.py").is_file():
        return [folder / f"{name}.py"]
    if not asked:
        fix = "run from a checkout, or name a spec file or a folder"
        raise Problem("no specs found", place=f"{folder}/", cause="there is no such folder here", fix=fix)
    known = sorted(p.stem for p in folder.glob("*.py") if not p.name.startswith("_"))
    raise Problem(
        f"there is no spec {name}",
        place=name,
        cause=f"neither a file, nor a folder, nor a spec of {folder}/",
        fix=near(path.stem, known, "a spec") if known else "name a spec file, or run where there is a folder specs",
    )


def near(name: str, known: Sequence[str], what: str) -> str:
    """Advice on a name that is not known: what it may have meant, or all that there are."""
    lower = {k.lower(): k for k in known}
    close = [lower[k] for k in difflib.get_close_matches(name.lower(), list(lower), 3, 0.6)]
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"{what} is one of {', '.join(known)}"


def load_file(path: Path) -> Loaded:
    """The spec that a file defines. Raises :class:`Problem`."""
    module = _import(path)
    spec = getattr(module, "SPEC", None)
    if not isinstance(spec, Spec):
        cause = "it has no SPEC" if spec is None else f"its SPEC is a {type(spec).__name__}, not a Spec"
        fix = "set `SPEC = Spec(…)` at module level (from nsmodel.system.spec import Spec)"
        raise Problem("the file defines no spec", place=str(path), cause=cause, fix=fix)
    return Loaded(spec, path)


def _import(path: Path) -> ModuleType:
    linecache.checkcache(str(path))
    name = f"nsmodel_spec_{path.stem}_{zlib.crc32(str(path.resolve()).encode()):08x}"
    made = importlib.util.spec_from_file_location(name, path)
    if made is None or made.loader is None:
        raise Problem("the file is no Python module", place=str(path), fix="name a file that ends in .py")
    module = importlib.util.module_from_spec(made)
    sys.modules[name] = module  # annotations of rules and entities are looked up there
    try:
        made.loader.exec_module(module)
    except SubsetError as refused:
        fix = f"write instead: {refused.advice}" if refused.advice else None
        place = f"{refused.filename}:{refused.lineno}"
        raise Problem("a rule is outside the subset", place=place, cause=refused.problem, fix=fix) from None
    except SyntaxError as broken:
        place = f"{broken.filename or path}:{broken.lineno or 1}"
        cause = broken.msg + (f": {broken.text.strip()}" if broken.text else "")
        raise Problem("the spec has a syntax error", place=place, cause=cause, fix="correct the line") from None
    except SpecError as wrong:
        raise Problem("the spec cannot be checked", place=_place(wrong, path), cause=str(wrong)) from None
    except UnicodeDecodeError as error:
        raise Problem("the spec cannot be read", place=str(path), cause=f"it is no text in UTF-8: {error}") from None
    except (Exception, SystemExit) as error:
        cause = f"{type(error).__name__}: {error}"
        raise Problem(
            "the spec cannot be imported", place=_place(error, path), cause=cause, fix="correct the line"
        ) from None
    return module


def _place(error: BaseException, path: Path) -> str:
    """The line of the spec's file where an error came up; the file alone when it came up elsewhere."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if Path(f.filename) == path or Path(f.filename).resolve() == path.resolve()]
    return f"{path}:{own[-1].lineno}" if own else str(path)


def parse_bounds(texts: Sequence[str]) -> dict[str, int]:
    """`tasks=4` and the like by name; :func:`scope_of` judges the names. Raises :class:`Problem` for no bound."""
    out: dict[str, int] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        place = f"--bound {text}"
        if not equals or not name:
            raise Problem("this is no bound", place=place, fix="write NAME=NUMBER, for example --bound tasks=4")
        try:
            number = int(value)
        except ValueError:
            fix = "for example --bound tasks=4"
            raise Problem("a bound is a whole number", place=place, cause=f"{value!r} is none", fix=fix) from None
        if number < 0:
            raise Problem("a bound cannot be negative", place=place, fix="0 leaves the objects out")
        out[name] = number
    return out


def scope_of(loaded: Loaded, name: str | None, bounds: Mapping[str, int], depth: int | None) -> Scope:
    """A scope of a spec with the bounds and the depth that replace its own; raises :class:`Problem`."""
    spec = loaded.spec
    place = f"{loaded.path} ({spec.name})"
    known = sorted(schema_of(spec.state).bound_names - spec.derived.keys())
    for bound, value in bounds.items():
        if bound in spec.derived:
            fix = f"name one of {', '.join(known)}; it follows"
            raise Problem(f"the bound {bound} is derived from the others", place=place, fix=fix)
        if bound not in known:
            raise Problem(f"unknown bound {bound}", place=place, fix=near(bound, known, "a bound"))
        top = spec.max_bounds.get(bound)
        if top is not None and value > top:
            raise Problem(f"the bound {bound}={value} is too large", place=place, fix=f"ask for at most {top}")
    try:
        chosen = spec.scope(name)
    except SpecError:
        fix = near(name or "", ["default", *spec.scopes], "a scope")
        raise Problem(f"unknown scope {name}", place=place, fix=fix) from None
    return spec.settled(Scope({**chosen.bounds, **bounds}, chosen.depth if depth is None else depth))
