"""Runs command lines in this process and checks what every one must keep to."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nsmodel.cli.main import run
from nsmodel.schema import schema

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """What a command line gave."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as JSON, checked against the command's schema and its exit status."""
        data: dict[str, Any] = json.loads(self.out)
        jsonschema.validate(data, schema(data["command"]))
        assert data["exit"] == self.status
        return data

    @property
    def message(self) -> str:
        """The error of a command line that was refused: short, on standard error, no stack trace."""
        assert self.status == 2
        assert self.out == ""
        assert 1 <= len(self.err.splitlines()) <= 15
        assert "Traceback" not in self.err
        assert self.err.startswith("error: ")
        return self.err


def nsmodel(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> Done:
    """Run a command line."""
    capfd.readouterr()
    status = run([str(a) for a in arguments])
    captured = capfd.readouterr()
    return Done(status, captured.out, captured.err)
