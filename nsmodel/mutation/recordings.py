"""Mutants against a recording of a real program: one dies where a recorded call no longer agrees with the rules."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nsmodel.mutation.install import installed
from nsmodel.mutation.kill import Kill
from nsmodel.mutation.mutants import Mutant
from nsmodel.mutation.probes import Probes
from nsmodel.oracle.recorded.validate import validate
from nsmodel.system.problem import Problem


class Judge:
    """Judges mutants by one recording. Raises :class:`Problem` for one that does not agree with the model."""

    def __init__(self, path: Path, mutants: Iterable[Mutant]) -> None:
        self.path = path
        probes = Probes(mutants)
        with probes.on():
            right = validate([path])
        self.reached = frozenset(probes.seen)
        if right.differences:
            cause = "the model does not agree with it"
            raise Problem("this recording can judge nothing", place=str(path), cause=cause, fix="leave it out")

    def comes_to(self, mutant: Mutant) -> bool:
        """The model reaches the changed place while it follows the recording."""
        return mutant.place in self.reached

    def kill(self, mutant: Mutant) -> Kill | None:
        """The recording and the mutant part."""
        try:
            with installed(mutant):
                found = validate([self.path]).differences
        except Exception as error:  # whatever a rule that was cut open trips over
            return Kill(mutant.id, "recording", f"{type(error).__name__}; {self.path.name}")
        if not found:
            return None
        first = found[0]
        where = f"{self.path.name}, step {first.step}, {first.operation}"
        return Kill(mutant.id, "recording", f"{first.expected}, not {first.got}: {first.what}; {where}")
