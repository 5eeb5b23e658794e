"""Engines by name; each is imported when it is asked for, so that nobody pays for a solver that is not used."""

from __future__ import annotations

import importlib
import importlib.util

from nsmodel.engines.interface import Engine
from nsmodel.system.load import near
from nsmodel.system.problem import Problem

MODULES = {
    "reference": ("nsmodel.engines.reference", "Reference"),
    "explicit": ("nsmodel.engines.explicit.search", "Explicit"),
    "bmc": ("nsmodel.engines.bmc", "Bmc"),
}
"""Module and class of each engine."""
PACKAGES = {"bmc": "z3-solver", "explicit": "llvmlite"}
"""What an engine needs besides."""
DEFAULT = "explicit"
"""The engine of `check`; where a system does not fit it, the next one."""
NEXT = "bmc"
ALL = "all"


def names() -> tuple[str, ...]:
    """The engines that there are."""
    return tuple(name for name, (module, _) in MODULES.items() if importlib.util.find_spec(module) is not None)


def engine(name: str) -> Engine:
    """An engine by name; raises :class:`Problem` for an unknown one, or one whose solver is not installed."""
    if name not in names():
        raise Problem(f"unknown engine {name}", place="--engine", fix=near(name, [*names(), ALL], "an engine"))
    module, cls = MODULES[name]
    try:
        made: Engine = getattr(importlib.import_module(module), cls)()
    except ImportError as missing:
        cause = f"{missing.name or missing} is not installed"
        raise Problem(
            f"the engine {name} cannot be used",
            place="--engine",
            cause=cause,
            fix=f"pip install {PACKAGES.get(name, name)}",
        ) from None
    return made


def chosen(name: str) -> tuple[str, ...]:
    """The engines that an option names: one, or each there is for `all`. Raises :class:`Problem`."""
    if name == ALL:
        return names()
    engine(name)
    return (name,)
