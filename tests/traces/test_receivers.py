"""Who receives from whom, read off a state, and held against the rule that the engines run."""

import random

from nsmodel.ir.language import ScopeCut
from nsmodel.ir.schema import schema_of
from nsmodel.kernel.mount.propagation import receivers, takers
from nsmodel.kernel.objects import Dentry, Kernel, Mount
from nsmodel.system.operation import Call
from nsmodel.system.snapshot import snapshot
from nsmodel.system.transition import Outcome, Runner
from nsmodel.traces.mount_facts import MountFacts
from nsmodel.traces.names import Names
from nsmodel.traces.receivers import Propagation
from tests.traces.mounted import BOTTOM, EVERYTHING, ROOT, facts_of, mount, state
from tests.traces.runs import system_of

GROWING = ("mount_bind", "mount_bind", "mount_new", "mount_change_type", "unshare")


def test_chains() -> None:
    graph = Propagation(facts_of(EVERYTHING))
    assert [graph.facts.name(m) for m in graph.senders()] == ["1:/", "1:/a", "2:/", "3:/"]
    told = [(graph.facts.name(r.mount), r.how, graph.chain(r.chain)) for r in graph.receivers(2)]
    assert told == [
        ("1:/a", "peer", ["1"]),
        ("3:/", "peer", ["1"]),
        ("2:/", "slave", ["1"]),
        ("2:/a", "slave", ["1", "2"]),
    ]
    assert graph.receivers(7) == []


def test_who_gets_a_copy_and_why_not() -> None:
    graph = Propagation(facts_of(EVERYTHING))
    places = {p.name: {graph.facts.name(c.mount): (c.gets, c.at, c.why) for c in p.copies} for p in graph.places(3)}
    assert places == {
        "1:/a": {
            "1:/": (True, "1:/b", "a peer of it, beneath 1:/b"),
            "3:/": (False, None, "it is mounted nowhere; only unmounts reach it"),
            "2:/": (True, "2:/b", "a slave of it, shared, attributes locked for user:2"),
            "2:/a": (True, "2:/a", "a slave of the copies in group 2, beneath 2:/a^2, attributes locked for user:2"),
        },
        "1:/a/a": {
            "1:/": (True, "1:/b/a", "a peer of it"),
            "3:/": (False, None, "it is mounted nowhere; only unmounts reach it"),
            "2:/": (True, "2:/b/a", "a slave of it, shared, attributes locked for user:2"),
            "2:/a": (True, "2:/a/a", "a slave of the copies in group 2, attributes locked for user:2"),
        },
    }
    root = {p.name: [(graph.facts.name(c.mount), c.why) for c in p.copies if not c.gets] for p in graph.places(2)}
    assert root["1:/"][0] == ("1:/a", "it shows fs1:/b, without fs1:/")


def test_a_master_without_a_copy_is_passed_over() -> None:
    graph = Propagation(
        facts_of(state(BOTTOM, ROOT, mount(3, 2, 2, 2, 1, group=2, master=1), mount(4, 1, 2, 3, 1, master=2)))
    )
    (copy,) = [c for p in graph.places(2) for c in p.copies if c.gets]
    assert (graph.facts.name(copy.mount), copy.why) == ("1:/b", "a slave of it")


def test_what_lies_on_a_mount() -> None:
    graph = Propagation(facts_of(state(BOTTOM, ROOT, mount(3, 1, 2, 1, 1, group=1))))
    assert graph.over(2) == "1:/^2"
    assert list(graph.places(2)) == []


def test_who_hands_nothing_on() -> None:
    graph = Propagation(facts_of(state(BOTTOM, ROOT, mount(3, 1, 2, 2, 1, master=1, unbindable=True))))
    told = dict(graph.silent())
    assert told[1] == "private: neither receives nor hands on"
    assert told[3] == "slave of group 1: receives, hands nothing on, and unbindable, which no slave may be"


def test_as_the_rule_says() -> None:
    """On states that random calls lead to, receivers and takers are the rule's."""
    system = system_of("mount_propagation")
    dice = random.Random(5)
    compared = 0
    for _ in range(12):
        here = system.initial
        for step in range(5):
            runner = Runner(system, here)
            wanted = "mount_change_type" if step == 0 else dice.choice(GROWING)
            calls = [c for c in runner.calls() if c.operation == wanted]
            dice.shuffle(calls)
            outcomes = (run_or_none(runner, c) for c in calls)
            found = (done.state for done in outcomes if done is not None and done.state is not None)
            here = next((after for after in found if after != here), here)
        k = system.thaw(here)
        shown = snapshot(schema_of(Kernel), here)
        graph = Propagation(MountFacts(shown, dict(Names().see(shown))))
        for m in k.live(Mount):
            assert {r.mount for r in graph.receivers(m.slot)} == {r.slot for r in receivers(k, m)}
            for p in graph.places(m.slot) if m.group is not None else ():
                taking = takers(k, m, k.at(Dentry, p.dentry))
                assert {c.mount for c in p.copies if c.gets} == {r.slot for r in taking}
                compared += len(p.copies)
    assert compared > 20


def run_or_none(runner: Runner, call: Call) -> Outcome | None:
    try:
        return runner.run(call)
    except ScopeCut:
        return None
