"""What a shell may complete: names of specs, known bugs, kernel versions, engines, scopes and properties.

Files are read, but nothing is searched, and a spec is only imported where its scopes or properties are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable

from click import Context, Parameter
from click.shell_completion import CompletionItem

from nsmodel.engines import registry
from nsmodel.kernel.versions import all_switches, versions
from nsmodel.system.load import FOLDER, Loaded, load_specs
from nsmodel.system.problem import Problem

Items = list[CompletionItem]


def specs(context: Context, parameter: Parameter, incomplete: str) -> Items:
    """Specs of the folder by name, files where none begins so."""
    names = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
    return _beginning(names, incomplete) or [CompletionItem(incomplete, type="file")]


def mutants(context: Context, parameter: Parameter, incomplete: str) -> Items:
    """Known bugs with what each is, those of the specs on the line too."""
    known = list(dict.fromkeys([*all_switches(), *(s for loaded in _loaded(context) for s in loaded.spec.kills)]))
    return [CompletionItem(s.name, help=s.summary) for s in known if s.name.startswith(incomplete)]


def kernels(context: Context, parameter: Parameter, incomplete: str) -> Items:
    """Kernel versions."""
    return _beginning(versions(), incomplete)


def engines(context: Context, parameter: Parameter, incomplete: str) -> Items:
    """Engines, and all of them."""
    return _beginning((*registry.names(), registry.ALL), incomplete)


def scopes(context: Context, parameter: Parameter, incomplete: str) -> Items:
    """Scopes of the specs on the line."""
    names = dict.fromkeys(name for loaded in _loaded(context) for name in ("default", *loaded.spec.scopes))
    return _beginning(names, incomplete)


def properties(context: Context, parameter: Parameter, incomplete: str) -> Items:
    """Properties of the specs on the line, with what each states."""
    known = {p.name: p.statement for loaded in _loaded(context) for p in loaded.spec.properties}
    return [CompletionItem(name, help=text) for name, text in known.items() if name.startswith(incomplete)]


def _beginning(names: Iterable[str], incomplete: str) -> Items:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _loaded(context: Context) -> list[Loaded]:
    """The specs on the line; all of the folder where there are none, and none where one cannot be loaded."""
    left = [word for word in context.args if not word.startswith("-")]  # click keeps them here before an option's value
    try:
        return load_specs(context.params.get("specs") or left)
    except Problem:
        return []
