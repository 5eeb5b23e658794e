"""Small systems that tests of tests are made from."""

import functools

from nsmodel.kernel.versions import switches_of
from nsmodel.system.load import load_specs
from nsmodel.system.transition import TransitionSystem, make_system
from tests.cli.commands import ROOT


@functools.cache
def system(name: str, depth: int, kernel: str = "fixed", **bounds: int) -> TransitionSystem:
    """A spec in its small scope with another depth, and other bounds."""
    (loaded,) = load_specs([str(ROOT / "specs" / f"{name}.py")])
    small = loaded.spec.scope("small")
    scope = loaded.spec.settled(type(small)({**small.bounds, **bounds}, depth))
    return make_system(loaded.spec, scope, kernel=kernel, switches=switches_of(kernel))
