"""Calls of a state as machine code lists them, against trying each in the direct reading."""

import pytest

from nsmodel.engines.native import sites
from nsmodel.engines.native.library import compiled
from nsmodel.engines.native.offers import Offers
from nsmodel.engines.native.program import Program
from nsmodel.engines.native.sites import Refusal
from nsmodel.ir.language import ScopeCut
from nsmodel.ir.state import Frozen
from nsmodel.system.operation import Call
from nsmodel.system.transition import Runner
from nsmodel.testgen.explore import explorable
from tests.testgen.systems import system


@pytest.mark.agreement
@pytest.mark.parametrize("name", ["pid_lifetime", "mount_propagation"])
def test_listed_calls_are_those_of_the_direct_reading(name: str) -> None:
    small = explorable(system(name, 3))
    library = compiled(Program(small, symmetry=True, listing=True))
    offers = Offers(library)
    offers._room = 3  # too little at first
    table = library.program.functions.sites
    states: list[Frozen] = [small.initial]
    for state in states:  # grows meanwhile
        if len(states) > 60:
            break
        runner = Runner(small, state)
        direct: dict[Call, str | None] = {}
        for call in runner.calls():
            try:
                done = runner.run(call)
            except ScopeCut:
                direct[call] = "cut"
                continue
            if done is not None:
                direct[call] = done.reason
                if done.state is not None and done.state not in states:
                    states.append(done.state)
        listed: dict[Call, str | None] = {}
        for offer in offers.of(state):
            site = table.site(offer.status) if offer.status >= sites.FIRST else None
            listed[offer.call] = None if site is None else site.reason if isinstance(site, Refusal) else "cut"
        assert listed == direct
    assert len(states) > 12
