"""Ctrl-C: exit 3, and what was reached is printed and written."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from nsmodel.schema import schema
from tests.cli.commands import ROOT


@pytest.mark.parametrize("group", [False, True], ids=["one process", "the terminal's group"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "pid_lifetime", "--scope", "deep", "--engine", "reference"),
        ("check", "pid_visibility", "--scope", "deep"),
        (
            "check",
            "nsproxy_access",
            "pid_visibility",
            "pid_lifetime",
            "nsproxy_refcount",
            "--engine",
            "reference",
            "--threads",
            "2",
        ),
        ("simulate", "pid_lifetime", "--walks", "1000000"),
    ],
    ids=["one spec", "native", "several", "simulate"],
)
def test_partial_results(tmp_path: Path, arguments: tuple[str, ...], group: bool) -> None:
    file, junit, sarif = (tmp_path / name for name in ("out.json", "out.xml", "out.sarif"))
    forms = ("--junit", str(junit), "--sarif", str(sarif)) if arguments[0] == "check" else ()
    process = subprocess.Popen(
        [sys.executable, "-m", "nsmodel", *arguments, "--json", str(file), *forms],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(5.0)
    assert process.poll() is None
    if group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 3, err
    assert err == ""
    assert "interrupted" in out
    data = json.loads(file.read_text())
    jsonschema.validate(data, schema(arguments[0]))
    if forms:
        assert 'message="interrupted"' in junit.read_text()
        assert not json.loads(sarif.read_text())["runs"][0]["invocations"][0]["executionSuccessful"]
    unknown = [r for r in data["results"] if r["verdict"] == "UNKNOWN"]
    assert {r["reason"] for r in unknown} == {"interrupted"}
    assert any(r["states"] > 0 for r in unknown)
