"""A pytest plugin: `pytest --nsmodel specs/` has a test for each property of each spec, and one for its operations.

Every pytest run loads it where nsmodel is installed, so nothing else of nsmodel is imported before a spec is collected.
One search decides all properties of a spec; with pytest-xdist, `--dist loadfile` keeps them in one process.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nsmodel.report.output import Result

SPEC = re.compile(r"^(?:from|import) nsmodel\b.*^SPEC\b[^=\n]*=(?!=)", re.MULTILINE | re.DOTALL)
"""How a file defines a spec: it may be made by a function."""
OPERATIONS = "operations"
"""The name of the test that every operation succeeds somewhere."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("nsmodel", "specs of nsmodel")
    group.addoption("--nsmodel", action="store_true", help="collect the properties of specs (files with a SPEC)")
    group.addoption("--nsmodel-scope", metavar="NAME", help="the scope that specs are checked in")
    group.addoption("--nsmodel-kernel", metavar="VERSION", help="the kernel version whose known bugs are on")
    group.addoption("--nsmodel-time-limit", metavar="S", type=float, help="seconds for each search")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SpecFile | None:
    """Collect a spec, where the option is given."""
    if not parent.config.getoption("--nsmodel") or file_path.suffix != ".py":
        return None
    if SPEC.search(file_path.read_text(encoding="utf-8", errors="replace")) is None:
        return None
    return SpecFile.from_parent(parent, path=file_path)


class NotAsExpected(Exception):
    """A verdict that the spec does not expect; the text is what people read."""


class SpecFile(pytest.File):
    """A file with a spec."""

    @functools.cached_property
    def _asked(self) -> Any:
        from nsmodel.cli.options import systems
        from nsmodel.kernel.versions import FIXED
        from nsmodel.system.load import load_file
        from nsmodel.system.problem import Problem

        option = self.config.getoption
        kernel = option("--nsmodel-kernel") or FIXED
        try:
            loaded = load_file(self.path)
            (asked,) = systems(
                [loaded], scope=option("--nsmodel-scope"), bounds=(), depth=None, mutant=None, kernel=kernel
            )
        except Problem as problem:
            raise self.CollectError(str(problem)) from None
        return asked

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each property, and one for the operations."""
        for prop in self._asked.system.spec.properties:
            yield Verdict.from_parent(self, name=prop.name)
        yield Operations.from_parent(self, name=OPERATIONS)

    @functools.cached_property
    def results(self) -> list[Result]:
        """What the search of the spec says: it runs when the first of its tests does."""
        from nsmodel.cli.check import How, search
        from nsmodel.cli.judge import INTERRUPTED
        from nsmodel.engines import registry
        from nsmodel.engines.interface import Limits

        limits = Limits(seconds=self.config.getoption("--nsmodel-time-limit"))
        how = How((registry.DEFAULT, registry.NEXT), True, limits, True, 1, None)
        found = search(self._asked, how, lambda progress: None)
        if any(r.reason == INTERRUPTED for r in found):
            raise KeyboardInterrupt
        return found


class SpecItem(pytest.Item):
    """A test of a spec."""

    @property
    def results(self) -> list[Result]:
        """The results of the spec."""
        assert isinstance(self.parent, SpecFile)
        return self.parent.results

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The place and the title of the test."""
        return self.path, None, f"{self.path.stem}: {self.name}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A verdict as people read it, anything else as pytest shows it."""
        if isinstance(excinfo.value, NotAsExpected):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)


class Verdict(SpecItem):
    """Passes where the verdict of a property is the expected one; what was not decided is skipped, with the reason."""

    def runtest(self) -> None:
        """Judge the verdict."""
        from nsmodel.report.junit import summary
        from nsmodel.report.written import plain

        result = next(r for r in self.results if r.property == self.name)
        if result.verdict == "UNKNOWN":
            pytest.skip(f"UNKNOWN: {result.reason}")
        if not result.as_expected:
            raise NotAsExpected("\n".join([summary(result), *([plain(result.trace)] if result.trace else [])]))


class Operations(SpecItem):
    """Passes where every operation of a spec that is searched to its end succeeds somewhere."""

    def runtest(self) -> None:
        """Judge the operations."""
        vacuous = [f"{r.property}: {r.reason}" for r in self.results if r.verdict == "VACUOUS" and not r.as_expected]
        if vacuous:
            raise NotAsExpected("\n".join(vacuous))
