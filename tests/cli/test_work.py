"""Jobs in parallel processes."""

import os
import time

import pytest

from nsmodel.cli.work import Crew
from nsmodel.engines.interface import Progress, Report
from nsmodel.system.problem import Problem


def tell(number: int, progress: Progress, memory: float) -> None:
    TOLD.append((number, progress.states))


TOLD: list[tuple[int, int]] = []


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_every_job_once(processes: int) -> None:
    crew: Crew[int] = Crew([lambda report, n=n: n * n for n in range(6)], processes, tell)  # type: ignore[misc]
    assert sorted(crew.run()) == [(n, n * n) for n in range(6)]
    assert not crew.interrupted


@pytest.mark.parametrize("processes", [1, 2])
def test_reports(processes: int) -> None:
    def job(report: Report) -> None:
        for states in range(3):
            report(Progress(states=states))
            time.sleep(0.25)

    TOLD.clear()
    list(Crew([job, job], processes, tell).run())
    assert {number for number, _ in TOLD} == {0, 1}
    assert 2 in {states for _, states in TOLD}


@pytest.mark.parametrize("processes", [1, 2])
def test_errors_come_through(processes: int) -> None:
    def fails(report: Report) -> None:
        raise Problem("no", place="here", fix="this")

    with pytest.raises(Problem, match="no") as caught:
        list(Crew([fails, fails], processes, tell).run())
    assert caught.value.fix == "this"


def test_a_process_that_dies() -> None:
    def dies(report: Report) -> None:
        os._exit(9)

    with pytest.raises(Problem, match="without a result"):
        list(Crew([dies, dies], 2, tell).run())
